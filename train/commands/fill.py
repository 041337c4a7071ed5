"""`dfe fill`: lost frames, hidden halves and blind coefficients of a dataset, filled and marked."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import seed
from ..tables import facts, table_of
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.gaps.filling import FillReport
    from dfe_core.gaps.settings import FillScore

DESCRIPTION = (
    "Fill lost frames, hidden halves of the face and coefficients that an extractor never moves, in a copy of a "
    "dataset. A model is fitted to some of its people, compared with linear interpolation, ridge regression and the "
    "person's mean on others, and every kind of gap is filled by what did best. Filled frames are marked, have 90 % "
    "intervals, and do not count in any statistic without --count-filled."
)
EXAMPLES = (
    "dfe fill study1 --name study1-filled",
    "dfe fill study1 --name study1-filled --most-seconds 1 --count-filled",
    "dfe fill mediapipe1 --name mediapipe1-filled --blind cheekPuff --trained-on phone1 --count-filled",
    "dfe fill study1 --verdict",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="one that `dfe list` shows")
    parser.add_argument("--name", help="of the dataset to write")
    parser.add_argument("--verdict", action="store_true", help="only fit the model and compare it; write no dataset")
    parser.add_argument(
        "--method",
        choices=("auto", "network", "linear", "ridge", "mean"),
        default="auto",
        help="how gaps are filled: auto takes what did best on each kind of gap (default: auto)",
    )
    parser.add_argument(
        "--most-seconds", type=float, default=3.0, metavar="S", help="longer gaps stay as they are (default: 3)"
    )
    parser.add_argument(
        "--count-filled", action="store_true", help="let filled frames count as valid ones (default: they do not)"
    )
    parser.add_argument(
        "--blind",
        default="",
        metavar="NAME,…",
        help="coefficients that the extractor never moves, to be filled from the others; needs --trained-on "
        "and --count-filled, for every frame is filled then",
    )
    parser.add_argument(
        "--trained-on", metavar="DATASET", help="another dataset on the same face to fit the model to (default: itself)"
    )
    parser.add_argument("--steps", type=int, default=400, help="training steps of the network (default: 400)")
    parser.add_argument(
        "--seed", type=seed, default=0, help="of the split, the planted gaps and the start (default: 0)"
    )
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.faces import open_face
    from dfe_core.gaps.filling import FillOptions, fill_dataset
    from dfe_core.gaps.settings import GapSettings
    from dfe_core.gaps.store import find_gap_model

    dataset, source, blind = _inputs(args)
    face = open_face(dataset.face_id)
    fitted = find_gap_model(
        Dataset.open(source), face, GapSettings(steps=args.steps, seed=args.seed), blind=blind, progress=progress
    )
    report = None
    if not args.verdict:
        options = FillOptions(
            most_seconds=args.most_seconds,
            count_filled=args.count_filled,
            method=None if args.method == "auto" else args.method,
        )
        report = fill_dataset(dataset, fitted.model(face), args.name, options, fitted=fitted, progress=progress)
    deliver(_json(fitted.verdicts, report), _text(fitted.path.name, fitted.verdicts, report), args.json)


def _inputs(args: argparse.Namespace) -> tuple[Any, str, tuple[str, ...]]:
    """The dataset to fill, the name of the one to fit to, and the blind coefficients. Raises `DataError` for options
    that exclude each other."""
    from dfe_core.expressions.dataset import Dataset

    if not args.verdict and not args.name:
        raise DataError("--name", "none", "a name for the filled dataset, or --verdict")
    blind = tuple(name.strip() for name in args.blind.split(",") if name.strip())
    if blind and not args.trained_on and not args.verdict:
        raise DataError("--blind", "without --trained-on", "a dataset in which these coefficients move")
    dataset, source = Dataset.open(args.dataset), args.trained_on or args.dataset
    if source != args.dataset and Dataset.open(source).face_id != dataset.face_id:
        raise DataError(f"--trained-on {source}", "another face", f"a dataset on {dataset.face_id}")
    return dataset, source, blind


def _json(verdicts: tuple[FillScore, ...], report: FillReport | None) -> dict[str, Any]:
    out: dict[str, Any] = {"verdicts": [asdict(verdict) for verdict in verdicts]}
    if report is not None:
        ways = [{"kind": kind, "method": method, "frames": n} for (kind, method), n in report.frames.items()]
        out |= {"dataset": report.dataset, "filled": ways, "lost": report.lost, "counted": report.counted}
    return out


def _text(model: str, verdicts: tuple[FillScore, ...], report: FillReport | None) -> str:
    parts = [facts([("model", f"analyses/{model}")]), table_of(verdicts, _COLUMNS)]
    if report is not None:
        rows = [{"kind": k, "method": m, "frames": n} for (k, m), n in sorted(report.frames.items())]
        head = [
            ("dataset", report.dataset),
            ("recordings with filled frames", report.recordings),
            ("frames that stay lost", report.lost),
            ("filled frames count", report.counted),
        ]
        parts += [facts(head), table_of(rows, {"gap": "kind", "filled by": "method", "frames": "frames"})]
    return "\n\n".join(parts)


def _interval(low: str, high: str) -> Any:
    return lambda verdict: f"{getattr(verdict, low):.3f} to {getattr(verdict, high):.3f}"


_COLUMNS = {
    "gap": "kind",
    "filled by": "method",
    "error, mm": lambda v: round(v.error_mm, 3),
    "95 % interval": _interval("low_mm", "high_mm"),
    "in 90 % interval": lambda v: round(v.coverage, 3),
    "over people": _interval("coverage_low", "coverage_high"),
    "people": "people",
    "chosen": "chosen",
}
