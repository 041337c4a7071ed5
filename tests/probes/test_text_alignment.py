"""Tokens and words in one space: the loss as written, planted pairs learnt, others pushed away."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch

from dfe_core.probes.sequence_settings import AlignmentSettings, SequenceSettings
from dfe_core.probes.text_alignment import OTHERS, alignment_loss, embed_windows, fit_alignment
from dfe_core.probes.token_sequences import TokenSequences
from dfe_core.tokenizer.codebook import Codebook

HARD = AlignmentSettings(softness=0)


def test_the_loss_is_softmax_over_anchors_and_a_hinge_for_others():
    anchors = torch.eye(3)
    vectors = torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.6, 0.8], [0.1, -0.4, -0.9]])
    anchor = torch.tensor([1, OTHERS, OTHERS])
    logits = np.array([0.6, 0.8, 0.0]) / 0.07
    entropy = np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[1]
    hinge = (max(0, 0.8 - 0.2) + max(0, 0.1 - 0.2)) / 2
    assert float(alignment_loss(vectors, anchors, anchor, HARD)) == pytest.approx(entropy + 0.2 * hinge, rel=1e-5)


def test_others_feel_nothing_below_the_margin():
    vectors = torch.tensor([[0.19, 0.0, 0.98]], requires_grad=True)
    alignment_loss(vectors, torch.eye(3)[:2], torch.tensor([OTHERS]), HARD).backward()
    assert torch.all(vectors.grad == 0)


def test_anchors_with_the_same_meaning_share_the_target():
    anchors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    shared = alignment_loss(torch.tensor([[1.0, 0.0]]), anchors, torch.tensor([0]), AlignmentSettings(softness=0.05))
    assert float(shared) == pytest.approx(np.log(2), abs=1e-3)  # as well as two equal anchors can be told apart


@pytest.fixture(scope="module")
def learnt():
    """Windows of class c hold codeword c + 1; windows of the last class are others."""
    rng = np.random.default_rng(0)
    label = np.arange(160) % 4
    words = [rng.choice([6, 7, 8, 9], 8) for _ in label]
    for row, c in zip(words, label, strict=True):
        row[rng.choice(8, 3, replace=False)] = c + 1
    flat = np.concatenate(words)
    sequences = TokenSequences(
        codeword=flat,
        stage=np.zeros(len(flat), int),
        intensity=np.ones(len(flat), np.float32),
        seconds=np.full(len(flat), 0.1, np.float32),
        time_s=np.tile(np.arange(8) * 0.1, 160),
        span=np.repeat(np.arange(160), 8),
        edges=np.arange(161) * 8,
    )
    psi = np.r_[np.zeros((1, 5)), rng.random((9, 5))].astype(np.float32)
    codebook = Codebook(
        model="m",
        psi=psi,
        levels=np.ones(1, np.float32),
        stages=1,
        names=tuple("abcde"),
        face_id="toy",
        table=pd.DataFrame({"codeword": range(10)}),
    )
    anchors = np.linalg.qr(rng.normal(size=(12, 3)))[0].T.astype(np.float32)
    net = SequenceSettings(
        pooling="softmax",
        width=16,
        heads=2,
        layers=1,
        chunk=8,
        chunks=1,
        epochs=15,
        patience=15,
        batch=16,
        dropout=0.0,
        rate=1e-2,
    )
    settings = replace(AlignmentSettings(others=2.0), net=net, hidden=24)
    anchor = np.where(label == 3, OTHERS, label)
    fit = fit_alignment(sequences, anchor, anchors, np.arange(100), np.arange(100, 130), codebook, settings)
    return anchor, anchors, embed_windows(fit.net, sequences, settings), fit


def test_windows_lie_nearest_to_their_own_prompt(learnt):
    anchor, anchors, (vectors, _), _ = learnt
    held = np.arange(130, 160)
    own = held[anchor[held] >= 0]
    assert ((vectors[own] @ anchors.T).argmax(1) == anchor[own]).mean() > 0.9
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(160), abs=1e-5)


def test_others_are_pushed_away_from_every_prompt(learnt):
    anchor, anchors, (vectors, _), _ = learnt
    similarity = vectors[130:] @ anchors.T
    nearest = similarity.max(1)
    assert nearest[anchor[130:] == OTHERS].mean() < nearest[anchor[130:] >= 0].mean() - 0.3
    assert nearest[anchor[130:] == OTHERS].max() < AlignmentSettings().margin
    assert (np.where(nearest < 0.1, OTHERS, similarity.argmax(1)) == anchor[130:]).mean() > 0.85


def test_the_best_epoch_of_the_validation_people_is_kept(learnt):
    fit = learnt[3]
    assert fit.epoch == int(np.argmin(fit.losses)) + 1 and not fit.net.training


def test_settings_survive_the_manifest():
    settings = AlignmentSettings(margin=0.3)
    assert AlignmentSettings.from_dict(asdict(settings)) == settings
