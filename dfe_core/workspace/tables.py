"""A study's tables as files for other programs: CSV, Parquet, Excel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.spreadsheet import plain_table
from dfe_core.store import atomic_file
from dfe_core.tokens.usage import usage
from dfe_core.workspace.study import Study

FORMATS = ("csv", "parquet", "xlsx")
EXCEL_ROWS = 1_048_575
"""Rows of a sheet below its header."""


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
    labels = study.dataset.recordings[list(dict.fromkeys((unit, "subject", *study.dataset.labels)))]
    if unit == "subject":
        constant = labels.groupby("subject").nunique(dropna=False).le(1).all()
        labels = labels[["subject", *constant.index[constant]]].drop_duplicates("subject")
    labels = labels.assign(**{unit: labels[unit].astype(str)}).set_index(unit)
    return labels.join(bag).reset_index()


TABLES: dict[str, Callable[[Study], pd.DataFrame]] = {
    "bag": labelled_bag,
    "intervals": Study.intervals,
    "summary": codeword_summary,
}
"""Table → what makes it; ``tokens``, the largest, is written without passing through memory."""

WHAT = ("tokens", *TABLES)


def export_table(study: Study, what: str, path: Path, format: str | None = None) -> int:
    """Write one of `WHAT` to a file, atomically, and return its rows.

    format: of `FORMATS`; None takes the file's ending. Raises `DataError` for another, for more rows than an Excel
    sheet has, and where Excel's writer is not installed.
    """
    format = format or path.suffix.lstrip(".").lower()
    if what not in WHAT:
        raise DataError("what", repr(what), " or ".join(WHAT))
    if format not in FORMATS:
        raise DataError(path, f"format {format!r}", " or ".join(FORMATS))
    with atomic_file(path) as temporary:
        if what == "tokens" and format != "xlsx":
            return _copy_tokens(study, temporary, format)
        table = study.tokens() if what == "tokens" else TABLES[what](study)
        _write(table, temporary, format, path)
    return len(table)


def _copy_tokens(study: Study, path: Path, format: str) -> int:
    how = "FORMAT csv, HEADER" if format == "csv" else "FORMAT parquet"
    target = str(path).replace("'", "''")
    count = study.token_cache.query(
        "COPY (SELECT recording::VARCHAR AS recording, frame, time_s, stage, codeword, intensity FROM events "
        f"ORDER BY recording, frame, stage) TO '{target}' ({how})"
    )
    return int(count.to_numpy()[0, 0])


def _write(table: pd.DataFrame, temporary: Path, format: str, path: Path) -> None:
    if format == "csv":
        plain_table(table).to_csv(temporary, index=False)
    elif format == "parquet":
        table.to_parquet(temporary, index=False)
    elif len(table) > EXCEL_ROWS:
        raise DataError(path, f"{len(table):,} rows", f"at most {EXCEL_ROWS:,} for Excel; csv and parquet take any")
    else:
        try:
            table.to_excel(temporary, index=False, engine="openpyxl")
        except ImportError:
            raise DataError(path, "Excel's writer is not installed", "`pip install openpyxl`, or csv") from None
