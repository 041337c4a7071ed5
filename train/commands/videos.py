"""`dfe videos`: which video belongs to which recording, so that pages can show the picture of a moment."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dfe_core.errors import DataError
from dfe_core.progress import Listener

if TYPE_CHECKING:
    from dfe_core.expressions.dataset import Dataset

DESCRIPTION = (
    "Link videos to the recordings of a dataset by their names (s1_talk.mp4 to s1_talk), so that the "
    "dashboard can show the frame of a moment beside the face. Without a folder, list what is linked. "
    "Nothing is copied, and the dataset stays as it is; `dfe extract` links its videos by itself."
)
EXAMPLES = (
    "dfe videos study1 interviews/",
    "dfe videos study1",
    "dfe videos study1 --voices",
    "dfe videos study1 --faces openface/",
    "dfe videos study1 --forget",
)
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument("sources", nargs="*", metavar="FOLDER", help="videos, or folders of videos")
    parser.add_argument(
        "--voices",
        action="store_true",
        help="read where a voice is likely in the sound of the linked videos: the measure voice_share",
    )
    parser.add_argument(
        "--faces",
        metavar="FOLDER",
        help="read where the faces are in the linked videos from the files that the dataset was imported from "
        "(OpenFace's, py-feat's: points in pixels), so that clips can be blurred",
    )
    parser.add_argument("--forget", action="store_true", help="unlink all videos and delete the pictures made of them")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.dataset import Dataset

    dataset = Dataset.open(args.dataset)
    if args.forget and (args.sources or args.voices or args.faces):
        raise DataError("--forget", "a folder, --voices or --faces beside it", "one or the other")
    if args.forget:
        from dfe_core.video.stills import forget

        print(f"{args.dataset}: {forget(dataset)} recordings have no video any more")
    elif args.sources or args.voices or args.faces:
        if args.sources:
            _link(dataset, args.sources)
        if args.faces:
            _place_faces(dataset, args.faces, progress)
        if args.voices:
            _read_voices(dataset, progress)
    else:
        _list(dataset)


def _link(dataset: Dataset, sources: list[str]) -> None:
    from dfe_core.video.links import link_by_name

    report = link_by_name(dataset, sources)
    print(f"{dataset.name}: {len(report.found)} recordings linked to their videos, {len(report.without)} without")
    for path, why in report.passed_over[:_SHOWN]:
        print(f"  not used: {path.name}: {why}")


def _read_voices(dataset: Dataset, progress: Listener) -> None:
    from dfe_core.video.voice import read_voices

    done = read_voices(dataset, progress)
    print(f"{dataset.name}: sound read of {len(done.read)} videos, {len(done.silent)} have none")
    for name in done.unreadable[:_SHOWN]:
        print(f"  not read: {name}")


def _place_faces(dataset: Dataset, folder: str, progress: Listener) -> None:
    from dfe_core.video.face_places import place_faces

    done = place_faces(dataset, [folder], progress)
    print(f"{dataset.name}: {len(done.found)} recordings have the place of their face in their video")
    for path, why in done.passed_over[:_SHOWN]:
        print(f"  not used: {path.name}: {why}")


def _list(dataset: Dataset) -> None:
    from dfe_core.video.links import links

    found = links(dataset)
    names = [name for name in dataset.recordings["recording"] if name in found]
    print(f"{dataset.name}: {len(names)} of {len(dataset.recordings)} recordings have a video")
    for name in names:
        gone = "" if found[name].video.is_file() else "  (not there)"
        print(f"  {name}  {found[name].video}{gone}")
