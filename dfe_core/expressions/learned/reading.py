"""Landmark and mesh files read, checked against each other, and their points put on disk in metres."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.import_report import nothing_imported
from dfe_core.expressions.landmark_recording import SPACES, PointTrack
from dfe_core.expressions.learned.tracks import Job, LandmarkTrack, typical_shape
from dfe_core.expressions.naming import check_time, recording_names, subject_and_session
from dfe_core.expressions.neutral import thinned
from dfe_core.expressions.readers.mesh_sequence import MESH_ENDINGS
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader, read_head
from dfe_core.expressions.sources import READER_VERSION, file_content, find_files, read_recordings
from dfe_core.faces.frontal import guess_scale, is_mirrored
from dfe_core.faces.layouts import layout_of
from dfe_core.progress import Progress
from dfe_core.store import content_key

_POSITIONS = ("openface", "mediapipe_landmarks", "mesh_sequence", "landmarks")
LEARNED = frozenset(name.replace("_", "-") for name in _POSITIONS)
"""Formats of positions, for which a face is learned."""
_PART = 1 << 18  # coordinates written at once, which fit the cache


def mesh_folders(sources: Sequence[str | Path]) -> tuple[list[Path], list[str | Path]]:
    """Folders of mesh files, each one recording, and the sources that are left (folders without any mesh file)."""
    meshes: list[Path] = []
    rest: list[str | Path] = []
    for source in sources:
        found = (
            [
                Path(where)
                for where, folders, names in sorted(os.walk(source))
                if any(n.lower().endswith(MESH_ENDINGS) for n in names)
            ]
            if Path(source).is_dir()
            else []
        )
        meshes += found
        if not found:
            rest.append(source)
    return meshes, rest


def read_all(sources: Sequence[str | Path], job: Job, folder: Path) -> None:
    """Points of every recording to disk; what cannot be read, or has other points, is skipped with its reason."""
    meshes, rest = mesh_folders(sources)
    files, unread = find_files(rest, job.labels.path)
    paths, seen = [*meshes, *files], {}
    check_time(job.pattern, paths)
    options = ReadOptions(fps=job.fps, extractor=job.extractor, time=job.time)
    for i, (path, name) in enumerate(zip(paths, recording_names(paths), strict=True)):
        job.progress(Progress(task="read points", done=i, total=len(paths), detail=path.name))
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
        job.sources.append(
            {
                "file": path.name,
                "sha256": digest,
                "bytes": size,
                "reader": reader.FORMAT,
                "reader_version": READER_VERSION,
                "why": why,
                "recordings": [t.head.name for t in kept],
                "notes": [n for t in kept for n in t.head.notes],
            }
        )
    job.progress(Progress(task="read points", done=len(paths), total=len(paths)))
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


def _keep(path: Path, name: str, track: PointTrack, job: Job, folder: Path) -> LandmarkTrack:
    """Check a track against the first, write its points, and keep the rest of it."""
    if track.space not in SPACES:
        raise DataError(
            path,
            f"{track.space} coefficients, which have a face already",
            "landmarks or meshes with --face learn; leave --face out for coefficients",
        )
    points, signs = track.raw, track.signs
    if job.tracks:
        _same_points(path, track, job.tracks[0])
    added = track.name.removeprefix(path.stem) if track.name.startswith(path.stem) else ""
    by_name, by_table = subject_and_session(path, job.pattern), job.labels.person(name + added)
    subject, session = (t or n or r for t, n, r in zip(by_table, by_name, (track.subject, track.session), strict=True))
    layout = layout_of(points.shape[1]) if track.space == "landmarks" else None
    rows = np.flatnonzero(track.valid)
    typical = typical_shape(points[rows[thinned(len(rows), points[0].size)]] * signs)
    notes = track.notes
    if is_mirrored(typical, layout):
        turned = np.array([1, 1, -1] if track.dimensions == 3 else [1, -1], np.float32)
        signs, typical = signs * turned, typical * turned
        notes = (
            *notes,
            "The points are the mirror image of a face: "
            f"{'depth' if track.dimensions == 3 else 'height'} turned round.",
        )
    scale = guess_scale(typical, layout, track.metric)
    file = folder / f"{next(job.numbers):06d}.npy"
    _save(file, points, signs * np.float32(scale.metres))
    head = replace(
        track,
        name=name + added,
        psi=np.zeros((0, track.psi.shape[1]), np.float32),
        subject=subject or name + added,
        session=session,
        notes=(*notes, f"Points {scale.why}."),
    )
    return LandmarkTrack(head=head, file=file, source=path, scale=scale, valid=track.valid.copy())


def _save(file: Path, points: np.ndarray, factors: np.ndarray) -> None:
    """Write (T, V, D) points times (D,) factors as float32, a part at a time: an hour of them is not copied."""
    step = max(1, _PART // max(points[0].size, 1))
    with open(file, "wb") as handle:
        np.lib.format.write_array_header_1_0(handle, {"descr": "<f4", "fortran_order": False, "shape": points.shape})
        for start in range(0, len(points), step):
            handle.write((points[start : start + step] * factors).astype("<f4", copy=False).data)


def _same_points(path: Path, track: PointTrack, first: LandmarkTrack) -> None:
    found, wanted = ((t.space, len(t.names) // t.dimensions, t.dimensions) for t in (track, first.head))
    if found != wanted:
        said = [
            f"{count:,} {'vertices' if space == 'mesh' else 'landmarks'} in {d}-D"
            for space, count, d in (found, wanted)
        ]
        raise DataError(path, said[0], f"{said[1]} as in {first.source.name}: one set of points a dataset")
    if track.extractor != first.head.extractor:
        raise DataError(
            path,
            f"points of {track.extractor}",
            f"those of {first.head.extractor} as in {first.source.name}: one tool a dataset",
        )
