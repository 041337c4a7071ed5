"""The steps of a study, from recordings to the supplement: what each makes and how long it takes.

Whether a step is done, the manifests say: an artefact is current where what it was made from is what is there now.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dfe_core.artefact_names import DATASETS, MODELS, TOKENS, tokens_name
from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.text_enum import StrEnum
from dfe_core.workflow.analysis_steps import AnalysisSteps
from dfe_core.workflow.codebook_steps import CodebookSteps
from dfe_core.workflow.recording_steps import EVENTS, StudyConflict
from dfe_core.workflow.step import PlannedStep, StepKind


class StepName(StrEnum):
    """The steps, in order."""

    IMPORT = "import"
    VIDEOS = "videos"
    EVENTS = "events"
    TRAIN = "train"
    ENCODE = "encode"
    EVALUATE = "evaluate"
    PICTURES = "pictures"
    AUS = "aus"
    NAMES = "names"
    COVERAGE = "coverage"
    CODEWORD_MAP = "codeword map"
    FRAME_MAP = "frame map"
    GROUPS = "groups"
    CURVES = "event curves"
    PROBE = "probe"
    SUPPLEMENT = "supplement"


RATES = {
    StepName.IMPORT: (2.0, 0.25),
    StepName.VIDEOS: (1.0, 0.0),
    StepName.EVENTS: (1.0, 0.0),
    StepName.TRAIN: (17.0, 0.01),
    StepName.ENCODE: (2.0, 0.08),
    StepName.EVALUATE: (8.0, 0.08),
    StepName.PICTURES: (20.0, 0.0),
    StepName.AUS: (1.0, 0.15),
    StepName.NAMES: (2.0, 0.05),
    StepName.COVERAGE: (8.0, 0.7),
    StepName.CODEWORD_MAP: (15.0, 0.0),
    StepName.FRAME_MAP: (40.0, 0.7),
    StepName.GROUPS: (2.0, 0.0),
    StepName.CURVES: (5.0, 0.05),
    StepName.PROBE: (8.0, 0.04),
    StepName.SUPPLEMENT: (20.0, 0.0),
}
"""Seconds of a step on 2 cores: at least, and for every 1,000 frames more. Of a label: groups and probe."""


class MissingPart(StrEnum):
    """Why a study has no such step."""

    NO_VIDEOS = "no videos given"
    NO_EVENTS = "no events given"
    NO_MESH = "no mesh"
    NO_AUS = "no action units"
    NO_LABELS = "no labels"
    NO_GROUPS = "no label with two to four levels of three or more people"


class StudySteps(CodebookSteps, AnalysisSteps):
    """What the steps of one study do, and how each is known to be done."""

    def steps(self, root: Path) -> tuple[dict[StepName, PlannedStep], dict[StepName, MissingPart]]:
        """The steps in order, and those that this study cannot have."""
        left = self._left_out(root)
        made = {name: self._step(name, root) for name in StepName if name not in left}
        return made, left

    def _left_out(self, root: Path) -> dict[StepName, MissingPart]:
        left: dict[StepName, MissingPart] = {}
        if self.settings.videos is None:
            left[StepName.VIDEOS] = MissingPart.NO_VIDEOS
        if self.settings.events is None:
            left |= dict.fromkeys((StepName.EVENTS, StepName.CURVES), MissingPart.NO_EVENTS)
        if not self.aus():
            left |= dict.fromkeys((StepName.AUS, StepName.COVERAGE), MissingPart.NO_AUS)
        if not self.group_labels(root):
            left[StepName.GROUPS] = MissingPart.NO_GROUPS if self.labels(root) else MissingPart.NO_LABELS
        if not self.labels(root):
            left[StepName.PROBE] = MissingPart.NO_LABELS
        return left

    def _step(self, name: StepName, root: Path) -> PlannedStep:
        doers: dict[StepName, tuple[Callable[..., bool], Callable[..., object], str]] = {
            StepName.IMPORT: (self.has_dataset, self.make_dataset, "importing"),
            StepName.VIDEOS: (self.has_videos, self.link_videos, ""),
            StepName.EVENTS: (self.has_events, self.make_events, ""),
            StepName.TRAIN: (self.has_codebook, self.train, "training"),
            StepName.ENCODE: (self.has_tokens, self.encode, "encoding"),
            StepName.EVALUATE: (self.has_metrics, self.evaluate, "evaluating"),
            StepName.PICTURES: (self.has_pictures, self.draw, "thumbnails"),
            StepName.AUS: (self.has_aus, self.make_aus, ""),
            StepName.NAMES: (self.has_names, self.check_names, "checking names"),
            StepName.COVERAGE: (self.has_coverage, self.cover, ""),
            StepName.CODEWORD_MAP: (partial(self.has_map, "codewords"), partial(self.map, "codewords"), "map"),
            StepName.FRAME_MAP: (partial(self.has_map, "frames"), partial(self.map, "frames"), "map"),
            StepName.GROUPS: (self.has_groups, self.compare, "groups"),
            StepName.CURVES: (self.has_curves, self.follow_events, ""),
            StepName.PROBE: (self.has_probes, self.probe, ""),
            StepName.SUPPLEMENT: (self.has_supplement, self.write_supplement, ""),
        }
        present, make, task = doers[name]
        required = name in (StepName.IMPORT, StepName.TRAIN, StepName.ENCODE, StepName.SUPPLEMENT)
        at_least, per_thousand = RATES[name]
        of_labels = {StepName.GROUPS: self.group_labels, StepName.PROBE: self.labels}.get(name)
        count = len(of_labels(root)) if of_labels else 1
        return PlannedStep(
            title=name,
            seconds=count * (at_least + per_thousand * self.sources.frames / 1000),
            task=task,
            present=partial(_present, present),
            make=make,
            kind=StepKind.REQUIRED if required else StepKind.ANALYSIS,
            makes=self._makes(name, root),
        )

    def _makes(self, name: StepName, root: Path) -> str:
        data, model = self.settings.name, self.settings.codebook
        of_labels = {StepName.GROUPS: self.group_labels, StepName.PROBE: self.labels}.get(name)
        if of_labels:  # which read the dataset
            return ", ".join(of_labels(root))
        return {
            StepName.IMPORT: f"{DATASETS}/{data}",
            StepName.TRAIN: f"{MODELS}/{model}",
            StepName.ENCODE: f"{TOKENS}/{tokens_name(model, data)}",
            StepName.EVENTS: EVENTS,
            StepName.AUS: self.aus(),
            StepName.SUPPLEMENT: self.settings.out.name,
        }.get(name, "")

    def has_supplement(self, root: Path) -> bool:
        from dfe_core.workflow.supplement import part_is_current, supplement_inputs

        return part_is_current(self.settings.out, supplement_inputs(self, root))

    def write_supplement(self, root: Path, progress: Listener) -> object:
        """Everything for the supplement of a paper, in one folder."""
        from dfe_core.workflow.supplement import write_supplement

        return write_supplement(self, root, progress)


def _present(present: Callable[[Path], bool], root: Path) -> bool:
    """Whether a result is there; what it is made from may be missing, too. Raises `StudyConflict`."""
    try:
        return present(root)
    except StudyConflict:
        raise
    except (DataError, OSError, KeyError):
        return False
