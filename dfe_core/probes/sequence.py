"""The sequence probe: token order, a small transformer and sparse attention pooling, judged on the folds of the bag.

Each outer fold trains one network for every inner split of its training people: the split's training part is fitted,
its validation part stops the training, and the fold's predictions are the mean over these networks. The people a fold
tests are seen by nothing that is fitted or chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from dfe_core.probes import scores
from dfe_core.probes.features.material import Sources
from dfe_core.probes.features.spans import SpanIndex
from dfe_core.probes.pooling import entropy
from dfe_core.probes.sequence_model import Chunks, SequenceNet, make_chunks
from dfe_core.probes.sequence_settings import SequenceSettings
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.token_sequences import TokenSequences, token_sequences
from dfe_core.probes.validation import Fold, Predictions
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import Codebook

SHUFFLES = ("time", "stages")
_BATCH = 32


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
) -> SequenceResult:
    """Out-of-fold predictions of the sequence probe, the weights of the tokens, and what order is worth to it."""
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
            trained = train_network(
                sequences, target, train, validation, codebook, replace(settings, seed=settings.seed + done)
            )
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
) -> tuple[TokenSequences, dict[str, SequenceResult]]:
    """The sequences of a target's units, and the sequence probe with each of `poolings` on these folds."""
    settings = replace(settings or SequenceSettings(), seed=seed)
    made = [replace(settings, pooling=pooling) for pooling in poolings]  # a wrong name is told before any work
    sequences = token_sequences(
        sources.tokens, sources.codebook, SpanIndex(sources.spans), target.member, target.n, settings.most, progress
    )
    return sequences, {
        one.pooling: probe_sequences(sequences, target, folds, sources.codebook, one, progress) for one in made
    }


def sequence_rows(
    sources: Sources, target: Target, folds: tuple[Fold, ...], settings: ProbeSettings, progress: Listener = silent
) -> dict[str, Predictions]:
    """Out-of-fold predictions of the sequence probe by pooling, for `settings.sequence`."""
    return {
        pooling: result.predictions
        for pooling, result in sequence_results(sources, target, folds, settings.sequence, settings.seed, progress)[
            1
        ].items()
    }


def train_network(
    sequences: TokenSequences,
    target: Target,
    train: np.ndarray,
    validation: np.ndarray,
    codebook: Codebook,
    settings: SequenceSettings,
) -> Trained:
    """Fit on `train`, stop by the loss on `validation` (rows of the target); the best epoch's weights are kept.

    The same seed gives the same network, whatever was drawn elsewhere.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = SequenceNet(codebook.psi, codebook.stages, max(len(target.classes), 1), settings)
        return _fitted(net, sequences, train, validation, _loss_of(target, target.y[train]), settings)


def _fitted(
    net: SequenceNet,
    sequences: TokenSequences,
    train: np.ndarray,
    validation: np.ndarray,
    loss: Callable[[Tensor, np.ndarray], Tensor],
    settings: SequenceSettings,
) -> Trained:
    rng = np.random.default_rng([settings.seed, 3])
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=settings.decay)
    held = make_chunks(sequences, validation, settings)
    best, at, kept, losses = np.inf, 0, net.state_dict(), []
    for epoch in range(settings.epochs):
        _train_epoch(net, sequences, rng.permutation(train), loss, optimizer, settings, rng)
        losses.append(_validation_loss(net, held, validation, loss))
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
    loss: Callable[[Tensor, np.ndarray], Tensor],
    optimizer: torch.optim.Optimizer,
    settings: SequenceSettings,
    rng: np.random.Generator,
) -> None:
    net.train()
    for start in range(0, len(rows), settings.batch):
        part = rows[start : start + settings.batch]
        batch = make_chunks(sequences, part, settings, rng)
        values, _, weights = net(batch)
        total = loss(values, part)
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
        return lambda values, rows: functional.cross_entropy(values, torch.as_tensor(target.y[rows]), weight)
    mean, spread = known.mean(), known.std() or 1.0
    return lambda values, rows: functional.mse_loss(
        values[:, 0], torch.as_tensor((target.y[rows] - mean) / spread, dtype=torch.float32)
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
            out, _, share = net(batch)
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
