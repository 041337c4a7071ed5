"""`dfe probe`: does a label follow from tokens, and better than from AUs or coefficients?"""

from __future__ import annotations

import argparse

from dfe_core.progress import Listener
from train.commands.output import add_json_option, deliver

DESCRIPTION = "Predict a label column of a dataset from bags of tokens, AUs and coefficients, with folds that keep " \
              "subjects apart, confidence intervals and a comparison with chance."
EXAMPLES = ("dfe probe codebook1 study1 --label condition",
            "dfe probe codebook1 study1 --label arousal --task regress --features bow,psi --json -",
            "dfe probe codebook1 study1 --label stress --features bow,mae,bow+mae --table mae=features.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    parser.add_argument("--label", required=True, metavar="COLUMN", help="a label column, as `dfe show DATASET` lists")
    parser.add_argument("--group", default="subject", metavar="COLUMN",
                        help="what never lies in two folds; time cuts recordings into blocks (default: subject)")
    parser.add_argument("--task", choices=("classify", "regress"), help="(default: by the kind of label)")
    parser.add_argument("--unit", choices=("recording", "subject", "segment"), help="(default: by the label)")
    parser.add_argument("--features", default="bow,au,psi", metavar="NAME,NAME,...",
                        help="what to predict from; + puts two side by side (default: bow,au,psi)")
    parser.add_argument("--models", default="linear", metavar="NAME,...",
                        help="linear, svm, boosting (default: linear)")
    parser.add_argument("--split", default="kfold", metavar="HOW",
                        help="kfold, leave-one-out, or a column that holds your own folds (default: kfold)")
    parser.add_argument("--folds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--aus", default="derived", metavar="NAME", help="the AUs to use (default: derived)")
    parser.add_argument("--labels", metavar="CSV", help="labels from this file: recording, label columns")
    parser.add_argument("--table", action="append", default=[], metavar="NAME=FILE",
                        help="your own features, a row a recording; use NAME in --features")
    parser.add_argument("--drop-missing", action="store_true", help="leave out recordings without a label")
    parser.add_argument("--seed", type=int, default=0, help="of the folds (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.probes.run import run_probe
    result = run_probe(read_settings(args), progress=progress)
    deliver(result.to_json(), report(result.to_json()), args.json)


def read_settings(args: argparse.Namespace):
    """`ProbeSettings` of the arguments."""
    from dfe_core.errors import DataError
    from dfe_core.probes.settings import ProbeSettings
    tables = dict(pair.partition("=")[::2] for pair in args.table)
    if not all(tables.values()):
        raise DataError("--table", repr(args.table[0]), "NAME=FILE")
    return ProbeSettings(args.model, args.dataset, args.label, features=_names(args.features),
                         models=_names(args.models), group=args.group, task=args.task, unit=args.unit,
                         validation=args.split, folds=args.folds, labels=args.labels, tables=tables, aus=args.aus,
                         drop_missing=args.drop_missing, seed=args.seed)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def report(result: dict) -> str:
    """The result of `dfe probe` as text."""
    lines = [result["summary"], "", f"{'features':<24} {'model':<9} {result['rows'][0]['metric']:>9}  95 % interval"
                                    "      p vs chance"]
    lines += [f"{row['features']:<24} {row['model']:<9} {row['score']:>9.3f}  {row['ci95'][0]:.3f} to "
              f"{row['ci95'][1]:.3f}  {row['p_vs_chance']:>11.3g}" for row in result["rows"]]
    for name, values in result["baselines"].items():
        lines.append(f"{name:<24} {'':<9} {values[result['rows'][0]['metric']]:>9.3f}")
    if result["paired"]:
        lines += ["", f"{'difference':<34} {'':>9}  p (Holm over pairs)"]
        lines += [f"{pair['a'] + ' - ' + pair['b']:<34} {pair['difference']:>+9.3f}  {pair['p']:.3g} "
                  f"({pair['p_holm']:.3g})" for pair in result["paired"]]
    if result["top_codewords"]:
        top = ", ".join(f"{one['codeword']} ({one['weight']:+.2f}, same sign in {one['stability']:.0%} of folds)"
                        for one in result["top_codewords"][:5])
        lines += ["", f"Codewords that weigh most: {top}."]
    return "\n".join(lines + [""] + result["warnings"])
