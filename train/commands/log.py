"""`dfe log`: who did what to the cache."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from datetime import datetime

from dfe_core.audit import Entry, read_log
from dfe_core.progress import Listener

from ..cli import whole
from ..tables import Columns, table_of
from .output import add_json_option, deliver

DESCRIPTION = (
    "Show who imported, trained, encoded, noted, removed, brought back, purged or withdrew what, the newest first: "
    "commands as well as the dashboard. Acts that were refused are listed too."
)
EXAMPLES = ("dfe log", "dfe log --limit 200", "dfe log --json -")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        type=lambda text: whole(text, 1, 10_000_000),
        default=50,
        metavar="N",
        help="at most so many lines (default: 50)",
    )
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    log = read_log(limit=args.limit)
    text = table_of(log.entries, _COLUMNS) if log.entries else "nothing has been done yet"
    deliver({"entries": [asdict(e) for e in log.entries], "unreadable": log.unreadable}, text, args.json)
    if log.unreadable:
        print(f"warning: {log.unreadable} lines of the log cannot be read", file=sys.stderr)


def _when(entry: Entry) -> str:
    return f"{datetime.fromisoformat(entry.time).astimezone():%Y-%m-%d %H:%M}"


def _person(entry: Entry) -> str:
    return f"{entry.person} ({entry.account})" if entry.account else entry.person


_COLUMNS: Columns = {"when": _when, "who": _person, "how": "way", "act": "act", "what": "what", "outcome": "outcome"}
