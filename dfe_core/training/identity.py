"""Identity against training: a classifier names the people of windows, and its gradient reaches the encoder reversed
(Ganin et al. 2016, JMLR 17).

The classifier sees what the decoder is given: mean and spread over a window of the sums of its tokens, whose gradient
reaches the encoder's latent by the straight-through estimate. Letters of the shapes: W windows, F frames of a window,
E coefficients, D latent dimensions, S subjects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.tokenizer.losses import straight_through
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.temporal_encoder import WINDOW, TemporalCorrection

LEAST_SUBJECTS = 3
WINDOW_S, SPREAD_FRAMES = 5.0, 24
"""Windows of encoders that see one frame are so long, and so many of their frames are looked at, evenly spaced. The
temporal encoder is given the `WINDOW` frames that it sees."""
_FRAMES, _WIDTH, _OWN_STEPS = 1536, 128, 4
ADVERSARY_RATE = 3e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingPeople:
    """Recordings of the training frames that are long enough for a window: subject (R,) its number, first, count (R,)
    rows among the training frames, length (R,) frames of a window. subjects: how many there are."""

    subject: np.ndarray
    first: np.ndarray
    count: np.ndarray
    length: np.ndarray
    subjects: int


@dataclass(frozen=True, kw_only=True, eq=False)
class PeopleWindows:
    """psi (W · F, E) of windows one after the other, linked (W · F,), subject (W,)."""

    psi: Tensor
    linked: Tensor
    subject: Tensor


def training_people(dataset: Dataset, split: Split, temporal: bool) -> TrainingPeople:
    """Who the training frames are of, in the order of `frames.training_frames`.

    temporal: windows of so many frames as the temporal encoder sees. Raises `DataError` for fewer than
    `LEAST_SUBJECTS` subjects with a recording as long as a window.
    """
    rows = dataset.recordings.set_index("recording")
    rates = rows["fps"].astype(float).to_dict()
    found, row = [], 0
    for part in split.frames(dataset, "train"):
        count = int(part.valid.sum())
        length = WINDOW if temporal else max(2, round(WINDOW_S * rates[part.recording]))
        if count >= length:
            found.append((str(rows.loc[part.recording, "subject"]), row, count, length))
        row += count
    names, subject = np.unique([one[0] for one in found], return_inverse=True)
    if len(names) < LEAST_SUBJECTS:
        raise DataError(
            f"{dataset.name}, tokenizer.identity_reversal",
            f"{len(names)} training subjects with a recording as long as a window",
            f"{LEAST_SUBJECTS} or more, or tokenizer.identity_reversal = 0",
        )
    first, counts, lengths = (np.array([one[k] for one in found]) for k in (1, 2, 3))
    return TrainingPeople(subject=subject, first=first, count=counts, length=lengths, subjects=len(names))


def drawn_people(people: TrainingPeople, psi: np.ndarray, temporal: bool, rng: np.random.Generator) -> PeopleWindows:
    """Windows of the training frames (N, E), every subject being as likely, longer recordings of it more."""
    frames = WINDOW if temporal else SPREAD_FRAMES
    wanted = rng.integers(people.subjects, size=_FRAMES // frames)
    starts = []
    for subject in wanted:
        own = np.flatnonzero(people.subject == subject)
        at = own[rng.choice(len(own), p=people.count[own] / people.count[own].sum())]
        begin = people.first[at] + rng.integers(people.count[at] - people.length[at] + 1)
        starts.append(begin + np.linspace(0, people.length[at] - 1, frames).round().astype(int))
    rows = np.concatenate(starts)
    linked = np.ones(len(rows), bool)
    linked[::frames] = False
    return PeopleWindows(
        psi=torch.from_numpy(np.asarray(psi[rows])),
        linked=torch.from_numpy(linked),
        subject=torch.from_numpy(wanted),
    )


class IdentityAdversary(nn.Module):
    """Names the subject of a window from mean and spread of what the decoder is given.

    Parameters
    ----------
    scale: (D,) root mean square of each latent dimension. subjects: how many there are.
    """

    scale: Tensor

    def __init__(self, scale: Tensor, subjects: int) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.layers = nn.Sequential(nn.Linear(2 * len(scale), _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, subjects))

    def statistics(self, given: Tensor, windows: int) -> Tensor:
        """(W · F, D) to (W, 2 D)."""
        parts = (given / self.scale).reshape(windows, -1, given.shape[1])
        return torch.cat([parts.mean(1), (parts.var(1) + 1e-4).sqrt()], 1)

    def forward(self, statistics: Tensor) -> Tensor:
        """(W, 2 D) to (W, S)."""
        return self.layers(statistics)


def reversed_gradient(values: Tensor, weight: float) -> Tensor:
    """The values, whose gradient is −`weight` times what comes back to them."""
    return (1 + weight) * values.detach() - weight * values


def identity_loss(
    model: Tokenizer,
    adversary: IdentityAdversary,
    optimizer: torch.optim.Optimizer,
    seen: PeopleWindows,
    weight: float,
) -> Tensor:
    """Cross-entropy of the adversary's names, in nats; going down it teaches the adversary, and
    the encoder the opposite, `weight` times.

    The adversary takes steps of its own before, of the parameters of `optimizer` that are its: only near its best does
    its gradient say what gives people away.
    """
    device = model.frame.device
    psi, subject = seen.psi.to(device), seen.subject.to(device)
    linked = seen.linked.to(device) if isinstance(model.correction, TemporalCorrection) else None
    latent, _ = model.latent(psi, linked)
    quantized = model.quantizer.encode(latent.detach(), sweeps=0)
    decoded = model.quantizer.decode(quantized.tokens, quantized.intensities).detach()
    statistics = adversary.statistics(straight_through(latent, decoded), len(subject))
    held = statistics.detach()
    for _ in range(_OWN_STEPS):
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(adversary(held), subject).backward()
        optimizer.step()
    return nn.functional.cross_entropy(adversary(reversed_gradient(statistics, weight)), subject)
