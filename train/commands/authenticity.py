"""`dfe authenticity`: is it a face, or motion that a program made?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.progress import Listener

from ..cli import seed, whole
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.authenticity.detection import DetectionResult

DESCRIPTION = (
    "Make synthetic motion of four kinds from every recording of a dataset, encode it, and learn to recognise it from "
    "codewords and rhythms, tested on people and on kinds of motion that did not train."
)
EXAMPLES = (
    "dfe authenticity codebook1 study1",
    "dfe authenticity codebook1 study1 --window 5 --no-noise --out authenticity.csv",
)
_SHOWN = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    parser.add_argument("--window", type=float, default=10.0, metavar="S", help="seconds of a window (default: 10)")
    parser.add_argument(
        "--no-noise",
        action="store_true",
        help="leave made motion as smooth as it is made; without this option it carries the frame-to-frame noise of "
        "its recording, which would else be what is recognised",
    )
    parser.add_argument(
        "--folds", type=lambda text: whole(text, 2, 1000), default=5, metavar="N", help="of people (default: 5)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of what is made, folds and bootstrap (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table, .csv, .parquet or .xlsx")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.authenticity.detection import DetectionSettings, detect_synthetic
    from dfe_core.exchange.table_files import file_format, write_table_file

    if args.out is not None:
        file_format(args.out)
    settings = DetectionSettings(window_s=args.window, noise=not args.no_noise, folds=args.folds, seed=args.seed)
    result = detect_synthetic(args.model, args.dataset, settings, progress=progress)
    if args.out is not None:
        write_table_file(result.table, args.out)
    deliver(result.to_json(), report(result), args.json)


def report(result: DetectionResult) -> str:
    """The result of `dfe authenticity` as text."""
    rows: list[tuple[str, Any]] = [
        ("real", "simulated performances" if result.simulated else "recordings"),
        ("windows", f"{result.windows} real ones of {result.settings.window_s:g} s, of {result.people} people"),
        ("made motion", "with its recording's noise" if result.settings.noise else "without noise"),
        ("chance", "AUROC 0.5"),
    ]
    columns: Columns = {
        "generator": "generator",
        "features": "features",
        "AUROC, not seen": lambda row: f"{row['unseen']:.3f}",
        "95 % interval": lambda row: f"{row['low']:.3f} to {row['high']:.3f}",
        "AUROC, seen": lambda row: f"{row['seen']:.3f}",
    }
    told: Columns = {
        "more in made motion (+)": "column",
        "weight": lambda row: f"{row['weight']:+.3f}",
        "fits that agree": lambda row: f"{row['agree']:.0%}",
    }
    return "\n\n".join(
        [
            facts(rows),
            table_of(result.table.to_dict("records"), columns),
            table_of(result.weights.head(_SHOWN).to_dict("records"), told),
        ]
    )
