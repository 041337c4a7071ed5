"""Tokens aligned with words (EDCLIP): windows of tokens and sentences in one space, and queries by description.

Class prompts made of an emotion's name and its facial actions, or captions made of the AUs of a window, are anchors of
a frozen text encoder. A network turns a window's tokens into the same space and is trained to lie near its own anchor:
softmax over anchors of cosine / τ. Windows of an ``others`` class have no anchor and are only pushed away from all, by
a hinge on their largest similarity, max(0, max_c sim − δ). After D-FACE (Deng, Hayashi & Nagahara 2026), EDCLIP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dfe_core.devices import seeded_networks
from dfe_core.probes.sequence_model import SequenceNet, make_chunks
from dfe_core.probes.sequence_settings import AlignmentSettings
from dfe_core.probes.token_sequences import TokenSequences
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import Codebook

OTHERS = -1
"""Anchor of a window that has none."""
_BATCH = 256


class AlignedNet(nn.Module):
    """Windows of tokens to unit vectors in the space of the texts (W wide)."""

    def __init__(self, psi: np.ndarray, stages: int, width: int, settings: AlignmentSettings) -> None:
        super().__init__()
        self.body = SequenceNet(psi, stages, 1, settings.net)
        self.body.head = nn.Sequential(
            nn.Linear(settings.net.width, settings.hidden), nn.GELU(), nn.Linear(settings.hidden, width)
        )

    def forward(self, batch) -> tuple[Tensor, Tensor]:
        """unit vectors (B, W) and weights (B, C · L) of the tokens."""
        vectors, _, weights = self.body(batch)
        return functional.normalize(vectors, dim=-1), weights


@dataclass(frozen=True, eq=False)
class AlignedFit:
    """A trained network, the epoch it is from and the validation loss of every epoch."""

    net: AlignedNet
    epoch: int
    losses: tuple[float, ...]


def alignment_loss(vectors: Tensor, anchors: Tensor, anchor: Tensor, settings: AlignmentSettings) -> Tensor:
    """The loss of one batch.

    Parameters
    ----------
    vectors: (B, W) of windows, unit length. anchors: (A, W) of texts, unit length.
    anchor: (B,) index into `anchors`, `OTHERS` for windows without one.
    """
    similarity, anchor = vectors @ anchors.T, anchor.cpu()
    own = anchor >= 0
    total = vectors.new_zeros(())
    if own.any():
        total = total + functional.cross_entropy(
            similarity[own] / settings.temperature,
            _targets(anchors, anchor[own].to(anchors.device), settings.softness),
        )
    if (~own).any():
        hinge = (similarity[~own].max(-1).values - settings.margin).clamp_min(0)
        total = total + settings.others * hinge.mean()
    return total


def _targets(anchors: Tensor, anchor: Tensor, softness: float) -> Tensor:
    if not softness:
        return functional.one_hot(anchor, len(anchors)).to(anchors.dtype)
    return ((anchors[anchor] @ anchors.T) / softness).softmax(-1)


def fit_alignment(
    sequences: TokenSequences,
    anchor: np.ndarray,
    anchors: np.ndarray,
    train: np.ndarray,
    validation: np.ndarray,
    codebook: Codebook,
    settings: AlignmentSettings | None = None,
    progress: Listener = silent,
) -> AlignedFit:
    """Train on the windows `train`, stop by the loss on `validation`; the best epoch is kept. The text encoder stays
    as it is, and so do its vectors. The network is on the device that holds (`devices.chosen_device`).

    Parameters
    ----------
    anchor: (n,) each window's index into `anchors` (A, W), or `OTHERS`.
    train, validation: rows, of different people.
    """
    settings = settings or AlignmentSettings()
    with seeded_networks(settings.net.seed) as device:
        net = AlignedNet(codebook.psi, codebook.stages, anchors.shape[1], settings).to(device)
        return _fitted(
            net,
            sequences,
            torch.as_tensor(anchor),
            torch.as_tensor(anchors).to(device),
            train=train,
            validation=validation,
            settings=settings,
            progress=progress,
        )


def _fitted(
    net: AlignedNet,
    sequences: TokenSequences,
    anchor: Tensor,
    anchors: Tensor,
    train: np.ndarray,
    validation: np.ndarray,
    settings: AlignmentSettings,
    progress: Listener,
) -> AlignedFit:
    rng = np.random.default_rng([settings.net.seed, 4])
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.net.rate, weight_decay=settings.net.decay)
    best, at, kept, losses = np.inf, 0, net.state_dict(), []
    for epoch in range(settings.net.epochs):
        net.train()
        order = rng.permutation(train)
        for start in range(0, len(order), settings.net.batch):
            rows = order[start : start + settings.net.batch]
            loss = _batch_loss(net, sequences, rows, anchor, anchors, settings, rng)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        losses.append(_validation_loss(net, sequences, validation, anchor, anchors, settings))
        progress(
            Progress(
                task="aligning tokens with words",
                done=epoch + 1,
                total=settings.net.epochs,
                detail="",
                figures={"loss": losses[-1]},
            )
        )
        if losses[-1] < best:
            best, at = losses[-1], epoch
            kept = {name: value.clone() for name, value in net.state_dict().items()}
        elif epoch - at >= settings.net.patience:
            break
    net.load_state_dict(kept)
    return AlignedFit(net.eval(), at + 1, tuple(losses))


def _batch_loss(
    net: AlignedNet,
    sequences: TokenSequences,
    rows: np.ndarray,
    anchor: Tensor,
    anchors: Tensor,
    settings: AlignmentSettings,
    rng: np.random.Generator | None,
) -> Tensor:
    """Against the anchors of the batch alone: with captions there are as many anchors as windows."""
    vectors, _ = net(make_chunks(sequences, rows, settings.net, rng).to(anchors.device))
    used, own = torch.unique(anchor[rows][anchor[rows] >= 0], return_inverse=True)
    if len(anchors) <= settings.net.batch:  # class prompts: few enough to hold against all of them always
        return alignment_loss(vectors, anchors, anchor[rows], settings)
    local = torch.full((len(rows),), OTHERS)
    local[anchor[rows] >= 0] = own
    return alignment_loss(vectors, anchors[used], local, settings)


def _validation_loss(
    net: AlignedNet,
    sequences: TokenSequences,
    rows: np.ndarray,
    anchor: Tensor,
    anchors: Tensor,
    settings: AlignmentSettings,
) -> float:
    net.eval()
    with torch.no_grad():
        parts = [
            (len(part), float(_batch_loss(net, sequences, part, anchor, anchors, settings, None)))
            for part in np.array_split(rows, max(1, len(rows) // settings.net.batch))
        ]
    return float(np.average([loss for _, loss in parts], weights=[n for n, _ in parts]))


def embed_windows(
    net: AlignedNet, sequences: TokenSequences, settings: AlignmentSettings, progress: Listener = silent
) -> tuple[np.ndarray, np.ndarray]:
    """vectors (n, W) float32 of every window, unit length, and weights (M,) float32 of every token in its window."""
    vectors, weights = [], np.zeros(len(sequences.codeword), np.float32)
    rows = np.arange(sequences.units)
    with torch.no_grad():
        for start in range(0, len(rows), _BATCH):
            batch = make_chunks(sequences, rows[start : start + _BATCH], settings.net)
            found, share = (part.cpu() for part in net(batch.to(net.body.psi.device)))
            source = batch.source.flatten(1).numpy()
            weights[source[source >= 0]] = share.numpy()[source >= 0]
            vectors.append(found.numpy())
            progress(Progress(task="placing windows among words", done=min(start + _BATCH, len(rows)), total=len(rows)))
    return np.concatenate(vectors), weights
