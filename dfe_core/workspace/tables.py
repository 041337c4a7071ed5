"""A study's tables as files for other programs: CSV, Parquet, Excel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact_names import MANIFEST
from dfe_core.engines import LOCAL, Engine
from dfe_core.errors import DataError
from dfe_core.exchange.table_files import FORMATS, file_format, write_table_file, write_table_folder
from dfe_core.exchange.xlsx import ROWS as EXCEL_ROWS
from dfe_core.expressions.dataset import RECORDING_COLUMNS
from dfe_core.groups.measures import LATENCY, count_use
from dfe_core.reports.manifest import write_manifest
from dfe_core.store import atomic_file
from dfe_core.syllables.store import open_syllables, require_syllables
from dfe_core.tokens.presence import codeword_sizes, presence_facts
from dfe_core.tokens.usage import usage
from dfe_core.workspace.study import Study
from dfe_core.workspace.token_export import copy_tokens, copy_wide, wide_tables

UNITS = ("recording", "subject")


def codeword_summary(study: Study) -> pd.DataFrame:
    """One row per codeword: what it does (region, side, peak_mm, description) and how this dataset uses it
    (`tokens.usage.usage`)."""
    facts = study.codebook.table
    columns = [c for c in ("description", "region", "side", "locality", "peak_mm") if c in facts]
    used = usage(study.token_cache, study.intervals_index)
    return used.join(facts.set_index("codeword")[columns] if "codeword" in facts else facts[columns], on="codeword")


def labelled_bag(study: Study, unit: str = "recording") -> pd.DataFrame:
    """`Study.bag` with the unit's subject and labels before it; codeword k is the column ``codeword_k``.

    Of a subject, labels that differ between its recordings are left out.
    """
    bag = study.bag(unit).add_prefix("codeword_")
    return unit_labels(study, unit).set_index(unit).join(bag).reset_index()


def recordings_table(study: Study) -> pd.DataFrame:
    """One row per recording: subject, session, frames, duration, rate, and every label."""
    table = study.dataset.recordings
    return _no_empty_texts(
        table[[c for c in (*RECORDING_COLUMNS, *study.dataset.labels) if c in table and c != "first_row"]]
    )


def _no_empty_texts(table: pd.DataFrame) -> pd.DataFrame:
    """The table with empty texts as missing ones, which is how a CSV has both."""
    texts = [c for c in table.columns if table[c].dtype.kind not in "biuf"]
    return table.assign(**{c: table[c].map(lambda text: None if text == "" else text) for c in texts})


def subject_summary(study: Study) -> pd.DataFrame:
    """One row per subject and codeword: the labels that a subject keeps, recordings, minutes, and the codeword's rate,
    share of time, mean intensity, mean duration and onset latency (`groups.measures`)."""
    rows = study.dataset.recordings
    names, subjects = rows["recording"].astype(str).tolist(), rows["subject"].astype(str)
    labels = unit_labels(study, "subject")
    member = pd.Categorical(subjects, labels["subject"]).codes
    sums = count_use(study.intervals_index, names).pooled(np.asarray(member), len(labels))
    measures, moving = sums.measures(), np.arange(1, study.codebook.size)
    counted = labels.assign(recordings=np.bincount(member, minlength=len(labels)), minutes=sums.seconds[:, 0] / 60)
    table = counted.loc[counted.index.repeat(len(moving))].reset_index(drop=True)
    table["codeword"] = np.tile(moving, len(labels))
    for name, column in _MEASURES.items():
        table[column] = measures[name][:, moving].ravel()
    return table


_MEASURES = {
    "rate": "rate",
    "share": "share",
    "intensity": "mean_intensity",
    "duration": "duration",
    LATENCY: "latency",
}


TABLES: dict[str, Callable[[Study], pd.DataFrame]] = {
    "bag": labelled_bag,
    "intervals": Study.intervals,
    "summary": codeword_summary,
    "subjects": subject_summary,
    "recordings": recordings_table,
}
"""Table → what makes it; ``tokens`` and ``wide``, the largest, are written without passing through memory."""


def syllable_segments(study: Study) -> pd.DataFrame:
    """One row per segment of the syllables that were found last in the tokens (`SyllableSet.segments`).

    Raises `DataError` where none have been found.
    """
    return require_syllables(study.token_cache).segments


WHEN_FOUND: dict[str, Callable[[Study], pd.DataFrame]] = {"syllables": syllable_segments}
"""Tables of what is found on request: among all tables only where it has been."""
STREAMED = ("tokens", "wide")
WHAT = (*STREAMED, *TABLES)


def export_table(
    study: Study,
    what: str,
    path: Path,
    format: str | None = None,
    unit: str = "recording",
    engine: Engine = LOCAL,
) -> int:
    """Write one of `WHAT` or `WHEN_FOUND` to a file, atomically, and return its rows.

    format: of `FORMATS`; None takes the file's ending. unit: of a bag, of `UNITS`. engine: where the rows of `STREAMED`
    are made. Raises `DataError` for another format or unit, and for more rows than an Excel sheet has.
    """
    if what not in (*WHAT, *WHEN_FOUND):
        raise DataError("what", repr(what), " or ".join((*WHAT, *WHEN_FOUND)))
    format = file_format(path, format)
    if what in STREAMED and format != "xlsx":
        with atomic_file(path) as temporary:
            return (copy_tokens if what == "tokens" else copy_wide)(study.token_cache, temporary, format, engine)
    table = made_table(study, what, path, unit)
    write_table_file(table, path, format, name=what)
    return len(table)


def made_table(study: Study, what: str, path: Path, unit: str = "recording") -> pd.DataFrame:
    """One of `WHAT` in memory. Raises `DataError` where it has more rows than a sheet of Excel, for the largest."""
    if what in STREAMED:
        rows = _token_count(study) if what == "tokens" else study.token_cache.frames
        if rows > EXCEL_ROWS:
            raise DataError(path, f"{rows:,} rows", f"at most {EXCEL_ROWS:,} for Excel; csv and parquet take any")
        return (
            study.tokens() if what == "tokens" else pd.concat(list(wide_tables(study.token_cache)), ignore_index=True)
        )
    return labelled_bag(study, unit) if what == "bag" else (TABLES | WHEN_FOUND)[what](study)


def export_tables(study: Study, folder: Path, format: str, engine: Engine = LOCAL) -> list[Path]:
    """Write every table into a folder, with what each column is, and ``manifest.json`` last; returns the paths.

    engine: where the rows of `STREAMED` are made.
    With ``xlsx`` one workbook has them, but for the tokens, of which a sheet has too few rows. Raises `DataError` for
    another format.
    """
    if format not in FORMATS:
        raise DataError(folder, f"format {format!r}", " or ".join(FORMATS))
    tables = {name: make(study) for name, make in TABLES.items()} | {"bag_by_subject": labelled_bag(study, "subject")}
    if open_syllables(study.token_cache) is not None:
        tables["syllables"] = syllable_segments(study)
    paths = write_table_folder(tables, folder, format)
    if format != "xlsx":
        paths += [folder / f"{name}.{format}" for name in STREAMED]
        for path in paths[-len(STREAMED) :]:
            export_table(study, path.stem, path, engine=engine)
    settings, out = {"presence": presence_facts(codeword_sizes(study.token_cache))}, folder.name
    write_manifest(
        folder,
        paths,
        kind="tables",
        inputs=study_inputs(study),
        settings=settings,
        seed=0,
        command=f"dfe export {study.codebook.model} {study.dataset.name} --what all --format {format} --out {out}",
    )
    return [*paths, folder / MANIFEST]


def study_inputs(study: Study) -> dict[str, Any]:
    """The model and the dataset of a study with their content keys, for manifests."""
    return {
        "model": {"name": study.codebook.model, "key": study.codebook.key},
        "dataset": {"name": study.dataset.name, "key": study.dataset.key},
    }


def unit_labels(study: Study, unit: str) -> pd.DataFrame:
    """One row per unit: the unit, its subject, and its labels; of a subject those that are the same in all its
    recordings."""
    if unit not in UNITS:
        raise DataError("unit", repr(unit), " or ".join(UNITS))
    labels = study.dataset.recordings[list(dict.fromkeys((unit, "subject", *study.dataset.labels)))]
    if unit == "subject":
        constant = labels.groupby("subject").nunique(dropna=False).le(1).all()
        labels = labels[["subject", *constant.index[constant]]].drop_duplicates("subject")
    return _no_empty_texts(labels.assign(**{unit: labels[unit].astype(str)}).reset_index(drop=True))


def _token_count(study: Study) -> int:
    return int(study.token_cache.counts["uses"].sum())
