"""`dfe import`: recordings of other tools into a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dfe_core.artefact_names import DATASETS, MANIFEST, NO_FACE
from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.store import artefact_path, read_json

from ..cli import options_of
from .engine_option import add_engine_options, chosen_engine

if TYPE_CHECKING:
    from dfe_core.expressions.landmark_fit import FittingReader
    from dfe_core.faces.face_picture import FacePicture

DESCRIPTION = (
    "Read recordings of other tools (ARKit coefficients, FLAME and BFM coefficients, landmarks, meshes, "
    "animations; docs/formats.md has all) and write one dataset. A file that cannot be read is skipped and "
    "named; the others are imported."
)
EXAMPLES = (
    "dfe import recordings/*.csv --name study1",
    "dfe import emoca_output/ --name study2 --face flame:FLAME2020.npz --fps 25",
    "dfe import emoca/ spectre/ --name study4 --fps 25 --mix-extractors",
    "dfe import openface/*.csv --name study5 --face anny --fit",
    "dfe import game/ --name study6 --face learn --time frame/60 --labels people.csv",
    "dfe import cats/ --name cats --face learn --point-regions cat-points.csv",
    "dfe import openface/ --name study7 --face none --labels people.csv",
    "dfe import recordings/ --name study3 --labels labels.csv --subject-pattern '(s\\d+)_'",
    "dfe import recordings/ --name study3 --add",
    "dfe import recordings/ --name study8 --engine processes",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SRC", help="files, or folders of files")
    parser.add_argument("--name", required=True, help="of the dataset to write")
    parser.add_argument(
        "--add",
        action="store_true",
        help="add to the dataset of this name: its recordings stay as they are, files that are in it already are "
        "passed over",
    )
    parser.add_argument(
        "--face",
        metavar="anny|ict:PATH|flame:PATH|bfm:PATH|learn|none",
        help="the face whose coefficients the recordings are brought to (default: anny; for landmarks "
        "and meshes, which have no coefficients, learn); none takes in action units alone, of any AU tool",
    )
    parser.add_argument("--format", default="auto", help="of the files: auto looks at each (default: auto)")
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="a table with a column recording or subject (or both) and one column per label",
    )
    parser.add_argument(
        "--subject-pattern",
        metavar="RE",
        help="a regular expression on file names: its first group is the subject, or its groups "
        "named subject and session are what they say",
    )
    parser.add_argument(
        "--fit",
        action="store_true",
        help="fit the face to landmarks (pose, identity, expression) instead of learning one from them",
    )
    parser.add_argument(
        "--point-weights",
        choices=("auto", "none"),
        default="auto",
        help="with --fit: auto weighs each point by the visibility, confidence or likelihood that the file has for it, "
        "so that hidden points leave the rest; none weighs all alike (default: auto)",
    )
    parser.add_argument(
        "--normaliser",
        metavar="I,J",
        help="of a learned face: two landmarks, from 0, whose distance errors are divided by (default: the outer "
        "corners of the eyes where the layout is known, else the size of the face)",
    )
    parser.add_argument(
        "--point-regions",
        metavar="CSV",
        help="of a learned face: a table with the columns point, region and side, which names the landmarks of your "
        "own scheme; the file of --picture-points is taken where it has these columns",
    )
    parser.add_argument(
        "--landmark-layout",
        choices=("auto", "known", "own"),
        default="auto",
        help="of a learned face: own says that the landmarks are of no layout that dfe knows; "
        "known takes them for the layout of their number, whatever their shape; auto does so where the shape does not "
        "contradict it and --point-regions names none (default: auto)",
    )
    parser.add_argument(
        "--picture",
        metavar="FILE",
        help="of a learned face: a PNG or JPEG that it is drawn as (dfe picture does it afterwards)",
    )
    parser.add_argument(
        "--picture-points",
        metavar="FILE",
        help="with --picture: the landmarks in it, as dfe picture takes them",
    )
    parser.add_argument("--picture-frame", type=int, metavar="N", help="where these are a recording: its frame, from 0")
    parser.add_argument(
        "--simulated",
        action="store_true",
        help="the recordings are of no real face: rendered, generated or planted; every page and report says so",
    )
    parser.add_argument(
        "--extractor",
        metavar="NAME",
        help="the tool that made the files, where they do not say it (spectre writes deca's keys)",
    )
    parser.add_argument(
        "--mix-extractors",
        action="store_true",
        help="take data of several extractors into one dataset, those of FLAME and BFM brought to one "
        "range (default: refused, for their scales differ)",
    )
    parser.add_argument(
        "--time",
        metavar="COLUMN[/RATE]",
        help="the column of times and how many of its counts make a second, where a file's own "
        "times are none or another clock (frame/60, timestamp/1000; row/25 for the rows)",
    )
    parser.add_argument(
        "--stills",
        action="store_true",
        help="the rows of a table are pictures: a recording of one frame each (OpenFace's FaceLandmarkImg is "
        "recognised without it)",
    )
    parser.add_argument(
        "--pose-correction",
        choices=("field", "none"),
        default=None,
        help="take off what a static function of head pose adds to each person's movement: field is "
        "the default for landmarks with --face learn, none for coefficients (docs/pose.md)",
    )
    parser.add_argument(
        "--rest",
        choices=("keep", "remove"),
        default="keep",
        help="take each person's resting face off coefficients (default: keep; with --face learn it is "
        "always taken off)",
    )
    parser.add_argument(
        "--fps",
        type=float,
        help="frame rate: of files that do not say it, and the one that all others are resampled to "
        "(default: each keeps its own)",
    )
    add_engine_options(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.import_job import BY_FILES, ImportOptions
    from dfe_core.expressions.importing import import_dataset
    from dfe_core.expressions.point_regions import says_regions
    from dfe_core.expressions.pose_leak import stored_pose_leak
    from dfe_core.expressions.pose_text import pose_leak_figure, pose_leak_warning

    if args.face == NO_FACE:
        _alone(args, progress)
        return
    picture = _picture(args)
    if picture is not None and args.point_regions is None and says_regions(args.picture_points):
        args.point_regions = args.picture_points
    named, args.face = args.face, args.face or ("anny" if args.fit else BY_FILES)
    reader = _fitting(args, progress) if args.fit else None
    with chosen_engine(args) as engine:
        report = import_dataset(
            args.sources,
            args.name,
            options_of(ImportOptions, args),
            reader=reader,
            progress=progress,
            engine=engine,
        )
    drawn = _draw(report.face, picture, args)
    leak = stored_pose_leak(read_json(artefact_path(DATASETS, args.name) / MANIFEST))
    said = [f"pose leak: {pose_leak_figure(leak)}", *filter(None, [pose_leak_warning(leak)])]
    if named is None and report.face.startswith("learned-"):
        said.insert(0, "landmarks or meshes, which have no coefficients: a face was learned from them (--face learn)")
    print("\n".join([str(report), *drawn, *said, "", f"next: dfe train {args.name} --name MODEL"]))


def _picture(args: argparse.Namespace) -> FacePicture | None:
    """The picture that the face is to be drawn as, read before the recordings are. Raises `DataError` for half
    of it."""
    from dfe_core.expressions.marked_points import read_marked_points
    from dfe_core.faces.face_picture import open_picture_file

    if args.picture is None and args.picture_points is None:
        return None
    if args.picture is None or args.picture_points is None:
        raise DataError("dfe import", "a picture without points, or points without one", "--picture, --picture-points")
    return open_picture_file(args.picture, read_marked_points(args.picture_points, args.picture_frame))


def _draw(face: str, picture: FacePicture | None, args: argparse.Namespace) -> list[str]:
    from dfe_core.faces.picture_store import attach_picture

    if picture is None:
        return []
    try:
        attach_picture(face, picture, args.picture_points)
    except DataError as error:  # the recordings are in
        return [f"not drawn as {picture.source}: {error}"]
    return [f"{face} is drawn as {picture.source}"]


def _alone(args: argparse.Namespace, progress: Listener) -> None:
    """Action units without a face."""
    from dfe_core.expressions.import_job import ImportOptions
    from dfe_core.facs.alone import import_aus_alone

    if args.fit:
        raise DataError("--fit", "with --face none", "a face that is there already, as anny or ict:PATH")
    options = options_of(ImportOptions, args)
    with chosen_engine(args) as engine:
        report = import_aus_alone(args.sources, args.name, options, progress=progress, engine=engine)
    tool = report.aus.aus.name if report.aus.aus is not None else "NAME"
    print(f"{report}\n\nnext: dfe groups aus:{tool} {args.name} --by COLUMN")


def _fitting(args: argparse.Namespace, progress: Listener) -> FittingReader:
    """The reader that fits the face to landmarks. Raises `DataError` for options that exclude each other."""
    from dfe_core.expressions.landmark_fit import FittingReader
    from dfe_core.faces import open_face

    if args.face.startswith("learn"):
        raise DataError("--fit", f"with --face {args.face}", "a face that is there already, as anny or ict:PATH")
    if args.format != "auto":
        raise DataError("--fit", f"with --format {args.format}", "files that are looked at")
    return FittingReader(open_face(args.face, progress=progress), weighted=args.point_weights == "auto")
