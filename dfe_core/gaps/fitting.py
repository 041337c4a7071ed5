"""A gap model fitted to people, calibrated on others, and judged on others again.

The network is trained on masked windows (lost frames, hidden halves, hidden coefficients), as masked pre-training of
faces does by region and in time; its spread is calibrated by split conformal prediction (Vovk et al. 2005; Lei et al.
2018, sec. 2.2) for each kind of gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from dfe_core.devices import chosen_device
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.expressions.split import Split, split_dataset
from dfe_core.faces.model import FaceModel
from dfe_core.gaps.model import GapModel, inputs_of, new_network, parts_of, spread_of
from dfe_core.gaps.people import SeenRun, runs_of
from dfe_core.gaps.planting import MOST_LENGTH, random_gap
from dfe_core.gaps.rivals import fit_gap_ridge
from dfe_core.gaps.settings import GapSettings
from dfe_core.gaps.verdicts import compared
from dfe_core.progress import Listener, Progress, silent

_PATIENCE = 20  # training steps between two reports of progress
_LEAST_LENGTH = 12


def fit_gap_model(
    dataset: Dataset,
    face: FaceModel,
    settings: GapSettings,
    *,
    blind: np.ndarray | None = None,
    progress: Listener = silent,
) -> GapModel:
    """Fit, calibrate and judge a gap model on a dataset, split by subject.

    blind: (E,) bool, coefficients that some extractor never moves, to be filled from the others.

    Raises `DataError` where no stretch of valid frames is long enough to plant gaps in.
    """
    split = split_dataset(dataset, settings.test_share, settings.calibration_share, settings.seed)
    train = runs_of(_frames(dataset, split, "train"))
    if max((len(run.psi) for run in train), default=0) < _LEAST_LENGTH:
        raise DataError(dataset.name, "no stretch of valid frames of a second", "recordings to learn from")
    covariance = _covariance(train)
    scale, population = spread_of(covariance), _population(train)
    train, calibration, test = (
        runs_of(_frames(dataset, split, part), scale, population) for part in ("train", "validation", "test")
    )
    rng = np.random.default_rng(settings.seed)
    model = GapModel(
        scale=scale,
        straying=population,
        covariance=covariance,
        observations=parts_of(face, covariance, blind),
        network=new_network(face, covariance, settings.width, settings.seed),
        ridge=fit_gap_ridge(train, rng),
    )
    _train(model, train, face.gram, settings, rng, progress)
    progress(Progress(task="judge filled gaps", done=0, total=1))
    return compared(model, calibration or train, test or calibration or train, face, settings.each, settings.seed)


def _frames(dataset: Dataset, split: Split, part: str) -> Iterator[tuple[Frames, float, str]]:
    rows = dataset.recordings.set_index("recording")
    for frames in split.frames(dataset, part):
        yield frames, float(rows["fps"].loc[frames.recording]), str(rows["subject"].loc[frames.recording])


def _covariance(runs: Sequence[SeenRun]) -> np.ndarray:
    """(E, E) of ψ about each person's mean, every recording counting by its frames."""
    total = sum(len(run.psi) for run in runs)
    return sum(run.psi.astype(np.float64).T @ run.psi for run in runs) / total


def _population(runs: Sequence[SeenRun]) -> np.ndarray:
    """(L, E) root mean square of `SeenRun.spread` over recordings."""
    return np.sqrt(np.mean([run.spread.astype(np.float64) ** 2 for run in runs], axis=0))


def _train(
    model: GapModel,
    runs: list[SeenRun],
    gram: np.ndarray,
    settings: GapSettings,
    rng: np.random.Generator,
    progress: Listener,
) -> None:
    """Train the network of a model in place, on the device that is chosen; it comes back to the CPU."""
    lengths = np.array([len(run.psi) for run in runs])
    length = int(min(MOST_LENGTH, max(_LEAST_LENGTH, np.median(lengths)), lengths.max()))
    usable = [run for run in runs if len(run.psi) >= length]
    odds = np.array([len(run.psi) for run in usable], float)
    device = chosen_device()
    model.network.to(device)
    metric = torch.as_tensor(gram / np.sum(gram * model.covariance), dtype=torch.float32, device=device)
    optimiser = torch.optim.AdamW(model.network.parameters(), settings.learning_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total_steps=settings.steps)
    for step in range(settings.steps):
        if step % _PATIENCE == 0:
            progress(Progress(task="learn to fill gaps", done=step, total=settings.steps))
        chosen = rng.choice(len(usable), settings.batch, p=odds / odds.sum())
        loss = _loss(model, [usable[i] for i in chosen], length, metric, rng)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    model.network.cpu().eval()


def _loss(
    model: GapModel, runs: Sequence[SeenRun], length: int, metric: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Mean squared error on the mesh over hidden frames, and the negative log likelihood (Laplace) of the spread."""
    rows, truths, hidden = [], [], []
    for run in runs:
        planted, extra = random_gap(run, length, 1 + len(model.observations), model.covariance, rng)
        rows.append(inputs_of(model.bases(planted.stretch, extra), run.activity))
        truths.append(planted.truth)
        hidden.append(planted.hidden)
    parts = [torch.as_tensor(np.stack(part), device=metric.device) for part in zip(*rows, strict=True)]
    correction, spread = model.network(*parts)
    error = torch.as_tensor(np.stack(truths), device=metric.device) - parts[0] - correction
    own = torch.as_tensor(np.stack(hidden), device=metric.device)
    squares = torch.einsum("bte,ef,btf->bt", error, metric, error)[own].mean()
    unknown = (parts[3] > 0.02) & own[..., None]
    size = error.detach().abs()
    likelihood = (size * torch.exp(-spread) + spread - torch.log(model.network.scale))[unknown].mean()
    return squares + 0.1 * likelihood
