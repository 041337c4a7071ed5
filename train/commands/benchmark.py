"""`dfe benchmark`: the tokenizer against its rivals, or the speed of this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from dfe_core.progress import Listener

DESCRIPTION = "Measure the tokenizer against named baselines, or the speed of encoding, decoding and drawing on this " \
              "machine. Writes its tables to a folder."
EXAMPLES = ("dfe benchmark speed --quick --out benchmark/", "dfe benchmark tokenizer --out benchmark/")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("tokenizer", "speed"), metavar="tokenizer|speed", help="what to measure")
    parser.add_argument("--quick", action="store_true", help="a smaller run, for a first look")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the tables")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from train.benchmark import run_benchmark
    print(run_benchmark(args.what, args.out, quick=args.quick, progress=progress))
