"""The frames of each step: drawn by the host in the order of its generator, gathered where the codebook learns.

Draws are the host's on every device, so that a seed draws the same frames on all of them, and a run continues on
another one. A GPU is told of many steps at once, and does not wait for any: frames that fit its memory lie there, and
rows are copied ahead of the steps; of others the frames themselves are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dfe_core.training.run import Run

_SHARE = 0.5
"""Of a GPU's free memory, what frames may take."""
_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Draw:
    """rows (B,) int64 into the training frames, simulated ones counted on behind them; turned (B,) bool: those that
    are seen in a mirror."""

    rows: Tensor
    turned: Tensor


def drawn(run: Run, generator: torch.Generator) -> Draw:
    """The draw of one step: frames of the training subjects and simulated ones, in random order. A process of several
    has its share of it."""
    train, real, processes = run.config.train, len(run.frames.psi), run.processes
    own = train.batch if run.simulated is None else train.batch - round(train.simulated_share * train.batch)
    parts = [_sorted_rows(real, own, generator)]
    if run.simulated is not None:
        parts.append(real + _sorted_rows(len(run.simulated), train.batch - own, generator))
    rows = torch.cat(parts)[torch.randperm(train.batch, generator=generator)]
    turned = torch.rand(train.batch, generator=generator) < train.mirror_share
    return Draw(rows=rows[processes.rank :: processes.count], turned=turned[processes.rank :: processes.count])


def _sorted_rows(count: int, most: int, generator: torch.Generator) -> Tensor:
    return torch.randint(count, (most,), generator=generator).sort().values


class Batches:
    """The batches of a run, step by step.

    `ahead` draws the steps that are to come, `next_` makes the next of them the current one, and `frames` are its
    frames: operations on tensors that stay where they are, which a graph of the device may hold.
    """

    def __init__(self, run: Run, resident: bool | None = None) -> None:
        """resident: whether frames lie on the device; None: where they fit it; a CPU reads them where they lie."""
        self.run, device = run, run.device
        self._pinned = device.type == "cuda"
        self._waiting: list[tuple[Tensor, Tensor]] = []
        here = run.processes.rank, run.config.train.batch, run.processes.count
        count, width = len(range(*here)), run.frames.psi.shape[1]
        self.turned = torch.zeros(count, dtype=torch.bool, device=device)
        self.resident = (device.type != "cpu" and _fits(run)) if resident is None else resident
        if self.resident:
            self._all = _on_device(_parts(run), device)
            self._taken = torch.zeros(count, dtype=torch.long, device=device)
        else:
            self._taken = torch.zeros(count, width, device=device)

    def ahead(self, steps: int, generator: torch.Generator) -> None:
        """Draw so many steps, and begin to copy them."""
        draws = [drawn(self.run, generator) for _ in range(steps)]
        taken = [draw.rows if self.resident else self._gathered(draw.rows) for draw in draws]
        self._waiting += zip(
            self._sent(torch.stack(taken)), self._sent(torch.stack([draw.turned for draw in draws])), strict=True
        )

    def next_(self) -> None:
        """Go on to the next step that was drawn."""
        taken, turned = self._waiting.pop(0)
        self._taken.copy_(taken)
        self.turned.copy_(turned)

    def frames(self) -> Tensor:
        """(B, E) ψ of the current step, some as a mirror shows them."""
        psi = self._all[self._taken] if self.resident else self._taken
        return torch.where(self.turned[:, None], psi @ self.run.mirror, psi)

    def _gathered(self, rows: Tensor) -> Tensor:
        """(B, E) of rows in memory maps, which are read in their order."""
        ordered, back = rows.sort()
        numbers, real = ordered.numpy(), len(self.run.frames.psi)
        split = int(np.searchsorted(numbers, real))
        parts = [np.asarray(self.run.frames.psi[numbers[:split]])]
        if self.run.simulated is not None:
            parts.append(np.asarray(self.run.simulated[numbers[split:] - real]))
        psi = torch.from_numpy(np.concatenate(parts))
        return torch.empty_like(psi).index_copy_(0, back, psi)

    def _sent(self, values: Tensor) -> Tensor:
        return values.pin_memory().to(self.run.device, non_blocking=True) if self._pinned else values


def _parts(run: Run) -> list[np.ndarray]:
    return [run.frames.psi] if run.simulated is None else [run.frames.psi, run.simulated]


def _on_device(parts: list[np.ndarray], device: torch.device) -> Tensor:
    """Frames of memory maps on a device, copied a piece at a time so that the host holds few of them."""
    out = torch.empty(sum(map(len, parts)), parts[0].shape[1], device=device)
    done = 0
    for psi in parts:
        for start in range(0, len(psi), _PIECE):
            piece = torch.from_numpy(np.array(psi[start : start + _PIECE]))
            out[done : done + len(piece)] = piece
            done += len(piece)
    return out


def _fits(run: Run) -> bool:
    if run.device.type != "cuda":
        return True
    return sum(part.nbytes for part in _parts(run)) <= _SHARE * torch.cuda.mem_get_info(run.device)[0]
