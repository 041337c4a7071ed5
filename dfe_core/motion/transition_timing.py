"""When the regions of a face move in a transition: learned from the transitions of a dataset.

A new transition takes its time from those that are alike: in how long they take, in direction, and in whether they lead
away from rest or back to it. Each region's share of the way at every moment is the weighted least-squares one over
them, drawn towards that of the whole face.

Letters of the shapes: N transitions, P places in time, R regions, E coefficients, D dimensions of the face.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from dfe_core.artefact import ArtefactId, OpenedArtefact, source_labels
from dfe_core.artefact_names import ANALYSES, DATASETS, FACES, MANIFEST, TRANSITIONS, is_face_file, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.arkit import canonical_name
from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.integrity import check, is_whole
from dfe_core.motion.real_transitions import RealTransition, face_factor, find_transitions
from dfe_core.store import artefact_path, atomic_directory, content_key, write_json

VERSION = 1
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "brows": ("brow",),
        "eyes": ("eye",),
        "cheeks": ("cheek", "nose"),
        "mouth": ("upper lip", "lower lip", "mouth corner", "jaw"),
    }
)
"""The parts of a face that have a time of their own, and their regions."""
PLACES = 21
FEWEST = 20
"""Transitions that a dataset must have to learn from."""
_LEAST_MM = 0.5
_DURATION, _DIRECTION, _FROM_REST = 0.3, 0.1, 0.3
"""Widths of likeness: of the logarithm of the time, of the cosine, and of the change in distance from rest over both
distances."""
_SHRINK = 0.2
_ARRAYS = "arrays.npz"


@dataclass(frozen=True, eq=False, kw_only=True)
class TransitionTiming:
    """The transitions of a dataset, as far as their timing goes.

    way (N, D): from end to end, mm. seconds (N,). from_rest (N,): change in distance from rest over the sum of both.
    inner (N, R, R), along (N, P, R): normal equations of the regions' shares of the way. subjects, recordings (N,) and
    start_s (N,): where each is.
    """

    way: np.ndarray
    seconds: np.ndarray
    from_rest: np.ndarray
    inner: np.ndarray
    along: np.ndarray
    subjects: tuple[str, ...]
    recordings: tuple[str, ...]
    start_s: np.ndarray

    def likeness(self, face: FaceModel, start: np.ndarray, stop: np.ndarray, seconds: float) -> np.ndarray:
        """(N,) weights, adding up to 1, of the transitions for a new one between ψ (E,) in so many seconds."""
        factor = face_factor(face)
        before, after = float(np.linalg.norm(start @ factor)), float(np.linalg.norm(stop @ factor))
        way = (np.asarray(stop, np.float64) - start) @ factor
        cosine = self.way @ way / np.maximum(np.linalg.norm(self.way, axis=1) * np.linalg.norm(way), 1e-12)
        away = (after - before) / max(after + before, 1e-12)
        weight = (
            cosine / _DIRECTION
            - 0.5 * (np.log(self.seconds / seconds) / _DURATION) ** 2
            - 0.5 * ((self.from_rest - away) / _FROM_REST) ** 2
        )
        likely = np.exp(weight - weight.max())
        return likely / likely.sum()

    def shares(self, face: FaceModel, start: np.ndarray, stop: np.ndarray, seconds: float) -> np.ndarray:
        """(P, R) share of the way of every one of `timed_parts` at evenly spread times, never falling, from 0 to 1."""
        weight = self.likeness(face, start, stop, seconds)
        inner, along = np.tensordot(weight, self.inner, 1), np.tensordot(weight, self.along, 1)
        whole = along.sum(1) / max(inner.sum(), 1e-12)
        ridge = max(_SHRINK * float(np.trace(inner)) / len(inner), 1e-9)
        parts = np.linalg.solve(inner + ridge * np.eye(len(inner)), (along + ridge * whole[:, None]).T).T
        parts[0], parts[-1] = 0, 1
        return np.maximum.accumulate(np.clip(parts, 0, 1), axis=0)

    def without(self, people: Iterable[str]) -> TransitionTiming:
        """The same without the transitions of some people."""
        gone = set(people)
        kept = np.array([subject not in gone for subject in self.subjects])
        return TransitionTiming(
            way=self.way[kept],
            seconds=self.seconds[kept],
            from_rest=self.from_rest[kept],
            inner=self.inner[kept],
            along=self.along[kept],
            subjects=tuple(np.array(self.subjects, object)[kept]),
            recordings=tuple(np.array(self.recordings, object)[kept]),
            start_s=self.start_s[kept],
        )


def timed_parts(face: FaceModel) -> Mapping[str, tuple[str, ...]]:
    """The parts of a face and their regions: `PARTS`, or the whole face where no vertex is in any of their regions.

    Such is a face that is learned from points whose regions nobody has said.
    """
    known = np.isin(face.regions, [REGIONS.index(name) for regions in PARTS.values() for name in regions])
    return PARTS if known.any() else {"face": REGIONS}


def part_matrices(face: FaceModel) -> np.ndarray:
    """(R, E, E) that split ψ (as ``matrix @ psi``) into what each of `timed_parts` does; they add up to the identity.

    ARKit coefficients go to the part they move most; of others, each part's displacement is projected on the basis.
    Raises `DataError` without a mesh.
    """
    if not face.has_mesh:
        raise DataError(face.id, "no mesh, and so no regions", "a face with a mesh")
    parts = timed_parts(face)
    if len(parts) == 1:
        return np.eye(face.coefficients)[None]
    grams = np.stack([_gram(face, regions) for regions in parts.values()])
    if any(canonical_name(name) for name in face.names):
        most = np.stack([np.diag(gram) for gram in grams]).argmax(0)
        return np.stack([np.diag((most == part).astype(np.float64)) for part in range(len(parts))])
    whole = grams.sum(0)
    whole = whole + 1e-9 * np.trace(whole) * np.eye(len(whole))
    found = np.stack([np.linalg.solve(whole, gram) for gram in grams])
    found[-1] += np.eye(face.coefficients) - found.sum(0)
    return found


def learn_timing(transitions: Iterable[RealTransition], face: FaceModel) -> TransitionTiming:
    """From transitions to their timing. Raises `DataError` for fewer than `FEWEST`."""
    factor, parts, places = face_factor(face), part_matrices(face), np.linspace(0, 1, PLACES)
    kept, rows = [], []
    for one in transitions:
        way = (one.psi[-1] - one.psi[0]) @ factor
        size = float(np.linalg.norm(way))
        if size < _LEAST_MM:
            continue
        time = (one.time_s - one.time_s[0]) / (one.time_s[-1] - one.time_s[0])
        moved = (one.psi - one.psi[0]) @ factor
        path = np.stack([np.interp(places, time, column) for column in moved.T], 1) / size
        own = parts @ (one.psi[-1] - one.psi[0]) @ factor / size
        ends = [float(np.linalg.norm((psi - one.rest) @ factor)) for psi in (one.psi[0], one.psi[-1])]
        seconds = float(one.time_s[-1] - one.time_s[0])
        kept.append(one)
        rows.append((way, seconds, (ends[1] - ends[0]) / max(sum(ends), 1e-12), own @ own.T, path @ own.T))
    if len(kept) < FEWEST:
        raise DataError("transitions", f"{len(kept)} between rest and an apex", f"recordings with {FEWEST} or more")
    ways, lasting, from_rest, inner, along = (np.array(column) for column in zip(*rows, strict=True))
    return TransitionTiming(
        way=ways,
        seconds=lasting,
        from_rest=from_rest,
        inner=inner,
        along=along,
        subjects=tuple(one.subject for one in kept),
        recordings=tuple(one.recording for one in kept),
        start_s=np.array([one.time_s[0] for one in kept]),
    )


def open_timing(dataset: Dataset) -> TransitionTiming | None:
    """The timing learned from a dataset, None where it has not been."""
    path = _path(dataset)
    if not is_whole(path):
        return None
    stored_manifest = OpenedArtefact(path).manifest
    with np.load(check(path / _ARRAYS), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return TransitionTiming(
        subjects=tuple(stored_manifest["subjects"]), recordings=tuple(stored_manifest["recordings"]), **arrays
    )


def find_timing(dataset: Dataset, face: FaceModel) -> TransitionTiming:
    """The timing of a dataset's transitions: opened, or learned and kept under ``analyses/transitions-<key>/``.

    Raises `DataError` as `learn_timing` does.
    """
    if (found := open_timing(dataset)) is not None:
        return found
    timing = learn_timing(find_transitions(dataset, face), face)
    faces = [ArtefactId(FACES, face.id)] if is_face_file(face.id) else []
    with atomic_directory(_path(dataset)) as folder:
        np.savez(
            folder / _ARRAYS,
            way=timing.way,
            seconds=timing.seconds,
            from_rest=timing.from_rest,
            inner=timing.inner,
            along=timing.along,
            start_s=timing.start_s,
        )
        about = {
            "version": VERSION,
            **source_labels(ArtefactId(DATASETS, dataset.name), *faces),
            "dataset": dataset.name,
            "dataset_key": dataset.key,
            "simulated": dataset.simulated,
            "subjects": list(timing.subjects),
            "recordings": list(timing.recordings),
        }
        write_json(folder / MANIFEST, about)
    return timing


def _path(dataset: Dataset) -> Path:
    return artefact_path(
        ANALYSES, keyed_name(TRANSITIONS, content_key([VERSION, dataset.name, dataset.key])), dataset.root
    )


def _gram(face: FaceModel, regions: tuple[str, ...]) -> np.ndarray:
    own = np.isin(face.regions, [REGIONS.index(name) for name in regions])
    flat = face.basis[:, own].reshape(face.coefficients, -1).astype(np.float64)
    return flat @ flat.T
