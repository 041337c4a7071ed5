"""`dfe extract`: videos into a dataset, through MediaPipe's Face Landmarker."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dfe_core.errors import DataError
from dfe_core.progress import Listener

if TYPE_CHECKING:
    from dfe_core.expressions.importing import ImportOptions

DESCRIPTION = (
    "Run MediaPipe's Face Landmarker over videos, pictures or folders of numbered pictures (52 blendshape scores, "
    "head pose, 478 landmarks and a confidence per frame and face) and write one dataset. Needs the extra: "
    "pip install 'dfe[video]'. A video that was extracted before is not run again; interrupted, the same command "
    "continues."
)
EXAMPLES = (
    "dfe extract interviews/*.mp4 --model face_landmarker.task --name study1",
    "dfe extract interviews/ --model face_landmarker.task --name study1 --jobs 4 --subject-pattern '(s\\d+)_'",
    "dfe extract interviews/ --model face_landmarker.task --name own --face learn",
    "dfe extract portraits/*.jpg --name portraits --subject-pattern '(p\\d+)_'",
    "dfe extract frames/ --name filmed --fps 25",
    "dfe extract interviews/ --name flame --with smirk --checkout ~/smirk",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="VIDEO", help="videos or pictures, or folders of them")
    parser.add_argument(
        "--model",
        type=Path,
        metavar="TASK",
        help="MediaPipe's face_landmarker.task, your own download (default: one that py-feat or mediapipe has in its "
        "cache; docs/video.md)",
    )
    parser.add_argument("--name", required=True, help="of the dataset to write")
    parser.add_argument(
        "--face",
        default="anny",
        metavar="anny|ict:PATH|learn",
        help="the face whose coefficients the scores are brought to; learn makes a face of the 478 "
        "landmarks (default: anny)",
    )
    parser.add_argument(
        "--with",
        dest="tool",
        choices=("smirk", "emoca"),
        help="FLAME coefficients by your own installation of this tool, in the place of MediaPipe's scores",
    )
    parser.add_argument("--checkout", type=Path, metavar="DIR", help="with --with: the folder of that installation")
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="with --with: the interpreter of its environment (default: of .venv, venv or env in the folder)",
    )
    parser.add_argument(
        "--stills",
        action="store_true",
        help="pictures in folders are stills, a recording of one frame each, also where they are numbered",
    )
    parser.add_argument(
        "--simulated", action="store_true", help="the faces are rendered or generated; every page and report says so"
    )
    parser.add_argument("--faces", type=int, default=4, help="at most so many faces at once (default: 4)")
    parser.add_argument("--jobs", type=int, default=1, help="videos worked on beside each other (default: 1)")
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="a table with a column recording (or subject) and one column per label",
    )
    parser.add_argument(
        "--subject-pattern", metavar="RE", help="a regular expression whose first group is the subject in a file's name"
    )
    parser.add_argument(
        "--fps",
        type=float,
        help="of a folder of numbered pictures; resample all recordings to this rate (default: each keeps its own)",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.importing import ImportOptions
    from dfe_core.video.model_file import require_model
    from dfe_core.video.reader import extract_dataset

    for option, value, most in (("--faces", args.faces, 32), ("--jobs", args.jobs, 256)):
        if not 1 <= value <= most:
            raise DataError(option, str(value), f"1 to {most}")
    options = ImportOptions(
        face=args.face,
        labels=args.labels,
        subject_pattern=args.subject_pattern,
        fps=args.fps,
        stills=args.stills,
        simulated=args.simulated,
    )
    if args.tool or args.checkout:
        _with_checkout(args, options, progress)
        return
    model = require_model(args.model)
    report = extract_dataset(
        args.sources,
        model,
        args.name,
        options,
        faces=args.faces,
        jobs=args.jobs,
        progress=progress,
    )
    print(report)
    if args.model is None:
        print(f"model: {model}")
    print(f"\nnext: dfe train {args.name} --name MODEL")


def _with_checkout(args: argparse.Namespace, options: ImportOptions, progress: Listener) -> None:
    """FLAME coefficients by the lab's own installation of a tool."""
    from dfe_core.video.checkouts import extract_with_checkout, open_checkout

    reader = open_checkout(args.tool or "", args.checkout and args.checkout.expanduser(), args.python)
    print(extract_with_checkout(args.sources, reader, args.name, options, progress=progress))
    print(f"\nnext: dfe train {args.name} --name MODEL")
