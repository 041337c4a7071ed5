"""`dfe privacy`: how well tokens identify people, what takes that out, and what it costs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import seed, whole
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.privacy.result import PrivacyResult

DESCRIPTION = (
    "Name the people of five-second windows of tokens, from sittings that the attacker has not seen, as they are and "
    "with habits taken out: the resting face, mean and spread of each recording, a projection fitted inside the fold, "
    "or a map trained against an attacker; with a linear attacker, boosting, random trees and a small network, and "
    "what a probe loses. With --write, write a dataset without the habits."
)
EXAMPLES = (
    "dfe privacy codebook1 study1 --label condition",
    "dfe privacy codebook1 study1 --way rest --way projection --attacker linear --out leak.csv",
    "dfe privacy codebook1 study1 --way scale --write study1-scaled",
)
WAYS = ("rest", "scale", "adversarial", "projection-10", "projection")
ATTACKERS = ("linear", "boosting", "trees", "network")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="on the same face as the model")
    parser.add_argument("--label", default="", metavar="COLUMN", help="that a probe should still predict")
    parser.add_argument(
        "--way",
        action="append",
        choices=WAYS,
        help="rest: the resting face of each recording off; scale: its mean and spread those of all; adversarial: a "
        "map trained against an attacker; projection: directions in which people differ out, ten or all; may be "
        "repeated (default: all)",
    )
    parser.add_argument(
        "--attacker", action="append", choices=ATTACKERS, help="who names people; may be repeated (default: all)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.0,
        metavar="S",
        help="use the first S seconds of every recording (default: all)",
    )
    parser.add_argument(
        "--strength", type=float, default=3.0, metavar="X", help="of the adversary against fidelity (default: 3)"
    )
    parser.add_argument(
        "--folds", type=lambda text: whole(text, 2, 1000), default=5, metavar="N", help="by subject (default: 5)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of training, folds and bootstrap (default: 0)")
    parser.add_argument("--write", metavar="NAME", help="only write a dataset of this name by the one --way given")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table, .csv, .parquet or .xlsx")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.exchange.table_files import file_format, write_table_file
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.privacy.result import measure_privacy, write_attenuated
    from dfe_core.privacy.settings import PrivacySettings

    settings = PrivacySettings(
        model=args.model,
        dataset=args.dataset,
        label=args.label,
        ways=tuple(args.way or WAYS),
        attackers=tuple(args.attacker or ATTACKERS),
        seconds=args.seconds,
        folds=args.folds,
        strength=args.strength,
        seed=args.seed,
    )
    if args.write:
        if not args.way or len(args.way) != 1:
            raise DataError(f"--write {args.write}", f"{len(args.way or ())} of --way", "one --way")
        frames = write_attenuated(Dataset.open(args.dataset), args.way[0], args.write, settings)
        print(f"{args.write}: {frames:,} frames; encode it with the codebook to use its tokens")
        return
    if args.out is not None:
        file_format(args.out)
    result = measure_privacy(settings, progress=progress)
    if args.out is not None:
        write_table_file(result.table, args.out)
    deliver(result.to_json(), report(result), args.json)


def report(result: PrivacyResult) -> str:
    """The result of `dfe privacy` as text."""
    from dfe_core.expressions.sealed_text import sealed_sentence

    found = result.facts
    rows: list[tuple[str, Any]] = [
        ("model", found["model"]),
        ("dataset", found["dataset"]),
        ("data", "simulated" if found["simulated"] else "real"),
        ("windows", f"{found['windows']:,} of 5 s, of {found['subjects']} subjects"),
        ("attackers", found["split"]),
        ("chance", f"{found['chance']:.1%}"),
        *(
            [("label", f"{result.settings.label}, {found['metric']}, {found['units']} units")]
            if found["metric"]
            else []
        ),
        *([("sealed labels", sealed_sentence(found["sealed"]))] if found["sealed"] else []),
    ]
    columns: Columns = {
        "habits": "way",
        "attacker": "attacker",
        "named rightly": lambda row: f"{row['leak']:.1%}",
        "95 % interval": lambda row: f"{row['low']:.1%} to {row['high']:.1%}",
        "change": lambda row: f"{row['change']:+.1%}",
        "95 % of change": lambda row: f"{row['change_low']:+.1%} to {row['change_high']:+.1%}",
        f"moved, {found['unit']}": lambda row: f"{row['moved']:.2f}",
    }
    parts = [facts(rows), table_of(result.table.to_dict("records"), columns)]
    if found["metric"]:
        costs = result.table.drop_duplicates("way").to_dict("records")
        parts.append(
            table_of(
                costs,
                {
                    "habits": "way",
                    found["metric"]: lambda row: f"{row['score']:.2f}",
                    "95 % interval": lambda row: f"{row['score_low']:.2f} to {row['score_high']:.2f}",
                    "cost": lambda row: f"{row['cost']:+.2f}",
                    "95 % of cost": lambda row: f"{row['cost_low']:+.2f} to {row['cost_high']:+.2f}",
                },
            )
        )
    return "\n\n".join(parts)
