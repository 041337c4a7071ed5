"""The sequence probe: token order, a small transformer and sparse attention pooling, judged on the folds of the bag.

Each outer fold trains one network for every inner split of its training people: the split's training part is fitted,
its validation part stops the training, and the fold's predictions are the mean over these networks. The people a fold
tests are seen by nothing that is fitted or chosen.

With `ClassAnchors` the pooled vector is also pulled towards the text of its class while the head is trained (EDCLIP of
D-FACE: Deng, Hayashi & Nagahara 2026); the head alone predicts. The tokenizer is not trained further, as it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from dfe_core.devices import seeded_networks
from dfe_core.probes import scores
from dfe_core.probes.features.material import Sources
from dfe_core.probes.features.spans import SpanIndex
from dfe_core.probes.pooling import entropy
from dfe_core.probes.sequence_model import Chunks, SequenceNet, make_chunks
from dfe_core.probes.sequence_settings import JointSettings, SequenceSettings
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.text_alignment import alignment_loss
from dfe_core.probes.token_sequences import TokenSequences, token_sequences
from dfe_core.probes.validation import Fold, Predictions
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import Codebook

SHUFFLES = ("time", "stages")
_BATCH = 32


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassAnchors:
    """Texts of classes: vectors (A, W) float32 of unit length; of_class (C,) index of each class's own, `OTHERS` for a
    class that has none."""

    vectors: np.ndarray
    of_class: np.ndarray
    settings: JointSettings = field(default_factory=JointSettings)


@dataclass(frozen=True, eq=False)
class _Objective:
    """head: loss of the head's values of rows. aligned: of pooled vectors of rows, None without anchors."""

    head: Callable[[Tensor, np.ndarray], Tensor]
    aligned: Callable[[Tensor, np.ndarray], Tensor] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Trained:
    """One network: the epoch it is from, the validation loss there, and the loss of every epoch."""

    net: SequenceNet
    epoch: int
    loss: float
    losses: tuple[float, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class SequenceResult:
    """Out-of-fold results of one pooling.

    predictions: values (n, C), probabilities of the classes or (n, 1) values of the label.
    weights: (M,) float32 share of each token of the sequences in its unit's pooled vector, out of fold, mean over the
    fold's networks. shuffled: predictions with the tokens of the test units shuffled, by `SHUFFLES`.
    epochs: of every network.
    """

    settings: SequenceSettings
    predictions: Predictions
    weights: np.ndarray
    shuffled: dict[str, Predictions]
    epochs: tuple[int, ...]


def probe_sequences(
    sequences: TokenSequences,
    target: Target,
    folds: tuple[Fold, ...],
    codebook: Codebook,
    settings: SequenceSettings,
    progress: Listener = silent,
    anchors: ClassAnchors | None = None,
) -> SequenceResult:
    """Out-of-fold predictions of the sequence probe, the weights of the tokens, and what order is worth to it.

    anchors: texts of the classes that pooled vectors are aligned with while the head is trained.
    """
    outputs = max(len(target.classes), 1)
    values = {name: np.zeros((target.n, outputs)) for name in ("", *SHUFFLES)}
    weights, fold_of, epochs = np.zeros(len(sequences.codeword), np.float32), np.zeros(target.n, int), []
    versions = {
        "": sequences,
        "time": sequences.shuffled_in_time(settings.seed),
        "stages": sequences.shuffled_over_stages(settings.seed),
    }
    total, done = sum(len(f.inner) for f in folds), 0
    for index, fold in enumerate(folds):
        fold_of[fold.test] = index
        for train, validation in fold.inner:
            own = replace(settings, seed=settings.seed + done)
            trained = train_network(sequences, target, train, validation, codebook, own, anchors)
            for name, version in versions.items():
                seen, read = predict(trained.net, version, fold.test, target, target.y[train], settings)
                values[name][fold.test] += seen / len(fold.inner)
                if not name:
                    weights += read / len(fold.inner)
            epochs.append(trained.epoch)
            done += 1
            progress(
                Progress(task=f"sequence probe, {settings.pooling}", done=done, total=total, detail=f"fold {index + 1}")
            )
    made = {name: Predictions(v, fold_of, ()) for name, v in values.items()}
    return SequenceResult(
        settings=settings, predictions=made.pop(""), weights=weights, shuffled=made, epochs=tuple(epochs)
    )


def sequence_results(
    sources: Sources,
    target: Target,
    folds: tuple[Fold, ...],
    poolings: tuple[str, ...],
    seed: int = 0,
    progress: Listener = silent,
    settings: SequenceSettings | None = None,
    anchors: ClassAnchors | None = None,
) -> tuple[TokenSequences, dict[str, SequenceResult]]:
    """The sequences of a target's units, and `probe_poolings` of them."""
    settings = replace(settings or SequenceSettings(), seed=seed)
    for pooling in poolings:
        replace(settings, pooling=pooling)  # a wrong name is refused before any work
    sequences = token_sequences(
        sources.tokens, sources.codebook, SpanIndex(sources.spans), target.member, target.n, settings.most, progress
    )
    made = probe_poolings(
        sequences, target, folds, sources.codebook, poolings, settings, progress=progress, anchors=anchors
    )
    return sequences, made


def probe_poolings(
    sequences: TokenSequences,
    target: Target,
    folds: tuple[Fold, ...],
    codebook: Codebook,
    poolings: tuple[str, ...],
    settings: SequenceSettings,
    progress: Listener = silent,
    anchors: ClassAnchors | None = None,
) -> dict[str, SequenceResult]:
    """The sequence probe with each of `poolings` on these folds; with anchors each once without and once with them
    (`aligned_name`)."""
    each = [(name, texts) for name in poolings for texts in ([None] if anchors is None else [None, anchors])]
    return {
        aligned_name(name) if texts else name: probe_sequences(
            sequences, target, folds, codebook, replace(settings, pooling=name), progress, texts
        )
        for name, texts in each
    }


def aligned_name(pooling: str) -> str:
    """The row of a pooling that was trained with texts of the classes."""
    return f"{pooling}+edclip"


def sequence_rows(
    sources: Sources,
    target: Target,
    folds: tuple[Fold, ...],
    settings: ProbeSettings,
    progress: Listener = silent,
    anchors: ClassAnchors | None = None,
) -> dict[str, Predictions]:
    """Out-of-fold predictions of the sequence probe by pooling, for `settings.sequence`."""
    poolings, seed = settings.sequence, settings.seed
    _, results = sequence_results(sources, target, folds, poolings, seed, progress, anchors=anchors)
    return {pooling: result.predictions for pooling, result in results.items()}


def train_network(
    sequences: TokenSequences,
    target: Target,
    train: np.ndarray,
    validation: np.ndarray,
    codebook: Codebook,
    settings: SequenceSettings,
    anchors: ClassAnchors | None = None,
) -> Trained:
    """Fit on `train`, stop by the head's loss on `validation` (rows of the target); the best epoch's weights are kept.

    The same seed gives the same network on the same device, whatever was drawn elsewhere, and with anchors begins as it
    does without. It is trained on the device that holds (`devices.chosen_device`), and stays there.
    """
    with seeded_networks(settings.seed) as device:
        net = SequenceNet(codebook.psi, codebook.stages, max(len(target.classes), 1), settings)
        both = nn.ModuleList([net])
        objective = _Objective(_loss_of(target, target.y[train]))
        if anchors is not None:
            both.append(projector := nn.Linear(settings.width, anchors.vectors.shape[1]))
            objective = replace(objective, aligned=_aligned_with(projector, target, anchors))
        optimizer = torch.optim.AdamW(both.to(device).parameters(), lr=settings.rate, weight_decay=settings.decay)
        return _fitted(net, sequences, (train, validation), objective, optimizer, settings)


def _aligned_with(
    projector: nn.Linear, target: Target, anchors: ClassAnchors
) -> Callable[[Tensor, np.ndarray], Tensor]:
    """The weighed loss of pooled vectors of rows against the text of their class."""
    texts, of_class = torch.as_tensor(anchors.vectors), torch.as_tensor(anchors.of_class)  # indices stay on the host
    settings, weight = anchors.settings.alignment, anchors.settings.weight

    def loss(pooled: Tensor, rows: np.ndarray) -> Tensor:
        vectors = functional.normalize(projector(pooled), dim=-1)
        return weight * alignment_loss(vectors, texts.to(vectors.device), of_class[target.y[rows]], settings)

    return loss


def _fitted(
    net: SequenceNet,
    sequences: TokenSequences,
    rows: tuple[np.ndarray, np.ndarray],
    objective: _Objective,
    optimizer: torch.optim.Optimizer,
    settings: SequenceSettings,
) -> Trained:
    train, validation = rows
    rng = np.random.default_rng([settings.seed, 3])
    held = make_chunks(sequences, validation, settings).to(net.psi.device)
    best, at, kept, losses = np.inf, 0, net.state_dict(), []
    for epoch in range(settings.epochs):
        _train_epoch(net, sequences, rng.permutation(train), objective, optimizer, settings, rng)
        losses.append(_validation_loss(net, held, validation, objective.head))
        if losses[-1] < best:
            best, at = losses[-1], epoch
            kept = {name: value.clone() for name, value in net.state_dict().items()}
        elif epoch - at >= settings.patience:
            break
    net.load_state_dict(kept)
    return Trained(net=net.eval(), epoch=at + 1, loss=float(best), losses=tuple(losses))


def _train_epoch(
    net: SequenceNet,
    sequences: TokenSequences,
    rows: np.ndarray,
    objective: _Objective,
    optimizer: torch.optim.Optimizer,
    settings: SequenceSettings,
    rng: np.random.Generator,
) -> None:
    net.train()
    for start in range(0, len(rows), settings.batch):
        part = rows[start : start + settings.batch]
        batch = make_chunks(sequences, part, settings, rng).to(net.psi.device)
        values, pooled, weights = net(batch)
        total = objective.head(values, part)
        if objective.aligned is not None:
            total = total + objective.aligned(pooled, part)
        if settings.pooling == "softmax" and settings.entropy:
            total = total + settings.entropy * entropy(weights, batch.there.flatten(1)).mean()
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()


def _validation_loss(
    net: SequenceNet, held: Chunks, rows: np.ndarray, loss: Callable[[Tensor, np.ndarray], Tensor]
) -> float:
    net.eval()
    with torch.no_grad():
        return float(loss(net(held)[0], rows))


def _loss_of(target: Target, known: np.ndarray) -> Callable[[Tensor, np.ndarray], Tensor]:
    """Cross-entropy with classes weighed alike, or squared error of the standardised label; `known` trains."""
    if target.task == "classify":
        count = np.maximum(np.bincount(known, minlength=len(target.classes)), 1)
        weight = torch.as_tensor(len(known) / (len(target.classes) * count), dtype=torch.float32)
        return lambda values, rows: functional.cross_entropy(
            values, torch.as_tensor(target.y[rows]).to(values.device), weight.to(values.device)
        )
    mean, spread = known.mean(), known.std() or 1.0
    return lambda values, rows: functional.mse_loss(
        values[:, 0], torch.as_tensor((target.y[rows] - mean) / spread, dtype=torch.float32).to(values.device)
    )


def predict(
    net: SequenceNet,
    sequences: TokenSequences,
    rows: np.ndarray,
    target: Target,
    known: np.ndarray,
    settings: SequenceSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """values (m, C) of these rows, and (M,) weights of their tokens, 0 for the tokens of others.

    known: the labels that trained the network, whose mean and s.d. bring a quantity back to its own unit.
    """
    values, weights = [], np.zeros(len(sequences.codeword), np.float32)
    with torch.no_grad():
        for start in range(0, len(rows), _BATCH):
            batch = make_chunks(sequences, rows[start : start + _BATCH], settings)
            out, _, share = (part.cpu() for part in net(batch.to(net.psi.device)))
            source = batch.source.flatten(1).numpy()
            weights[source[source >= 0]] = share.numpy()[source >= 0]
            values.append(
                out.softmax(-1).numpy()
                if target.task == "classify"
                else out.numpy() * (known.std() or 1.0) + known.mean()
            )
    return np.concatenate(values).astype(float), weights


def deciding_tokens(
    result: SequenceResult, sequences: TokenSequences, target: Target, spans: pd.DataFrame, limit: int = 10
) -> pd.DataFrame:
    """The tokens with the largest share in their unit's pooled vector: unit, recording, time_s, seconds, codeword,
    stage, intensity, weight, at most `limit` a unit, strongest first; tokens without weight are left out."""
    unit = np.repeat(np.arange(target.n), np.diff(sequences.edges))
    order = np.lexsort([-result.weights, unit])
    first = np.searchsorted(unit[order], unit[order])
    order = order[(np.arange(len(order)) - first < limit) & (result.weights[order] > 0)]
    return pd.DataFrame(
        {
            "unit": target.units[unit[order]],
            "recording": spans["recording"].to_numpy()[sequences.span[order]],
            "time_s": sequences.time_s[order],
            "seconds": sequences.seconds[order],
            "codeword": sequences.codeword[order],
            "stage": sequences.stage[order],
            "intensity": sequences.intensity[order],
            "weight": result.weights[order],
        }
    )


def tokens_in_use(result: SequenceResult, sequences: TokenSequences) -> float:
    """Mean over units of the share of tokens that have any weight: 1 for softmax and the mean, less where sparse."""
    count = np.diff(sequences.edges)
    used = np.add.reduceat(np.r_[result.weights > 0, False].astype(float), sequences.edges[:-1])
    return float(np.mean(used[count > 0] / count[count > 0])) if (count > 0).any() else 0.0


def order_table(results: dict[str, SequenceResult], sequences: TokenSequences, target: Target) -> pd.DataFrame:
    """What order and sparsity are worth, one row a pooling: pooling, metric, score, shuffled_time and shuffled_stages
    (the score when the tokens of the test units are shuffled, the network as it was), share_of_tokens with any weight,
    median_epoch at which training stopped."""
    name = scores.PRIMARY[target.task]

    def score(found: Predictions) -> float:
        return float(scores.METRICS[target.task][name](scores.sums(target.task, target.y, found.values).sum(0)))

    return pd.DataFrame(
        [
            {
                "pooling": pooling,
                "metric": name,
                "score": score(one.predictions),
                **{f"shuffled_{kind}": score(one.shuffled[kind]) for kind in SHUFFLES},
                "share_of_tokens": tokens_in_use(one, sequences),
                "median_epoch": float(np.median(one.epochs)),
            }
            for pooling, one in results.items()
        ]
    )
