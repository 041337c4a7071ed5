"""The moments of a dataset whose face is nearest to a given one: five million frames in under a second.

``analyses/moments-<key>/`` holds every valid frame on the few directions in which faces of the dataset differ most, in
mm (float16), and how far it lies off them; a search reads it in blocks and looks up only its best frames in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, OpenedArtefact, source_labels
from dfe_core.artefact_names import FACE_INDEX, FACES, MANIFEST, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import atomic_directory, content_key, write_json
from dfe_core.tokenizer.mesh_inner_product import mesh_factor

VERSION = 1
HELD = 0.999
MOST = 24
_BLOCK = 1 << 18


@dataclass(frozen=True)
class FaceIndex(OpenedArtefact):
    """Frames of one dataset, ready to be searched by face.

    Its manifest holds frames, dimensions, held (share of the variance on the directions kept).
    """

    path: Path
    dataset: Dataset

    def search(
        self,
        psi: np.ndarray,
        limit: int = 12,
        apart_s: float = 1.0,
        per_subject: int | None = None,
        candidates: int = 100_000,
    ) -> pd.DataFrame:
        """The moments nearest to a face (E,): recording, subject, frame, time_s, distance_mm (root mean square over
        vertices); nearest first, at least `apart_s` apart in a recording, at most `per_subject` of one subject.

        Distances are exact for what is returned. A frame is a candidate by a lower bound of its distance.
        """
        psi = np.asarray(psi, np.float64)
        if psi.shape != (len(self.dataset.names),):
            raise DataError("face", f"{psi.shape} coefficients", f"({len(self.dataset.names)},)")
        centred = (psi - self._basis["mean"]) @ self._basis["factor"] * 1e3
        on = centred @ self._basis["axes"]
        off = np.sqrt(max((centred**2).sum() - (on**2).sum(), 0))
        bound = self._bounds(on.astype(np.float32), np.float32(off))
        rows = (
            np.argpartition(bound, min(candidates, len(bound)) - 1)[:candidates]
            if len(bound)
            else np.empty(0, np.int64)
        )
        rows = rows[np.argsort(bound[rows], kind="stable")]
        found = self._refined(self._apart(rows, apart_s, per_subject, 3 * limit), psi)
        return found.sort_values("distance_mm", kind="stable").head(limit).reset_index(drop=True)

    def _bounds(self, on: np.ndarray, off: np.float32) -> np.ndarray:
        """(N,) float32 lower bound of the squared distance, mm²: exact on the axes, |off − off'| beside them."""
        places, beside = self._places, self._beside
        bound = np.empty(len(places), np.float32)
        for start in range(0, len(places), _BLOCK):
            difference = places[start : start + _BLOCK].astype(np.float32) - on
            bound[start : start + _BLOCK] = np.einsum("nd,nd->n", difference, difference)
            bound[start : start + _BLOCK] += (beside[start : start + _BLOCK].astype(np.float32) - off) ** 2
        return bound

    def _apart(self, rows: np.ndarray, apart_s: float, per_subject: int | None, limit: int) -> pd.DataFrame:
        table = _best_of_each_stretch(self._where(rows), apart_s)
        taken: list[int] = []
        times: dict[int, list[float]] = {}
        used: dict[str, int] = {}
        for i, (recording, time_s, subject) in enumerate(
            zip(table["at"], table["time_s"], table["subject"], strict=True)
        ):
            near = times.setdefault(recording, [])
            if any(abs(time_s - t) < apart_s for t in near) or (per_subject and used.get(subject, 0) >= per_subject):
                continue
            near.append(time_s)
            used[subject] = used.get(subject, 0) + 1
            taken.append(i)
            if len(taken) == limit:
                break
        return table.iloc[taken]

    def _where(self, rows: np.ndarray) -> pd.DataFrame:
        at = np.searchsorted(self._ends, rows, "right")
        recordings = self.dataset.recordings
        return pd.DataFrame(
            {
                "at": at,
                "recording": recordings["recording"].to_numpy()[at],
                "subject": recordings["subject"].to_numpy()[at],
                "frame": self._frame[rows],
                "time_s": self._time[rows],
            }
        )

    def _refined(self, table: pd.DataFrame, psi: np.ndarray) -> pd.DataFrame:
        distance = np.empty(len(table))
        for name, at in table.reset_index(drop=True).groupby("recording").indices.items():
            own = self.dataset.frames(str(name)).at(table["frame"].to_numpy()[at]).psi
            distance[at] = np.linalg.norm((own - psi) @ self._basis["factor"], axis=1) * 1e3
        return table.drop(columns="at").assign(distance_mm=distance)

    @cached_property
    def _basis(self) -> dict[str, np.ndarray]:
        with np.load(self.path / "basis.npz", allow_pickle=False) as stored:
            return dict(stored)

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.load(self.path / "ends.npy", allow_pickle=False)

    def _memory(self, name: str) -> np.ndarray:
        return np.load(self.path / name, mmap_mode="r" if self.manifest["frames"] else None, allow_pickle=False)

    @cached_property
    def _places(self) -> np.ndarray:
        return self._memory("places.npy")

    @cached_property
    def _beside(self) -> np.ndarray:
        return self._memory("beside.npy")

    @cached_property
    def _frame(self) -> np.ndarray:
        return self._memory("frame.npy")

    @cached_property
    def _time(self) -> np.ndarray:
        return self._memory("time.npy")


def open_face_index(dataset: Dataset, face: FaceModel) -> FaceIndex | None:
    """The index of a dataset on a face if it has been built."""
    path = _path(dataset, face)
    return FaceIndex(path, dataset) if is_whole(path) else None


def build_moments(dataset: Dataset, face: FaceModel, progress: Listener = silent) -> FaceIndex:
    """The index of a dataset on a face, built in two streaming passes when there is none."""
    if (found := open_face_index(dataset, face)) is not None:
        return found
    if face.coefficients != len(dataset.names):
        raise DataError(dataset.name, f"{len(dataset.names)} coefficients", f"{face.coefficients} of {face.id}")
    with atomic_directory(_path(dataset, face)) as folder:
        factor = mesh_factor(face.gram)
        mean, axes, held = _axes(dataset, factor, progress)
        np.savez(folder / "basis.npz", mean=mean, factor=factor, axes=axes)
        count = _project(dataset, mean, factor, axes, folder, progress)
        write_json(
            folder / MANIFEST,
            {
                "version": VERSION,
                **source_labels(dataset.id, ArtefactId(FACES, face.id)),
                "dataset": dataset.name,
                "key": dataset.key,
                "face": face.id,
                "frames": count,
                "dimensions": axes.shape[1],
                "held": held,
            },
        )
    return FaceIndex(_path(dataset, face), dataset)


def _best_of_each_stretch(table: pd.DataFrame, apart_s: float) -> pd.DataFrame:
    """The first row of every stretch of `apart_s` in a recording: a still minute is a few rows, not thousands."""
    if apart_s <= 0:
        return table
    stretch = np.floor(table["time_s"] / apart_s).astype(np.int64)
    return table[~pd.DataFrame({"at": table["at"], "stretch": stretch}).duplicated()]


def _axes(dataset: Dataset, factor: np.ndarray, progress: Listener) -> tuple[np.ndarray, np.ndarray, float]:
    size = len(dataset.names)
    count, total, second, done = 0, np.zeros(size), np.zeros((size, size)), 0
    for frames in dataset.iter_frames():
        psi = frames.psi[frames.valid].astype(np.float64)
        count, total, second = count + len(psi), total + psi.sum(0), second + psi.T @ psi
        done += len(frames.psi)
        progress(Progress(task="moments", done=done // 2, total=dataset.frame_count, detail=frames.recording))
    mean = total / max(count, 1)
    covariance = factor.T @ (second / max(count, 1) - np.outer(mean, mean)) @ factor
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.clip(values[::-1], 0, None), vectors[:, ::-1]
    share = np.cumsum(values) / max(values.sum(), 1e-300)
    kept = min(int(np.searchsorted(share, HELD)) + 1, MOST, size)
    return mean, vectors[:, :kept], float(min(share[kept - 1], 1)) if values.sum() > 0 else 1.0


def _project(
    dataset: Dataset, mean: np.ndarray, factor: np.ndarray, axes: np.ndarray, folder: Path, progress: Listener
) -> int:
    recordings = dataset.recordings
    ends = np.cumsum(recordings["valid_frames"].to_numpy(np.int64))
    count = int(ends[-1]) if len(ends) else 0
    shapes = {
        "places": (np.float16, (count, axes.shape[1])),
        "beside": (np.float16, (count,)),
        "frame": (np.int64, (count,)),
        "time": (np.float64, (count,)),
    }
    out = {name: _array(folder / f"{name}.npy", dtype, shape) for name, (dtype, shape) in shapes.items()}
    done, start = 0, 0
    for frames in dataset.iter_frames():
        stop = start + int(frames.valid.sum())
        centred = (frames.psi[frames.valid] - mean) @ factor * 1e3
        on = centred @ axes
        out["places"][start:stop] = on
        out["beside"][start:stop] = np.sqrt(np.clip((centred**2).sum(1) - (on**2).sum(1), 0, None))
        out["frame"][start:stop], out["time"][start:stop] = frames.frame[frames.valid], frames.time_s[frames.valid]
        start, done = stop, done + len(frames.psi)
        progress(
            Progress(
                task="moments",
                done=dataset.frame_count // 2 + done // 2,
                total=dataset.frame_count,
                detail=frames.recording,
            )
        )
    for name, array in out.items():
        array.flush() if isinstance(array, np.memmap) else np.save(folder / f"{name}.npy", array)
    np.save(folder / "ends.npy", ends)
    return count


def _array(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    if not shape[0]:  # an empty file cannot be mapped
        return np.empty(shape, dtype)
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def _path(dataset: Dataset, face: FaceModel) -> Path:
    key = content_key([VERSION, dataset.key, face.id, HELD, MOST])
    return dataset.path.parent.parent / "analyses" / keyed_name(FACE_INDEX, key)
