"""`dfe picture`: a picture of the lab's own that a learned face is drawn as."""

from __future__ import annotations

import argparse

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..tables import facts

DESCRIPTION = (
    "Draw a face that was learned from landmarks as a picture of your own: a drawing or photo of the animal, with "
    "the landmarks marked in it. From then on every drawing of the face shows the picture, warped by the movement. "
    "What was learned, measured and trained stays as it is."
)
EXAMPLES = (
    "dfe picture learned-0123456789 cat.png cat.csv",
    "dfe picture learned-0123456789 still.png cat3_1.csv --frame 120",
    "dfe picture learned-0123456789 --remove",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("face", metavar="FACE", help="the id of a face learned from landmarks")
    parser.add_argument("picture", nargs="?", metavar="PICTURE", help="a PNG or JPEG file")
    parser.add_argument(
        "points",
        nargs="?",
        metavar="POINTS",
        help="the landmarks in the picture, px from its upper left corner: a table with x and y (and point, from 0), "
        "one row per landmark; JSON of [x, y]; or a recording of 2-D landmarks in pixels",
    )
    parser.add_argument(
        "--frame", type=int, metavar="N", help="of a recording: the frame, from 0, that the picture shows"
    )
    parser.add_argument("--remove", action="store_true", help="draw the face as its own surface again")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.marked_points import read_marked_points
    from dfe_core.faces.face_picture import open_picture_file
    from dfe_core.faces.picture_store import attach_picture, detach_picture

    if args.remove:
        if args.picture is not None:
            raise DataError("--remove", "with a picture", "the face alone")
        detach_picture(args.face)
        print(f"{args.face} is drawn as its own surface again")
        return
    if args.picture is None or args.points is None:
        raise DataError("dfe picture", "no picture or no points", "dfe picture FACE PICTURE POINTS, or --remove")
    picture = open_picture_file(args.picture, read_marked_points(args.points, args.frame))
    placed = attach_picture(args.face, picture, args.points)
    print(
        facts(
            [
                ("face", args.face),
                ("picture", f"{picture.source}, kept at {picture.size[0]} x {picture.size[1]} pixels"),
                ("landmarks", len(picture.points)),
                ("one pixel", f"{1e3 * placed.scale:.3f} mm"),
                ("misfit", f"{placed.misfit:.1%} of the spread of the resting landmarks"),
            ]
        )
        + "\n\nEvery drawing of the face is the picture now; pages that are open show it once they are read again."
    )
