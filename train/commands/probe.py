"""`dfe probe`: does a label follow from tokens, and better than from AUs or coefficients?"""

from __future__ import annotations

import argparse
from typing import Any

from dfe_core.progress import Listener
from train.commands.output import add_json_option, deliver
from train.tables import facts, table

DESCRIPTION = "Predict a label column of a dataset from bags of tokens, AUs and coefficients, with folds that keep " \
              "subjects apart, confidence intervals and a comparison with chance."
EXAMPLES = ("dfe probe codebook1 study1 --label condition",
            "dfe probe codebook1 study1 --label arousal --task regress --features bow,psi --json -",
            "dfe probe codebook1 study1 --label stress --features bow,mae,bow+mae --table mae=features.csv")

_DERIVED = "derived"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    parser.add_argument("--label", required=True, metavar="COLUMN", help="a label column, as `dfe show DATASET` lists")
    parser.add_argument("--group", default="subject", metavar="COLUMN",
                        help="what never lies on both sides of a fold (default: subject)")
    parser.add_argument("--task", choices=("classify", "regress"), help="(default: by the kind of label)")
    parser.add_argument("--features", default="bow,au,psi", metavar="NAME,NAME,...",
                        help="rows of the result; a + puts two side by side, as in bow+au (default: bow,au,psi)")
    parser.add_argument("--models", default="linear", metavar="NAME,NAME,...",
                        help="linear, svm or boosting (default: linear)")
    parser.add_argument("--unit", choices=("recording", "subject", "segment"),
                        help="what one prediction is of (default: by what the label belongs to)")
    parser.add_argument("--aus", default=_DERIVED, metavar="NAME",
                        help="the AUs of the feature au (default: derived, which are made where they are missing)")
    parser.add_argument("--seed", type=int, default=0, help="of folds and resamples (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.probes.run import run_probe
    from dfe_core.probes.settings import ProbeSettings
    settings = ProbeSettings(args.model, args.dataset, args.label, features=names(args.features),
                             models=names(args.models), group=args.group, task=args.task, unit=args.unit,
                             aus=args.aus, seed=args.seed)
    if args.aus == _DERIVED and any(part.startswith("au") for name in settings.features for part in name.split("+")):
        _derive_missing(args.dataset, progress)
    result = run_probe(settings, progress=progress).to_json()
    deliver(result, report(result), args.json)


def _derive_missing(dataset: str, progress: Listener) -> None:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.derive import derive_aus
    from dfe_core.facs.store import list_aligned
    if _DERIVED not in list_aligned(dataset):
        derive_aus(Dataset.open(dataset), _DERIVED, progress=progress)


def names(text: str) -> tuple[str, ...]:
    """``"bow, au"`` to ``("bow", "au")``."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def report(result: dict[str, Any]) -> str:
    """The result of `dfe probe` as text."""
    head = facts([("label", result["label"]), ("task", result["task"]),
                  ("data", "simulated" if result.get("simulated") else "real"), ("unit", result["unit"]),
                  ("n", result["n"]), ("subjects", result["subjects"]),
                  ("classes", ", ".join(result["classes"]) or None), ("folds", result["folds"]),
                  ("chance", result["chance"])])
    rows = [(r["features"], r["model"], r["metric"], r["score"], f"{r['ci95'][0]:.3f} to {r['ci95'][1]:.3f}",
             r["p_vs_chance"]) for r in result["rows"]]
    parts = [head, table(("features", "model", "metric", "score", "95 % interval", "p against chance"), rows)]
    if result["paired"]:
        parts.append(table(("compared", "with", "difference", "p"),
                           [(r["a"], r["b"], r["difference"], r["p"]) for r in result["paired"]]))
    if result["top_codewords"]:
        parts.append(table(("codeword", "weight", "stability"),
                           [(r["codeword"], r["weight"], r["stability"]) for r in result["top_codewords"][:10]]))
    return "\n\n".join([*parts, *(f"note: {warning}" for warning in result.get("warnings", ())),
                        *([result["summary"]] if result.get("summary") else [])])
