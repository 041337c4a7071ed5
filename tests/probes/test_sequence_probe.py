"""The sequence probe: planted tokens and planted orders are found, and test people decide nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from dfe_core.errors import DataError
from dfe_core.probes import scores
from dfe_core.probes.sequence import (
    ClassAnchors,
    _aligned_with,
    deciding_tokens,
    order_table,
    probe_sequences,
    train_network,
)
from dfe_core.probes.sequence_model import make_chunks
from dfe_core.probes.sequence_settings import SequenceSettings
from dfe_core.probes.target import Target
from dfe_core.probes.text_alignment import OTHERS
from dfe_core.probes.token_sequences import TokenSequences
from dfe_core.probes.validation import Fold
from dfe_core.tokenizer.codebook import Codebook

CODEWORDS, STAGES = 12, 2
QUICK = SequenceSettings(
    width=16, heads=2, layers=1, chunk=16, chunks=2, epochs=25, patience=25, batch=12, dropout=0.0, rate=1e-2
)


@pytest.fixture(scope="module")
def codebook() -> Codebook:
    rng = np.random.default_rng(0)
    psi = rng.random((CODEWORDS, 6)).astype(np.float32)
    psi[0] = 0
    return Codebook(
        model="m",
        psi=psi,
        levels=np.array([0.5, 1.0], np.float32),
        stages=STAGES,
        names=tuple("abcdef"),
        face_id="toy",
        table=pd.DataFrame({"codeword": range(CODEWORDS)}),
    )


def sequences_of(words: list[list[int]]) -> TokenSequences:
    flat = np.concatenate(words).astype(np.int64)
    count = np.array([len(w) for w in words])
    place = np.concatenate([np.arange(n) for n in count])
    return TokenSequences(
        codeword=flat,
        stage=place % STAGES,
        intensity=np.ones(len(flat), np.float32),
        seconds=np.full(len(flat), 0.1, np.float32),
        time_s=place * 0.2,
        span=np.repeat(np.arange(len(words)), count),
        edges=np.r_[0, np.cumsum(count)],
    )


def target_of(y: np.ndarray, task: str = "classify") -> Target:
    names = np.array([f"u{i}" for i in range(len(y))])
    return Target(
        task=task,
        unit="recording",
        units=names,
        groups=names,
        y=y,
        classes=("no", "yes") if task == "classify" else (),
        member=np.arange(len(y)),
        table=pd.DataFrame({"unit": names}),
    )


def folds_of(n: int, outer: int = 2) -> tuple[Fold, ...]:
    at = np.arange(n) % outer
    made = []
    for k in range(outer):
        train = np.flatnonzero(at != k)
        held = np.arange(len(train)) % 4 == 0
        made.append(Fold(train, np.flatnonzero(at == k), ((train[~held], train[held]),)))
    return tuple(made)


def macro_f1(target: Target, values: np.ndarray) -> float:
    return float(scores.macro_f1(scores.sums("classify", target.y, values).sum(0)))


@pytest.fixture(scope="module")
def planted(codebook):
    """Codeword 7 shows up three times among the tokens of every other pair of units."""
    rng = np.random.default_rng(1)
    y = np.arange(48) // 2 % 2
    words = [rng.choice([1, 2, 3, 4, 5, 6, 8, 9], 20) for _ in y]
    for row, label in zip(words, y, strict=True):
        if label:
            row[rng.choice(20, 3, replace=False)] = 7
    sequences, target = sequences_of(words), target_of(y)
    return sequences, target, probe_sequences(sequences, target, folds_of(48), codebook, QUICK)


def test_a_planted_token_is_found_and_gets_the_weight(planted):
    sequences, target, found = planted
    assert macro_f1(target, found.predictions.values) > 0.9
    spans = pd.DataFrame({"recording": target.units})
    table = deciding_tokens(found, sequences, target, spans, limit=1)
    shown = table[table["unit"].isin(target.units[target.y == 1])]
    assert (shown["codeword"] == 7).mean() > 0.9
    own = np.array([found.weights[a:b].sum() for a, b in zip(sequences.edges, sequences.edges[1:], strict=False)])
    assert own == pytest.approx(np.ones(48), abs=1e-5)
    assert (found.weights == 0).mean() > 0.5  # sparsemax leaves tokens out exactly


def test_shuffling_in_time_costs_nothing_where_order_says_nothing(planted):
    _, target, found = planted
    assert macro_f1(target, found.shuffled["time"].values) > 0.85


def test_what_only_order_tells_is_found_and_lost_by_a_shuffle(codebook):
    """Every unit holds the same tokens; the label is whether 3 comes before 5 or after it."""
    rng = np.random.default_rng(2)
    y = np.arange(128) // 2 % 2
    words = []
    for label in y:
        row, (a, b) = list(rng.permutation([1, 1, 2, 2, 4, 4])), sorted(rng.choice(7, 2, replace=False))
        first, second = (3, 5) if label else (5, 3)
        words.append([*row[:a], first, *row[a:b], second, *row[b:]])
    sequences, target = sequences_of(words), target_of(y)
    settings = replace(QUICK, pooling="softmax", epochs=60, patience=60, rate=5e-3, entropy=0.0)
    found = probe_sequences(sequences, target, folds_of(128), codebook, settings)
    table = order_table({"softmax": found}, sequences, target).iloc[0]
    assert table["score"] > 0.75 and table["shuffled_time"] < 0.62
    assert table["share_of_tokens"] == pytest.approx(1)


def test_labels_of_test_people_change_no_prediction_of_theirs(codebook):
    rng = np.random.default_rng(3)
    sequences, y = sequences_of([rng.integers(1, CODEWORDS, 12) for _ in range(24)]), np.arange(24) % 2
    folds = folds_of(24)
    settings = replace(QUICK, epochs=4)
    for fold in folds:
        other = y.copy()
        other[fold.test] = 1 - other[fold.test]
        one, two = (
            probe_sequences(sequences, target_of(labels), (fold,), codebook, settings).predictions.values
            for labels in (y, other)
        )
        assert np.array_equal(one[fold.test], two[fold.test])


def test_training_stops_by_the_inner_people_and_keeps_their_best_epoch(codebook):
    rng = np.random.default_rng(4)
    sequences, target = sequences_of([rng.integers(1, CODEWORDS, 12) for _ in range(24)]), target_of(np.arange(24) % 2)
    trained = train_network(
        sequences, target, np.arange(16), np.arange(16, 24), codebook, replace(QUICK, epochs=40, patience=3)
    )
    assert trained.epoch == int(np.argmin(trained.losses)) + 1 and trained.loss == min(trained.losses)
    assert len(trained.losses) == min(40, trained.epoch + 3)


def test_texts_of_the_classes_pull_the_pooled_vectors_and_change_no_beginning(codebook, planted):
    """One epoch of a slow rate leaves both networks where they began; a long one brings classes to their own texts."""
    sequences, target, _ = planted
    anchors = ClassAnchors(vectors=np.eye(2, 6, dtype=np.float32), of_class=np.array([0, 1]))
    rows, held = np.arange(32), np.arange(32, 48)
    slow = replace(QUICK, epochs=1, rate=1e-9)
    nets = [train_network(sequences, target, rows, held, codebook, slow, one).net for one in (None, anchors)]
    first, second = (net.state_dict() for net in nets)
    assert first.keys() == second.keys() and all(np.allclose(first[k], second[k], atol=1e-6) for k in first)
    loss = _aligned_with(projector := torch.nn.Linear(QUICK.width, 6), target, anchors)
    right = torch.linalg.pinv(projector.weight) @ (torch.as_tensor(anchors.vectors.T) - projector.bias[:, None])
    assert loss(right.T, np.array([0, 2])) < loss(right.T, np.array([2, 0]))  # rows 0 and 2 are of classes 0 and 1
    apart = replace(anchors, of_class=np.array([0, OTHERS]))
    weight, margin = anchors.settings.weight, anchors.settings.margin
    far = _aligned_with(projector, target, apart)(right.T[1:], np.array([2]))
    assert far.item() == pytest.approx(weight * anchors.settings.others * (1 - margin), rel=1e-3)


def test_a_quantity_is_predicted_in_its_own_unit(codebook):
    rng = np.random.default_rng(5)
    count = rng.integers(0, 9, 60)
    words = [np.r_[np.full(c, 7), rng.choice([1, 2, 3], 12 - c)] for c in count]
    target = target_of(100.0 + 10 * count, "regress")
    found = probe_sequences(sequences_of(words), target, folds_of(60), codebook, replace(QUICK, pooling="mean"))
    moments = scores.sums("regress", target.y, found.predictions.values).sum(0)
    assert scores.ccc(moments) > 0.9 and scores.mae(moments) < 10


def test_a_unit_without_tokens_still_has_a_prediction(codebook):
    words = [np.array([], int) if i == 3 else np.array([1, 2, 7]) for i in range(16)]
    found = probe_sequences(
        sequences_of(words),
        target_of(np.arange(16) % 2),
        folds_of(16),
        codebook,
        replace(QUICK, epochs=2, pooling="class-token"),
    )
    assert np.isfinite(found.predictions.values).all()
    assert found.predictions.values.sum(1) == pytest.approx(np.ones(16))


def test_chunks_hold_every_token_once_and_training_draws_some(codebook):
    sequences = sequences_of([np.arange(1, 11) % 11, np.arange(1, 60) % CODEWORDS])
    batch = make_chunks(sequences, np.array([1, 0]), QUICK)
    for row, unit in zip(batch.source, (1, 0), strict=True):
        assert sorted(row[row >= 0].tolist()) == list(range(*sequences.edges[unit : unit + 2]))
    drawn = make_chunks(sequences, np.array([1]), QUICK, np.random.default_rng(0))
    assert drawn.codeword.shape[1] <= QUICK.chunks and int(drawn.there.sum()) <= QUICK.chunks * QUICK.chunk


@pytest.mark.parametrize(
    ("change", "says"),
    [({"pooling": "max"}, "softmax or sparsemax"), ({"width": 10}, "multiple"), ({"epochs": 0}, "1 or more")],
)
def test_settings_that_cannot_be_are_refused(change, says):
    with pytest.raises(DataError, match=says):
        replace(SequenceSettings(), **change)
