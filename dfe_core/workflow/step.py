"""Steps of a longer piece of work: what each makes, whether that is there, and one estimate of the time of all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dfe_core.progress import Listener, Progress, TimeLeft
from dfe_core.text_enum import StrEnum

_TRUST_S = 20.0
"""Seconds by which the plan's own estimate outweighs the pace of this machine at the start."""


class StepKind(StrEnum):
    """Whether work ends without a step's result (`REQUIRED`) or continues (`ANALYSIS`)."""

    REQUIRED = "required"
    ANALYSIS = "analysis"


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """One step.

    title: for people. seconds: estimate on 2 cores. task: the task in whose progress its time passes; empty where every
    report counts. present: whether its result is there and current, given the root. make: does it. kind: what an error
    in it means. makes: the artefact or files, for people.
    """

    title: str
    seconds: float
    task: str
    present: Callable[[Path], bool]
    make: Callable[[Path, Listener], object]
    kind: StepKind = StepKind.REQUIRED
    makes: str = ""


class Whole:
    """Progress of the whole plan: adds to every report which step it is of, the share done and, where it is believed
    (`TimeLeft`), the time left."""

    def __init__(self, plan: Sequence[PlannedStep], progress: Listener) -> None:
        self.plan, self.progress = list(plan), progress
        self.total = sum(step.seconds for step in plan) or 1.0
        self.before, self.inner, self.started = 0.0, 0.0, time.monotonic()
        self.time_left = TimeLeft()

    def listener(self, step: PlannedStep) -> Listener:
        """The listener for one step; one that the plan did not hold is added to it."""
        if step not in self.plan:
            self.plan.append(step)
            self.total += step.seconds
        number = self.plan.index(step) + 1

        def tell(report: Progress) -> None:
            if report.task == step.task and report.total:
                self.inner = step.seconds * min(report.done / report.total, 1.0)
            done = (self.before + self.inner) / self.total
            figures = {
                "overall": round(done, 4),
                **self._time(done),
                "step": number,
                "steps": len(self.plan),
                **report.figures,
            }
            self.progress(replace(report, task=f"[{number}/{len(self.plan)}] {step.title}", figures=figures))

        tell(Progress(task=step.title, done=0, total=0))
        return tell

    def finish(self, step: PlannedStep) -> None:
        """Count a step of the plan as done."""
        self.before, self.inner = self.before + step.seconds * (step in self.plan), 0.0

    def _time(self, done: float) -> dict[str, int]:
        """The seconds left, where they are believed."""
        left = self.time_left.of(done, time.monotonic() - self.started, self._left(done))
        return {} if left is None else {"eta_s": round(left)}

    def _left(self, done: float) -> float:
        """Seconds left: the plan's own figure, corrected by how fast this machine has been, the more the longer."""
        elapsed = time.monotonic() - self.started
        pace = (elapsed + _TRUST_S) / (self.total * done + _TRUST_S)
        return self.total * (1 - done) * pace
