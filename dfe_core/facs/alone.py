"""A dataset of action units alone: what a lab has of videos that it has not run through anything else.

The files' frames and times make a dataset without a face (`expressions.faceless_import`), to which the same files' AUs
are then joined under the tool's name. Probes and group tables work on it (``aus:NAME``); whatever needs a face says
that there is none.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dfe_core.artefact_names import NO_FACE
from dfe_core.engines import LOCAL, Engine
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.import_job import ImportOptions
from dfe_core.expressions.import_report import ImportReport
from dfe_core.expressions.importing import import_dataset
from dfe_core.expressions.inspection import Believed
from dfe_core.expressions.readers.installed import sniffed
from dfe_core.expressions.readers.options import ReadOptions, parse_time
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.sources import find_files
from dfe_core.facs.detections import Detections
from dfe_core.facs.importing import AuImportOptions, AuImportReport, import_aus
from dfe_core.facs.readers import AuReadOptions, au_file_endings, au_readers, read_aus
from dfe_core.facs.readers.table import read_au_header
from dfe_core.ontology import action_label
from dfe_core.progress import Listener, silent

_MOST = 5.0  # of an intensity


class AuTimes:
    """A reader of AU files as recordings without a face (`expressions.readers.protocol.FormatReader`)."""

    FORMAT = "action-units"
    TITLE = "action units"
    ENDINGS = au_file_endings()

    def sniff(self, path: Path, head: bytes) -> str | None:
        """It is asked for, never guessed: the same files may hold landmarks."""
        return None

    def read(self, path: Path, options: ReadOptions) -> list[Recording]:
        """One recording a face and source, ψ the levels of its AUs. Raises `DataError` for codings."""
        found = read_aus(path, AuReadOptions(fps=options.fps, time=options.time, stills=options.stills))
        return [_recording(path, part) for part in found]


def _recording(path: Path, part: Detections) -> Recording:
    if part.is_intervals or part.frame is None:
        raise DataError(
            path,
            "a coding by intervals, which says nothing of the recording's length",
            "AUs frame by frame; codings are joined to a dataset that is there, by `dfe aus import`",
        )
    values = part.per_frame()
    level = np.where(np.isnan(values.intensity), values.probability, values.intensity / _MOST)
    valid = ~np.isnan(level).all(1)
    return Recording(
        name=path.stem + part.suffix,
        names=tuple(action_label(au, side) for au, side in part.aus),
        psi=np.nan_to_num(level).astype(np.float32),
        time_s=values.time_s - values.time_s[0],
        frame=part.frame - part.frame[0],
        valid=np.asarray(valid),
        fps=part.fps,
        space=NO_FACE,
        extractor=part.tool,
        subject=part.subject,
    )


def as_action_units(one: Believed) -> Believed:
    """A file that no reader of recordings can take, as the AU file that it may be; any other as it is."""
    if not one.fault or one.left_out or not one.path.is_file():  # a pipe may never be written to
        return one
    try:
        header = read_au_header(one.path)
    except (DataError, OSError):
        return one
    for reader in au_readers().values():
        if (why := sniffed(reader, one.path, header)) is not None:
            title = f"{reader.TITLE}, action units alone"
            size = one.path.stat().st_size
            return replace(one, fault="", bytes=size, format=AuTimes.FORMAT, title=title, why=why)
    return one


@dataclass(frozen=True, kw_only=True)
class AloneReport:
    """What an import of AUs alone did: recordings, and the AUs joined to them."""

    recordings: ImportReport
    aus: AuImportReport

    def __str__(self) -> str:
        return "\n".join([str(self.recordings), *self.aus.lines()])


def import_aus_alone(
    sources: Sequence[str | Path],
    name: str,
    options: ImportOptions,
    *,
    root: Path | None = None,
    progress: Listener = silent,
    engine: Engine = LOCAL,
) -> AloneReport:
    """Import AU files as the dataset `name` without a face, and their AUs under the name of their tool.

    engine: where files are read for the dataset; their AUs are read here.

    Raises `DataError` where nothing can be imported, for several tools, and for codings by intervals; then nothing is
    left behind.
    """
    plain = replace(options, face=NO_FACE, format="auto")
    recordings = import_dataset(sources, name, plain, reader=AuTimes(), root=root, progress=progress, engine=engine)
    dataset = Dataset.open(name, root)
    tool = str(dataset.recordings["extractor"].iloc[0])
    read = AuReadOptions(fps=options.fps, time=parse_time(options.time), stills=options.stills)
    files = AuImportOptions(format="auto", read=read, offset=0.0)
    left_out = {path for path, _ in recordings.skipped}
    taken = [path for path in find_files(sources, _path(options.labels))[0] if path not in left_out]
    try:
        aus = import_aus(taken, dataset, tool, files, root=root, progress=progress)
    except DataError:
        shutil.rmtree(dataset.path)
        raise
    return AloneReport(recordings=recordings, aus=aus)


def _path(labels: str | Path | None) -> Path | None:
    return None if labels is None else Path(labels)
