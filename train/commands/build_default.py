"""`dfe build-default`: the default codebook, where it is missing."""

from __future__ import annotations

import argparse
import time

from dfe_core.progress import Listener
from dfe_core.store import cache_root

from ..tables import duration

DESCRIPTION = (
    "Make what is missing of the default codebook: the default face, simulated performances, the trained "
    "model, its tokens, indexes, pictures and derived AUs. `make run` does this before it serves the "
    "dashboard; with everything there it ends in seconds."
)
EXAMPLES = ("dfe build-default",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults()


def run(args: argparse.Namespace, progress: Listener) -> None:
    from ..default_build import build_default

    started = time.monotonic()
    done = build_default(progress=progress)
    if done:
        print(f"default codebook: made {', '.join(done)} in {duration(time.monotonic() - started)}")
    else:
        print(f"default codebook: all there in {cache_root()}")
