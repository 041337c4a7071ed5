"""`dfe encode`: tokens of every frame of a dataset."""

from __future__ import annotations

import argparse

from dfe_core.progress import Listener

from ..tables import facts
from .engine_option import add_engine_options, chosen_engine

DESCRIPTION = (
    "Turn every valid frame of a dataset into tokens. Run again on unchanged input it does nothing and says so; "
    "where recordings were added or changed, or the last run was stopped, it encodes only what is missing."
)
EXAMPLES = (
    "dfe encode codebook1 study1",
    "dfe encode codebook1 study1 --fast",
    "dfe encode codebook1 study1 --engine ray --address auto",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="on the same face as the model")
    parser.add_argument(
        "--fast",
        action="store_true",
        help="greedily, without the network and without regard to neighbouring frames: for very large "
        "jobs; tokens are a little less exact and less steady",
    )
    add_engine_options(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.tokens.cache import TokenCache
    from dfe_core.tokens.encoding import encode_dataset
    from dfe_core.tokens.intervals import build_runs

    with chosen_engine(args) as engine:
        report = encode_dataset(args.model, args.dataset, fast=args.fast, progress=progress, engine=engine)
        # which the dashboard's first page would have to wait for
        build_runs(TokenCache(report.path), progress, engine=engine)
    if report.unchanged:
        print(f"unchanged: the {report.frames:,} frames of {args.dataset} already have the tokens of {args.model}")
        return
    print(
        facts(
            [
                ("tokens", report.path.name),
                ("recordings", report.recordings),
                *([("of these encoded now", report.encoded)] if report.encoded < report.recordings else []),
                ("frames", report.frames),
            ]
        )
        + f"\n\nnext: dfe evaluate {args.model} {args.dataset}"
    )
