"""`dfe benchmark`: the tokenizer against its rivals, or the speed of this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from dfe_core.progress import Listener

DESCRIPTION = (
    "Measure the tokenizer against named baselines, or the speed of encoding, decoding and drawing on this "
    "machine. Writes its tables to a folder."
)
EXAMPLES = ("dfe benchmark speed --quick --out benchmark/", "dfe benchmark tokenizer --out benchmark/")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("tokenizer", "speed"), metavar="tokenizer|speed", help="what to measure")
    parser.add_argument("--quick", action="store_true", help="a smaller run, for a first look")
    parser.add_argument(
        "--datasets",
        type=names,
        default=(),
        metavar="A,B",
        help="tokenizer: these datasets (default: every one of four recordings or more)",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="tokenizer: how many seeds (default: 3, quick: 1)")
    parser.add_argument(
        "--only",
        default="*",
        metavar="PATTERN",
        help="tokenizer: rows whose name matches, as in 'ours*' (default: all)",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the tables")


def names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def run(args: argparse.Namespace, progress: Listener) -> None:
    if args.what == "tokenizer":
        from dfe_core.devices import on_device

        from ..benchmark.tokenizer import benchmark_tokenizer

        with on_device("cpu"):  # as its rivals are
            print(
                benchmark_tokenizer(
                    args.out,
                    quick=args.quick,
                    root=None,
                    progress=progress,
                    datasets=args.datasets,
                    seeds=args.seeds,
                    only=args.only,
                )
            )
    else:
        from ..benchmark.speed import benchmark_speed

        print(benchmark_speed(args.out, quick=args.quick, root=None, progress=progress))
