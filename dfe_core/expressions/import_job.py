"""An import under way: what was asked, what came in, what was left out and why; the part that every way shares."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from dfe_core.artefact_names import MANIFEST, NO_FACE
from dfe_core.engines import LOCAL, Engine
from dfe_core.errors import DataError
from dfe_core.expressions.adjusting import RESTS
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.disk_buffer import Spool
from dfe_core.expressions.file_reading import FileRead, FileToRead, ReadingRules, iter_files
from dfe_core.expressions.import_report import ImportReport
from dfe_core.expressions.labels import Labels, read_labels
from dfe_core.expressions.naming import compile_pattern, subject_and_session
from dfe_core.expressions.point_regions import RegionTable, read_point_regions
from dfe_core.expressions.pose_field import METHODS
from dfe_core.expressions.readers.options import ReadOptions, parse_time
from dfe_core.expressions.readers.protocol import stated
from dfe_core.expressions.readers.registry import RecordingReader, find_reader, holds_points, readers
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.sources import READER_VERSION, find_files
from dfe_core.expressions.timing import check_fps
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, file_sha256

LEARN = "learn"
"""The face that is learned from the recordings themselves."""
BY_FILES = "auto"
"""The face of an import where the user names none: `LEARN` for files of moving points, else ``anny``."""
LAYOUT_WAYS = ("auto", "known", "own")
"""What may be said of the layout of landmarks."""
_LOOKED_AT = 20


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the user asks of an import.

    Attributes
    ----------
    face: as `open_face` takes it, or ``learn`` for a basis learned from mesh or landmark sequences (``learned-…`` for
        one learned before), or ``none`` for action units alone. FLAME and BFM data with the default face go to their
        coefficient space without a mesh.
        ``auto``: ``learn`` where all files looked at (up to 20, spread over the whole) hold points, else ``anny``.
    format: a reader's FORMAT, or ``auto``.
    labels: a CSV as `read_labels` takes it. subject_pattern: as `naming.subject_and_session` takes it.
    fps: for files without times, and the rate that all others are resampled to; None keeps every file's own.
    time: the column of times and how many of its counts make a second (``frame/60``), where a file's own are none.
    extractor: the tool that made the files, where they do not tell it (SPECTRE writes DECA's keys).
    mix_extractors: take files of several extractors of one family, those of FLAME and BFM brought to one range
        (`extractor_scales`); every file is then read twice.
    pose_correction: one of `pose_field.METHODS`. ``field`` takes off what a static function of head pose explains of
        each person's movement (`pose_field`). None: ``field`` for a learned face, ``none`` for coefficients.
    stills: the rows of a table are pictures, of which each becomes a recording of one frame.
    add: add to the dataset of this name, which is there, instead of making it; files that are in it already are
        passed over (`growing`).
    rest: ``keep``, or ``remove`` to take each person's resting face off coefficients (`adjusting`); a learned face is
        about rest always.
    point_regions: a table of the regions and sides of a lab's own landmarks (`read_point_regions`), for a face that is
        learned.
    landmark_layout: what landmarks of a face that is learned are: ``auto``, the known layout of their number unless
        their shape contradicts it or there is a table of regions; ``known``, whatever their shape; ``own``, a scheme
        that dfe does not know, whatever their number.
    simulated: the recordings are of no real face: made by a program, with a known answer or not. What is made of the
        dataset says so.
    normaliser: two landmarks ``I,J`` whose distance normalised errors are divided by (`normalised_error`); None: the
        outer corners of the eyes where they are known.
    """

    face: str = "anny"
    format: str = "auto"
    labels: str | Path | None = None
    subject_pattern: str | None = None
    fps: float | None = None
    time: str | None = None
    extractor: str | None = None
    mix_extractors: bool = False
    pose_correction: str | None = None
    rest: str = "keep"
    stills: bool = False
    add: bool = False
    normaliser: str | None = None
    point_regions: str | Path | None = None
    landmark_layout: str = "auto"
    simulated: bool = False

    @property
    def learned(self) -> bool:
        """Whether recordings are moving points, brought to a face that is learned from them, or was before."""
        return self.face == LEARN or self.face.startswith("learned-")

    @property
    def faceless(self) -> bool:
        """Whether recordings are of no face: action units alone (`facs.alone` reads them)."""
        return self.face == NO_FACE

    @property
    def pose_method(self) -> str:
        """The correction for head pose, the default of this kind of face where none was asked for."""
        return self.pose_correction or ("field" if self.learned else "none")


class ImportAborted(DataError):
    """Not one file's fault: the face cannot be opened, or which of two files is meant cannot be guessed."""


class Prepared(Protocol):
    """A recording, ready to be kept by the strategy that prepared it."""

    @property
    def name(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...


@dataclass(kw_only=True)
class ImportJob:
    """An import under way.

    contents: files by the hash of their content. taken: names of recordings. imported, skipped, notes: as
    `ImportReport` has them. sources: for the manifest. readers: of files that were
    looked at already. growing: the dataset that is added to. known: files that are in it already. engine: where files
    are read.
    """

    name: str
    options: ImportOptions
    labels: Labels
    pattern: re.Pattern[str] | None
    read_options: ReadOptions
    reader: RecordingReader | None = None
    root: Path | None = None
    progress: Listener = silent
    taken: set[str] = field(default_factory=set)
    contents: dict[str, Path] = field(default_factory=dict)
    imported: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)
    skipped: list[tuple[Path, DataError]] = field(default_factory=list)
    sources: Spool = field(default_factory=Spool)
    notes: list[str] = field(default_factory=list)
    readers: dict[Path, tuple[RecordingReader, str]] = field(default_factory=dict)
    growing: Dataset | None = None
    known: int = 0
    engine: Engine = LOCAL

    def check(self) -> None:
        """Raise `DataError` for what cannot be served, before an hour of reading."""
        options = self.options
        if options.add:
            self._grow()
        elif (artefact_path("datasets", self.name, self.root) / MANIFEST).is_file():
            raise DataError(
                self.name, "a dataset of this name exists", f"another name, --add, or `dfe rm {self.name}` first"
            )
        for option, value, known in (
            ("--rest", options.rest, RESTS),
            ("--pose-correction", options.pose_method, METHODS),
            ("--landmark-layout", options.landmark_layout, LAYOUT_WAYS),
        ):
            if value not in known:
                raise DataError(f"{option} {value}", "no such method", ", ".join(known))
        if options.fps is not None:
            check_fps(options.fps, "--fps")
        if self.region_table is not None:
            self._check_regions()
        if options.landmark_layout != "auto":
            self._check_layout()
        formats = [reader.FORMAT for reader in readers()]
        if options.format != "auto" and options.format not in formats:
            raise DataError(f"--format {options.format}", "no such format", ", ".join(("auto", *formats)))

    @cached_property
    def region_table(self) -> RegionTable | None:
        """What the lab says of its points; None for nothing."""
        return None if self.options.point_regions is None else read_point_regions(self.options.point_regions)

    def _check_regions(self) -> None:
        """Raise `DataError` for regions of points where no face is learned from points."""
        if self.reader is not None or self.options.face not in (LEARN, BY_FILES):
            with_face = "--fit" if self.reader is not None else f"--face {self.options.face}"
            raise DataError("--point-regions", f"with {with_face}", "--face learn, with landmarks of your own")

    def _check_layout(self) -> None:
        """Raise `DataError` for a layout of landmarks where it is not asked for."""
        said = f"--landmark-layout {self.options.landmark_layout}"
        if self.reader is not None or self.options.face not in (LEARN, BY_FILES):
            with_face = "--fit" if self.reader is not None else f"--face {self.options.face}"
            raise DataError(said, f"with {with_face}", "--face learn")
        if self.region_table is not None and self.options.landmark_layout == "known":
            raise DataError(said, "with a table of regions (--point-regions)", "one of both")

    def _grow(self) -> None:
        """Open the dataset that is added to: its face and frame rate hold, and what is in it is known."""
        from dfe_core.expressions.growing import require_growing

        data, options = Dataset.open(self.name, self.root).whole(), self.options
        adjusted = options.rest != "keep" or options.pose_method != "none"
        require_growing(data, adjusted=adjusted or options.learned, mixed=options.mix_extractors)
        if options.face not in (BY_FILES, "anny", data.face_id) and ":" not in options.face:
            raise DataError(self.name, f"--face {options.face} for a dataset on {data.face_id}", "the face it has")
        rate = (data.manifest.get("settings") or {}).get("fps")
        face = options.face if ":" in options.face else data.face_id
        self.growing, self.options = data, replace(options, face=face, fps=rate if options.fps is None else options.fps)
        self.read_options = replace(self.read_options, fps=self.options.fps)
        self.taken |= set(data.recordings["recording"])

    def holds(self, digest: str) -> bool:
        """Whether a file of this content is in the dataset that is added to; counted."""
        held = digest in self._held
        self.known += held
        return held

    @cached_property
    def _held(self) -> frozenset[str]:
        sources = (self.growing.manifest.get("sources") or []) if self.growing else []
        return frozenset(str(source.get("sha256")) for source in sources)

    def read(self, files: Sequence[Path]) -> Iterator[FileRead]:
        """What comes of each file, in their order."""
        rules = ReadingRules(
            options=self.read_options,
            format=self.options.format,
            reader=self.reader,
            points=self.options.learned,
            known=self._held,
        )
        return iter_files([self._to_read(path) for path in files], rules, self.engine)

    def _to_read(self, path: Path) -> FileToRead:
        if (known := self.readers.get(path)) is None:
            return FileToRead(path=path)
        return FileToRead(path=path, format=known[0].FORMAT, why=known[1])

    def known_reader(self, path: Path, format: str) -> RecordingReader:
        """The reader of this format, with which the file was read."""
        return self.reader if self.reader is not None else find_reader(path, format)[0]

    def find_files(self, sources: Sequence[str | Path]) -> tuple[list[Path], list[tuple[Path, DataError]]]:
        """The files to read, and those that are not read and why; chooses the face where that is `BY_FILES`."""
        if self.reader is not None and (of_folder := stated(self.reader, "folder_files", None)) is not None:
            whole = [Path(s) for s in sources if Path(s).is_dir() and of_folder(Path(s))]
            files, unread = find_files([s for s in sources if Path(s) not in whole], self.labels.path)
            place = {Path(source): i for i, source in enumerate(sources)}
            return sorted([*whole, *files], key=lambda path: place.get(path, len(place))), unread
        undecided = self.options.face == BY_FILES
        files, unread = find_files(sources, self.labels.path, meshes=undecided or self.options.learned)
        if undecided:
            face = LEARN if self._hold_points(files) else "anny"
            self.options = replace(self.options, face=face)
            if self.region_table is not None:
                self._check_regions()
            if face != LEARN and any(path.is_dir() for path in files):  # its meshes are no recordings then
                return find_files(sources, self.labels.path)
        return files, unread

    def _hold_points(self, files: Sequence[Path]) -> bool:
        """Whether all files looked at are moving points. Files that no reader knows do not count."""
        for path in files[:: max(1, len(files) // _LOOKED_AT)]:
            with contextlib.suppress(DataError, OSError):
                self.readers[path] = find_reader(path, self.options.format, points_first=path.is_dir())
        return {holds_points(reader) for reader, _ in self.readers.values()} == {True}

    def names_of(self, path: Path, source: str, recordings: list[Recording], reader: RecordingReader) -> list[str]:
        """A name for each recording of a file that no other has: with the source's name, then with a number, where one
        is taken.

        source: the file's unique name, which takes the place of its stem; a reader with KEEPS_NAMES names its own.
        """
        names = []
        for recording in recordings:
            name = recording.name
            if not stated(reader, "KEEPS_NAMES", False):
                name = source + (name.removeprefix(path.stem) if name.startswith(path.stem) else f"-{name}")
            choices = itertools.chain((name, f"{source}-{name}"), (f"{name}-{i}" for i in itertools.count(2)))
            names.append(next(choice for choice in choices if choice not in self.taken))
            self.taken.add(names[-1])
        return names

    def person(self, path: Path, recording: Recording, name: str) -> tuple[str, str]:
        """Subject and session: as the table of labels says, else the file's name, else the reader; a recording of whom
        nothing is known is a subject of its own."""
        by_name, by_table = subject_and_session(path, self.pattern), self.labels.person(name)
        if self.pattern is not None and not by_name[0] and not by_table[0]:
            self.notes.append(
                f"--subject-pattern finds no subject in {path.name}: {name} counts as a subject of its own."
            )
        subject, session = (
            t or n or r for t, n, r in zip(by_table, by_name, (recording.subject, recording.session), strict=True)
        )
        return subject or name, session

    def add_source(
        self, path: Path, content: tuple[int, str], reader: tuple[RecordingReader, str], kept: list[Prepared]
    ) -> None:
        """Remember a file that came in: its bytes and hash, its reader and why, and what was kept of it."""
        size, digest = content
        self.contents[digest] = path
        self.sources.append(
            {
                "file": path.name,
                "sha256": digest,
                "bytes": size,
                "reader": reader[0].FORMAT,
                "reader_version": READER_VERSION,
                "why": reader[1],
                "recordings": [recording.name for recording in kept],
                "notes": [note for recording in kept for note in recording.notes],
            }
        )

    def add_imported(self, recording: Recording) -> None:
        """Count a recording that was written."""
        notes = tuple(map(sys.intern, recording.notes))  # of ten thousand files most say the same
        self.imported.append((recording.name, len(recording.psi), notes))

    def manifest(self, face: str, settings: dict[str, Any], *, simulated: bool = False, **more: Any) -> dict[str, Any]:
        """The dataset's manifest. settings, more: what the strategy adds to the settings, and beside them. simulated:
        whether the files say so, as the user may."""
        labels = self.labels
        return {
            "name": self.name,
            "face": face,
            "simulated": simulated or self.options.simulated,
            "sources": list(self.sources),
            "dropped": [_dropped(path, error) for path, error in self.skipped],
            "notes": self.notes,
            **more,
            "settings": {
                "format": self.options.format,
                "fps": self.options.fps,
                **settings,
                "subject_pattern": self.pattern.pattern if self.pattern else None,
                "labels": {"file": labels.path.name, "sha256": file_sha256(labels.path), "key": labels.key}
                if labels.path
                else None,
            },
        }

    def report(self, face: str) -> ImportReport:
        """What was done."""
        return ImportReport(
            dataset=self.name,
            face=face,
            imported=tuple(self.imported),
            skipped=tuple(self.skipped),
            notes=tuple(self.notes),
            known=self.known,
        )


def start_job(
    name: str, options: ImportOptions, reader: RecordingReader | None, root: Path | None, progress: Listener
) -> ImportJob:
    """The job of these options, checked. Raises `DataError` for wrong options and a broken table of labels."""
    job = ImportJob(
        name=name,
        options=options,
        labels=read_labels(options.labels),
        pattern=compile_pattern(options.subject_pattern),
        read_options=ReadOptions(
            fps=options.fps, extractor=options.extractor, time=parse_time(options.time), stills=options.stills
        ),
        reader=reader,
        root=root,
        progress=progress,
    )
    job.check()
    return job


def _dropped(path: Path, error: DataError) -> dict[str, str]:
    """A file that was left out, for the manifest: the whole error, and what was found alone."""
    why, found = (_without_folder(path, text) for text in (str(error), error.found))
    return {"file": path.name, "why": why, "found": found}


def _without_folder(path: Path, why: str) -> str:
    """A message without the folders of this machine: manifests travel."""
    folder = str(path.parent)
    return why.replace(folder + os.sep, "") if folder not in ("", ".") else why
