"""Recordings of other tools into one dataset: files found, read, brought to a face's coefficients, written whole.

One loop reads every file; a strategy says what a recording becomes: coefficients of a face that is there
(`coefficient_import`), of one learned from moving points (`learned_import`), or of none (`faceless_import`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from dfe_core.artefact_names import DATASETS
from dfe_core.audit import audited
from dfe_core.engines import LOCAL, Engine
from dfe_core.errors import DataError
from dfe_core.expressions.file_reading import FileRead
from dfe_core.expressions.import_job import ImportAborted, ImportJob, ImportOptions, Prepared, start_job
from dfe_core.expressions.import_report import ImportReport, nothing_imported
from dfe_core.expressions.naming import check_pattern, recording_names
from dfe_core.expressions.readers.registry import RecordingReader
from dfe_core.expressions.recording import Recording
from dfe_core.progress import Listener, Progress, silent

Kept = TypeVar("Kept", bound=Prepared)
_DEFAULT = ImportOptions()


class ImportStrategy(Protocol[Kept]):
    """What recordings become. It works on one `ImportJob`, and cleans up with the stack that it was made with.

    task: the name under which reading reports its progress.
    """

    task: str

    def prepare(self, path: Path, recording: Recording, name: str) -> Kept:
        """A recording as it will be kept. Raises `DataError` where its file is to be skipped, `ImportAborted` where
        the whole import is to end."""

    def keep(self, path: Path, prepared: Kept) -> None:
        """Take a recording in: its whole file could be prepared."""

    def finish(self) -> str:
        """Write the dataset; the id of the face that it is on."""


@audited("import", DATASETS, wait_s=0)
def import_dataset(
    sources: Sequence[str | Path],
    name: str,
    options: ImportOptions = _DEFAULT,
    *,
    reader: RecordingReader | None = None,
    root: Path | None = None,
    progress: Listener = silent,
    engine: Engine = LOCAL,
) -> ImportReport:
    """Read files and folders of recordings and write ``datasets/<name>``.

    A file that cannot be read is left out and named in the report; the dataset appears whole or not at all.

    Parameters
    ----------
    sources: files and folders. name: of the dataset. options: `ImportOptions`.
    reader: reads every file, in the place of the one that `find_reader` finds.
    root: the artefact folder. progress: is told of every file.
    engine: where files are read; what is read is the same to the byte. Elsewhere they need the same path.

    Raises `DataError` when nothing can be imported, the dataset exists, FLAME and ARKit data or data of several
    extractors would be mixed (`extractor_scales.tool` tells which count as one), and for a wrong option.
    """
    job = start_job(name, options, reader, root, progress)
    job.engine = engine
    with contextlib.ExitStack() as stack:
        files, unread = job.find_files(sources)
        check_pattern(job.pattern, files)
        strategy = _strategy(job, files, stack)
        found = job.read(files)
        for i, (path, recording) in enumerate(zip(files, recording_names(files), strict=True)):
            progress(Progress(task=strategy.task, done=i, total=len(files), detail=path.name))
            _take_in(path, next(found), recording, job, strategy)
        progress(Progress(task=strategy.task, done=len(files), total=len(files)))
        job.skipped = [*unread, *job.skipped]
        if len(job.sources):
            face = strategy.finish()
        elif job.growing is not None and job.known and not job.skipped:
            face = job.growing.face_id
        else:
            raise nothing_imported(job.name, job.skipped)
    return job.report(face)


def _strategy(job: ImportJob, files: Sequence[Path], stack: contextlib.ExitStack) -> ImportStrategy:
    if job.options.learned:
        from dfe_core.expressions.learned_import import LearnedImport

        return LearnedImport(job, stack)
    if job.options.faceless:
        from dfe_core.expressions.faceless_import import FacelessImport

        return FacelessImport(job, stack)
    from dfe_core.expressions.coefficient_import import CoefficientImport

    return CoefficientImport(job, files, stack)


def _take_in(path: Path, found: FileRead, name: str, job: ImportJob, strategy: ImportStrategy) -> None:
    """Take a file in whole, or skip it with its reason."""
    try:
        if found.content is not None and job.holds(found.content[1]):
            return
        if found.content is not None and found.content[1] in job.contents:
            raise DataError(path, f"the same content as {job.contents[found.content[1]]}", "each recording once")
        if found.error is not None or found.content is None:
            raise found.error or DataError(path, "not readable")
        reader = job.known_reader(path, found.format)
        names = job.names_of(path, name, list(found.recordings), reader)
        ready = [strategy.prepare(path, r, n) for r, n in zip(found.recordings, names, strict=True)]
    except ImportAborted:
        raise
    except DataError as error:
        job.skipped.append((path, error))
        return
    except (MemoryError, RecursionError) as error:
        job.skipped.append((path, DataError(path, f"too large to read ({type(error).__name__})", "less")))
        return
    for prepared in ready:
        strategy.keep(path, prepared)
    job.add_source(path, found.content, (reader, found.why), ready)
