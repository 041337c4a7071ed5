"""`dfe power`: how many people, recorded for how long, does a difference between groups need?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.table_rows import json_rows

from ..cli import options_of, seed
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    import pandas as pd

    from dfe_core.groups.power import PowerSettings, Rates

DESCRIPTION = (
    "Predict the power of `dfe groups`: people are drawn from a study, a difference in the rate of every codeword is "
    "added to half of them, and the share of draws in which it is found is printed by number of people and minutes."
)
EXAMPLES = (
    "dfe power codebook1 study1 --effect 0.5",
    "dfe power codebook1 study1 --effect 0.8 --people 20,40,80 --minutes 2,5,10 --codeword 17",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded: a pilot study")
    parser.add_argument(
        "--effect",
        type=float,
        default=0.8,
        metavar="D",
        help="difference between the groups in standard deviations between people (default: 0.8)",
    )
    parser.add_argument(
        "--people", default="20,40,60,80,120", metavar="N,N", help="of both groups together (default: 20,40,60,80,120)"
    )
    parser.add_argument(
        "--minutes", default="0", metavar="M,M", help="recorded of each person (default: as long as in the dataset)"
    )
    parser.add_argument(
        "--codeword", type=int, metavar="K", help="of this codeword alone (default: of all, as a range)"
    )
    parser.add_argument("--draws", type=int, default=200, metavar="N", help="of people, for each cell (default: 200)")
    parser.add_argument("--seed", type=seed, default=0, help="of the draws (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.groups.power import PowerSettings, codeword_rates, predict_power
    from dfe_core.workspace.study import Study

    settings = options_of(
        PowerSettings,
        args,
        people=tuple(int(n) for n in _numbers("--people", args.people)),
        minutes=tuple(_numbers("--minutes", args.minutes)),
    )
    study = Study(args.model, args.dataset, progress=progress)
    rates = codeword_rates(study.dataset, study.intervals_index)
    if args.codeword is not None and args.codeword not in rates.codewords:
        shown = " ".join(map(str, rates.codewords))
        raise DataError("--codeword", f"{args.codeword}, which half of the people never show", f"one of {shown}")
    table = predict_power(rates, settings, progress)
    if args.codeword is not None:
        table = table[table["codeword"] == args.codeword]
    result = {
        "model": args.model,
        "dataset": args.dataset,
        "simulated": study.dataset.simulated,
        **asdict(settings),
        "rows": json_rows(table),
    }
    deliver(result, _report(args, table, rates, settings), args.json)


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise DataError(option, repr(text), "numbers, such as 20,40,80") from None


def _report(args: argparse.Namespace, table: pd.DataFrame, rates: Rates, settings: PowerSettings) -> str:
    from dfe_core.groups.power import summary_of_power

    head = facts(
        [
            ("model", args.model),
            ("dataset", args.dataset),
            ("people drawn from", len(rates.people)),
            ("effect", f"{settings.effect:g} standard deviations between people"),
            ("codewords", args.codeword if args.codeword is not None else len(rates.codewords)),
            ("draws of each row", settings.draws),
        ]
    )
    columns: Columns = {"minutes": "minutes", "people": "people", "power": "median"}
    if args.codeword is None:
        spread: Columns = {"of 80 % of the codewords": lambda row: f"{row['low']:.2f} to {row['high']:.2f}"}
        columns = {**columns, **spread}
    return f"{head}\n\n{table_of(summary_of_power(table).to_dict('records'), columns)}"
