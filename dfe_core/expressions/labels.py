"""Labels of recordings from the user's table, joined by recording or by subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS
from dfe_core.expressions.readers.registry import file_endings
from dfe_core.workbook import read_sheets

MAX_BYTES = 64 << 20
MOST_COLUMNS, MOST_CELLS = 2000, 5_000_000
ENDINGS = ("csv", "tsv", "xlsx")
"""Of tables of labels."""
_KEYS = ("recording", "subject")
_USUAL = {
    "recording": ("recording", "recordingid", "file", "filename", "video", "videoname", "videofile", "clip"),
    "subject": tuple(
        """
        subject subjectid participant participantid participantnr participantno subj subjid ppt pptid pid id
        person personid respondent respondentid patient patientid speaker speakerid actor
        """.split()
    ),
}
_EITHER = ("id",)
"""Names of a key column that may name people or recordings: both are tried."""
MISSING = ("", "NA", "N/A", "nan", "NaN", "null")
"""Texts that stand for no value."""


@dataclass(kw_only=True)
class Labels:
    """The table, and which of its rows have been used.

    key: ``recording`` or ``subject``; columns: of labels, in the table's order; subjects: by recording, where the
    table has both columns. both: the key column is called ``ID`` or the like, so that its names may be of either.
    near: rows joined by nearly the same name, with that name. lacking: names that no row is of. notes: on the table.
    """

    path: Path | None = None
    key: str = "recording"
    columns: tuple[str, ...] = ()
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    who: dict[str, dict[str, str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    both: bool = False
    near: dict[str, str] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    _index: dict[str, list[str]] = field(default_factory=dict)

    def person(self, recording: str) -> tuple[str, str]:
        """Subject and session that the table gives a recording, "" where it does not."""
        row = self.who.get(recording, {})
        return row.get("subject", ""), row.get("session", "")

    def of(self, recording: str, subject: str) -> dict[str, Any]:
        """One value a label column, None where the table has none.

        A name that no row has is looked for among those that differ from it by case, zeros before the number or a
        prefix (P107 and PP107), where only one does.
        """
        names = (subject, recording) if self.both else (recording if self.key == "recording" else subject,)
        row = next((name for name in names if name in self.rows), None) or self._near(names[0])
        if row is None:
            if self.rows and names[0] not in self.lacking:
                self.lacking.append(names[0])
            return dict.fromkeys(self.columns)
        self.used.add(row)
        return self.rows[row]

    def _near(self, name: str) -> str | None:
        """The one row whose name is nearly this one, None without it or where another name was joined with it."""
        if not self._index:
            for row in self.rows:
                self._index.setdefault(_number(row), []).append(row)
        found = [row for row in self._index.get(_number(name), ()) if _alike(name, row)]
        if (
            len(found) != 1
            or self.near.get(found[0], name) != name
            or (found[0] in self.used and found[0] not in self.near)
        ):
            return None
        self.near[found[0]] = name
        return found[0]

    def unused(self) -> tuple[str, ...]:
        """Sentences on rows of the table that no recording answered to, and on names without a row."""
        told = list(self.notes)
        if self.near:
            shown = ", ".join(f"{name} with {row}" for row, name in list(self.near.items())[:3])
            told.append(
                f"{len(self.near)} {self.key}s joined with rows of nearly the same name ({shown}"
                f"{', …' if len(self.near) > 3 else ''})."
            )
        left = [name for name in self.rows if name not in self.used]
        table = "the table" if self.path is None else self.path.name
        if left:
            told.append(f"{len(left)} rows of {table} match no {self.key}: {_some(left)}.")
        if self.lacking:
            told.append(f"{len(self.lacking)} {self.key}s have no row in {table}: {_some(self.lacking)}.")
        return tuple(told)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def _number(name: str) -> str:
    """What names that are alike share: the number at their end, else the name in small letters."""
    match = re.search(r"(\d+)$", re.sub(r"[\W_]", "", name))
    return match[1].lstrip("0") if match else name.casefold()


def _alike(one: str, other: str) -> bool:
    """Whether two names differ by case, by zeros before their number, or by a prefix that holds the other's."""
    first, second = (re.fullmatch(r"(\D*)(\d+)", re.sub(r"[\W_]", "", name.casefold())) for name in (one, other))
    if first is None or second is None:
        return one.casefold() == other.casefold()
    return int(first[2]) == int(second[2]) and (first[1] in second[1] or second[1] in first[1])


def read_labels(path: str | Path | None) -> Labels:
    """Read a table, a CSV or the first sheet of a workbook (``.xlsx``), with a column ``recording`` (a file's name,
    with or without its ending) or ``subject``, or under another usual name for either (``ID``, ``participant``,
    ``file`` …).

    Where it has both, rows are joined by recording and tell the subject as well. Columns of numbers stay numbers, rows
    without a name are left out. Raises `DataError` for a table that cannot be read, has neither column, names one
    twice, or takes a column name that datasets use themselves.
    """
    if path is None:
        return Labels()
    path = Path(path)
    table, notes, both = _keyed(_table(path), path)
    lines = [int(i) + 2 for i in table.index]  # the header is line 1
    table = table.reset_index(drop=True)
    key = next(k for k in _KEYS if k in table.columns)
    names = [_stem(name) if key == "recording" else name for name in table[key]]
    _check_names(path, key, names, lines)
    beside = [c for c in ("subject", "session") if key == "recording" and c in table.columns]
    columns = tuple(c for c in table.columns if c != key and c not in beside)
    _check_columns(path, table, columns)
    values = {c: typed_values(table[c]) for c in columns}
    rows = {name: {c: values[c][i] for c in columns} for i, name in enumerate(names)}
    who = {name: {c: _text(table[c].iloc[i]) for c in beside} for i, name in enumerate(names)}
    return Labels(path=path, key=key, columns=columns, rows=rows, who=who, both=both, notes=notes)


def label_columns(path: str | Path, recordings: pd.DataFrame) -> pd.DataFrame:
    """The labels of a dataset's recordings, joined by the rules of an import: recording and the label columns.

    recordings: with columns recording and subject. Raises `DataError` as `read_labels` does, and when no row of the
    table is of any recording.
    """
    labels = read_labels(path)
    rows = [
        {"recording": name} | labels.of(str(name), str(subject))
        for name, subject in zip(recordings["recording"], recordings["subject"], strict=True)
    ]
    require_some_used(labels)
    return pd.DataFrame(rows, columns=["recording", *labels.columns])


def require_some_used(labels: Labels) -> None:
    """Raise `DataError` where no row of a table was of any recording."""
    if not labels.used:
        raise DataError(
            labels.path or "labels",
            f"no row of {len(labels.rows)} is of a {labels.key} of the dataset (rows: {_some(list(labels.rows))})",
            f"{labels.key}s that `dfe show DATASET` lists",
        )


def _keyed(table: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...], bool]:
    """The table with its key column called ``recording`` or ``subject``, notes, and whether it may be either.

    Raises `DataError`, with the columns that could be meant, where there is none.
    """
    notes: tuple[str, ...] = ()
    renamed: dict[str, str] = {}
    for key, usual in _USUAL.items():
        found = next((c for name in usual for c in table.columns if _plain(c) == name), None)
        if key not in table.columns and found is not None:
            renamed[found] = key
    if not set(_KEYS) & {*table.columns, *renamed.values()}:
        unlike = [c for c in table.columns if table[c].is_unique][:6] or list(table.columns[:6])
        raise DataError(
            path,
            f"columns {', '.join(map(str, table.columns[:6]))}; which of them names the people or "
            f"files ({', '.join(map(str, unlike))}) cannot be identified",
            "a column recording or subject",
        )
    if "recording" in table.columns:
        renamed = {c: k for c, k in renamed.items() if k != "recording"}
    for column, key in renamed.items():
        notes += (f"{path.name}: column {column} is taken as the {key}.",) if column != key else ()
    both = any(_plain(c) in _EITHER for c in renamed)
    table = table.rename(columns=renamed)
    key = next(k for k in _KEYS if k in table.columns)
    blank = table[key].map(_text) == ""
    if blank.any() and not blank.all():
        notes += (f"{path.name}: {int(blank.sum())} rows without a {key} left out.",)
        table = table[~blank]
    table[key] = table[key].map(_text)
    return table, notes, both


def _plain(column: str) -> str:
    return re.sub(r"[\W_]", "", str(column).casefold())


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(path, "no plain file" if path.exists() else "no such file", "a CSV of labels")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(path, f"{path.stat().st_size >> 20} MB", f"a table of labels under {MAX_BYTES >> 20} MB")
    table = _workbook_table(path) if path.suffix.lower() == ".xlsx" else _text_table(path)
    if not isinstance(table.index, pd.RangeIndex):
        raise DataError(path, "rows with more cells than the header", "a name for each column")
    table.columns = [str(c).strip() for c in table.columns]
    if table.empty:
        raise DataError(path, "a header and no rows", "one row per recording or subject")
    return table


def _workbook_table(path: Path) -> pd.DataFrame:
    """The first sheet of a workbook that has rows, as text. Raises `DataError` where a formula has no stored value."""
    held = ((sheet, _filled(sheet.rows)) for sheet in read_sheets(path, MOST_CELLS))
    sheet, rows = next(((sheet, rows) for sheet, rows in held if rows), (None, [[]]))
    if sheet is None:
        raise DataError(path, "no sheet with rows", "one row per recording or subject")
    if sheet.unevaluated:
        where = f"{path}, {sheet.unevaluated}"
        raise DataError(where, "a formula without its value", "values: save it in a spreadsheet program")
    header, *cells = rows
    if any(len(row) > len(header) for row in cells):
        raise DataError(path, "rows with more cells than the header", "a name for each column")
    return pd.DataFrame(
        [row + [None] * (len(header) - len(row)) for row in cells], columns=[n or "" for n in header], dtype=object
    )


def _filled(rows: Sequence[Sequence[Any]]) -> list[list[str | None]]:
    """Rows as text, None where there is no value, without empty rows and without what is empty at their ends."""
    found = []
    for row in rows:
        texts = [None if value is None or (text := cell_text(value)) in MISSING else text for value in row]
        while texts and texts[-1] is None:
            texts.pop()
        if texts:
            found.append(texts)
    return found


def cell_text(value: Any) -> str:
    """A value as people write it: a number without the fraction that it does not have."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value).strip()


def _text_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(
            path,
            dtype=str,
            sep=None,
            engine="python",
            encoding="utf-8-sig",
            keep_default_na=False,
            na_values=list(MISSING),
            skipinitialspace=True,
        )
    except UnicodeDecodeError:
        raise DataError(path, "bytes that are not UTF-8 text", "a CSV in UTF-8") from None
    except (ValueError, OSError, RecursionError, MemoryError) as error:  # pandas' and csv's own errors are ValueErrors
        raise DataError(path, f"not readable as a table ({str(error).splitlines()[0][:120]})", "a CSV") from None
    except Exception as error:
        if type(error).__module__.startswith(("pandas", "csv", "_csv")):
            raise DataError(path, f"not readable as a table ({str(error)[:120]})", "a CSV") from None
        raise


def _stem(name: Any) -> Any:
    return Path(name).stem if isinstance(name, str) and Path(name).suffix.lower() in file_endings() else name


def _check_names(path: Path, key: str, names: list[Any], lines: list[int]) -> None:
    seen: set[str] = set()
    for line, name in zip(lines, names, strict=True):
        if not isinstance(name, str) or not name:
            raise DataError(f"{path}, row {line}", f"no {key}", "a name in every row")
        if name in seen:
            raise DataError(f"{path}, row {line}", f"{key} {name!r} a second time", f"one row per {key}")
        seen.add(name)


def _check_columns(path: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    if table.columns.duplicated().any():
        raise DataError(path, f"column {table.columns[table.columns.duplicated()][0]!r} twice", "each name once")
    check_label_names(path, columns)


def check_label_names(where: str | Path, names: Sequence[str]) -> None:
    """Raise `DataError` for more labels than a dataset may have, a name twice, an empty one, and one that datasets use
    themselves."""
    if len(names) > MOST_COLUMNS:
        raise DataError(where, f"{len(names):,} columns", f"at most {MOST_COLUMNS:,} labels")
    for place, name in enumerate(names):
        if not name.strip():
            raise DataError(where, "a label without a name", "a name for each")
        if name in RECORDING_COLUMNS:
            raise DataError(f"{where}, column {name}", "a name that datasets use themselves", "another name")
        if name in names[:place]:
            raise DataError(where, f"column {name!r} twice", "each name once")


def typed_values(column: pd.Series) -> list[Any]:
    """Numbers where every entry is one, text otherwise; None where empty. ``007`` is text: a number would lose it."""
    values = [_text(v) or None for v in column]
    given = [v for v in values if v is not None]
    if not given or any(len(v) > 1 and v[0] == "0" and v[1].isdigit() for v in given):
        return values
    try:
        numbers = {v: float(v) for v in given}
    except ValueError:
        return values
    return [None if v is None else numbers[v] for v in values]


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
