"""`dfe export`: tokens and what is counted from them, as tables for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from dfe_core.progress import Listener

DESCRIPTION = (
    "Write a table as CSV, Parquet or Excel: tokens (one row each), wide (one row per frame), bag (codewords of each "
    "recording or subject), intervals in which codewords are present, subjects (rate, share, intensity and duration of "
    "every codeword in every subject), a summary of every codeword, recordings with their labels, or all of them in a "
    "folder."
)
EXAMPLES = (
    "dfe export codebook1 study1 --what tokens --out tokens.parquet",
    "dfe export codebook1 study1 --what bag --unit subject --out bag.csv",
    "dfe export codebook1 study1 --what all --format xlsx --out tables/",
)
WHAT = ("tokens", "wide", "bag", "intervals", "subjects", "summary", "recordings", "all")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="on the same face as the model; encoded where it is not")
    parser.add_argument("--what", required=True, choices=WHAT, help="which table; all: every one, in a folder")
    parser.add_argument(
        "--format", choices=("csv", "parquet", "xlsx"), help="of the file (default: by the ending of --out; all: csv)"
    )
    parser.add_argument("--unit", choices=("recording", "subject"), default="recording", help="one row of the bag")
    parser.add_argument("--out", required=True, type=Path, metavar="PATH", help="the file or, of all, folder to write")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.workspace.study import Study
    from dfe_core.workspace.tables import export_table, export_tables

    study = Study(args.model, args.dataset, progress=progress)
    if args.what == "all":
        paths = export_tables(study, args.out, args.format or "csv")
        print(f"{args.out}: {len(paths)} files")
    else:
        rows = export_table(study, args.what, args.out, args.format, args.unit)
        print(f"{args.out}: {rows:,} rows")
