"""`dfe export`: tokens and what is counted from them, as tables for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from dfe_core.progress import Listener

DESCRIPTION = (
    "Write tokens (one row each), bags of codewords (one row per recording), intervals in which codewords "
    "are present, or a summary of every codeword, as CSV, Parquet or Excel."
)
EXAMPLES = (
    "dfe export codebook1 study1 --what tokens --out tokens.parquet",
    "dfe export codebook1 study1 --what bag --format csv --out bag.csv",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="on the same face as the model; encoded where it is not")
    parser.add_argument("--what", required=True, choices=("tokens", "bag", "intervals", "summary"), help="which table")
    parser.add_argument(
        "--format", choices=("csv", "parquet", "xlsx"), help="of the file (default: by the ending of --out)"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="PATH", help="the file to write")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.workspace.study import Study
    from dfe_core.workspace.tables import export_table

    rows = export_table(Study(args.model, args.dataset, progress=progress), args.what, args.out, args.format)
    print(f"{args.out}: {rows:,} rows")
