"""The nearest of many vectors on a GPU: every distance, in matrix products of PyTorch.

On a CPU `extend` looks into the cells around a frame alone, which is quicker there and finds the nearest of nearly all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dfe_core.devices import chosen_device, may_be_cuda

if TYPE_CHECKING:
    import torch

FROM_POINTS = 10_000
"""Fewer are searched on the CPU, whose answers repeat to the digit."""
_SCORES = 1 << 28
"""Distances formed at once: a gigabyte of the device."""


def device_for(points: int) -> torch.device | None:
    """The GPU that searches among so many points; None where the CPU does."""
    if points < FROM_POINTS or not may_be_cuda():
        return None
    device = chosen_device()
    return device if device.type == "cuda" else None


def nearest_on_device(known: np.ndarray, device: torch.device) -> Callable[[np.ndarray], np.ndarray]:
    """A function from (n, D) vectors to (n,) int64, the row of `known` (m, D) f32 that is nearest to each."""
    import torch

    there = torch.as_tensor(known, device=device)
    half = there.square().sum(1) / 2
    batch = max(1, _SCORES // len(known))

    def rows(asked: np.ndarray) -> np.ndarray:
        parts = [
            (torch.as_tensor(asked[start : start + batch], device=device) @ there.T - half).argmax(1)
            for start in range(0, len(asked), batch)
        ]
        return torch.cat(parts).cpu().numpy() if parts else np.empty(0, np.int64)

    return rows
