"""The intervals of a study as files for annotation tools, BIDS and NWB, recording by recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.engines import LOCAL, Engine, report_part
from dfe_core.errors import DataError
from dfe_core.exchange import bids, boris, elan, nwb, textgrid
from dfe_core.exchange.interval_track import CodewordLabel, IntervalTrack, file_stems
from dfe_core.progress import Progress
from dfe_core.store import atomic_file, json_text
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.annotations import Notebook
from dfe_core.tokens.phrasing import plain_name
from dfe_core.tokens.presence import codeword_sizes, presence_facts
from dfe_core.video.links import links
from dfe_core.workspace.study import Study
from dfe_core.workspace.tables import recordings_table, unit_labels

_GROUP = 256
"""Recordings whose intervals are read at a time."""
_COLUMNS = ("recording", "codeword", "onset_s", "peak_s", "offset_s", "peak", "mean")
FORMATS = ("eaf", "textgrid", "boris", "bids", "nwb")


@dataclass(frozen=True, eq=False)
class AnnotatedStudy:
    """A study with what its codewords are called: the lab's own name, else the plain one."""

    study: Study

    @cached_property
    def labels(self) -> dict[int, CodewordLabel]:
        """The label of each codeword that moves something."""
        from dfe_core.facs.codeword_names import name_codewords

        book, own = self.study.codebook, Notebook.open(self.study.codebook.model, self.study.root).read()
        names = name_codewords(book.psi, self.study.face)
        regions = book.table["region"] if "region" in book.table else pd.Series("face", range(book.size))
        return {
            k: CodewordLabel(
                codeword=k,
                name=own.of(k).name or plain_name(names[k].description),
                region=str(regions[k]),
                side=names[k].description.side,
            )
            for k in range(REST + 1, book.size)
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the codebook and the dataset by their names."""
        return _opened_again, (self.study.codebook.model, self.study.dataset.name, self.study.root)

    def checked(self, recordings: Sequence[str] | None) -> list[str]:
        """These recordings (default: all) in the order of the dataset. Raises `DataError` for one that it has not."""
        known = self.study.dataset.recordings["recording"].astype(str).tolist()
        if unknown := sorted(set(recordings or ()) - set(known)):
            raise DataError(unknown[0], f"no recording of {self.study.dataset.name}", "one that `dfe show` lists")
        asked = set(known if recordings is None else recordings)
        return [name for name in known if name in asked]

    def _intervals(self, recordings: Sequence[str]) -> dict[str, pd.DataFrame]:
        columns = {"start_s": "onset_s", "end_s": "offset_s"}
        table = self.study.intervals_index.of_recordings(recordings).rename(columns=columns)
        table = table[list(_COLUMNS)]
        return {str(name): part for name, part in table.groupby("recording", observed=True)}

    def tracks(self, recordings: Sequence[str] | None = None) -> Iterator[IntervalTrack]:
        """The intervals of each recording (default: of all), in the order of the dataset.

        Raises `DataError` for a recording that the dataset has not.
        """
        films = links(self.study.dataset)
        rows = self.study.dataset.recordings
        names = self.checked(recordings)
        parts: dict[str, pd.DataFrame] = {}
        for i, row in enumerate(rows[rows["recording"].astype(str).isin(names)].to_dict("records")):
            if not i % _GROUP:
                parts = self._intervals(names[i : i + _GROUP])
            name = str(row["recording"])
            none = pd.DataFrame(columns=_COLUMNS)
            yield IntervalTrack(
                recording=name,
                subject=str(row["subject"]),
                session=str(row.get("session") or ""),
                fps=float(row["fps"]),
                duration_s=float(row["duration_s"]),
                intervals=_that_last(parts.get(name, none).drop(columns="recording")),
                video=films[name].video if name in films else None,
            )


def _opened_again(model: str, dataset: str, root: Path) -> AnnotatedStudy:
    return AnnotatedStudy(Study(model, dataset, root=root))


def _that_last(table: pd.DataFrame) -> pd.DataFrame:
    """Intervals of a millisecond or more: a recording of a single frame has no duration."""
    return table[table["offset_s"] - table["onset_s"] >= 1e-3].reset_index(drop=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Documents:
    """What all documents have in common. folder: that names of videos are relative to."""

    found: AnnotatedStudy
    format: str
    tiers: str
    folder: Path | None


def make_documents(recordings: tuple[str, ...], asked: _Documents) -> list[bytes]:
    """The document of each recording."""
    make, done = _document(asked.found, asked.format, asked.tiers), []
    for track in asked.found.tracks(recordings):
        done.append(make(track, asked.folder))
        report_part(len(done), track.recording)
    return done


def export_annotations(
    study: Study,
    format: str,
    out: Path,
    *,
    tiers: str = "codeword",
    recordings: Sequence[str] | None = None,
    beside: bool = False,
    engine: Engine = LOCAL,
) -> list[Path]:
    """Write the intervals of a study as `FORMATS` and return the paths.

    Parameters
    ----------
    out: a folder, into which goes a file for each recording; of BORIS the file of the project.
    tiers: ``codeword`` or ``region``, of ELAN and Praat.
    recordings: names (default: all).
    beside: name the videos as from beside them, for files that go somewhere else.
    engine: where the documents of ELAN and Praat are made.

    Raises
    ------
    DataError
        For another format, an unknown recording, and where a file of the same name has other content: somebody may
        have annotated in it.
    """
    found = AnnotatedStudy(study)
    if format == "boris":
        return [_write_boris(found, out, recordings, beside)]
    if format == "bids":
        return _write_bids(found, out, recordings)
    if format == "nwb":
        return _write_nwb(found, out, recordings)
    if format not in FORMATS:
        raise DataError("format", repr(format), " or ".join(FORMATS))
    names = found.checked(recordings)
    stems = file_stems(study.dataset.recordings["recording"].astype(str).tolist())
    ending = elan.ENDING if format == "eaf" else textgrid.ENDING
    groups = [tuple(names[i : i + _GROUP]) for i in range(0, len(names), _GROUP)]
    asked = _Documents(found=found, format=format, tiers=tiers, folder=None if beside else out)
    written = engine.map(
        make_documents, groups, asked, sizes=[len(one) for one in groups], task="export", progress=study.progress
    )
    return [
        _write_new(out / f"{stems[name]}{ending}", document)
        for group, documents in zip(groups, written, strict=True)
        for name, document in zip(group, documents, strict=True)
    ]


def export_beside_videos(study: Study, *, tiers: str = "codeword") -> tuple[list[Path], list[Path]]:
    """Write an .eaf beside the video of every recording that has one: ``take1.mp4``, ``take1.<model>.eaf``.

    Returns
    -------
    The files written, and those that were there with other content, which stay.

    Raises
    ------
    DataError
        Where no recording has a video.
    """
    found = AnnotatedStudy(study)
    make, written, kept = _document(found, "eaf", tiers), [], []
    for track in found.tracks():
        if track.video is None:
            continue
        path = track.video.with_name(f"{track.video.stem}.{study.codebook.model}{elan.ENDING}")
        try:
            written.append(_write_new(path, make(track, path.parent)))
        except DataError:
            kept.append(path)
    if not written and not kept:
        raise DataError(study.dataset.name, "no recording has a video", "`dfe videos` to link them, or --out FOLDER")
    return written, kept


def _document(found: AnnotatedStudy, format: str, tiers: str) -> Callable[[IntervalTrack, Path | None], bytes]:
    """What makes the document of one recording for a folder."""
    if format == "eaf":
        annotator = f"dfe {found.study.codebook.model}"
        return lambda track, folder: elan.eaf_document(
            track, found.labels, folder=folder, by=tiers, annotator=annotator
        )
    if format == "textgrid":
        return lambda track, _: textgrid.textgrid_text(track, found.labels, tiers).encode()
    raise DataError("format", repr(format), " or ".join(FORMATS))


def _counted(found: AnnotatedStudy, recordings: Sequence[str] | None) -> Iterator[IntervalTrack]:
    total = len(found.study.dataset.recordings) if recordings is None else len(recordings)
    for done, track in enumerate(found.tracks(recordings)):
        found.study.progress(Progress(task="export", done=done, total=total, detail=track.recording))
        yield track


def _write_new(path: Path, content: bytes) -> Path:
    """Write a file; one that is there must hold the same, because people annotate in these files."""
    if path.is_file() and path.read_bytes() != content:
        raise DataError(path, "is there with other content", "another --out, or this file moved away")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
    return path


def _write_boris(found: AnnotatedStudy, out: Path, recordings: Sequence[str] | None, beside: bool) -> Path:
    path = out if out.suffix == boris.ENDING else out / f"{found.study.dataset.name}{boris.ENDING}"
    tracks = list(_counted(found, recordings))
    name = f"{found.study.dataset.name}, {found.study.codebook.model}"
    project = boris.boris_project(tracks, found.labels, name=name, folder=None if beside else path.parent)
    return _write_new(path, (json_text(project) + "\n").encode())


def _write_bids(found: AnnotatedStudy, out: Path, recordings: Sequence[str] | None) -> list[Path]:
    study = found.study
    table = recordings_table(study)
    kept = table[table["recording"].isin(recordings)] if recordings is not None else table
    people = unit_labels(study, "subject")
    out.mkdir(parents=True, exist_ok=True)
    paths = bids.write_bids_dataset(
        out,
        name=f"{study.dataset.name}: codewords of {study.codebook.model}",
        participants=people[people["subject"].isin(kept["subject"].astype(str))],
        recordings=kept,
        readme=_readme(study),
        sources={"Codebook": study.codebook.model, "CodebookKey": study.codebook.key, "Presence": _rule(study)},
    )
    names = bids.bids_names(table)
    for track in _counted(found, recordings):
        name = names[track.recording]
        frames = study.dataset.frames(track.recording)
        psi = np.where(frames.valid[:, None], frames.psi, np.float32("nan"))
        paths.append(bids.write_bids_events(out, name, track, found.labels))
        paths += bids.write_bids_coefficients(
            out, name, time_s=frames.time_s, psi=psi, names=study.dataset.names, fps=track.fps
        )
    return paths


def _write_nwb(found: AnnotatedStudy, out: Path, recordings: Sequence[str] | None) -> list[Path]:
    study = found.study
    stems = file_stems(study.dataset.recordings["recording"].astype(str).tolist())
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for track in _counted(found, recordings):
        frames = study.dataset.frames(track.recording)
        known = nwb.Coefficients(time_s=frames.time_s, psi=frames.psi, valid=frames.valid, names=study.dataset.names)
        paths.append(out / f"{stems[track.recording]}{nwb.ENDING}")
        nwb.write_nwb(paths[-1], track, found.labels, known, _readme(study))
    return paths


def _rule(study: Study) -> dict[str, object]:
    return presence_facts(codeword_sizes(study.token_cache))


def _readme(study: Study) -> str:
    return (
        f"Intervals of the codewords of {study.codebook.model} ({study.codebook.key}) in the recordings of "
        f"{study.dataset.name} ({study.dataset.key}), exported by dfe."
    )
