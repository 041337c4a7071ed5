"""`dfe groups`: does the use of codewords differ between groups or conditions?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.artefact_names import aus_alone
from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import seed
from ..tables import Columns, facts, table_of
from .output import add_json_option, deliver
from .segments_option import add_segments_option, segments_dataset

if TYPE_CHECKING:
    import pandas as pd

    from dfe_core.groups.comparison import GroupComparison
    from dfe_core.groups.families import FamilyComparison

DESCRIPTION = (
    "Compare groups of people or conditions codeword by codeword (or AU by AU): rate, share of time, intensity "
    "and duration, with effect sizes, bootstrap intervals over subjects, permutation p and false discovery rates."
)
EXAMPLES = (
    "dfe groups codebook1 study1 --by condition",
    "dfe groups codebook1 study1 --by diagnosis --out groups/ --json groups.json",
    "dfe groups codebook1 study1 --by condition --all --aus openface",
    "dfe groups aus:openface study1 --by condition",
    "dfe groups codebook1 study1 --by condition --syllables",
)

_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", help="one that `dfe list` shows, or aus:NAME to compare the AUs of that name"
    )
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded, or that has the AUs")
    add_segments_option(parser)
    parser.add_argument("--by", required=True, metavar="COLUMN", help="a label column of 2 to 10 levels")
    parser.add_argument(
        "--unit",
        default="subject",
        metavar="UNIT",
        help="what counts as one observation: subject, recording (those of one subject are not independent), or a "
        "label column that is pooled in the subjects' place, such as a dyad (default: subject)",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        dest="families",
        help="one table of codewords, regions of the face and AUs, with onset latency and left/right balance "
        "beside the other measures, q in each family, over all rows and over families",
    )
    parser.add_argument(
        "--aus",
        metavar="NAME",
        help="with --all: the AUs (default: the only ones, else the only ones that were detected or coded, else "
        "derived from coefficients)",
    )
    parser.add_argument(
        "--syllables",
        action="store_true",
        help="compare syllables, those of the last `dfe syllables`, in the place of codewords; with --all beside them",
    )
    parser.add_argument(
        "--covariates",
        default="",
        metavar="A,B",
        help="label columns (numbers or groups) that difference and p are adjusted for, between subjects; measured "
        "where no label has the name: head_movement, gaze_shifts, blink_rate, speech_share, confidence, frames_lost …",
    )
    parser.add_argument(
        "--mixed",
        action="store_true",
        help="where subjects have several recordings of a level: a mixed model of recordings within subjects beside "
        "each test",
    )
    parser.add_argument("--permutations", type=int, default=10_000, metavar="N", help="(default: 10000)")
    parser.add_argument("--seed", type=seed, default=0, help="of permutations and resamples (default: 0)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write groups.csv, omnibus.csv (also as Parquet), groups.json, a manifest and r/ there: the values of the "
        "units with a script of base R that computes the table again",
    )
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    settings = {"unit": args.unit, "permutations": args.permutations, "seed": args.seed, "mixed": args.mixed}
    settings["covariates"] = tuple(name.strip() for name in args.covariates.split(",") if name.strip())
    if args.aus and not args.families:
        raise DataError("--aus", "without --all", "--all beside it, or aus:NAME in the place of the model")
    if args.syllables and aus_alone(args.model):
        raise DataError("--syllables", "with AUs alone", "a model")
    args.dataset = segments_dataset(args, progress)
    result: GroupComparison | FamilyComparison
    if aus := aus_alone(args.model):
        if args.families:
            raise DataError("--all", "with AUs alone", "a model, whose codewords and regions are compared beside them")
        from dfe_core.workspace.functions import compare_aus

        result = compare_aus(args.dataset, aus, args.by, progress=progress, **settings)
    else:
        from dfe_core.workspace.study import Study

        study = Study(args.model, args.dataset, progress=progress)
        if args.families:
            result = study.groups(args.by, aus=args.aus, syllables=args.syllables, **settings)
        else:
            compare = study.compare_syllables if args.syllables else study.compare_groups
            result = compare(args.by, **settings)
    if args.out is not None:
        from dfe_core.reports.groups import write_groups_report

        write_groups_report(result, args.out)
    deliver(result.to_json(), report(result), args.json)


def report(result: GroupComparison | FamilyComparison) -> str:
    """The result of `dfe groups` as text."""
    from dfe_core.groups.families import FamilyComparison

    if isinstance(result, FamilyComparison):
        return _families_report(result)
    head, tested = _head(result)
    return "\n\n".join((head, table_of(tested.head(_ROWS).to_dict("records"), _columns(result)), *_confounds(result)))


def _families_report(result: FamilyComparison) -> str:
    """Families first, then the rows of all of them."""
    from dfe_core.groups.comparison import TESTED

    head, _ = _head(next(iter(result.parts.values())))
    families = {"family": "family", "tests": "tests", "smallest p": "smallest_p", "p (Simes)": "p", "q": "q"}
    rows = result.table[result.table["status"] == TESTED].head(_ROWS).to_dict("records")
    printed = partial(_printed, next(iter(result.parts.values())).settings.permutations)
    columns = {"family": "family", "": "thing", **_effect_columns(printed), "q": printed("q")}
    columns["q, all rows"] = printed("q_all")
    columns |= _mixed_columns(result.table)
    tables = table_of(result.families.to_dict("records"), families), table_of(rows, columns)
    return "\n\n".join((head, *tables, *_confounds(next(iter(result.parts.values())))))


def _confounds(result: GroupComparison) -> tuple[str, ...]:
    """What else differs between the groups: a table and a sentence."""
    from dfe_core.groups.confounds import confound_sentences

    if not len(result.confounds):
        return ()
    printed = partial(_printed, result.settings.permutations)
    columns = {**_effect_columns(printed), "q": printed("q")}
    columns["measure"] = lambda row: f"{row['measure']}, {row['unit']}" if row["unit"] else row["measure"]
    return table_of(result.confounds.to_dict("records"), columns), confound_sentences(result.confounds, result.within)


def _head(result: GroupComparison) -> tuple[str, pd.DataFrame]:
    """Who was compared with whom, and the rows that were tested."""
    from dfe_core.expressions.sealed_text import sealed_sentence
    from dfe_core.groups.comparison import TESTED
    from dfe_core.groups.design import GROUP_UNITS

    tested = result.table[result.table["status"] == TESTED]
    unit = result.settings.unit
    units = f"{unit}s" if unit in GROUP_UNITS else f"values of {unit}"
    design = f"within {units}" if result.within else f"between {units}"
    head = facts(
        [
            ("AUs", aus_alone(result.model)) if aus_alone(result.model) else ("model", result.model),
            ("dataset", result.dataset),
            ("data", "simulated" if result.simulated else "real"),
            ("by", result.settings.by),
            ("design", design),
            ("subjects" if unit in GROUP_UNITS else units, result.subjects),
            *((f"units, {level}", result.units[level]) for level in result.levels),
            *([("recordings without label, left out", result.unlabelled)] if result.unlabelled else []),
            ("tests", len(tested)),
            ("tests with q < 0.05", int((tested["q"] < 0.05).sum())),
            *([("sealed labels", sealed_sentence(result.sealed))] if result.sealed else []),
        ]
    )
    return head, tested


def _columns(result: GroupComparison) -> Columns:
    named = {"AU": "au", "side": "side"} if "au" in result.table else {"codeword": "codeword"}
    named = {"syllable": "syllable"} if "syllable" in result.table else named
    printed = partial(_printed, result.settings.permutations)
    return {**named, **_effect_columns(printed), "q": printed("q"), **_mixed_columns(result.table)}


def _mixed_columns(table: pd.DataFrame) -> Columns:
    return {"p, mixed model": "mixed_p", "q, mixed": "mixed_q"} if "mixed_p" in table else {}


def _printed(permutations: int, name: str) -> Callable[[Mapping[str, Any]], str]:
    """A column of p, or adjusted from p: a bound where no permutation reached the statistic."""
    from dfe_core.p_values import at_floor, p_text

    return lambda row: p_text(row[name], bool(at_floor(row["p"], permutations)), 4)


def _effect_columns(printed: Callable[[str], Any]) -> Columns:
    return {
        "measure": "measure",
        "a": "a",
        "b": "b",
        "mean a": "mean_a",
        "mean b": "mean_b",
        "Hedges' g": "hedges_g",
        "95 % interval": lambda r: f"{r['g_low']:.2f} to {r['g_high']:.2f}",
        "rank-biserial": "rank_biserial",
        "p": printed("p"),
    }
