"""`dfe unseal`: open the labels that a study sealed, once, and test its hypotheses on their people."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..tables import facts, table_of
from .output import add_json_option, deliver

DESCRIPTION = (
    "Open the labels that a study sealed ([sealed] of its study.toml) and test its hypotheses on their people, by "
    "models trained on everybody else. That is possible once: every later analysis of these labels counts as "
    "exploratory and is numbered. It asks first."
)
EXAMPLES = (
    "dfe unseal study1",
    "dfe unseal supplement/study.toml --yes --out confirmatory/",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="STUDY", help="the name of a study, or its study.toml")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the report of every hypothesis there")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.workflow.recipe import read_study_recipe
    from dfe_core.workflow.unsealing import unseal

    study = read_study_recipe(Path(args.study)).name if args.study.endswith(".toml") else args.study
    if not args.yes and not _agreed(study):
        print("nothing was opened")
        return
    found = unseal(study, progress=progress)
    if args.out is not None:
        from dfe_core.portable_names import file_name
        from dfe_core.reports.probe import write_report

        for number, one in enumerate(found.tested, 1):
            if one.result is not None:
                write_report(one.result, args.out / file_name(f"{number}-{one.hypothesis.label}"))
    result = found.to_json()
    head = facts(
        [
            ("study", result["study"]),
            ("people", ", ".join(result["subjects"])),
            ("sealed", result["sealed_at"]),
            ("opened", result["opened_at"]),
            ("analyses of these labels", result["looks"]),
        ]
    )
    columns = {name: name for name in ("label", "features", "metric", "score", "chance", "p")}
    rows = table_of(result["hypotheses"], columns | {"p, Holm": "p_holm", "supported": "supported", "": "error"})
    deliver(result, f"{head}\n\n{rows}", args.json)


def _agreed(study: str) -> bool:
    if not sys.stdin or not sys.stdin.isatty():
        raise DataError(study, "nobody to ask whether to open its sealed labels, once", "--yes")
    print(f"Open the sealed labels of {study}? This is possible once. Type the name again: ", end="", file=sys.stderr)
    sys.stderr.flush()
    return sys.stdin.readline().strip() == study
