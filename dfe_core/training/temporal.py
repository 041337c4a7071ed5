"""What the temporal encoder is trained on: windows of frames in order, some of them hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.tokenizer.temporal_encoder import WINDOW
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.training.processes import ALONE, Processes

ROUNDS = 3
"""Steps of the temporal encoder for each of the codebook."""
HIDDEN_SHARE = 0.3
"""Of the frames, in stretches of up to half a window."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingWindows:
    """psi (B, E) of windows one after the other, linked (B,), hidden (B,) bool. share: of all windows, those of this
    process."""

    psi: Tensor
    linked: Tensor
    hidden: Tensor
    share: float = 1.0


def linked_training_frames(dataset: Dataset, split: Split) -> np.ndarray:
    """(N,) bool of the valid training frames in the order of `training_frames`: whether each follows the one before."""
    parts = [linked_frames(frames.frame[frames.valid]) for frames in split.frames(dataset, "train")]
    return np.concatenate(parts) if parts else np.zeros(0, bool)


def drawn_windows(
    psi: np.ndarray,
    linked: np.ndarray,
    mirror: Tensor,
    *,
    frames: int,
    mirror_share: float,
    generator: torch.Generator,
    processes: Processes = ALONE,
) -> TrainingWindows:
    """About so many frames in windows drawn at random, each seen in a mirror or not; mirror: (E, E).

    A process of several has its part of the windows.
    """
    length = min(WINDOW, len(psi))
    count = max(processes.count, frames // length)
    starts = torch.randint(len(psi) - length + 1, (count,), generator=generator).numpy()
    part = slice(processes.rank, None, processes.count)
    rows = (np.sort(starts)[part, None] + np.arange(length)).ravel()
    follows = linked[rows].copy()
    follows[::length] = False
    own = torch.from_numpy(np.asarray(psi[rows])).to(mirror.device)
    mirrored = torch.rand(count, generator=generator) < mirror_share
    turned = mirrored[part].repeat_interleave(length).to(mirror.device)
    hidden = torch.stack([_stretch(length, generator) for _ in range(count)])[part].flatten().to(mirror.device)
    return TrainingWindows(
        psi=torch.where(turned[:, None], own @ mirror, own),
        linked=torch.from_numpy(follows).to(mirror.device),
        hidden=hidden,
        share=len(rows) / (count * length),
    )


def _stretch(length: int, generator: torch.Generator) -> Tensor:
    """(T,) bool: stretches of hidden frames, `HIDDEN_SHARE` of all in the mean."""
    out = torch.zeros(length, dtype=torch.bool)
    wanted = 2 * HIDDEN_SHARE * length * float(torch.rand(1, generator=generator))
    while int(out.sum()) < wanted:
        size = int(torch.randint(1, max(2, length // 2), (1,), generator=generator))
        first = int(torch.randint(length - size + 1, (1,), generator=generator))
        out[first : first + size] = True
    return out
