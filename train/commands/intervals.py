"""`dfe intervals`: what brows, eyes, cheeks, mouth and head do, from when to when, as tracks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import options_of, seed
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    import pandas as pd

    from dfe_core.expressions.dataset import Dataset
    from dfe_core.intervals.agreement import TierAgreement
    from dfe_core.intervals.annotate import IntervalInputs

DESCRIPTION = (
    "Find the intervals in which brows, eyes, cheeks, mouth and head move, label them, and keep them as a set of "
    "events with tiers. The page Intervals edits them; every command that takes events takes them."
)
EXAMPLES = (
    "dfe intervals codebook1 study1",
    "dfe intervals codebook1 study1 --annotator ticc --states 6 --name ticc --out ticc.csv",
    "dfe intervals codebook1 study1 --against coded/*.eaf --tier mouth=Mouth",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows: its face and its words")
    parser.add_argument("dataset", metavar="DATASET", help="with the recordings")
    parser.add_argument(
        "--annotator",
        default="displacement",
        metavar="NAME",
        help="displacement: a region leaves rest in a known direction and comes back; ticc: states of a sparse "
        "block-Toeplitz inverse covariance (default: displacement)",
    )
    parser.add_argument("--regions", default="", metavar="A,B", help="tiers (default: brow,eye,cheek,mouth,head)")
    parser.add_argument("--name", default="", help="of the set of events (default: intervals-ANNOTATOR)")
    parser.add_argument("--recordings", default="", metavar="A,B", help="only print and write these; nothing is kept")
    parser.add_argument(
        "--share", type=float, default=0.25, help="displacement: of its full size that a movement must reach (0.25)"
    )
    parser.add_argument(
        "--least", type=float, default=0.3, metavar="MM", dest="least_mm", help="displacement: below it nothing counts"
    )
    parser.add_argument(
        "--spill",
        action="store_true",
        help="keep what goes along with other regions (default: taken out, so that a smile that narrows the eyes is "
        "no squint)",
    )
    parser.add_argument("--states", type=int, default=6, metavar="K", help="ticc: states of a region, with rest (6)")
    parser.add_argument("--window", type=int, default=3, metavar="FRAMES", help="ticc: frames of a window (3)")
    parser.add_argument("--sparsity", type=float, default=0.11, metavar="L", help="ticc: lambda (0.11)")
    parser.add_argument("--change", type=float, default=100.0, metavar="B", help="ticc: beta, price of a change (100)")
    parser.add_argument("--seed", type=seed, default=0, help="ticc: of its starts (default: 0)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="a .csv or .boris file of all recordings, or a folder for an .eaf (--format textgrid: a TextGrid) of each",
    )
    parser.add_argument("--format", default="", metavar="NAME", help="eaf, textgrid, boris or csv (default: by --out)")
    parser.add_argument(
        "--against", nargs="+", default=[], metavar="FILE", help="annotations by hand (ELAN, TextGrid, BORIS, tables)"
    )
    parser.add_argument(
        "--tier",
        action="append",
        default=[],
        metavar="REGION=NAME",
        help="tier of --against that a region is compared with (default: of the same name); may be given again",
    )
    parser.add_argument(
        "--match", action="store_true", help="--against: match labels one to one, so that the most frames agree"
    )
    parser.add_argument("--caption", action="store_true", help="print in words what each face does")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.faces.library import open_face
    from dfe_core.intervals.annotate import IntervalInputs, IntervalSettings, annotate, find_intervals
    from dfe_core.intervals.displacement import DisplacementSettings
    from dfe_core.intervals.regions import TRACK_REGIONS
    from dfe_core.intervals.ticc import TiccSettings
    from dfe_core.workspace.functions import open_codebook

    codebook = open_codebook(args.model)
    inputs = IntervalInputs(codebook=codebook, face=open_face(codebook.face_id), dataset=Dataset.open(args.dataset))
    settings = IntervalSettings(
        annotator=args.annotator,
        regions=_listed(args.regions) or TRACK_REGIONS,
        spill=args.spill,
        displacement=options_of(DisplacementSettings, args),
        ticc=options_of(TiccSettings, args),
    )
    recordings, name = _listed(args.recordings), args.name or f"intervals-{args.annotator}"
    if recordings:
        table, name = find_intervals(inputs, settings, recordings=recordings, progress=progress), ""
    else:
        table = annotate(inputs, name, settings, progress=progress).table
    files = _write(args, inputs.dataset, table) if args.out is not None else []
    agreement = _agreement(args, inputs.dataset, table) if args.against else []
    captions = _captions(table) if args.caption else {}
    result = _result(args, inputs, table, agreement) | ({"captions": captions} if captions else {})
    deliver(result | {"events": name or None}, report(result, table, name, files), args.json)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _write(args: argparse.Namespace, dataset: Dataset, table: pd.DataFrame) -> list[Path]:
    """The files of `--out`; of ELAN and Praat one of each recording that has intervals."""
    from dfe_core.exchange.interval_track import file_stems
    from dfe_core.exchange.track_files import TRACK_FORMATS, recording_tracks, track_file
    from dfe_core.store import atomic_file

    kind = args.format or next((k for k, end in TRACK_FORMATS.items() if end == args.out.suffix), "eaf")
    tracks = recording_tracks(dataset, table, list(dict.fromkeys(table["recording"])))
    if kind in ("eaf", "textgrid"):
        args.out.mkdir(parents=True, exist_ok=True)
        stems = file_stems([one.recording for one in tracks])
        made = {
            args.out / f"{stems[one.recording]}{TRACK_FORMATS[kind]}": track_file(kind, [one], one.recording, args.out)
            for one in tracks
        }
    else:
        made = {args.out: track_file(kind, tracks, dataset.name, args.out.parent)}
    for path, content in made.items():
        if path.suffix == TRACK_FORMATS["eaf"] and path.is_file() and path.read_bytes() != content:
            raise DataError(path, "is there with other content", "another --out: somebody may have annotated in it")
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)
    return list(made)


def _agreement(args: argparse.Namespace, dataset: Dataset, table: pd.DataFrame) -> list[TierAgreement]:
    from dfe_core.exchange.track_files import read_track_files
    from dfe_core.intervals.agreement import compare_tracks

    theirs = read_track_files([Path(one) for one in args.against], dataset)
    named = {}
    for given in args.tier:
        region, equals, tier = given.partition("=")
        named[region] = tier if equals else region
    return compare_tracks(table, theirs, dataset, named, match=args.match)


def _captions(table: pd.DataFrame) -> dict[str, str]:
    from dfe_core.intervals.caption import caption_parts, words_of_parts

    return {name: words_of_parts(caption_parts(table, name)) for name in dict.fromkeys(table["recording"])}


def _result(
    args: argparse.Namespace, inputs: IntervalInputs, table: pd.DataFrame, agreement: list[TierAgreement]
) -> dict[str, Any]:
    """The JSON of ``dfe intervals``."""
    counts = table.groupby(["tier", "annotation"], sort=False)
    length = table["offset_s"] - table["onset_s"]
    return {
        "model": args.model,
        "dataset": args.dataset,
        "simulated": inputs.dataset.simulated,
        "annotator": args.annotator,
        "intervals": len(table),
        "rows": [
            {
                "tier": tier,
                "label": label,
                "intervals": len(part),
                "recordings": int(part["recording"].nunique()),
                "median_s": round(float(length[part.index].median()), 3),
                "total_s": round(float(length[part.index].sum()), 3),
            }
            for (tier, label), part in counts
        ],
        "agreement": [vars(one) | {"f1": dict(one.f1)} for one in agreement],
    }


def report(result: dict[str, Any], table: pd.DataFrame, name: str, files: list[Path]) -> str:
    """The result of `dfe intervals` as text."""
    head = facts(
        [
            ("model", result["model"]),
            ("dataset", result["dataset"]),
            ("data", "simulated" if result["simulated"] else "real"),
            ("annotator", result["annotator"]),
            *([("events", name)] if name else []),
            ("intervals", len(table)),
            *([("files", files[0] if len(files) == 1 else f"{len(files)} in {files[0].parent}")] if files else []),
        ]
    )
    parts = [head, table_of(result["rows"], _COLUMNS)]
    if result["agreement"]:
        parts.append(table_of(result["agreement"], _AGREEMENT))
    parts += [f"{recording}: {text}" for recording, text in result.get("captions", {}).items()]
    return "\n\n".join(parts)


_COLUMNS: Columns = {
    "tier": "tier",
    "label": "label",
    "intervals": "intervals",
    "recordings": "recordings",
    "median, s": "median_s",
    "total, s": "total_s",
}
_AGREEMENT: Columns = {
    "tier": "tier",
    "recordings": "recordings",
    "ours": "ours",
    "theirs": "theirs",
    "kappa": lambda row: f"{row['kappa']:.2f}",
    "95 % interval": lambda row: f"{row['kappa_low']:.2f} to {row['kappa_high']:.2f}",
    "macro-F1": lambda row: f"{row['macro_f1']:.2f}",
    "overlap": lambda row: f"{row['iou']:.2f}",
    "F1 of intervals": lambda row: f"{row['event_f1']:.2f}",
}
