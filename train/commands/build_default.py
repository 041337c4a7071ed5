"""`dfe build-default`: the default codebook, where it is missing."""

from __future__ import annotations

import argparse
import time

from dfe_core.progress import Listener
from dfe_core.store import cache_root

from ..tables import duration

DESCRIPTION = (
    "Make what is missing of the default codebook: the default face, simulated performances, the trained "
    "model, its tokens, indexes, pictures, and the AUs of a simulated detector and derived ones. `make run` does "
    "this before it serves the dashboard; with everything there it ends in seconds."
)
EXAMPLES = ("dfe build-default", "dfe build-default --second")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--second",
        action="store_true",
        help="make a second, smaller codebook of the same data to compare the default one with; the dashboard that "
        "`make run` serves does this by itself",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    from ..default_build import build_default

    started = time.monotonic()
    done = build_default(progress=progress, second=args.second)
    which = "second codebook" if args.second else "default codebook"
    if done:
        print(f"{which}: made {', '.join(done)} in {duration(time.monotonic() - started)}")
    else:
        print(f"{which}: all there in {cache_root()}")
