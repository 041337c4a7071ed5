"""`dfe coverage`: what the codewords say of AUs, and what they have beyond them."""

from __future__ import annotations

import argparse
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from dfe_core.progress import Listener

from ..cli import seed
from ..tables import facts, table_of
from .engine_option import add_engine_options, chosen_engine
from .output import add_json_option, deliver
from .segments_option import add_segments_option, segments_dataset

if TYPE_CHECKING:
    from dfe_core.facs.coverage_result import Coverage

DESCRIPTION = (
    "Compare the codewords of a model with action units: which AU each one expresses, what is covered, and "
    "what is beyond FACS. Writes a report to a folder."
)
EXAMPLES = (
    "dfe coverage codebook1 study1 --aus derived --out report/",
    "dfe coverage codebook1 study1 --aus openface --out report/ --json coverage.json",
    "dfe coverage codebook1 study1 --aus openface --out report/ --cross-fit 4",
    "dfe coverage codebook1 study1 --aus openface --out report/ --engine ray --address auto",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    add_segments_option(parser)
    parser.add_argument("--aus", required=True, metavar="NAME", help="made by `dfe aus import` or `dfe aus derive`")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the report")
    parser.add_argument("--seed", type=seed, default=0, help="of folds and resamples (default: 0)")
    parser.add_argument(
        "--cross-fit",
        type=int,
        metavar="K",
        help="train K codebooks, each without a part of the people, and give the figures of AUs for "
        "people whom neither codebook nor choice of codewords saw (takes K trainings)",
    )
    add_json_option(parser)
    add_engine_options(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.facs.coverage import analyse_coverage
    from dfe_core.reports.coverage import write_coverage_report
    from dfe_core.reports.coverage_pictures import coverage_pictures

    args.dataset = segments_dataset(args, progress)
    with chosen_engine(args) as engine:
        result = analyse_coverage(args.model, args.dataset, args.aus, seed=args.seed, progress=progress, engine=engine)
    command = shlex.join(
        [
            "dfe",
            "coverage",
            args.model,
            args.dataset,
            "--aus",
            args.aus,
            "--out",
            args.out.name,
            "--seed",
            str(args.seed),
        ]
    )
    write_coverage_report(
        result, args.out, pictures=coverage_pictures(result, progress=progress), command=command, progress=progress
    )
    crossed = _crossed(args, progress) if args.cross_fit else ""
    deliver(result.to_json(), f"{report(result)}{crossed}\n\nreport: {args.out / 'report.html'}", args.json)


def _crossed(args: argparse.Namespace, progress: Listener) -> str:
    """The table of `--cross-fit`, which is also written beside the report."""
    from dfe_core.reports.tables import write_tables

    from ..cross_fit import cross_fit

    found = cross_fit(args.model, args.dataset, args.aus, args.cross_fit, seed=args.seed, progress=progress)
    write_tables({"cross_fit": found.per_au, "cross_fit_by_subject": found.by_subject}, args.out / "tables")
    columns = {"AU": "au", "side": "side", "people": "subjects"}
    columns |= {"AUROC": "auroc", "of at most three": "sparse_auroc", "of all": "all_auroc"}
    return (
        f"\n\nwithin people whom no codebook saw ({args.cross_fit} codebooks, {', '.join(found.models)}):\n\n"
        + table_of(found.per_au.to_dict("records"), columns)
    )


def _interval(estimate: float, lower: float, upper: float) -> str:
    """Both bounds and the estimate, or that there is not enough data."""
    if not math.isfinite(estimate):
        return "not enough data"
    return f"{lower:.3g} to {upper:.3g} (estimate {max(estimate, 0):.3g})"


def report(result: Coverage) -> str:
    """The result of `dfe coverage` as text."""
    told = result.to_json()
    head = facts(
        [
            ("model", result.model),
            ("dataset", result.dataset),
            ("data", "simulated" if result.simulated else "real"),
            (
                "AUs",
                f"{result.aus}, "
                + ("estimates" if result.estimate else "detected or coded")
                + f" ({result.tool} {result.tool_version})",
            ),
            ("subjects", result.subjects),
            ("frames", result.frames),
            ("AUs covered", told["covered_aus"]),
            ("share of movement beyond FACS", _interval(*result.share("beyond FACS"))),
            ("share that only AUs explain", told["facs_only_variance"]),
            ("new codewords", len(told["new_codewords"])),
            ("redundant pairs", len(told["redundant_pairs"])),
        ]
    )
    columns = {"AU": "au", "side": "side", "prevalence": "prevalence", "best codeword": "best_codeword"}
    columns |= {"AUROC": "auroc", "of at most three": "sparse3_auroc", "of all": "all_auroc", "status": "status"}
    return "\n\n".join((head, table_of(told["per_au"], columns), *result.notes))
