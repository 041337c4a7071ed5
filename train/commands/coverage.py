"""`dfe coverage`: what the codewords say of AUs, and what they have beyond them."""

from __future__ import annotations

import argparse
from pathlib import Path

from dfe_core.progress import Listener
from train.commands.output import add_json_option, deliver

DESCRIPTION = "Compare the codewords of a model with action units: which AU each one tells, what is covered, and " \
              "what lies beyond FACS. Writes a report to a folder."
EXAMPLES = ("dfe coverage codebook1 study1 --aus derived --out report/",
            "dfe coverage codebook1 study1 --aus openface --out report/ --json coverage.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    parser.add_argument("--aus", required=True, metavar="NAME", help="made by `dfe aus import` or `dfe aus derive`")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the report")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.facs.coverage import analyse_coverage
    result = analyse_coverage(args.model, args.dataset, args.aus, progress=progress)
    deliver(result, str(result), args.json)
