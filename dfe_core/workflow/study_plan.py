"""A study from recordings to its supplement: the plan with its times, and its run, resumable at every step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, cache_root
from dfe_core.text_enum import StrEnum
from dfe_core.workflow.recipe import write_study_recipe
from dfe_core.workflow.settings import StudySettings
from dfe_core.workflow.sources import StudySources, au_files, read_sources
from dfe_core.workflow.step import PlannedStep, StepKind, Whole
from dfe_core.workflow.study_steps import MissingPart, StepName, StudySteps
from dfe_core.workflow.supplement import study_files


class StepOutcome(StrEnum):
    """What became of a step."""

    MADE = "made"
    CURRENT = "current"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """One step of a run. seconds: that it took. error: of a step that failed."""

    name: StepName
    outcome: StepOutcome
    seconds: float = 0.0
    error: DataError | None = None


class StepError(DataError):
    """A step without which a study cannot continue. name: of the step; error: what was wrong."""

    def __init__(self, name: StepName, error: DataError) -> None:
        super().__init__(f"step {name}: {error.where}", error.found, error.expected)
        self.name, self.error = name, error


@dataclass(frozen=True, eq=False, kw_only=True)
class StudyPlan:
    """What a study will do.

    settings, sources: of the study. steps: in order. left_out: steps that it cannot have, and why. current: steps whose
    result is there and of these inputs.
    """

    settings: StudySettings
    sources: StudySources
    steps: dict[StepName, PlannedStep]
    left_out: dict[StepName, MissingPart]
    current: frozenset[StepName]

    @property
    def missing(self) -> list[StepName]:
        """The steps to do."""
        return [name for name in self.steps if name not in self.current]

    @property
    def seconds(self) -> float:
        """Estimate of what is to do, on 2 cores."""
        return sum(self.steps[name].seconds for name in self.missing)


def plan_study(settings: StudySettings, root: Path | None = None) -> StudyPlan:
    """Look at the files and at what is made of them already.

    Raises `DataError` for paths that are not there, files that are not those of the ``study.toml``, a table of labels
    that cannot be used, and artefacts of the study's name that were made otherwise (`StudyConflict`).
    """
    root = root or cache_root()
    settings.check()
    for kind, name in (("datasets", settings.name), ("models", settings.codebook)):
        artefact_path(kind, name, root)
    sources = read_sources(settings.sources, settings.labels, settings.subject_pattern, settings.face)
    sources = replace(sources, aus_files=au_files(settings.aus))
    work = StudySteps(settings=settings, sources=sources)
    _check_files(settings, work)
    steps, left_out = work.steps(root)
    current = frozenset(name for name, step in steps.items() if step.present(root))
    return StudyPlan(settings=settings, sources=sources, steps=steps, left_out=left_out, current=current)


def run_study(
    plan: StudyPlan,
    root: Path | None = None,
    progress: Listener = silent,
    on_step: Callable[[StepResult], None] = lambda result: None,
) -> list[StepResult]:
    """Do what is missing, step by step; what is current is passed over.

    An analysis whose data do not serve it (too few people, no test part) has failed and the others continue. `on_step`
    is called after every step. Stopped at any moment, the same call continues with the step that was interrupted.

    Raises `StepError` where a step fails without which the others cannot be done.
    """
    root = root or cache_root()
    work = StudySteps(settings=plan.settings, sources=plan.sources)
    work.seal(root)
    write_study_recipe(plan.settings, study_files(work), plan.settings.out)
    whole = Whole([plan.steps[name] for name in plan.missing], progress)
    results = []
    for name, step in plan.steps.items():
        results.append(_run(name, step, root, whole))
        on_step(results[-1])
    return results


def _run(name: StepName, step: PlannedStep, root: Path, whole: Whole) -> StepResult:
    """One step, if its result is not there: an earlier one may have changed that."""
    started = time.monotonic()
    try:
        if step.present(root):
            return StepResult(name=name, outcome=StepOutcome.CURRENT)
        step.make(root, whole.listener(step))
    except DataError as error:
        if step.kind == StepKind.REQUIRED:
            raise StepError(name, error) from error
        return StepResult(name=name, outcome=StepOutcome.FAILED, seconds=time.monotonic() - started, error=error)
    finally:
        whole.finish(step)
    return StepResult(name=name, outcome=StepOutcome.MADE, seconds=time.monotonic() - started)


def _check_files(settings: StudySettings, work: StudySteps) -> None:
    """Raise `DataError` where the files are not those of the recipe."""
    if not settings.files:
        return
    now = study_files(work)
    changed = [name for name, digest in settings.files.items() if now.get(name, digest) != digest]
    missing = [name for name in settings.files if name not in now]
    added = [name for name in now if name not in settings.files]
    for names, what in ((missing, "not there"), (changed, "other than then"), (added, "not part of it")):
        if names:
            raise DataError(
                settings.name,
                f"{len(names)} files are {what} (such as {names[0]})",
                "the files with which study.toml was written, or a new study: `dfe study FOLDER`",
            )
