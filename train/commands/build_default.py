"""`dfe build-default`: the default codebook, where it is missing."""

from __future__ import annotations

import argparse
import time

from dfe_core.progress import Listener
from dfe_core.store import cache_root

from ..tables import duration

DESCRIPTION = (
    "Make what is missing of the default codebook: the default face, simulated performances, the trained "
    "model, its tokens, indexes, figures on held-out people, pictures, checked names, and the AUs of a simulated "
    "detector and derived ones. With everything there it ends in seconds."
)
EXAMPLES = ("dfe build-default", "dfe build-default --first-page", "dfe build-default --second")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument(
        "--first-page",
        action="store_true",
        help="make only what pages cannot open without; `make run` does this before it serves the dashboard, which "
        "makes figures, pictures and checked names by itself once the first page has answered",
    )
    parts.add_argument(
        "--second",
        action="store_true",
        help="make a second, smaller codebook of the same data to compare the default one with; the dashboard that "
        "`make run` serves does this by itself",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    from ..default_build import Part, build_default

    started = time.monotonic()
    part = Part.SECOND if args.second else Part.FIRST_PAGE if args.first_page else Part.WHOLE
    done = build_default(progress=progress, part=part)
    which = "second codebook" if args.second else "default codebook"
    if done:
        print(f"{which}: made {', '.join(done)} in {duration(time.monotonic() - started)}")
    else:
        print(f"{which}: all there in {cache_root()}")
