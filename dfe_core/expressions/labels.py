"""Labels of recordings from the user's table, joined by recording or by subject."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS

MAX_BYTES = 64 << 20
_KEYS = ("recording", "subject")
_MISSING = ["", "NA", "N/A", "nan", "NaN", "null"]


@dataclass
class Labels:
    """The table, and which of its rows have been used.

    key: ``recording`` or ``subject``; columns: of labels, in the table's order; subjects: by recording, where the
    table has both columns.
    """

    path: Path | None = None
    key: str = "recording"
    columns: tuple[str, ...] = ()
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    who: dict[str, dict[str, str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def person(self, recording: str) -> tuple[str, str]:
        """Subject and session that the table gives a recording, "" where it does not."""
        row = self.who.get(recording, {})
        return row.get("subject", ""), row.get("session", "")

    def of(self, recording: str, subject: str) -> dict[str, Any]:
        """One value a label column, None where the table has none."""
        name = recording if self.key == "recording" else subject
        if name in self.rows:
            self.used.add(name)
        return self.rows.get(name, dict.fromkeys(self.columns))

    def unused(self) -> tuple[str, ...]:
        """Sentences on rows of the table that no recording answered to."""
        left = [name for name in self.rows if name not in self.used]
        if not left:
            return ()
        shown = ", ".join(left[:5]) + (" …" if len(left) > 5 else "")
        return (f"{len(left)} rows of {self.path.name} match no {self.key}: {shown}.",)


def read_labels(path: str | Path | None) -> Labels:
    """Read a table with a column ``recording`` (a file's name, with or without its ending) or ``subject``.

    Where it has both, rows are joined by recording and tell the subject as well. Columns of numbers stay numbers.
    Raises `DataError` for a table that cannot be read, has neither column, names one twice, or takes a column name
    that datasets use themselves.
    """
    if path is None:
        return Labels()
    path = Path(path)
    table = _table(path)
    key = next((k for k in _KEYS if k in table.columns), None)
    if key is None:
        raise DataError(path, f"columns {', '.join(map(str, table.columns[:6]))}", "a column recording or subject")
    names = [_stem(name) if key == "recording" else name for name in table[key]]
    _check_names(path, key, names)
    beside = [c for c in ("subject", "session") if key == "recording" and c in table.columns]
    columns = tuple(c for c in table.columns if c != key and c not in beside)
    _check_columns(path, table, columns)
    values = {c: _typed(table[c]) for c in columns}
    rows = {name: {c: values[c][i] for c in columns} for i, name in enumerate(names)}
    who = {name: {c: _text(table[c].iloc[i]) for c in beside} for i, name in enumerate(names)}
    return Labels(path, key, columns, rows, who)


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(path, "no such file", "a CSV of labels")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(path, f"{path.stat().st_size >> 20} MB", f"a table of labels under {MAX_BYTES >> 20} MB")
    try:
        table = pd.read_csv(path, dtype=str, sep=None, engine="python", encoding="utf-8-sig", keep_default_na=False,
                            na_values=_MISSING, skipinitialspace=True)
    except UnicodeDecodeError:
        raise DataError(path, "bytes that are not UTF-8 text", "a CSV in UTF-8") from None
    except (ValueError, OSError, RecursionError, MemoryError) as error:  # pandas' and csv's own errors are ValueErrors
        raise DataError(path, f"not readable as a table ({str(error).splitlines()[0][:120]})", "a CSV") from None
    except Exception as error:
        if type(error).__module__.startswith(("pandas", "csv", "_csv")):
            raise DataError(path, f"not readable as a table ({str(error)[:120]})", "a CSV") from None
        raise
    table.columns = [str(c).strip() for c in table.columns]
    if table.empty:
        raise DataError(path, "a header and no rows", "one row a recording or subject")
    return table


def _stem(name: Any) -> Any:
    return Path(name).stem if isinstance(name, str) and Path(name).suffix.lower() in ENDINGS else name


ENDINGS = (".csv", ".tsv", ".txt", ".json", ".parquet", ".npz", ".npy", ".mat", ".pt", ".pth", ".glb", ".gltf")
"""Of files that are read; a label table may name recordings with them."""


def _check_names(path: Path, key: str, names: list[Any]) -> None:
    seen: set[str] = set()
    for i, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise DataError(f"{path}, row {i + 1}", f"no {key}", "a name in every row")
        if name in seen:
            raise DataError(f"{path}, row {i + 1}", f"{key} {name!r} a second time", f"one row a {key}")
        seen.add(name)


def _check_columns(path: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    if table.columns.duplicated().any():
        raise DataError(path, f"column {table.columns[table.columns.duplicated()][0]!r} twice", "each name once")
    taken = [c for c in columns if c in RECORDING_COLUMNS]
    if taken:
        raise DataError(f"{path}, column {taken[0]}", "a name that datasets use themselves", "another name")


def _typed(column: pd.Series) -> list[Any]:
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
