"""``--device`` of the commands whose work is a tokenizer's or a network's."""

from __future__ import annotations

import argparse


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``; `cli` computes the whole command there."""
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="where to compute: cpu, cuda, cuda:1 …, or auto: a CUDA GPU where there is one (default: $DFE_DEVICE, "
        "else auto)",
    )
