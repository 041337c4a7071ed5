"""The options of commands that can work in several processes, or on a cluster."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager

from dfe_core.engines import Engine, EngineOptions, open_engine

from ..cli import options_of, whole


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """``--engine``, ``--workers`` and ``--address``."""
    parser.add_argument(
        "--engine",
        choices=("local", "processes", "ray"),
        default="local",
        help="where recordings are worked on: in this process, in several of this machine, or on the nodes of a Ray "
        "cluster (extra dfe[cluster]); the result is the same (default: local)",
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="of --engine processes or ray (default: one for each core; for encoding on GPUs one for each GPU)",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of the Ray cluster, or auto for the one of this machine (default: one is started here and ended again)",
    )


def _workers(text: str) -> int:
    return whole(text, 1, 100_000)


def chosen_engine(args: argparse.Namespace) -> AbstractContextManager[Engine]:
    """The engine that the options ask for, for the time of a block."""
    return open_engine(options_of(EngineOptions, args))
