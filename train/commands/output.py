"""Results as JSON: to a file, or to stdout in place of the table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.store import json_text, write_json

if TYPE_CHECKING:
    import pandas as pd


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """``--json FILE|-``."""
    parser.add_argument("--json", metavar="FILE|-", help="also write the result as JSON; - prints it instead of tables")


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as one dict a row; None where nothing is known."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def deliver(result: dict[str, Any], text: str, where: str | None) -> None:
    """Print `text`, or the JSON alone for ``-``; write the JSON to `where` when that is a file."""
    if where == "-":
        print(json_text(result))
        return
    if where:
        write_json(Path(where), result)
    print(text)
