"""`dfe evaluate`: what a model is worth on held-out subjects."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from dfe_core.progress import Listener
from dfe_core.store import artefact_path
from dfe_core.workspace.catalogue import lineage_notes

from ..tables import facts, table
from .output import add_json_option, deliver

DESCRIPTION = (
    "Measure a model on a dataset: reconstruction, use of the codebook, locality, and baselines fitted on "
    "the training subjects at the same bits per frame."
)
EXAMPLES = (
    "dfe evaluate codebook1 study1",
    "dfe evaluate codebook1 study1 --split all --json metrics.json",
    "dfe evaluate codebook1 study1 --json -",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="on the same face as the model")
    parser.add_argument(
        "--split", choices=("test", "all"), default="test", help="held-out subjects, or all of them (default: test)"
    )
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.evaluation.evaluate import evaluate_model

    result = evaluate_model(args.model, args.dataset, split=args.split, progress=progress)
    deliver(result, "\n\n".join((report(result), *_blind_spots(args.dataset))), args.json)
    for note in lineage_notes(artefact_path("models", args.model)):
        print(f"note: the model was {note}", file=sys.stderr)


def _blind_spots(dataset: str) -> list[str]:
    """What the extractor of these data cannot show, one line each."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.blind_spots import find_blind_spots, lines

    return list(lines(find_blind_spots(Dataset.open(dataset)).coefficients))


def report(result: dict[str, Any]) -> str:
    """The result of `dfe evaluate` as text."""
    head = facts(
        [
            ("model", result["model"]),
            ("dataset", result["dataset"]),
            ("data", "simulated" if result.get("simulated") else "real"),
            ("split", result["split"]),
            ("split by", result.get("split_by")),
            ("seen in training", _seen(result)),
            ("subjects", result["subjects"]),
            ("frames", result["frames"]),
            ("stages", result["stages"]),
            ("codewords", result["codewords"]),
        ]
    )
    figures = facts(
        [
            *((title, result.get(name)) for name, title in _TITLES.items()),
            ("codewords in use", f"{100 * result['utilisation']:.1f} %"),
        ]
    )
    stages = table(
        ("stage", "rmse mm, up to it", "perplexity"),
        [
            (i + 1, rmse, perplexity)
            for i, (rmse, perplexity) in enumerate(zip(result["rmse_mm_by_stage"], result["perplexity"], strict=True))
        ],
    )
    regions = table(("region", "rmse mm"), list(result["rmse_mm_by_region"].items()))
    return "\n\n".join((head, figures, stages, regions, *_baselines(result), *_truth(result)))


def _baselines(result: dict[str, Any]) -> list[str]:
    rivals = {name: figures for name, figures in (result.get("baselines") or {}).items() if figures}
    if not rivals:
        return []
    coded, raw = f"{result['entropy_bits_per_frame']:.1f} coded bits", f"{result['bits_per_frame']:.1f} raw bits"
    rows = [
        (result["model"], result["rmse_mm"], result["rmse_mm"], result["explained_variance"]),
        *(
            (name.replace("_", " "), b.get("rmse_mm_at_equal_entropy"), b["rmse_mm"], b["explained_variance"])
            for name, b in rivals.items()
        ),
    ]
    return [table(("rmse mm at equal bits", coded, raw, "explained variance"), rows)]


def _seen(result: dict[str, Any]) -> str | None:
    """What the model was trained on of these recordings, in words."""
    seen = result.get("exposure")
    if seen is None:
        return None
    if not seen["known"]:
        return "not recorded by this model: nothing proves that these people are new to it"
    if seen["seen_recordings"]:
        return (
            f"{seen['seen_recordings']} of {seen['recordings']} recordings, {seen['seen_subjects']} of "
            f"{seen['subjects']} subjects: these figures are not of new people"
        )
    if seen["same_names"]:
        return f"no recording; {seen['same_names']} subjects bear the name of one that was"
    return "no recording and no subject"


def _truth(result: dict[str, Any]) -> list[str]:
    """How well codewords tell the actions that were simulated; nothing for real data."""
    truth = result.get("truth")
    if not truth:
        return []
    rows = [
        (r["action"], r["side"], r["codeword"], r["auroc_one"], ", ".join(map(str, r["codewords"])), r["auroc_three"])
        for r in truth["per_action"]
        if r["scored_by"] == "presence"
    ]
    head = ("true action", "side", "codeword", "AUROC", "at most three", "AUROC of these")
    summary = [(f"true actions, {name.replace('_', ' ')}", value) for name, value in truth["summary"].items()]
    return [facts(summary), table(head, rows)]


_TITLES = {
    "rmse_mm": "rmse, mm",
    "p95_mm": "95th percentile, mm",
    "explained_variance": "explained variance",
    "cosine": "cosine",
    "retrieval_top1": "retrieval, top 1",
    "bits_per_frame": "bits per frame",
    "entropy_bits_per_frame": "entropy, bits per frame",
    "locality": "locality",
    "distinctness_max": "largest cosine of two codewords",
    "symmetric": "symmetric codewords",
    "left": "left codewords",
    "right": "right codewords",
    "token_changes_per_s": "token changes per s",
    "token_changes_per_s_still": "… over the stillest third",
    "token_changes_per_s_moving": "… over the most moving third",
    "pose_leak": "pose leak",
}
