"""A map of ψ trained to keep the face and to hide who it is: gradient reversal, beside a trained codebook.

The map stands before the encoder of a codebook that stays as it is, so that tokens keep their meaning. A network names
the people of five-second windows from mean and spread of what the map gives; the map is trained against it by reversed
gradients (Ganin et al. 2016, JMLR 17) and for the root mean square distance on the mesh. Letters of the shapes: W
windows, F frames of a window, E coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dfe_core.devices import chosen_device
from dfe_core.progress import Listener, Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

FRAMES = 24
"""Of a window that are looked at in training, evenly spaced."""
_BATCH, _WIDTH, _PATIENCE, _OWN_STEPS = 96, 64, 25, 4
_RATE, _ADVERSARY_RATE = 3e-3, 3e-3


@dataclass(frozen=True, eq=False, kw_only=True)
class HidingMap:
    """ψ ↦ ψ + ((ψ − centre) / spread) · slope + bias + a small network's correction, times spread.

    centre, spread, bias (E,), slope (E, E); inner (E, H), outer (H, E): the network, with tanh between.
    """

    centre: np.ndarray
    spread: np.ndarray
    slope: np.ndarray
    bias: np.ndarray
    inner: np.ndarray
    outer: np.ndarray

    def __call__(self, psi: np.ndarray) -> np.ndarray:
        """(T, E) float32."""
        z = (psi - self.centre) / self.spread
        change = z @ self.slope + self.bias + np.tanh(z @ self.inner) @ self.outer
        return (psi + change * self.spread).astype(np.float32)


def windows_of_frames(psi: np.ndarray, rate: float, seconds: float) -> np.ndarray:
    """(W, F, E) float32: the whole windows of (T, E) frames of a recording, `FRAMES` of each."""
    length = max(2, round(rate * seconds))
    count = len(psi) // length
    rows = np.linspace(0, length - 1, FRAMES).round().astype(int)
    return psi[: count * length].reshape(count, length, psi.shape[1])[:, rows].astype(np.float32)


def fit_hiding_map(
    windows: Iterable[tuple[str, np.ndarray]],
    gram: np.ndarray,
    *,
    strength: float,
    steps: int,
    seed: int,
    progress: Listener = silent,
) -> HidingMap:
    """Train the map on (subject, windows (W, F, E)) of recordings.

    gram: (E, E) of the face; distance on it is weighed against the adversary by `strength`.
    """
    import torch

    parts = [(subject, values) for subject, values in windows if len(values)]
    data = np.concatenate([values for _, values in parts])
    people, who = np.unique(np.repeat([s for s, _ in parts], [len(v) for _, v in parts]), return_inverse=True)
    flat = data.reshape(-1, data.shape[2]).astype(np.float64)
    centre, spread = flat.mean(0), np.maximum(flat.std(0), 1e-3 * flat.std(0).max() + 1e-9)
    metric = spread[:, None] * gram * spread
    device = chosen_device()
    metric /= max(np.trace(metric @ np.cov(((flat - centre) / spread).T)), 1e-30)
    metric = torch.as_tensor(metric).float().to(device)
    z = torch.as_tensor((data - centre) / spread).float().to(device)
    target = torch.as_tensor(who).to(device)
    torch.manual_seed(seed)
    change, adversary = (network.to(device) for network in _networks(data.shape[2], len(people)))
    optimisers = (
        torch.optim.Adam(change.parameters(), _RATE),
        torch.optim.Adam(adversary.parameters(), _ADVERSARY_RATE),
    )
    draw = np.random.default_rng(seed)
    for step in range(steps):
        if step % _PATIENCE == 0:
            progress(Progress(task="learn to hide people", done=step, total=steps))
        rows = torch.as_tensor(draw.integers(0, len(z), _BATCH)).to(device)
        _ask(optimisers[1], adversary, z[rows] + change(z[rows]).detach(), target[rows])
        moved = change(z[rows])
        told = torch.nn.functional.cross_entropy(adversary(_statistics(z[rows] + moved)), target[rows])
        kept = torch.einsum("bte,ef,btf->bt", moved, metric, moved).mean()
        _step(optimisers, change, kept=kept, told=told, strength=strength)
    found = {name: value.detach().cpu().numpy().astype(np.float64) for name, value in change.state_dict().items()}
    return HidingMap(
        centre=centre,
        spread=spread,
        slope=found["plain.weight"].T,
        bias=found["plain.bias"],
        inner=found["inner.weight"].T,
        outer=found["outer.weight"].T,
    )


def _ask(optimiser: Any, adversary: Any, psi: Tensor, target: Tensor) -> None:
    """The adversary's own steps: it has to be near its best before its gradient says what gives people away."""
    import torch

    seen = _statistics(psi)
    for _ in range(_OWN_STEPS):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(adversary(seen), target).backward()
        optimiser.step()


def _step(optimisers: Any, change: Any, *, kept: Tensor, told: Tensor, strength: float) -> None:
    """The adversary goes down the gradient of its loss, the map up; reversed gradients, in one pass."""
    for optimiser in optimisers:
        optimiser.zero_grad()
    told.backward(retain_graph=True)
    for weight in change.parameters():
        weight.grad = None if weight.grad is None else -strength * weight.grad
    kept.backward()
    for optimiser in optimisers:
        optimiser.step()


def _statistics(psi: Tensor) -> Tensor:
    """(W, F, E) to (W, 2 E): what a window's tokens tell of its person at most, mean and spread."""
    import torch

    return torch.cat([psi.mean(1), (psi.var(1) + 1e-4).sqrt()], 1)


def _networks(coefficients: int, people: int) -> tuple[Any, Any]:
    """The map's change, which begins at 0, and the adversary."""
    from torch import nn

    class Change(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.plain = nn.Linear(coefficients, coefficients)
            self.inner = nn.Linear(coefficients, _WIDTH, bias=False)
            self.outer = nn.Linear(_WIDTH, coefficients, bias=False)
            for weight in (self.plain.weight, self.plain.bias, self.outer.weight):
                nn.init.zeros_(weight)

        def forward(self, psi: Tensor) -> Tensor:
            return self.plain(psi) + self.outer(self.inner(psi).tanh())

    adversary = nn.Sequential(
        nn.Linear(2 * coefficients, 2 * _WIDTH), nn.ReLU(), nn.Dropout(0.2), nn.Linear(2 * _WIDTH, people)
    )
    return Change(), adversary
