"""Training frames as one flat memory-mapped array, so that memory stays level however large the corpus is."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core import __version__
from dfe_core.artefact import ArtefactId, source_labels
from dfe_core.artefact_names import FACES, MANIFEST, TRAINING_FRAMES, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.faces.model import FaceModel
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import atomic_directory, cache_root, content_key, write_json

LAG_S = 0.2
"""Time between the two frames of a change: about the length of a facial onset."""


@dataclass(frozen=True, eq=False)
class TrainingFrames:
    """psi: (N, E) float32 memory map of the valid training frames. moment: (E, E) mean of ψψᵀ.

    changes: (M, E) float32, ψ(t + `LAG_S`) − ψ(t) of up to `CHANGES` moments, signed to point away from neutral.
    """

    psi: np.ndarray
    moment: np.ndarray
    changes: np.ndarray


CHANGES = 100_000
_SIMULATED: dict[str, Any] = {"subjects": 12, "minutes_per_subject": 3.0, "seed": 1}


def training_frames(
    dataset: Dataset, split: Split, root: Path | None = None, progress: Listener = silent, seed: int = 0
) -> TrainingFrames:
    """The training part of a split as a memory map, written once to ``analyses/frames-<key>/`` and reused.

    Raises `DataError` when it holds no valid frame.
    """
    key = content_key([dataset.key, asdict(split), LAG_S, CHANGES, seed])
    folder = (root or cache_root()) / "analyses" / keyed_name(TRAINING_FRAMES, key)
    if not is_whole(folder):
        _write(dataset, split, folder, progress, seed)
    shape = tuple(json.loads((folder / MANIFEST).read_text())["shape"])
    if not shape[0]:
        raise DataError(dataset.name, "no valid frame in its training part", "a longer recording, or more of them")
    psi = np.memmap(folder / "psi.f32", np.float32, "r", shape=shape)
    with np.load(folder / "summary.npz", allow_pickle=False) as summary:
        return TrainingFrames(psi, summary["moment"], summary["changes"])


def _write(dataset: Dataset, split: Split, folder: Path, progress: Listener, seed: int) -> None:
    width, count = len(dataset.names), 0
    moment, changes, rng = np.zeros((width, width)), [], np.random.default_rng(seed)
    rates = dict(zip(dataset.recordings["recording"], dataset.recordings["fps"], strict=True))
    total = len(split.recordings["train"])
    share = CHANGES // max(total, 1) + 1
    with atomic_directory(folder) as temporary:
        with open(temporary / "psi.f32", "wb") as sink:
            for done, frames in enumerate(split.frames(dataset, "train"), 1):
                psi = np.ascontiguousarray(frames.psi[frames.valid])
                sink.write(psi.tobytes())
                count += len(psi)
                moment += psi.T.astype(np.float64) @ psi
                changes.append(_changes(psi, max(1, round(LAG_S * rates[frames.recording])), share, rng))
                progress(Progress(task="reading frames", done=done, total=total))
        np.savez(temporary / "summary.npz", moment=moment / max(count, 1), changes=np.concatenate(changes))
        write_json(
            temporary / MANIFEST,
            {
                "schema_version": 1,
                **source_labels(dataset.id),
                "dataset": dataset.name,
                "dataset_key": dataset.key,
                "shape": [count, width],
            },
        )


def simulated_frames(face: FaceModel, root: Path | None = None, progress: Listener = silent) -> np.ndarray:
    """(M, E) float32 ψ of simulated people on a face that answers to ARKit's coefficients, made once and kept.

    They show every action on either side, which few people's recordings do (`TrainConfig.simulated_share`).
    """
    from dfe_core.simulate.dataset import simulate_dataset

    key = content_key(["simulated frames", __version__, face.id, list(face.names), _SIMULATED])
    folder = (root or cache_root()) / "analyses" / keyed_name(TRAINING_FRAMES, key)
    if not ((folder / MANIFEST).is_file() and is_whole(folder)):
        with tempfile.TemporaryDirectory(prefix="dfe-") as scratch:
            data = simulate_dataset("frames", face, root=Path(scratch), progress=progress, **_SIMULATED)
            psi = data.psi()
        with atomic_directory(folder) as temporary:
            psi.tofile(temporary / "psi.f32")
            write_json(
                temporary / MANIFEST,
                {
                    "schema_version": 1,
                    **source_labels(ArtefactId(FACES, face.id)),
                    "simulated": True,
                    "shape": list(psi.shape),
                },
            )
    shape = tuple(json.loads((folder / MANIFEST).read_text())["shape"])
    return np.memmap(folder / "psi.f32", np.float32, "r", shape=shape)


def _changes(psi: np.ndarray, lag: int, limit: int, rng: np.random.Generator) -> np.ndarray:
    if len(psi) <= lag:
        return np.empty((0, psi.shape[1]), np.float32)
    rows = np.sort(rng.choice(len(psi) - lag, min(limit, len(psi) - lag), replace=False))
    before, after = psi[rows], psi[rows + lag]
    outward = np.linalg.norm(after, axis=1) >= np.linalg.norm(before, axis=1)
    return np.where(outward[:, None], after - before, before - after)
