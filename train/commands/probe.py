"""`dfe probe`: does a label follow from tokens, and better than from AUs or coefficients?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.artefact_names import aus_alone
from dfe_core.progress import Listener

from ..cli import options_of, seed
from ..tables import duration, facts, table, table_of
from .output import add_json_option, deliver
from .segments_option import add_segments_option, segments_dataset

if TYPE_CHECKING:
    from dfe_core.probes.settings import ProbeSettings

DESCRIPTION = (
    "Predict a label column of a dataset from bags of tokens, AUs and coefficients, with folds grouped "
    "by subject, confidence intervals and a comparison with chance."
)
EXAMPLES = (
    "dfe probe codebook1 study1 --label condition",
    "dfe probe codebook1 study1 --label openness,extraversion,agreeableness --out traits/",
    "dfe probe codebook1 study1 --label arousal --task regress --features bow,psi --json -",
    "dfe probe codebook1 study1 --label stress --features bow,mae,bow+mae --table mae=features.csv",
    "dfe probe codebook1 study1 --label emotion --windows windows.csv",
    "dfe probe aus:openface study1 --label condition",
    "dfe probe codebook1 study1 --label emotion --features bow --continual site",
    "dfe probe codebook1 study1 --label emotion --features bow --regions",
)

_DERIVED, _FEATURES = "derived", "bow,au,psi"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", help="one that `dfe list` shows, or aus:NAME for the AUs of that name without one"
    )
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded, or that has the AUs")
    add_segments_option(parser)
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="COLUMN,...",
        help="a label column, as `dfe show DATASET` lists; several, by commas or repeated, are predicted one by one "
        "and corrected over all",
    )
    parser.add_argument(
        "--group",
        default="subject",
        metavar="COLUMN",
        help="what is never on both sides of a fold; time cuts recordings into blocks with gaps, a "
        "demonstration where there is one performer (default: subject)",
    )
    parser.add_argument(
        "--task",
        choices=("classify", "regress"),
        help="(default: by the label: text and two values are classes, whole numbers in steps an ordered scale)",
    )
    parser.add_argument(
        "--levels",
        default="",
        metavar="LOWEST,…,HIGHEST",
        help="the order of a label that is text, as in low,medium,high: it is then predicted as an ordered scale",
    )
    parser.add_argument(
        "--features",
        metavar="NAME,NAME,...",
        help="rows of the result; a + puts two side by side, as in bow+au (default: bow,au,psi; with "
        "--windows: change,bow,psi; of aus:NAME: au)",
    )
    parser.add_argument(
        "--models", default="linear", metavar="NAME,NAME,...", help="linear, svm or boosting (default: linear)"
    )
    parser.add_argument(
        "--unit",
        choices=("recording", "subject", "segment"),
        help="what one prediction is of (default: by what the label belongs to)",
    )
    parser.add_argument(
        "--aus",
        metavar="NAME",
        help="the AUs of the feature au (default: the only ones, else the only ones that were detected or coded, else "
        "derived, which are made where they are missing)",
    )
    parser.add_argument(
        "--split",
        default="kfold",
        metavar="HOW",
        help="kfold, leave-one-out, or a column that holds your own folds (default: kfold)",
    )
    parser.add_argument("--folds", type=int, default=5, metavar="N", help="(default: 5)")
    parser.add_argument(
        "--repeats",
        type=int,
        metavar="N",
        help="repeat the validation with other folds and average (default: 5; 1 with more than 200 "
        "units and for models that are not linear)",
    )
    parser.add_argument(
        "--lengths",
        choices=("matched", "as-recorded"),
        default="matched",
        help="describe every unit by windows of one length, so that how long somebody was recorded is "
        "not read as expression, or by whole recordings (default: matched)",
    )
    parser.add_argument(
        "--permutations",
        type=int,
        metavar="N",
        help="of the label, for the test against chance (default: 199 or more, as the number of rows "
        "needs for each of them to be able to reach significance)",
    )
    parser.add_argument(
        "--segment",
        type=float,
        default=2.0,
        metavar="S",
        help="seconds of a segment, where the unit is one (default: 2)",
    )
    parser.add_argument(
        "--block", type=float, default=6.0, metavar="S", help="with --group time: seconds of a block (default: 6)"
    )
    parser.add_argument(
        "--gap",
        type=float,
        default=1.0,
        metavar="S",
        help="with --group time: seconds left out at both ends of a block (default: 1)",
    )
    parser.add_argument("--labels", metavar="CSV", help="take labels from this file: recording, then label columns")
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="features of your own, one row per recording; NAME then goes into --features",
    )
    parser.add_argument("--drop-missing", action="store_true", help="leave out recordings that have no label")
    parser.add_argument(
        "--confounds",
        default="",
        metavar="COLUMN,...",
        help="also say how well the same features predict these columns; duration_s, fps and missing "
        "may be named; whether they, session or resting face predict the label is always checked",
    )
    parser.add_argument(
        "--regress-out",
        default="",
        metavar="COLUMN,...",
        help="also say what the score is without what these columns explain",
    )
    parser.add_argument(
        "--codebook",
        choices=("shared", "held-out", "refit"),
        default="shared",
        help="shared: one in all folds, whoever it was trained on; held-out: only people are tested whom it has not "
        "seen; refit: one trained in every fold without the people that it tests, which takes as many trainings "
        "and may be stopped and continued (default: shared)",
    )
    parser.add_argument(
        "--refit-steps",
        type=int,
        metavar="N",
        help="of each training with --codebook refit (default: as many as MODEL was trained with)",
    )
    parser.add_argument(
        "--sequence",
        default="",
        metavar="POOLING,...",
        help="also train the sequence probe with these poolings: sparsemax, entmax, softmax, mean, class-token",
    )
    parser.add_argument(
        "--windows",
        metavar="CSV",
        help="micro-expressions: windows of 0.04 to 0.5 s with recording, onset_s, offset_s, the label "
        "and, where it is coded, apex_s; leave-one-subject-out, UF1 and UAR",
    )
    parser.add_argument(
        "--continual",
        metavar="COLUMN[:VALUE,…]",
        help="classes (COLUMN is the label) or sites, sessions and the like arrive one after another, in this order; a "
        "Gaussian mixture that keeps no unit beside replay, retraining and the latest part alone",
    )
    parser.add_argument(
        "--continual-memory",
        type=int,
        default=5,
        metavar="N",
        help="with --continual: units of each class that replay keeps (default: 5)",
    )
    parser.add_argument(
        "--regions",
        action="store_true",
        help="probe each region of the face alone, all but one, and all by early and late fusion; how much each moves",
    )
    parser.add_argument("--recipe", metavar="FILE", help="take every setting from this TOML file, as --out writes it")
    parser.add_argument("--out", metavar="DIR", help="write a report: HTML, tables, methods paragraph, recipe")
    parser.add_argument("--seed", type=seed, default=0, help="of folds and resamples (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.probes.run import run_probe

    if args.windows is not None:
        from .windows import run_windows

        scores = run_windows(args, progress)
        deliver(scores, report(scores), args.json)
        return
    args.dataset = segments_dataset(args, progress)
    settings = read_settings(args)
    if args.regions:
        from .regions import regions_text, run_regions

        found = run_regions(args, settings, progress)
        deliver(found, regions_text(found), args.json)
        return
    if args.continual is not None:
        from .continual import continual_text, run_continual

        found = run_continual(args, settings, progress)
        deliver(found, continual_text(found), args.json)
        return
    parts = [part for name in settings.features for part in name.split("+")]
    if settings.aus == _DERIVED and any(part.startswith("au") for part in parts):
        derive_missing(args.dataset, progress)
    labels = asked_labels(args.label, args.dataset)
    say_cost(replace(settings, label=labels[0]) if labels else settings)
    if len(labels) > 1:
        run_labels(settings, labels, args, progress)
        return
    settings = replace(settings, label=labels[0]) if labels else settings
    result = run_probe(settings, progress=progress)
    if args.out:
        from dfe_core.reports.probe import write_report

        write_report(result, Path(args.out))
    deliver(result.to_json(), report(result.to_json()), args.json)


def say_cost(settings: ProbeSettings) -> None:
    """On stderr, what ``--codebook refit`` will train and about how long that takes."""
    from dfe_core.errors import DataError

    if settings.codebook != "refit":
        return
    from dfe_core.probes.run import planned_refit

    try:
        plan = planned_refit(settings)
    except DataError:  # said by the probe itself
        return
    print(
        f"{len(plan.names)} folds, {plan.missing} codebooks to train ({plan.config.train.steps} steps each), about "
        f"{duration(plan.seconds)} on 2 cores; stopped, the same command continues",
        file=sys.stderr,
        flush=True,
    )


def run_labels(settings: ProbeSettings, labels: list[str], args: argparse.Namespace, progress: Listener) -> None:
    """Several labels: a result of each, and the table of all."""
    from dfe_core.probes.labels_together import predict_labels

    family = predict_labels(settings, labels, progress=progress)
    if args.out:
        from dfe_core.reports.probe_labels import write_labels_report

        write_labels_report(family, Path(args.out))
    columns: dict[str, Any] = {name: name for name in ("label", "scale", "features", "metric", "score")}
    columns |= {
        "95 % interval": lambda row: f"{row['low']:.3f} to {row['high']:.3f}",
        "chance": "chance",
        "p": _bound("p"),
        "Holm": _bound("p_holm"),
        "q": _bound("q"),
        "joint": _bound("p_joint"),
    }
    result = family.to_json()
    deliver(result, f"{table_of(result['table'], columns)}\n\n{result['summary']}", args.json)


def _bound(name: str) -> Callable[[dict[str, Any]], str]:
    """How a p of the table is printed: as a bound where no permutation reached the score."""
    from dfe_core.p_values import p_text

    return lambda row: p_text(row[name], row["p_at_floor"], 3)


def asked_labels(asked: list[str], dataset: str) -> list[str]:
    """The labels of ``--label``: a text that is no column is several, with commas between them."""
    from dfe_core.errors import DataError
    from dfe_core.expressions.dataset import Dataset

    if not any("," in text for text in asked):
        return asked
    try:
        known = Dataset.open(dataset).labels
    except DataError:  # said by what opens it for the probe
        known = ()
    return [label for text in asked for label in ([text] if text in known else names(text))]


def read_settings(args: argparse.Namespace) -> ProbeSettings:
    """`ProbeSettings` of the arguments, or of the recipe they name."""
    from dfe_core.errors import DataError
    from dfe_core.facs.store import default_aus
    from dfe_core.probes.recipe import read_recipe
    from dfe_core.probes.settings import ProbeSettings

    if args.recipe:
        recipe = read_recipe(Path(args.recipe))
        label = args.label[0] if args.label else recipe.label
        together = recipe.together if label == recipe.label else ()
        return replace(recipe, model=args.model, dataset=args.dataset, label=label, together=together)
    if not args.label:
        raise DataError("--label", "no column named", "a label column, as `dfe show DATASET` lists, or --recipe FILE")
    wrong = [pair for pair in args.table if not all(pair.partition("=")[::2])]
    if wrong:
        raise DataError("--table", repr(wrong[0]), "NAME=FILE")
    rows = args.features or ("au" if aus_alone(args.model) else _FEATURES)
    return options_of(
        ProbeSettings,
        args,
        aus=args.aus or (None if aus_alone(args.model) else default_aus(args.dataset)) or _DERIVED,
        label=args.label[0],
        features=names(rows),
        models=names(args.models),
        validation=args.split,
        tables=dict(pair.partition("=")[::2] for pair in args.table),
        segment_s=args.segment,
        block_s=args.block,
        gap_s=args.gap,
        levels=names(args.levels),
        confounds=names(args.confounds),
        regress_out=names(args.regress_out),
        sequence=names(args.sequence),
    )


def derive_missing(dataset: str, progress: Listener) -> None:
    """Derive AUs where the dataset has none of that name."""
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
    head = facts(
        [
            ("label", result["label"]),
            ("task", result["task"]),
            ("scale", result.get("scale")),
            ("data", "simulated" if result.get("simulated") else "real"),
            ("unit", result["unit"]),
            ("n", result["n"]),
            ("subjects", result["subjects"]),
            ("classes", ", ".join(result["classes"]) or None),
            ("folds", result["folds"]),
            ("repeats", result.get("repeats")),
            ("codebook", (result.get("codebook_use") or {}).get("use")),
            ("codebook trained on", codebook_saw(result)),
            ("chance", result["chance"]),
        ]
    )
    parts = [head, table(*scores(result))]
    if differences := (result.get("codebook_use") or {}).get("differences"):
        columns = {
            "features": "features",
            "refit in folds": "refit",
            "one shared": "shared",
            "difference": "difference",
        }
        parts.append(
            table_of(differences, columns | {"95 % interval": lambda r: f"{r['ci95'][0]:+.3f} to {r['ci95'][1]:+.3f}"})
        )
    if result["paired"]:
        parts.append(table_of(result["paired"], {"compared": "a", "with": "b", "difference": "difference", "p": "p"}))
    parts += confounds(result)
    if result["top_codewords"]:
        columns = {name: name for name in ("codeword", "towards", "weight", "stability")}
        parts.append(table_of(result["top_codewords"][:10], columns))
    return "\n\n".join(
        [
            *parts,
            *(f"note: {warning}" for warning in result.get("warnings", ())),
            *([f"protocol: {result['protocol']}"] if "protocol" in result else []),
            *([result["summary"]] if result.get("summary") else []),
        ]
    )


def codebook_saw(result: dict[str, Any]) -> str | None:
    """How many of the probed people the codebook was trained on."""
    saw = result.get("codebook_saw")
    if saw is None:
        return None
    return f"{saw['seen']} of the {saw['subjects']} subjects" if saw["known"] else "not known whether these people"


def confounds(result: dict[str, Any]) -> list[str]:
    """What else might tell the label, unasked, and what was asked for, as tables."""
    from dfe_core.probes.methods_text import finding_words

    parts = []
    checks = result.get("confound_checks") or []
    if checks:
        columns: dict[str, Any] = {"checked": "column", "label predicted by it alone": "score", "p": "p"}
        columns |= {
            "p, corrected": "p_holm",
            "": lambda c: finding_words(c["state"]),
            "about as well as": lambda c: ", ".join(c["matches"]),
            "score without it": lambda c: ", ".join(
                f"{name} {left['score']:.3f} (p {left['p']:.2g})" for name, left in c["without"].items()
            ),
        }
        parts.append(table_of(checks, columns))
    if result.get("confounds"):
        columns = {"confound": "column", "features": "features", "judged by": "kind", "metric": "metric"}
        columns |= {"score": "score", "chance": "chance", "without it": "without", "note": "note"}
        parts.append(table_of(result["confounds"], columns))
    return parts


def scores(result: dict[str, Any]) -> tuple[tuple[str, ...], list[tuple]]:
    """Head and rows of the table of scores, guesses last; UAR beside UF1, as micro-expressions are reported, and the
    quadratic kappa beside the CCC of an ordered scale."""
    from dfe_core.p_values import at_floor, p_text
    from dfe_core.probes.scores import QUADRATIC_KAPPA

    metric = result["rows"][0]["metric"]
    ordered = all(QUADRATIC_KAPPA in r["scores"] for r in result["rows"])
    beside = ("UAR",) if metric == "UF1" else (QUADRATIC_KAPPA,) if ordered else ()
    rows = [
        (
            r["features"],
            r["model"],
            metric,
            r["score"],
            f"{r['ci95'][0]:.3f} to {r['ci95'][1]:.3f}",
            *(r["scores"][name]["score"] for name in beside),
            p_text(r["p_vs_chance"], bool(at_floor(r["p_vs_chance"], r.get("permutations", 0))), 4),
        )
        for r in result["rows"]
    ]
    rows += [
        (name, "", metric, values[metric], "", *(values[other] for other in beside), None)
        for name, values in result["baselines"].items()
    ]
    return ("features", "model", "metric", "score", "95 % interval", *beside, "p against chance"), rows
