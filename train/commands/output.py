"""Results as JSON: to a file, or to stdout in place of the table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dfe_core.store import json_text, write_json


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """``--json FILE|-``."""
    parser.add_argument("--json", metavar="FILE|-", help="also write the result as JSON; - prints it instead of tables")


def deliver(result: dict[str, Any], text: str, where: str | None) -> None:
    """Print `text`, or the JSON alone for ``-``; write the JSON to `where` when that is a file."""
    if where == "-":
        print(json_text(result))
        return
    if where:
        write_json(Path(where), result)
    print(text)
