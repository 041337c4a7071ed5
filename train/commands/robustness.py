"""`dfe robustness`: what noise, lost frames, other extractors and attacks do to tokens and to probes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.progress import Listener

from ..cli import seed, whole
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.robustness.result import RobustnessResult

DESCRIPTION = (
    "Disturb the frames of a dataset in stated sizes (noise of landmarks and of a camera, a slower frame rate, dropped "
    "frames, quantisation and smoothing, one weak side, a hidden half, another extractor, adversarial offsets), encode "
    "them again, and measure the share of tokens that stay, how far the use of codewords moves, and how far the scores "
    "of a probe move that learned from undisturbed recordings; each also through two purifiers."
)
EXAMPLES = (
    "dfe robustness codebook1 study1",
    "dfe robustness codebook1 study1 --label condition --out robustness/",
    "dfe robustness codebook1 study1 --only 'landmark noise' --only 'frame rate' --purifier none --seconds 30",
    "dfe robustness codebook1 study1 --pair study1-mediapipe --only 'another extractor'",
)
KINDS = (
    "landmark noise",
    "camera noise",
    "frame rate",
    "dropped frames",
    "quantised",
    "smoothed",
    "one-sided gain",
    "occluded",
    "extractor's scale",
    "extractor's profile",
    "random offset",
    "adversarial offset",
    "offset by gradient",
    "another extractor",
)
WAYS = ("none", "projection", "masked")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="on the same face as the model")
    parser.add_argument("--label", default="", metavar="COLUMN", help="predict it, from disturbed recordings too")
    parser.add_argument(
        "--feature",
        choices=("bow", "bow-counts"),
        default="bow",
        help="of the probe: onsets a minute of codewords, or their share of frames (default: bow)",
    )
    parser.add_argument("--only", action="append", choices=KINDS, help="one kind of perturbation; may be repeated")
    parser.add_argument(
        "--purifier",
        action="append",
        choices=WAYS,
        help="what frames go through: projection, on the codebook; masked, the model of gaps; may be "
        "repeated (default: both)",
    )
    parser.add_argument(
        "--pair", default="", metavar="DATASET", help="the same recordings by name from another extractor"
    )
    parser.add_argument(
        "--trained-on", default="", metavar="DATASET", help="that the model of gaps is fitted to (default: DATASET)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.0,
        metavar="S",
        help="use the first S seconds of every recording (default: all)",
    )
    parser.add_argument(
        "--queries", type=lambda text: whole(text, 2, 100), default=8, help="tries of the attacker a frame (default: 8)"
    )
    parser.add_argument(
        "--folds", type=lambda text: whole(text, 2, 1000), default=5, metavar="N", help="by subject (default: 5)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of noise, folds and bootstrap (default: 0)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write the page, the figure and the table (CSV, Parquet)"
    )
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.robustness.result import measure_robustness
    from dfe_core.robustness.settings import PURIFIERS, RobustnessSettings

    settings = RobustnessSettings(
        model=args.model,
        dataset=args.dataset,
        label=args.label,
        feature=args.feature,
        kinds=tuple(args.only or ()),
        purifiers=tuple(args.purifier) if args.purifier else PURIFIERS,
        pair=args.pair,
        trained_on=args.trained_on,
        seconds=args.seconds,
        queries=args.queries,
        folds=args.folds,
        seed=args.seed,
    )
    result = measure_robustness(settings, progress=progress)
    if args.out is not None:
        from dfe_core.reports.robustness import write_robustness_report

        write_robustness_report(result, args.out)
    deliver(result.to_json(), report(result), args.json)


def report(result: RobustnessResult) -> str:
    """The result of `dfe robustness` as text."""
    from dfe_core.expressions.sealed_text import sealed_sentence
    from dfe_core.reports.robustness import robustness_sentence

    found = result.facts
    rows: list[tuple[str, Any]] = [
        ("model", found["model"]),
        ("dataset", found["dataset"]),
        ("data", "simulated" if found["simulated"] else "real"),
        ("frames", f"{found['frames']:,} of {found['subjects']} subjects"),
        ("divergence within a recording", f"{found['own_divergence']:.3f}"),
        *(
            [("label", f"{result.settings.label}, {found['metric']}, {found['units']} units")]
            if found["metric"]
            else []
        ),
        *([("not possible here", ", ".join(found["absent"]))] if found["absent"] else []),
        *([("model of gaps", f"analyses/{found['gap_model']}")] if found["gap_model"] else []),
        *([("sealed labels", sealed_sentence(found["sealed"]))] if found["sealed"] else []),
    ]
    columns: Columns = {
        "what is done": "perturbation",
        "purifier": "purifier",
        "kept": lambda row: _number(row["kept"], ".2f"),
        "matched": lambda row: _number(row["matched"], ".2f"),
        "95 % interval": lambda row: _ends(row, "matched", ".2f"),
        found["unit"]: lambda row: _number(row["face_mm"], ".2f"),
        "divergence": lambda row: _number(row["divergence"], ".3f"),
        "gain": lambda row: _number(row["gain"], "+.3f"),
        "95 % of gain": lambda row: _ends(row, "gain", "+.3f"),
        "both ways": lambda row: _number(row["steady_gain"], "+.3f"),
    }
    if found["metric"]:
        columns = {
            **columns,
            "score": lambda row: _number(row["score"], ".2f"),
            "change": lambda row: _number(row["change"], "+.2f"),
            "95 % of change": lambda row: _ends(row, "change", "+.2f"),
        }
    table = table_of(result.table.to_dict("records"), columns)
    return "\n\n".join((facts(rows), table, robustness_sentence(result)))


def _number(value: float, spec: str) -> str:
    return "" if value != value else format(value, spec)


def _ends(row: dict[str, Any], name: str, spec: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if low != low else f"{low:{spec}} to {high:{spec}}"
