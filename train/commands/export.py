"""`dfe export`: tables, annotations and the supplement of a codebook on a dataset, for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dfe_core.engines import Engine
from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import whole
from .engine_option import add_engine_options, chosen_engine
from .segments_option import add_segments_option, segments_dataset

if TYPE_CHECKING:
    from dfe_core.privacy.anonymous import Share
    from dfe_core.workspace.study import Study

DESCRIPTION = (
    "Write tokens and what is counted from them for other programs: tables as CSV, Parquet or Excel (--what), and "
    "intervals of codewords for ELAN, Praat, BORIS, BIDS and NWB (--format); or the supplement of a paper as one zip "
    "(--supplement), whose page has faces that turn and needs no server."
)
EXAMPLES = (
    "dfe export codebook1 study1 --what tokens --out tokens.parquet",
    "dfe export codebook1 study1 --what bag --unit subject --out bag.csv",
    "dfe export codebook1 study1 --what all --format xlsx --out tables/",
    "dfe export codebook1 study1 --what syllables --out segments.csv",
    "dfe export codebook1 study1 --format eaf --tiers region --out elan/",
    "dfe export codebook1 study1 --format eaf --beside-videos",
    "dfe export codebook1 study1 --supplement supplement.zip --by condition",
    "dfe export codebook1 study1 --what bag --anonymous 5 --out bags.csv",
)
WHAT = ("tokens", "wide", "bag", "intervals", "subjects", "summary", "recordings", "syllables", "all")
TABLES, ANNOTATIONS = ("csv", "parquet", "xlsx"), ("eaf", "textgrid", "boris", "bids", "nwb")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="on the same face as the model; encoded where it is not")
    add_segments_option(parser)
    parser.add_argument("--what", choices=WHAT, help="which table; all: every one, in a folder (default: intervals)")
    parser.add_argument(
        "--format",
        choices=(*TABLES, *ANNOTATIONS),
        help="of the file (default: by the ending of --out; all: csv); eaf, textgrid, bids and nwb are a folder",
    )
    parser.add_argument("--unit", choices=("recording", "subject"), default="recording", help="one row of the bag")
    parser.add_argument(
        "--tiers", choices=("codeword", "region"), default="codeword", help="what a tier of ELAN and Praat is of"
    )
    parser.add_argument(
        "--recording", action="append", metavar="NAME", help="annotations of this one only; may be repeated"
    )
    parser.add_argument("--beside-videos", action="store_true", help="an .eaf beside each linked video; no --out")
    parser.add_argument("--supplement", type=Path, metavar="ZIP", help="write the supplement; no --out")
    parser.add_argument(
        "--by",
        action="append",
        metavar="COLUMN",
        help="groups in the supplement, or labels of anonymous bags; may be repeated (default of the supplement: "
        "the first three of 2 to 4 levels with 3 people each)",
    )
    parser.add_argument(
        "--anonymous",
        type=lambda text: whole(text, 2, 10_000),
        metavar="K",
        help="bags of groups of at least K people who use codewords alike, without names; with --by within each value "
        "of labels that are given out too",
    )
    parser.add_argument("--out", type=Path, metavar="PATH", help="the file or folder to write")
    add_engine_options(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.workspace.study import Study

    _refuse_options(args)
    args.dataset = segments_dataset(args, progress)
    study = Study(args.model, args.dataset, progress=progress)
    if args.anonymous:
        _anonymous(study, args)
    elif args.supplement:
        _supplement(study, args.supplement, args.by)
    elif args.beside_videos:
        _beside_videos(study, args.tiers)
    elif args.format in ANNOTATIONS:
        with chosen_engine(args) as engine:
            _annotations(study, args, engine)
    else:
        with chosen_engine(args) as engine:
            _tables(study, args, engine)


def _refuse_options(args: argparse.Namespace) -> None:
    """Raise `DataError` for options that do not go together."""
    alone = "--supplement" if args.supplement else "--beside-videos" if args.beside_videos else ""
    beside = [name for name in ("out", "what", "recording", "format") if getattr(args, name)]
    if args.beside_videos and args.format == "eaf":
        beside.remove("format")
    if alone and (beside or (args.supplement and args.beside_videos)):
        raise DataError(alone, f"--{beside[0] if beside else 'beside-videos'} beside it", "one or the other")
    if args.engine != "local" and (alone or args.format in ("boris", "bids", "nwb", "xlsx")):
        raise DataError(f"--engine {args.engine}", f"with {alone or f'--format {args.format}'}", "--engine local")
    if args.anonymous and (alone or args.what not in (None, "bag") or args.format in ANNOTATIONS):
        raise DataError("--anonymous", "another table or format beside it", "--what bag as csv, parquet or xlsx")
    if args.by and not (args.supplement or args.anonymous):
        raise DataError("--by", "without --supplement or --anonymous", "`dfe groups` for a table of groups alone")
    if alone:
        return
    if args.out is None:
        raise DataError("--out", "not given", "the file or folder to write")
    if args.format in ANNOTATIONS and args.what not in (None, "intervals"):
        raise DataError(f"--format {args.format}", f"--what {args.what}", "intervals, or csv, parquet or xlsx")
    if args.format not in ANNOTATIONS and args.recording:
        raise DataError("--recording", "of a table", f"--format {', '.join(ANNOTATIONS)}")


def _tables(study: Study, args: argparse.Namespace, engine: Engine) -> None:
    from dfe_core.workspace.tables import export_table, export_tables

    if args.what == "all":
        paths = export_tables(study, args.out, args.format or "csv", engine)
        print(f"{args.out}: {len(paths)} files")
    else:
        rows = export_table(study, args.what or "intervals", args.out, args.format, args.unit, engine)
        print(f"{args.out}: {rows:,} rows")


def _anonymous(study: Study, args: argparse.Namespace) -> None:
    from dfe_core.workspace.anonymous_export import export_anonymous

    found = export_anonymous(study, args.out, args.anonymous, args.by or (), args.format)
    print(f"{args.out}: {len(found.table)} groups of at least {found.k} people, {found.people} people")
    for cell, people in found.left_out.items():
        print(f"left out: {people} people of {cell}, fewer than {found.k}")
    print(f"lost: {found.information_loss:.0%} of the variance between people")
    if found.linked_before is not None and found.linked_after is not None:
        print(
            f"who has another recording of a person finds their bag {_share(found.linked_before)} of the time without "
            f"groups and names the right row of {found.k} or more {_share(found.linked_after)} of the time with them; "
            f"the bound for who knows the bag itself is {found.bound:.0%}"
        )


def _share(found: Share) -> str:
    return f"{found.share:.0%} ({found.low:.0%} to {found.high:.0%})"


def _annotations(study: Study, args: argparse.Namespace, engine: Engine) -> None:
    from dfe_core.workspace.annotation_export import export_annotations

    paths = export_annotations(study, args.format, args.out, tiers=args.tiers, recordings=args.recording, engine=engine)
    print(f"{args.out}: {len(paths)} file{'s' * (len(paths) != 1)}")


def _beside_videos(study: Study, tiers: str) -> None:
    from dfe_core.workspace.annotation_export import export_beside_videos

    written, kept = export_beside_videos(study, tiers=tiers)
    print(f"{len(written)} .eaf files beside their videos")
    for path in kept:
        print(f"kept, because it has other content: {path}")


def _supplement(study: Study, path: Path, by: list[str] | None) -> None:
    from dfe_core.workflow.supplement_export import export_supplement

    names = export_supplement(study, path, by=by)
    print(f"{path}: {len(names)} files, {path.stat().st_size / 1e6:.1f} MB; open {path.stem}/index.html in it")
