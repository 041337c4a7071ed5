"""Recordings of other tools into one dataset: files found, read, brought to a face's coefficients, written whole."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.adjusting import RESTS, adjust
from dfe_core.expressions.dataset import Dataset, DatasetWriter, open_writer
from dfe_core.expressions.disk_buffer import Spool
from dfe_core.expressions.extractor_scales import common_scales, extractor_note, rescaled, tool
from dfe_core.expressions.import_report import ImportReport, nothing_imported
from dfe_core.expressions.labels import Labels, read_labels
from dfe_core.expressions.naming import check_time, compile_pattern, recording_names, subject_and_session
from dfe_core.expressions.pose_field import METHODS
from dfe_core.expressions.readers.options import ReadOptions, parse_time
from dfe_core.expressions.readers.registry import find_reader, readers
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.resample import MAX_BRIDGED_GAP_S, resample
from dfe_core.expressions.sources import READER_VERSION, file_content, file_state, find_files, read_recordings
from dfe_core.expressions.timing import check_fps
from dfe_core.faces import open_face
from dfe_core.faces.coefficients import BFM_ID, flame_id
from dfe_core.faces.model import FaceModel
from dfe_core.faces.names import coefficient_map
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, cache_root, file_sha256, one_writer

SPACES = ("arkit", "flame", "bfm", "landmarks", "mesh")
"""Families of coefficients that faces share; those of any other space are of the one face that it names."""
_OWN_MODELS = ("flame", "bfm")
"""Families whose face is the user's own file."""


@one_writer("datasets")
def import_dataset(
    sources: Sequence[str | Path],
    name: str,
    *,
    face: str = "anny",
    format: str = "auto",
    labels: str | Path | None = None,
    subject_pattern: str | None = None,
    fps: float | None = None,
    time: str | None = None,
    extractor: str | None = None,
    mix_extractors: bool = False,
    pose_correction: str | None = None,
    rest: str = "keep",
    reader: Any = None,
    root: Path | None = None,
    progress: Listener = silent,
) -> ImportReport:
    """Read files and folders of recordings and write ``datasets/<name>``, holding one recording at a time.

    A file that cannot be read is left out and named in the report; the dataset appears whole or not at all.

    Parameters
    ----------
    face: as `open_face` takes it, or ``learn`` for a basis learned from mesh or landmark sequences (``learned-…`` for
        one learned before). FLAME and BFM data with the default face go to their coefficient space without a mesh.
    format: a reader's FORMAT, or ``auto``.
    labels: a CSV as `read_labels` takes it. subject_pattern: as `naming.who` takes it.
    fps: for files without times, and the rate that all others are resampled to; None keeps every file's own.
    time: the column of times and how many of its counts make a second (``frame/60``), where a file's own are none.
    extractor: the tool that made the files, where they do not tell it (SPECTRE writes DECA's keys).
    mix_extractors: take files of several extractors of one family, those of FLAME and BFM brought to one range
        (`mixing`); every file is then read twice.
    pose_correction: ``field`` or ``none``, as `import_learned` and `adjusting.adjust` take it; None: ``field`` for a
        learned face, ``none`` for coefficients.
    rest: ``keep``, or ``remove`` to take each person's resting face off coefficients (`adjusting`); a learned face is
        about rest always.
    reader: reads every file, in the place of the one that `find_reader` finds; with its FORMAT, TITLE and read, and
        MAX_BYTES where it takes larger files than others.

    Raises `DataError` when nothing can be imported, the dataset exists, FLAME and ARKit data or data of several
    extractors would be mixed (`mixing.tool` tells which count as one), and for a wrong option.
    """
    if face == "learn" or face.startswith("learned-"):
        from dfe_core.expressions.learned_basis import import_learned

        return import_learned(
            sources,
            name,
            face=face,
            format=format,
            labels=labels,
            subject_pattern=subject_pattern,
            fps=fps,
            time=time,
            extractor=extractor,
            pose_correction=pose_correction or "field",
            reader=reader,
            root=root,
            progress=progress,
        )
    job = _Job(
        name=name,
        face=face,
        format=format,
        labels=read_labels(labels),
        pattern=compile_pattern(subject_pattern),
        options=ReadOptions(fps=fps, extractor=extractor, time=parse_time(time)),
        root=root,
        reader=reader,
        rest=rest,
        pose=pose_correction or "none",
    )
    _check_request(job)
    files, unread = find_files(sources, job.labels.path)
    check_time(job.pattern, files)
    if mix_extractors:
        job.scales = common_scales(_each_recording(files, job, progress))
    with contextlib.ExitStack() as stack:
        for i, (path, recording) in enumerate(zip(files, recording_names(files), strict=True)):
            progress(Progress(task="import", done=i, total=len(files), detail=path.name))
            _import_file(path, recording, job, stack, progress)
        progress(Progress(task="import", done=len(files), total=len(files)))
        job.skipped = [*unread, *job.skipped]
        if job.writer is None:
            raise nothing_imported(job.name, job.skipped)
        job.notes += [*job.labels.unused(), *_about(job)]
        job.writer.close(_manifest(job))
        if job.adjusted:
            job.notes += adjust(
                Dataset(job.writer.folder), name, job.model, rest=job.rest, pose=job.pose, root=root, progress=progress
            )
    return ImportReport(
        dataset=name,
        face=job.model.id,
        imported=tuple(job.imported),
        skipped=tuple(job.skipped),
        notes=tuple(job.notes),
    )


@dataclass(kw_only=True)
class _Job:
    """An import under way."""

    name: str
    face: str
    format: str
    labels: Labels
    pattern: Any
    options: ReadOptions
    root: Path | None
    reader: Any = None
    rest: str = "keep"
    pose: str = "none"
    scales: dict[str, float] | None = None
    model: FaceModel | None = None
    writer: DatasetWriter | None = None
    first: tuple[Path, Recording] | None = None
    simulated: bool = False
    taken: set[str] = field(default_factory=set)
    contents: dict[str, Path] = field(default_factory=dict)
    extractors: dict[str, str] = field(default_factory=dict)
    tools: dict[str, Path] = field(default_factory=dict)
    imported: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    sources: Spool = field(default_factory=Spool)
    notes: list[str] = field(default_factory=list)

    @property
    def adjusted(self) -> bool:
        """Whether ψ change once everything is read."""
        return self.rest != "keep" or self.pose != "none"


class _EndsImport(DataError):
    """Not one file's fault: the face cannot be opened, or which of two files is meant cannot be guessed."""


def _check_request(job: _Job) -> None:
    if (artefact_path("datasets", job.name, job.root) / "manifest.json").is_file():
        raise DataError(job.name, "a dataset of this name exists", f"another name, or `dfe rm {job.name}` first")
    for option, value, known in (("--rest", job.rest, RESTS), ("--pose-correction", job.pose, METHODS)):
        if value not in known:
            raise DataError(f"{option} {value}", "no such method", ", ".join(known))
    if job.options.fps is not None:
        check_fps(job.options.fps, "--fps")
    known = [r.FORMAT for r in readers()]
    if job.face != "anny":
        job.model = open_face(job.face, job.root)  # a wrong face is told before an hour of reading
    if job.format != "auto" and job.format not in known:
        raise DataError(f"--format {job.format}", "no such format", ", ".join(("auto", *known)))


def _import_file(path: Path, name: str, job: _Job, stack: contextlib.ExitStack, progress: Listener) -> None:
    try:
        state = file_state(path)
        size, digest = file_content(path, job.reader)
        if digest in job.contents:
            raise DataError(path, f"the same content as {job.contents[digest]}", "each recording once")
        reader, why = (job.reader, "as asked") if job.reader else find_reader(path, job.format)
        found = [rescaled(r, job.scales or {}) for r in read_recordings(path, reader, job.options)]
        names = _distinct([_renamed(name, path, r, reader) for r in found], name, job)
        ready = [_prepare(path, r, n, job, progress) for r, n in zip(found, names, strict=True)]
        if file_state(path) != state:
            raise DataError(path, "a file that changed while it was read", "one that is finished")
    except _EndsImport:
        raise
    except DataError as error:
        job.skipped.append((path, str(error)))
        return
    for recording in ready:
        _write(path, recording, job, stack)
    job.contents[digest] = path
    job.sources.append(
        {
            "file": path.name,
            "sha256": digest,
            "bytes": size,
            "reader": reader.FORMAT,
            "reader_version": READER_VERSION,
            "why": why,
            "recordings": [r.name for r in ready],
            "notes": [note for r in ready for note in r.notes],
        }
    )


def _each_recording(files: list[Path], job: _Job, progress: Listener) -> Iterator[Recording]:
    """Every recording that can be read; the import itself will name the others."""
    for i, path in enumerate(files):
        progress(Progress(task="compare extractors", done=i, total=len(files), detail=path.name))
        try:
            file_content(path, job.reader)
            yield from read_recordings(path, job.reader or find_reader(path, job.format)[0], job.options)
        except DataError:
            continue


def _distinct(names: list[str], source: str, job: _Job) -> list[str]:
    """Names that no recording has yet: with the source's name, then with a number, where one is taken."""
    out: list[str] = []
    for name in names:
        choices = itertools.chain((name, f"{source}-{name}"), (f"{name}-{i}" for i in itertools.count(2)))
        out.append(next(choice for choice in choices if choice not in job.taken))
        job.taken.add(out[-1])
    return out


def _renamed(name: str, path: Path, recording: Recording, reader: Any) -> str:
    """The file's unique name, with what the reader added to its stem (``-face1``); the recording's own where a source
    names its recordings itself."""
    if getattr(reader, "KEEPS_NAMES", False):
        return recording.name
    added = recording.name.removeprefix(path.stem) if recording.name.startswith(path.stem) else f"-{recording.name}"
    return name + added


def _prepare(path: Path, recording: Recording, name: str, job: _Job, progress: Listener) -> Recording:
    """The recording as the dataset takes it: named, on the face's coefficients, at the rate asked for."""
    _check_space(path, recording, job)
    if job.model is None:
        job.model = _face_for(recording, job, progress)
    on_face = _on_face(path, _with_person(path, recording, name, job), job.model)
    return on_face if job.options.fps is None else resample(on_face, job.options.fps)


def _write(path: Path, recording: Recording, job: _Job, stack: contextlib.ExitStack) -> None:
    if job.writer is None:
        job.first = path, recording
        job.writer = stack.enter_context(
            _staged(job) if job.adjusted else open_writer(job.name, job.model.names, job.root)
        )
    job.simulated |= bool(recording.source.get("simulated"))
    job.writer.add(recording, recording.source.get("labels", {}) | job.labels.of(recording.name, recording.subject))
    job.extractors.setdefault(recording.extractor, path.name)
    if made_by := tool(recording.space, recording.extractor):
        job.tools.setdefault(made_by, path)
    notes = tuple(map(sys.intern, recording.notes))  # of ten thousand files most say the same
    job.imported.append((recording.name, len(recording.psi), notes))


@contextlib.contextmanager
def _staged(job: _Job) -> Iterator[DatasetWriter]:
    """A writer of what `adjust` makes the dataset of."""
    root = job.root or cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".importing-", dir=root) as folder:
        yield DatasetWriter(Path(folder), job.model.names, job.root)


def _check_space(path: Path, recording: Recording, job: _Job) -> None:
    """Refuse what would make one coefficient mean two things in one dataset."""
    if job.first is None:
        return
    other, first = job.first
    if recording.space != first.space:
        raise _EndsImport(
            path,
            f"{recording.space} coefficients, but {other} holds {first.space} coefficients",
            "one kind a dataset: import them under two names",
        )
    _check_tool(path, recording, job)
    if job.face == "anny" and recording.space == "flame" and recording.names != job.model.names:
        raise _EndsImport(
            path,
            f"{_expressions(recording)} expression components, but {other} has {_expressions(first)}",
            "one number of components a dataset",
        )


def _check_tool(path: Path, recording: Recording, job: _Job) -> None:
    made_by = tool(recording.space, recording.extractor)
    if not made_by or not job.tools or made_by in job.tools or job.scales is not None:
        return
    known, other = next(iter(job.tools.items()))
    how = "takes them as they are" if recording.space == "arkit" else "brings them to one range"
    raise _EndsImport(
        path,
        f"made by {made_by}, but {other} by {known}, and extractors differ in scale",
        f"one extractor a dataset, or --mix-extractors, which {how}",
    )


def _expressions(recording: Recording) -> int:
    return sum(name.startswith("exp_") for name in recording.names)


def _face_for(recording: Recording, job: _Job, progress: Listener) -> FaceModel:
    """The face asked for; for FLAME's or BFM's data and the default face, their coefficients without a mesh."""
    try:
        if recording.space not in SPACES and job.face == "anny":
            return open_face(recording.space, job.root, progress)
        if recording.space not in _OWN_MODELS or job.face != "anny":
            return open_face(job.face, job.root, progress)
    except DataError as error:
        raise _EndsImport(error.where, error.found, error.expected) from None
    job.notes.append(
        f"{recording.space.upper()} coefficients: trained and tokenised without a mesh. To see faces, "
        f"give your own licensed {recording.space.upper()} file: --face {recording.space}:PATH."
    )
    return open_face(BFM_ID if recording.space == "bfm" else flame_id(_expressions(recording)), job.root)


def _with_person(path: Path, recording: Recording, name: str, job: _Job) -> Recording:
    by_name, by_table = subject_and_session(path, job.pattern), job.labels.person(name)
    if job.pattern is not None and not by_name[0] and not by_table[0]:
        job.notes.append(f"--subject-pattern finds no subject in {path.name}: {name} counts as a subject of its own.")
    subject, session = (
        t or n or r for t, n, r in zip(by_table, by_name, (recording.subject, recording.session), strict=True)
    )
    return replace(recording, name=name, subject=subject or name, session=session)


def _on_face(path: Path, recording: Recording, model: FaceModel) -> Recording:
    """ψ in the face's coefficients. Raises `DataError` when the face answers to none of the names."""
    if recording.space not in SPACES and recording.space != model.id:
        raise DataError(
            path,
            f"coefficients of the face {recording.space}, which mean nothing on {model.id}",
            "the face they were made for, its npz under faces/ of the cache",
        )
    if recording.names == model.names:
        return recording
    if recording.space in ("landmarks", "mesh"):
        raise DataError(
            path,
            f"positions of a {recording.space.removesuffix('s')} sequence, no coefficients",
            "--face learn, which makes a face of them, or --fit",
        )
    matrix, missing = coefficient_map(recording.names, model)
    if len(missing) == len(recording.names):
        raise DataError(
            path,
            f"{recording.space} coefficients, to which the face {model.id} does not answer",
            "--face flame:PATH or bfm:PATH (or none) for their own data, anny or ict:PATH for ARKit data",
        )
    lost = (f"The face {model.id} does not have: {', '.join(missing)}.",) if missing else ()
    permuted = np.array_equal(matrix, matrix.astype(bool)) and (matrix.sum(0) <= 1).all()
    psi = _gather(recording.psi, matrix) if permuted else recording.psi @ matrix
    return replace(
        recording, names=model.names, psi=psi.astype(np.float32, copy=False), notes=(*recording.notes, *lost)
    )


def _gather(psi: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """``psi @ matrix`` where each column takes one coefficient or none: exact, and without the product."""
    out = np.zeros((len(psi), matrix.shape[1]), np.float32)
    filled = np.flatnonzero(matrix.any(0))
    out[:, filled] = psi[:, matrix[:, filled].argmax(0)]
    return out


def _about(job: _Job) -> list[str]:
    if len(job.extractors) < 2:
        return []
    return [extractor_note(job.scales or {}, job.extractors)]


def _manifest(job: _Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "face": job.model.id,
        "simulated": job.simulated,
        "sources": list(job.sources),
        "dropped": [{"file": path.name, "why": _without_folder(path, why)} for path, why in job.skipped],
        "notes": job.notes,
        "settings": {
            "format": job.format,
            "fps": job.options.fps,
            "rest": job.rest,
            "pose_correction": job.pose,
            "max_bridged_gap_s": MAX_BRIDGED_GAP_S,
            "time": None if job.options.time is None else asdict(job.options.time),
            "extractor": job.options.extractor,
            "extractor_scales": job.scales,
            "subject_pattern": job.pattern.pattern if job.pattern else None,
            "labels": {"file": job.labels.path.name, "sha256": file_sha256(job.labels.path), "key": job.labels.key}
            if job.labels.path
            else None,
        },
    }


def _without_folder(path: Path, why: str) -> str:
    """A message without the folders of this machine: manifests travel."""
    folder = str(path.parent)
    return why.replace(folder + os.sep, "") if folder not in ("", ".") else why
