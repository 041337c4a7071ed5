"""`dfe study`: from a folder of recordings to the supplement of a paper, in one command."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import seed
from ..tables import duration, facts, table
from .train import parse_overrides

if TYPE_CHECKING:
    from dfe_core.expressions.sealed_test import SealPlan
    from dfe_core.workflow.settings import StudySettings
    from dfe_core.workflow.study_plan import StepResult, StudyPlan

DESCRIPTION = (
    "From recordings to a paper's supplement: import, training, encoding, evaluation, action units, coverage, maps, "
    "groups and probes of the labels, and one folder with all of it. The plan with its times is shown first. Steps "
    "whose results are there and of these files are passed over: the same command continues after Ctrl-C and "
    "after an error. study.toml in the folder runs the same study again; files that are elsewhere by now are named "
    "beside it, and are refused where they are not the same."
)
EXAMPLES = (
    "dfe study recordings/ --labels people.csv",
    "dfe study recordings/ --labels people.csv --by condition --name study1 --out supplement/",
    "dfe study openface/ --plan",
    "dfe study supplement/study.toml",
    "dfe study supplement/study.toml recordings/ --labels people.csv",
)


_FILES = ("labels", "aus", "videos", "events")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="+",
        type=Path,
        metavar="FOLDER",
        help="recordings (files and folders), or a study.toml, and after it where its recordings are now",
    )
    parser.add_argument("--name", help="of the dataset (default: the folder's); the codebook is NAME-codebook")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="a table with a column recording or subject")
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="COLUMN",
        help="compare and predict this label; may be repeated (default: the first three with 2 to 4 levels of 3 or "
        "more people each, and the first six ordered scales, which are predicted)",
    )
    parser.add_argument(
        "--aus",
        type=Path,
        metavar="FOLDER",
        help="action units of a detector or a coder (default: those in the recordings' own files, else derived from "
        "ARKit coefficients)",
    )
    parser.add_argument(
        "--events",
        type=Path,
        metavar="FILE",
        help="labels in time, a file or a folder, as `dfe events import` takes them",
    )
    parser.add_argument("--videos", type=Path, metavar="FOLDER", help="films of the recordings, by their names")
    parser.add_argument(
        "--seal",
        default="",
        metavar="SUBJECT,...",
        help="nobody sees the labels of these people until `dfe unseal`, which tests the hypotheses on them",
    )
    parser.add_argument(
        "--hypothesis",
        action="append",
        default=[],
        metavar="LABEL[:FEATURES[:TEXT]]",
        help="with --seal: the label can be predicted from these features (default: bow); may be repeated",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the supplement (default: NAME-study)")
    parser.add_argument("--face", metavar="FACE", help="as `dfe import --face` takes it (default: by the files)")
    parser.add_argument("--subject-pattern", metavar="RE", help="as `dfe import` takes it")
    parser.add_argument("--fps", type=float, help="as `dfe import` takes it")
    parser.add_argument("--time", metavar="COLUMN[/RATE]", help="as `dfe import` takes it")
    parser.add_argument("--simulated", action="store_true", help="as `dfe import` takes it")
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="of training, as `dfe train` takes it")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="as `dfe train` takes it"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of every step (default: 0)")
    parser.add_argument("--plan", action="store_true", help="show the plan and do nothing")
    parser.add_argument(
        "--no-dashboard",
        action="store_true",
        help="do not serve the dashboard at the end (default: served where a person is at the terminal)",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.workflow.study_plan import plan_study, run_study

    settings = read_settings(args)
    plan = plan_study(settings)
    print(plan_text(plan), flush=True)
    if args.plan:
        return
    started, results = time.monotonic(), []

    def say(result: StepResult) -> None:
        results.append(result)
        _say(f"[{len(results)}/{len(plan.steps)}] {result_line(result)}")

    run_study(plan, progress=progress, on_step=say)
    _zip_supplement(settings.out)
    print(f"\n{summary(plan, results, time.monotonic() - started)}", flush=True)
    if not args.no_dashboard and sys.stdin.isatty() and sys.stdout.isatty():
        _serve(plan)


def _zip_supplement(folder: Path) -> None:
    """The supplement's folder as one zip beside it, to be handed in."""
    from dfe_core.workflow.supplement_export import zip_folder

    if folder.is_dir():
        zip_folder(folder, zip_path(folder))


def zip_path(folder: Path) -> Path:
    """The zip of a supplement's folder."""
    return folder.with_name(f"{folder.name}.zip")


def read_settings(args: argparse.Namespace) -> StudySettings:
    """The study of the arguments, or of the ``study.toml`` that they name."""
    from dfe_core.tokenizer.config import load_config
    from dfe_core.workflow.recipe import read_study_recipe
    from dfe_core.workflow.settings import StudySettings, study_name

    first = args.sources[0]
    if first.suffix == ".toml":
        _refuse_options(args, first)
        return with_files_of(read_study_recipe(first), args)
    name = args.name or study_name(first)
    return StudySettings(
        sources=tuple(args.sources),
        name=name,
        out=args.out or Path(f"{name}-study"),
        labels=args.labels,
        aus=args.aus,
        videos=args.videos,
        events=args.events,
        by=tuple(args.by),
        face=args.face or "",
        subject_pattern=args.subject_pattern,
        fps=args.fps,
        time=args.time,
        simulated=args.simulated,
        sealed=seal_plan(args),
        config=load_config(args.config, {**parse_overrides(args.overrides), "seed": args.seed}),
    )


def seal_plan(args: argparse.Namespace) -> SealPlan | None:
    """Who is sealed, and for which hypotheses."""
    from dfe_core.expressions.sealed_test import Hypothesis, SealPlan

    if not args.seal and not args.hypothesis:
        return None
    parts = [(*text.split(":", 2), "", "")[:3] for text in args.hypothesis]
    return SealPlan(
        subjects=tuple(name.strip() for name in args.seal.split(",") if name.strip()),
        hypotheses=tuple(
            Hypothesis(label=label, features=features or "bow", text=text) for label, features, text in parts
        ),
    )


def with_files_of(settings: StudySettings, args: argparse.Namespace) -> StudySettings:
    """The study of a ``study.toml`` with its files where the arguments say that they are now."""
    given = {name: path for name in _FILES if (path := getattr(args, name)) is not None}
    for name in given:
        if getattr(settings, name) is None:
            raise DataError(args.sources[0], f"--{name} beside it", f"no {name}: this study was made without")
    moved = tuple(args.sources[1:]) or settings.sources
    return replace(settings, **given, sources=moved, out=args.out or settings.out)


def _refuse_options(args: argparse.Namespace, recipe: Path) -> None:
    """Raise `DataError` for choices beside a ``study.toml``, which has them all."""
    options = ("name", "by", "seal", "hypothesis", "face", "subject_pattern", "fps", "time", "simulated", "config")
    given = [name for name in (*options, "overrides", "seed") if getattr(args, name)]
    if given:
        what = f"--{given[0].replace('_', '-')}"
        raise DataError(recipe, f"{what} beside it", "only where its files are: FOLDER, --labels, --aus, --events …")


def plan_text(plan: StudyPlan) -> str:
    """The plan with its times, as text."""
    sources, settings = plan.sources, plan.settings
    unread = [file for file in sources.files if file.fault]
    people = {file.subject or file.name for file in sources.readable}
    head = facts(
        [
            ("study", settings.name),
            ("recordings", f"{len(sources.readable)} files, about {sources.frames:,} frames, {len(people)} subjects"),
            ("format", ", ".join(sorted({file.title for file in sources.readable}))),
            *([("not readable", f"{len(unread)} files, such as {unread[0].path.name}")] if unread else []),
            ("labels", label_scales(plan) or None),
            *([("sealed", sealed_words(settings.sealed))] if settings.sealed else []),
            ("face", "learned from the recordings" if sources.face == "learn" else sources.face),
            ("supplement", settings.out),
        ]
    )
    rows: list[tuple[Any, ...]] = [
        (number, name, step.makes, "current" if name in plan.current else f"about {duration(step.seconds)}")
        for number, (name, step) in enumerate(plan.steps.items(), 1)
    ]
    alone = len(people) == len(sources.readable) > 1 and all(not file.subject for file in sources.readable)
    notes = ["every file counts as a person of its own: --labels or --subject-pattern name people"] if alone else []
    left = [f"not part of it: {name} ({why})" for name, why in plan.left_out.items()]
    total = f"{len(plan.missing)} of {len(rows)} steps to do, about {duration(plan.seconds)} on 2 cores"
    return "\n\n".join((head, table(("", "step", "makes", "time"), rows), "\n".join([*notes, *left, total])))


def sealed_words(plan: SealPlan) -> str:
    """Who is sealed, and for what."""
    named = "; ".join(f"{one.label} from {one.features}" for one in plan.hypotheses)
    return f"labels of {len(plan.subjects)} people until `dfe unseal`; hypotheses: {named}"


def label_scales(plan: StudyPlan) -> str:
    """The label columns, each with how it is measured."""
    import pandas as pd

    from dfe_core.expressions.label_scales import LabelScale, label_scale

    words = {LabelScale.NOMINAL: "classes", LabelScale.ORDINAL: "ordered scale", LabelScale.QUANTITY: "numbers"}
    labels = pd.DataFrame([file.labels for file in plan.sources.readable])
    return ", ".join(f"{name} ({words[label_scale(labels[name])]})" for name in labels)


def result_line(result: StepResult) -> str:
    """What became of a step, in a line."""
    from dfe_core.workflow.study_plan import StepOutcome

    if result.outcome == StepOutcome.CURRENT:
        return f"{result.name}: current, passed over"
    if result.outcome == StepOutcome.FAILED:
        return f"{result.name}: not done, {result.error}"
    return f"{result.name}: done in {duration(result.seconds)}"


def summary(plan: StudyPlan, results: list[StepResult], seconds: float) -> str:
    """What was made, what was not, and the way on."""
    from dfe_core.workflow.study_plan import StepOutcome

    settings = plan.settings
    failed = [result for result in results if result.outcome == StepOutcome.FAILED]
    made = sum(result.outcome == StepOutcome.MADE for result in results)
    lines = [
        f"study {settings.name}: {made} steps done in {duration(seconds)}, {len(results) - made - len(failed)} current"
        + (f", {len(failed)} not done" if failed else ""),
        *(f"  {result.name}: {result.error}" for result in failed),
        f"supplement: {settings.out}, as one file {zip_path(settings.out)}",
        f"again: dfe study {shlex.quote(str(settings.out / 'study.toml'))}",
        f"look at it: dfe dashboard --model {settings.codebook} --dataset {settings.name}",
    ]
    return "\n".join(lines)


def _say(line: str) -> None:
    """A line on stderr, above the bars of progress."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()


def _serve(plan: StudyPlan) -> None:
    """The dashboard, until it is stopped."""
    from ..cli import main

    main(["dashboard", "--model", plan.settings.codebook, "--dataset", plan.settings.name])
