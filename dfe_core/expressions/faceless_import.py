"""Recordings of no face: action units alone, whose frames and times make the dataset that the AUs are joined to."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from dfe_core.artefact_names import NO_FACE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset_writer import DatasetWriter, open_writer
from dfe_core.expressions.import_job import ImportAborted, ImportJob
from dfe_core.expressions.recording import Recording


class FacelessImport:
    """The strategy of recordings without a face (`importing.ImportStrategy`); one tool a dataset.

    ψ are the levels of the first recording's AUs, 0 to 1, 0 where another lacks one: what recordings are compared by.
    """

    task = "import"

    def __init__(self, job: ImportJob, stack: contextlib.ExitStack) -> None:
        self.job, self._stack = job, stack
        self._writer: DatasetWriter | None = None
        self._tool: tuple[str, Path] | None = None

    def prepare(self, path: Path, recording: Recording, name: str) -> Recording:
        """The recording under its name, with its person. Raises `DataError` for one that has a face."""
        if recording.space != NO_FACE:
            raise DataError(path, f"{recording.space} recordings with --face none", "action units, read without a face")
        if self._tool is not None and self._tool[0] != recording.extractor:
            tool, other = self._tool
            raise ImportAborted(path, f"AUs of {recording.extractor}, but {other} is of {tool}", "one tool a dataset")
        subject, session = self.job.person(path, recording, name)
        return replace(recording, name=name, subject=subject, session=session)

    def keep(self, path: Path, prepared: Recording) -> None:
        if self._writer is None:
            self._writer = self._stack.enter_context(open_writer(self.job.name, prepared.names, self.job.root))
            self._tool = prepared.extractor, path
        self._writer.add(_on_columns(prepared, self._writer.names), self.job.labels.of(prepared.name, prepared.subject))
        self.job.add_imported(prepared)

    def finish(self) -> str:
        job = self.job
        if self._writer is None:
            raise DataError(job.name, "no recording to write", "one that can be read")
        job.notes += job.labels.unused()
        job.notes.append(
            "Action units alone: there is no face, so that nothing can be trained, encoded or shown of it."
        )
        time = None if job.read_options.time is None else asdict(job.read_options.time)
        self._writer.close(job.manifest(NO_FACE, {"time": time}))
        return NO_FACE


def _on_columns(recording: Recording, names: tuple[str, ...]) -> Recording:
    if recording.names == names:
        return recording
    psi = np.zeros((len(recording.psi), len(names)), np.float32)
    for column, name in enumerate(names):
        if name in recording.names:
            psi[:, column] = recording.psi[:, recording.names.index(name)]
    return replace(recording, names=names, psi=psi)
