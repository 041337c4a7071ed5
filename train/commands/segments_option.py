"""The options of commands that may take segments in the place of recordings."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dfe_core.artefact_names import aus_alone
from dfe_core.errors import DataError
from dfe_core.progress import Listener

if TYPE_CHECKING:
    from dfe_core.expressions.dataset import Dataset

_WINDOW = "SECONDS,SECONDS"


def add_segments_option(parser: argparse.ArgumentParser) -> None:
    """``--segments``, ``--where`` and ``--window``."""
    parser.add_argument(
        "--segments",
        metavar="EVENTS",
        help="take every event of this set as a recording of its own, with its columns as labels",
    )
    add_choice_options(parser)


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """``--where`` and ``--window``: which events are taken, and what of them."""
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=A,B",
        help="only events whose column has one of these values; may be given several times",
    )
    parser.add_argument(
        "--window",
        metavar=_WINDOW,
        help="from so many seconds before each onset to so many after it, in place of onset to offset (1,3)",
    )


def conditions(given: list[str]) -> dict[str, list[str]]:
    """Columns and their values, as ``--where`` was given. Raises `DataError` for another form."""
    found: dict[str, list[str]] = {}
    for text in given:
        column, sign, values = text.partition("=")
        if not sign or not column:
            raise DataError("--where", repr(text), "COLUMN=VALUE[,VALUE]")
        found[column.strip()] = [value.strip() for value in values.split(",")]
    return found


def window(text: str | None) -> tuple[float, float] | None:
    """Seconds before and after an onset. Raises `DataError` for another form."""
    if text is None:
        return None
    try:
        before, after = map(float, text.split(","))
    except ValueError:
        raise DataError("--window", repr(text), _WINDOW) from None
    return before, after


def segments_dataset(args: argparse.Namespace, progress: Listener) -> str:
    """The name of the dataset that a command works on: that of its segments, where it asks for them."""
    if args.segments is None:
        if args.where or args.window:
            raise DataError("--where, --window", "without --segments", "the events that are meant")
        return args.dataset
    segments = write_asked(args, args.segments, None, progress)
    if args.model is not None and not aus_alone(args.model):
        from dfe_core.tokens.encoding import encode_dataset

        encode_dataset(args.model, segments.name, progress=progress)
    return segments.name


def write_asked(args: argparse.Namespace, events: str, name: str | None, progress: Listener) -> Dataset:
    """The dataset of the segments that are asked for."""
    from dfe_core.events.segments import SegmentChoice
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.workspace.segments import open_segments

    ends = window(args.window)
    choice = SegmentChoice(
        events=events,
        where=conditions(args.where),
        before_s=ends[0] if ends else None,
        after_s=ends[1] if ends else None,
    )
    return open_segments(Dataset.open(args.dataset), choice, name, progress=progress)
