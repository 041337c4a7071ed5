"""`dfe syllables`: recurring displays with a duration, found over the tokens."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import options_of, seed
from ..tables import facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.syllables.store import SyllableSet

DESCRIPTION = (
    "Find syllables: displays that recur, each with an onset, an apex, an offset and a duration, over the tokens of a "
    "codebook. Rest is syllable 0."
)
EXAMPLES = (
    "dfe syllables codebook1 study1",
    "dfe syllables codebook1 study1 --duration 1.5 --count 12 --out segments.csv",
)
_FORMATS = (".csv", ".parquet")
_FOLLOWERS = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    parser.add_argument(
        "--duration",
        type=float,
        metavar="S",
        dest="duration_s",
        help="mean duration of a syllable, s (default: of 0.5, 1, 2 and 4 the one that codes held-out people in the "
        "fewest bits)",
    )
    parser.add_argument("--count", type=int, default=20, metavar="K", help="syllables beside rest (default: 20)")
    parser.add_argument(
        "--frames",
        type=int,
        default=120_000,
        metavar="N",
        help="frames that are fitted at most, of recordings drawn at random; all are segmented (default: 120000)",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the start and of the draws (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the segments, as a .csv or .parquet table")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.syllables.store import SyllableSettings
    from dfe_core.workspace.study import Study

    if args.out is not None and args.out.suffix not in _FORMATS:
        raise DataError(args.out, f"format {args.out.suffix or 'without a suffix'}", " or ".join(_FORMATS))
    settings = options_of(SyllableSettings, args)
    found = Study(args.model, args.dataset, progress=progress).syllables(settings)
    if args.out is not None:
        _write_segments(found, args.out)
    deliver(found.to_json(), report(found, args.out), args.json)


def _write_segments(found: SyllableSet, path: Path) -> None:
    from dfe_core.store import atomic_file

    with atomic_file(path) as temporary:
        if path.suffix == ".csv":
            found.segments.to_csv(temporary, index=False)
        else:
            found.segments.to_parquet(temporary, index=False)


def report(found: SyllableSet, file: Path | None = None) -> str:
    """The result of `dfe syllables` as text."""
    about = found.manifest
    head = facts(
        [
            ("syllables", f"analyses/{found.path.name}"),
            ("model", about["model"]),
            ("dataset", about["dataset"]),
            ("data", "simulated" if about["simulated"] else "real"),
            ("duration, s", about["duration_s"]),
            ("frames fitted", about["frames"]),
            ("segments", len(found.segments)),
            *([("file", file)] if file is not None else []),
        ]
    )
    parts = [head]
    if found.durations:
        tried = {"duration, s": "duration_s", "bits per frame, held-out people": "bits_per_frame"}
        parts.append(table_of([vars(one) for one in found.durations], tried))
    return "\n\n".join((*parts, table_of(found.table.to_dict("records"), _COLUMNS), _followers(found)))


_COLUMNS = {
    "syllable": "syllable",
    "segments": "segments",
    "per minute": "per_minute",
    "share of time": "share",
    "duration, s": "median_s",
    "people": "people",
    "codewords": "codewords",
    "what moves": "description",
}


def _followers(found: SyllableSet) -> str:
    """The most frequent transitions between syllables."""
    rows = found.followers().head(_FOLLOWERS).to_dict("records")
    return table_of(rows, {"from": "syllable", "to": "next", "times": "count", "share": "share"})
