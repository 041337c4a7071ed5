"""AU files into the store: read, match with the dataset's recordings, align, write, and account for all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dfe_core.artefact_names import ANALYSES, aus_name
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.recording_names import find_recording
from dfe_core.expressions.sources import find_files
from dfe_core.facs.action_units import DETECTOR_CAVEAT
from dfe_core.facs.detections import Detections
from dfe_core.facs.lag import count_lags, lag_line
from dfe_core.facs.readers import AuReadOptions, au_file_endings, read_aus
from dfe_core.facs.remarks import summarise
from dfe_core.facs.store import AlignedAus, AlignedFrames, AlignedWriter, open_au_writer, require_new_aus
from dfe_core.facs.time_alignment import Alignment, align
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import file_sha256

_LISTED = 5


@dataclass(kw_only=True)
class AuImportReport:
    """What an import of AUs did.

    aus: the AUs that were written. alignments: recording to its account. skipped: file (or part of one) to the error
    that says why. notes: file to what was done to its data. unmatched: recordings without AUs.
    """

    aus: AlignedAus | None = None
    alignments: dict[str, Alignment] = field(default_factory=dict)
    skipped: dict[str, DataError] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The report in a few lines, however many files, for a terminal or a page."""
        found = list(self.alignments.items())
        lines = (
            [
                f"{name}: {a.aligned} of {a.recording_frames} frames have AUs from {a.source} (tolerance "
                f"{a.tolerance_s:.3g} s, offset {a.offset_s:.3g} s)"
                for name, a in found
            ]
            if len(found) <= _LISTED
            else [self._frames()]
        )
        lines += [lag_line(count_lags(a.report() for _, a in found))] if found else []
        lines += summarise({name: a.notes for name, a in found}) + summarise(self.notes)
        lines += [f"skipped {why}" for why in list(self.skipped.values())[:_LISTED]]
        lines += [f"and skipped {len(self.skipped) - _LISTED} more"] if len(self.skipped) > _LISTED else []
        if self.unmatched:
            shown = ", ".join(self.unmatched[:5]) + (", …" if len(self.unmatched) > 5 else "")
            lines.append(f"no AUs for {len(self.unmatched)} recordings: {shown}")
        return lines

    def _frames(self) -> str:
        rows = self.alignments.values()
        count, total = sum(a.aligned for a in rows), sum(a.recording_frames for a in rows)
        worst, least = min(self.alignments.items(), key=lambda pair: pair[1].aligned / max(pair[1].recording_frames, 1))
        return (
            f"{count:,} of {total:,} frames in {len(rows)} recordings have AUs (least in {worst}: "
            f"{least.aligned:,} of {least.recording_frames:,})"
        )


@dataclass(frozen=True, kw_only=True)
class AuImportOptions:
    """What the user asks of an import of AUs.

    Attributes
    ----------
    format: a reader's FORMAT, or ``auto``. read: what the user says of the files.
    recordings: file stem to recording, where names do not match by themselves (`match_recording`).
    face: which face of a file with several; None for the one seen most often.
    tolerance_s, offset, max_offset_s: see `align`.
    """

    format: str = "auto"
    read: AuReadOptions = field(default_factory=AuReadOptions)
    recordings: Mapping[str, str] = field(default_factory=dict)
    face: str | None = None
    tolerance_s: float | None = None
    offset: float | str | None = None
    max_offset_s: float = 5.0


_DEFAULT = AuImportOptions()


@dataclass(frozen=True, kw_only=True)
class _Job:
    """An import of AUs under way."""

    name: str
    dataset: Dataset
    options: AuImportOptions
    report: AuImportReport
    files: list[Path]
    root: Path
    progress: Listener


@audited("import AUs", ANALYSES, lambda given: aus_name(given["dataset"].name, given["name"]), wait_s=0)
def import_aus(
    sources: Sequence[Path | str],
    dataset: Dataset,
    name: str,
    options: AuImportOptions = _DEFAULT,
    *,
    root: Path | None = None,
    progress: Listener = silent,
) -> AuImportReport:
    """Import AU files and join them to a dataset as the AUs `name`.

    sources: files, or folders of them, which are searched as those of ``dfe import`` are (`find_files`).

    A file that cannot be used is skipped with its reason and the rest goes on. Raises `DataError` where nothing could
    be imported at all, with the first reason.
    """
    require_new_aus(dataset.name, name, root or dataset.root)
    dataset = dataset.whole()  # what is excluded today may count again tomorrow
    files, unread = find_files(sources, endings=au_file_endings())
    report = AuImportReport(skipped={str(path): error for path, error in unread})
    job = _Job(
        name=name,
        dataset=dataset,
        options=options,
        report=report,
        files=files,
        root=root or dataset.root,
        progress=progress,
    )
    by_recording = _read_all(job)
    joined = _align_all(by_recording, job)
    if not joined:
        first = next(iter(report.skipped.values()), "no files given")
        raise DataError(name, f"nothing could be imported: {first}")
    _write(joined, by_recording, job)
    return report


def _read_all(job: _Job) -> dict[str, Detections]:
    """What every file holds, by the recording that it is of."""
    by_recording: dict[str, Detections] = {}
    own = {s.get("sha256"): list(s.get("recordings", ())) for s in job.dataset.manifest.get("sources", ())}
    for done, path in enumerate(job.files, 1):
        job.progress(Progress(task="read AU files", done=done, total=len(job.files), detail=path.name))
        try:
            parts = read_aus(path, job.options.read, job.options.format)
            names = own.get(file_sha256(path))
            parts, recordings = (parts, {}) if names is None or job.options.face else _of_same_file(parts, names)
            parts = parts if len(recordings) == len(parts) else _faces_to_take(parts, path, job)
        except DataError as error:
            job.report.skipped[str(path)] = error
            continue
        for part in parts:
            try:
                by_recording[_recording_of(part, path, by_recording, job, recordings.get(part.suffix))] = part
            except DataError as error:
                job.report.skipped[f"{path} {part.recording}".strip()] = error
                continue
            source = part.source if len(parts) == 1 else f"{part.source} ({part.recording})"
            job.report.notes[source] = part.notes
    return by_recording


def _recording_of(
    part: Detections, path: Path, known: Mapping[str, Detections], job: _Job, own: str | None = None
) -> str:
    """The recording that AUs are of, `own` where it was read from the very file. Raises `DataError` for another tool
    than before and a recording that has some."""
    tool = next((before.tool for before in known.values()), part.tool)
    if part.tool != tool:
        raise DataError(path, f"AUs of {part.tool}", f"{tool} like the files before it: one tool a name")
    recording = own or match_recording(part, path, job.dataset, job.options.recordings)
    if recording in known:
        raise DataError(
            path, f"recording {recording} has AUs from {known[recording].source} already", "one file per recording"
        )
    return recording


def _of_same_file(parts: list[Detections], names: list[str]) -> tuple[list[Detections], dict[str, str]]:
    """AUs of the very file that recordings of the dataset (`names`) were read from: both count from its first frame;
    and the recording of each by its suffix, where they can be told."""
    parts = [
        part if part.time_s is None else replace(part, time_s=part.time_s - part.time_s[0], same_file=True)
        for part in parts
    ]
    if len(parts) == len(names) == 1:
        return parts, {parts[0].suffix: names[0]}
    found = {part.suffix: [name for name in names if part.suffix and name.endswith(part.suffix)] for part in parts}
    return parts, {suffix: mine[0] for suffix, mine in found.items() if len(mine) == 1}


def _faces_to_take(parts: list[Detections], path: Path, job: _Job) -> list[Detections]:
    """The faces of every recording in a file that the dataset has as recordings of their own (``…-face1``), else one of
    each: the one asked for, or the first, which was seen most often."""
    face = job.options.face
    by_recording: dict[str, list[Detections]] = {}
    for part in parts:
        by_recording.setdefault(part.recording, []).append(part)
    chosen = []
    for group in by_recording.values():
        own = [part for part in group if face is None and _recording_of_face(part, path, job.dataset)]
        chosen += own or [_one_face(group, face, job.report)]
    return chosen


def _one_face(group: list[Detections], face: str | None, report: AuImportReport) -> Detections:
    named = [part for part in group if face is not None and part.face == face]
    if face is not None and len(group) > 1 and not named:
        raise DataError(group[0].source, f"no face {face}", f"one of {', '.join(part.face for part in group)}")
    chosen = (named or group)[0]
    if len(group) > 1:
        report.notes[f"{chosen.source} {chosen.recording}".strip() + ", faces"] = (
            f"{len(group)} faces: face {chosen.face} taken, the others left out",
        )
    return chosen


def _recording_of_face(part: Detections, path: Path, dataset: Dataset) -> str:
    """The recording of the dataset that is this face of the file, empty where there is none."""
    if not part.face:
        return ""
    names = {name.lower(): name for name in dataset.recordings["recording"]}
    stems = [stem for stem in (path.stem, part.recording, f"{path.stem}-{part.recording}") if stem]
    return next((names[key] for stem in stems if (key := f"{stem}-face{part.face}".lower()) in names), "")


def match_recording(part: Detections, path: Path, dataset: Dataset, given: Mapping[str, str]) -> str:
    """The recording that a file's AUs belong to: as given, by equal name, or by the one name that holds the other.

    The names compared are the recording that the file itself names, then the file's stem, then that of its folder. One
    file for a dataset of one recording always matches. Raises `DataError` where none or several would do.
    """
    if found := _recording_of_face(part, path, dataset):
        return found
    names = dataset.recordings["recording"].tolist()
    wanted = [w for w in (part.recording, path.stem, path.parent.name) if w]
    for stem in wanted[:2]:
        if stem in given:
            if given[stem] not in names:
                raise DataError(
                    path,
                    f"recording {given[stem]!r}, as given, is not in dataset {dataset.name}",
                    "one listed by `dfe show`",
                )
            return given[stem]
    return find_recording(wanted, names, path, dataset.name)


def _align_all(by_recording: dict[str, Detections], job: _Job) -> dict[str, AlignedFrames]:
    """AUs on the frames of their recordings, of those that could be aligned."""
    joined, dataset, options = {}, job.dataset, job.options
    rates = dict(zip(dataset.recordings["recording"], dataset.recordings["fps"], strict=True))
    for done, (recording, part) in enumerate(by_recording.items(), 1):
        job.progress(Progress(task="align AUs", done=done, total=len(by_recording), detail=recording))
        try:
            joined[recording], job.report.alignments[recording] = align(
                part,
                dataset.frames(recording),
                dataset.names,
                rates[recording],
                tolerance_s=options.tolerance_s,
                offset=0.0 if part.same_file and options.offset is None else options.offset,
                max_offset_s=options.max_offset_s,
            )
        except DataError as error:
            job.report.skipped[part.source] = error
    job.report.unmatched = tuple(r for r in rates if r not in joined)
    return joined


def _write(joined: dict[str, AlignedFrames], parts: dict[str, Detections], job: _Job) -> None:
    used = [parts[r] for r in joined]
    aus = tuple(sorted(dict.fromkeys(pair for part in used for pair in part.aus), key=_facs_order))
    with open_au_writer(job.dataset.name, job.name, aus, job.root) as writer:
        for recording in job.dataset.recordings["recording"]:
            if recording in joined:
                writer.add(
                    recording,
                    _on_columns(joined[recording], parts[recording].aus, aus),
                    job.report.alignments[recording].report(),
                )
            else:
                writer.add(recording, None)
        _close(writer, used, job)
    job.report.aus = AlignedAus.open(job.dataset.name, job.name, job.root)


def _facs_order(pair: tuple[str, str]) -> tuple[int, str]:
    return int(pair[0][2:]), pair[1]


def _on_columns(
    frames: AlignedFrames, own: tuple[tuple[str, str], ...], aus: tuple[tuple[str, str], ...]
) -> AlignedFrames:
    """The columns of one file among those of all: an AU that this file lacks is not measured in it."""
    where = [aus.index(pair) for pair in own]
    wide = [np.full((len(frames.frame), len(aus)), np.nan, np.float32) for _ in range(2)]
    for out, values in zip(wide, (frames.presence, frames.intensity), strict=True):
        out[:, where] = values
    return AlignedFrames(frames.frame, *wide)


def _close(writer: AlignedWriter, used: list[Detections], job: _Job) -> None:
    report = job.report
    notes = [] if used[0].is_intervals else [DETECTOR_CAVEAT]
    writer.close(
        {
            "name": job.name,
            "dataset": job.dataset.name,
            "dataset_key": job.dataset.stored_key,
            "tool": used[0].tool,
            "version": used[0].version,
            "estimate": any(part.estimate for part in used),
            "emits": list(dict.fromkeys(au for part in used for au in part.emits)),
            "sources": [{"file": f.name, "sha256": file_sha256(f)} for f in job.files if f.is_file()],
            "skipped": [str(error) for error in report.skipped.values()],
            "notes": [
                *notes,
                lag_line(count_lags(a.report() for a in report.alignments.values())),
                *summarise(report.notes),
            ],
            "file_notes": {source: list(lines) for source, lines in report.notes.items() if lines},
        }
    )
