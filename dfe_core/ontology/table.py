"""The tables of the ontology: CSV files beside this module; the parts of a cell are separated by ``;``."""

from __future__ import annotations

import csv
from pathlib import Path


def read_rows(table: str) -> list[dict[str, str]]:
    """Rows of ``<table>.csv`` in its order, by the names of its columns."""
    with open(Path(__file__).with_name(f"{table}.csv"), encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def parts(cell: str) -> tuple[str, ...]:
    """``"AU6; AU12"`` to ``("AU6", "AU12")``."""
    return tuple(part.strip() for part in cell.split(";")) if cell else ()
