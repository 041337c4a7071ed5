"""`dfe probe`: does a label follow from tokens, and better than from AUs or coefficients?"""

from __future__ import annotations

import argparse

from dfe_core.progress import Listener
from train.commands.output import add_json_option, deliver

DESCRIPTION = "Predict a label column of a dataset from bags of tokens, AUs and coefficients, with folds that keep " \
              "subjects apart, confidence intervals and a comparison with chance."
EXAMPLES = ("dfe probe codebook1 study1 --label condition",
            "dfe probe codebook1 study1 --label arousal --task regress --features bow,psi --json -")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    parser.add_argument("--label", required=True, metavar="COLUMN", help="a label column, as `dfe show DATASET` lists")
    parser.add_argument("--group", default="subject", metavar="COLUMN",
                        help="what never lies in two folds (default: subject)")
    parser.add_argument("--task", choices=("classify", "regress"), help="(default: by the kind of label)")
    parser.add_argument("--features", default="bow,au,psi", metavar="NAME,NAME,...",
                        help="what to predict from (default: bow,au,psi)")
    parser.add_argument("--seed", type=int, default=0, help="of the folds (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.probes.run import run_probe
    features = tuple(part.strip() for part in args.features.split(",") if part.strip())
    result = run_probe(args.model, args.dataset, args.label, group=args.group, task=args.task, features=features,
                       seed=args.seed, progress=progress)
    deliver(result, report(result), args.json)


def report(result: dict) -> str:
    """The result of `dfe probe` as text."""
    return str(result)
