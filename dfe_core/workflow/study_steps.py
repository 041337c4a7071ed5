"""The steps of a study, from recordings to the supplement: what each makes and how long it takes.

Whether a step is done, the manifests say: an artefact is current where what it was made from is what is there now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dfe_core.artefact_names import CONFIG, DATASETS, MANIFEST, METRICS_FILE, MODELS, TOKENS, tokens_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.import_job import LEARN
from dfe_core.expressions.label_scales import LabelScale, label_scale, scale_labels
from dfe_core.expressions.sealed_test import SealedTest, find_seal, put_seal
from dfe_core.expressions.sources import file_content
from dfe_core.groups.design import comparable_labels
from dfe_core.portable_names import file_name
from dfe_core.progress import Listener
from dfe_core.store import artefact_path, content_key, read_json
from dfe_core.text_enum import StrEnum
from dfe_core.tokenizer.config import Config
from dfe_core.workflow.settings import StudySettings
from dfe_core.workflow.sources import StudySources, file_hashes
from dfe_core.workflow.step import PlannedStep, StepKind
from dfe_core.workspace.catalogue import artefact_faults, find_artefact

if TYPE_CHECKING:
    from dfe_core.embedding.maps import MapSettings
    from dfe_core.probes.settings import ProbeSettings

DERIVED = "derived"
MOST_LABELS, MOST_SCALES = 3, 6
"""Label columns that are compared and predicted without being asked for: groups, and ordered scales."""
EVENTS = "events"
"""Name of the events of a study, and of the folder of their curves."""
GROUPS_VERSION, CURVES_VERSION = 2, 1
"""Counted up when the comparison of groups of a study, or its curves, hold something else."""
_ADAPTED = ("codewords", "rate_weight")
"""Fields of a tokenizer that training adapts to the face."""


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


class StudyConflict(DataError):
    """An artefact of the study's name was made from other data or with other settings."""


class MissingPart(StrEnum):
    """Why a study has no such step."""

    NO_VIDEOS = "no videos given"
    NO_EVENTS = "no events given"
    NO_MESH = "no mesh"
    NO_AUS = "no action units"
    NO_LABELS = "no labels"
    NO_GROUPS = "no label with two to four levels of three or more people"


@dataclass(frozen=True, eq=False, kw_only=True)
class StudySteps:
    """What the steps of one study do, and how each is known to be done. settings, sources: of the study."""

    settings: StudySettings
    sources: StudySources

    def steps(self, root: Path) -> tuple[dict[StepName, PlannedStep], dict[StepName, MissingPart]]:
        """The steps in order, and those that this study cannot have."""
        left = self._left_out(root)
        made = {name: self._step(name, root) for name in StepName if name not in left}
        return made, left

    def labels(self, root: Path) -> list[str]:
        """The label columns to predict: those asked for, or groups and ordered scales as far as there are such."""
        if self.settings.by:
            return list(self.settings.by)
        people = self._people(root)
        found = [*comparable_labels(people)[:MOST_LABELS], *scale_labels(people)[:MOST_SCALES]]
        return list(dict.fromkeys(found))

    def group_labels(self, root: Path) -> list[str]:
        """Those of `labels` whose levels are compared: of an ordered scale or a number only where its levels are few
        and have people enough."""
        people = self._people(root)
        few = comparable_labels(people)
        ordered = {name for name in people.columns if label_scale(people[name]) != LabelScale.NOMINAL}
        return [name for name in self.labels(root) if name in few or name not in ordered]

    def aus(self) -> str:
        """The name of the action units; empty where there are none to be had."""
        given = self.sources.aus_files
        if given:
            from dfe_core.facs.readers import au_format

            return next((found for path in given if (found := au_format(path))), "aus")
        if self.sources.aus_format:
            return self.sources.aus_format
        return "" if self.sources.readable[0].learned else DERIVED

    def _people(self, root: Path) -> pd.DataFrame:
        """One row per recording with subject and labels: of the dataset, or of what its import will find."""
        if self.has_dataset(root):
            return Dataset.open(self.settings.name, root).recordings
        sealed = set(self.settings.sealed.subjects) if self.settings.sealed else set()
        rows = []
        for file in self.sources.readable:
            subject = file.subject or file.name
            rows.append({"subject": subject, **(dict.fromkeys(file.labels) if subject in sealed else file.labels)})
        return pd.DataFrame(rows)

    def seal(self, root: Path) -> SealedTest | None:
        """The seal of the study, put now where the study asks for one and it has none.

        Raises `DataError` for people who are not in the recordings and for labels that could be seen before, and
        `StudyConflict` where other people or hypotheses were sealed.
        """
        plan, name = self.settings.sealed, self.settings.name
        if plan is None:
            return None
        files = {
            file_content(file.path, meshes=self.sources.face == LEARN)[1]: subject
            for file in self.sources.readable
            if (subject := file.subject or file.name) in plan.subjects
        }
        if missing := sorted(set(plan.subjects) - set(files.values())):
            raise DataError(
                f"{name}: sealed subjects", f"{missing[0]!r}, who is in no recording", "subjects of the study"
            )
        if find_seal(name, root) is None:
            self._require_unseen(files, root)
        try:
            return put_seal(name, name, plan, files, root)
        except DataError as error:
            raise StudyConflict(error.where, error.found, error.expected) from error

    def _require_unseen(self, files: dict[str, str], root: Path) -> None:
        """Raise `DataError` where labels of these files can be seen in a dataset of the cache."""
        for folder in sorted((root / DATASETS).glob(f"[!.]*/{MANIFEST}")):
            data = Dataset(folder.parent)
            theirs = {
                str(name)
                for source in data.manifest.get("sources") or ()
                if source.get("sha256") in files
                for name in source.get("recordings", ())
            }
            rows = data.recordings.loc[data.recordings["recording"].astype(str).isin(theirs), list(data.labels)]
            if rows.notna().any(axis=None):
                raise DataError(
                    f"{self.settings.name}: sealed subjects",
                    f"labels of theirs have been readable in dataset {data.name}",
                    f"people whose labels nobody has seen, or `dfe rm {DATASETS}/{data.name}` where nobody has",
                )

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
        return {
            StepName.IMPORT: f"{DATASETS}/{data}",
            StepName.TRAIN: f"{MODELS}/{model}",
            StepName.ENCODE: f"{TOKENS}/{tokens_name(model, data)}",
            StepName.EVENTS: EVENTS,
            StepName.AUS: self.aus(),
            StepName.GROUPS: ", ".join(self.group_labels(root)),
            StepName.PROBE: ", ".join(self.labels(root)),
            StepName.SUPPLEMENT: self.settings.out.name,
        }.get(name, "")

    # -- dataset -------------------------------------------------------------------------------------------------------

    def has_dataset(self, root: Path) -> bool:
        """Whether the dataset is there and of these very files and labels. Raises `StudyConflict` otherwise."""
        name = self.settings.name
        if not (artefact_path(DATASETS, name, root) / MANIFEST).is_file():
            return False
        if differs := self._dataset_differs(Dataset.open(name, root).manifest):
            raise StudyConflict(
                name,
                f"a dataset of this name exists and was made otherwise ({differs})",
                f"another --name, or `dfe rm {DATASETS}/{name}` and the same command again",
            )
        return _whole(f"{DATASETS}/{name}", root)

    def _dataset_differs(self, manifest: dict[str, Any]) -> str:
        """What of a dataset is not as this study would import it; empty where all is."""
        chosen = manifest.get("settings") or {}
        now, known = self.sources.hashes, {source["sha256"] for source in manifest.get("sources") or ()}
        dropped = {one["file"] for one in manifest.get("dropped") or ()}
        new = [n for n, digest in now.items() if digest not in known and Path(n).name not in dropped]
        gone = known - set(now.values())
        labels = (chosen.get("labels") or {}).get("sha256")
        wanted = file_hashes([self.settings.labels]).popitem()[1] if self.settings.labels else None
        found = [
            *([f"{len(new)} new or changed files, such as {new[0]}"] if new else []),
            *([f"{len(gone)} files that are not there now"] if gone else []),
            *(["other labels"] if labels != wanted else []),
            *(["another frame rate"] if chosen.get("fps") != self.settings.fps else []),
            *(["another subject pattern"] if chosen.get("subject_pattern") != self.settings.subject_pattern else []),
        ]
        return "; ".join(found)

    def make_dataset(self, root: Path, progress: Listener) -> object:
        """Import the recordings."""
        from dfe_core.expressions.importing import ImportOptions, import_dataset

        asked = self.settings
        options = ImportOptions(
            face=self.sources.face,
            labels=asked.labels,
            subject_pattern=asked.subject_pattern,
            fps=asked.fps,
            time=asked.time,
        )
        return import_dataset(asked.sources, asked.name, options, root=root, progress=progress)

    def has_videos(self, root: Path) -> bool:
        from dfe_core.video.links import links

        return bool(links(Dataset.open(self.settings.name, root)))

    def link_videos(self, root: Path, progress: Listener) -> object:
        """Link the videos to the recordings of their names."""
        from dfe_core.video.links import link_by_name

        assert self.settings.videos is not None
        return link_by_name(Dataset.open(self.settings.name, root), [self.settings.videos])

    def event_files(self) -> list[Path]:
        """The files of events that were given."""
        from dfe_core.events.readers import EVENT_ENDINGS
        from dfe_core.expressions.sources import find_files

        given = self.settings.events
        return [] if given is None else find_files([given], endings=EVENT_ENDINGS)[0]

    def has_events(self, root: Path) -> bool:
        from dfe_core.events.store import EventSet

        found = EventSet.open(self.settings.name, EVENTS, root)
        known = {source["sha256"] for source in found.manifest.get("sources") or ()}
        return known == set(file_hashes(self.event_files()).values())

    def make_events(self, root: Path, progress: Listener) -> object:
        """Import the events given."""
        from dfe_core.events.importing import import_events

        return import_events(self.event_files(), Dataset.open(self.settings.name, root), EVENTS, progress=progress)

    # -- codebook ------------------------------------------------------------------------------------------------------

    def has_codebook(self, root: Path) -> bool:
        """Whether the codebook is there, of this dataset and configuration. Raises `StudyConflict` where it is not
        of them."""
        folder = artefact_path(MODELS, self.settings.codebook, root)
        if not (folder / CONFIG).is_file():
            return False
        config = read_json(folder / CONFIG)
        differs = _config_differs(config, self.settings.config)
        if config["dataset"]["key"] != Dataset.open(self.settings.name, root).stored_key:
            differs.insert(0, "another dataset")
        if differs:
            raise StudyConflict(
                self.settings.codebook,
                f"a codebook of this name exists and was trained otherwise ({', '.join(differs)})",
                f"another --name, or `dfe rm {MODELS}/{self.settings.codebook}` and the same command again",
            )
        return _whole(f"{MODELS}/{self.settings.codebook}", root)

    def train(self, root: Path, progress: Listener) -> object:
        """Train the codebook, from its last checkpoint where there is one."""
        from dfe_core.training.fit import train_model

        asked = self.settings
        return train_model(asked.name, asked.codebook, config=asked.config, resume=True, root=root, progress=progress)

    def has_tokens(self, root: Path) -> bool:
        from dfe_core.tokens.cache import TokenCache
        from dfe_core.tokens.intervals import open_runs

        model, data = self.settings.codebook, self.settings.name
        tokens = TokenCache.open(model, data, root)
        keys = (tokens.manifest.get("model_key"), tokens.manifest.get("dataset_key"))
        now = (read_json(artefact_path(MODELS, model, root) / CONFIG)["key"], Dataset.open(data, root).stored_key)
        return keys == now and _whole(f"{TOKENS}/{tokens_name(model, data)}", root) and open_runs(tokens) is not None

    def encode(self, root: Path, progress: Listener) -> object:
        """Tokens of every frame, and the index of their intervals."""
        from dfe_core.tokens.cache import TokenCache
        from dfe_core.tokens.encoding import encode_dataset
        from dfe_core.tokens.intervals import build_runs

        report = encode_dataset(self.settings.codebook, self.settings.name, root=root, progress=progress)
        return build_runs(TokenCache(report.path), progress)

    def has_metrics(self, root: Path) -> bool:
        folder = artefact_path(MODELS, self.settings.codebook, root)
        return (folder / METRICS_FILE).stat().st_mtime >= (folder / CONFIG).stat().st_mtime

    def evaluate(self, root: Path, progress: Listener) -> object:
        """Figures on held-out people, beside the baselines."""
        from dfe_core.evaluation.evaluate import evaluate_model

        return evaluate_model(self.settings.codebook, self.settings.name, root=root, progress=progress)

    def has_pictures(self, root: Path) -> bool:
        from dfe_core.faces import open_face
        from dfe_core.render.pictures import thumbnail_folder, thumbnails_ready
        from dfe_core.tokenizer.codebook import Codebook

        codebook = Codebook.open(self.settings.codebook, root)
        return thumbnails_ready(thumbnail_folder(codebook, open_face(codebook.face_id, root), root))

    def draw(self, root: Path, progress: Listener) -> object:
        """A picture of every codeword."""
        from dfe_core.faces import open_face
        from dfe_core.render.pictures import ensure_thumbnails
        from dfe_core.tokenizer.codebook import Codebook

        codebook = Codebook.open(self.settings.codebook, root)
        return ensure_thumbnails(codebook, open_face(codebook.face_id, root), root, progress=progress)

    # -- action units --------------------------------------------------------------------------------------------------

    def has_aus(self, root: Path) -> bool:
        from dfe_core.facs.store import AlignedAus

        found = AlignedAus.open(self.settings.name, self.aus(), root)
        given = self.sources.aus_files
        known = {source["sha256"] for source in found.manifest.get("sources") or ()}
        same = not given or set(file_hashes(given).values()) == known
        return same and found.matches(Dataset.open(self.settings.name, root))

    def make_aus(self, root: Path, progress: Listener) -> object:
        """Import the action units given, or those in the recordings' own files, or derive them from coefficients."""
        dataset = Dataset.open(self.settings.name, root)
        if self.aus() == DERIVED:
            from dfe_core.facs.derive import derive_aus

            return derive_aus(dataset, DERIVED, root=root, progress=progress)
        from dfe_core.expressions.readers.options import parse_time
        from dfe_core.facs.importing import AuImportOptions, import_aus
        from dfe_core.facs.readers import AuReadOptions

        files = self.sources.aus_files or [file.path for file in self.sources.readable]
        options = AuImportOptions(read=AuReadOptions(fps=self.settings.fps, time=parse_time(self.settings.time)))
        return import_aus(files, dataset, self.aus(), options, root=root, progress=progress)

    def known_aus(self, root: Path) -> str | None:
        """The action units of the study, where they could be made."""
        from dfe_core.facs.store import list_aligned

        name = self.aus()
        return name if name in list_aligned(self.settings.name, root) else None

    def has_names(self, root: Path) -> bool:
        from dfe_core.facs.name_scores import checked_folder

        asked = self.settings
        folder = checked_folder(asked.codebook, asked.name, self.known_aus(root), root, asked.seed)
        return (folder / MANIFEST).is_file()

    def check_names(self, root: Path, progress: Listener) -> object:
        """Names of codewords, held against the action units."""
        from dfe_core.facs.name_scores import check_names

        asked = self.settings
        return check_names(
            asked.codebook, asked.name, self.known_aus(root), root=root, seed=asked.seed, progress=progress
        )

    def has_coverage(self, root: Path) -> bool:
        from dfe_core.facs.coverage import coverage_folder

        asked = self.settings
        return (coverage_folder(asked.codebook, asked.name, self.aus(), root, asked.seed) / MANIFEST).is_file()

    def cover(self, root: Path, progress: Listener) -> object:
        """Codewords against action units."""
        from dfe_core.facs.coverage import analyse_coverage

        asked = self.settings
        return analyse_coverage(asked.codebook, asked.name, self.aus(), root=root, seed=asked.seed, progress=progress)

    # -- maps, groups, probes ------------------------------------------------------------------------------------------

    def has_map(self, of: str, root: Path) -> bool:
        from dfe_core.embedding.maps import open_map

        return open_map(self._map(of), root) is not None

    def map(self, of: str, root: Path, progress: Listener) -> object:
        """A map of codewords by deformation, or of frames by ψ."""
        from dfe_core.embedding.maps import build_map

        return build_map(self._map(of), root=root, progress=progress)

    def _map(self, of: str) -> MapSettings:
        from dfe_core.embedding.maps import MapSettings

        asked, by = self.settings, {"codewords": "deformation", "frames": "psi"}[of]
        return MapSettings(model=asked.codebook, dataset=asked.name, of=of, by=by, seed=asked.seed)

    def has_groups(self, root: Path) -> bool:
        from dfe_core.workflow.supplement import part_is_current

        return all(
            part_is_current(self.settings.out / "groups" / file_name(label), self._groups_inputs(label, root))
            for label in self.group_labels(root)
        )

    def compare(self, root: Path, progress: Listener) -> object:
        """One table of groups for every label; the first error is raised after the others are done."""
        from dfe_core.reports.groups import write_groups_report
        from dfe_core.workspace.study import Study

        asked = self.settings
        study = Study(asked.codebook, asked.name, root=root, progress=progress)
        return _each(
            self.group_labels(root),
            lambda label: write_groups_report(
                study.groups(label, aus=self.known_aus(root), seed=asked.seed),
                asked.out / "groups" / file_name(label),
                self._groups_inputs(label, root),
                values=False,
            ),
        )

    def _groups_inputs(self, label: str, root: Path) -> dict[str, Any]:
        from dfe_core.tokens.cache import TokenCache

        tokens = TokenCache.open(self.settings.codebook, self.settings.name, root)
        data = Dataset.open(self.settings.name, root)
        return {
            "tokens": {"name": tokens.path.name, "key": tokens.manifest["key"]},
            "dataset": {"name": data.name, "key": data.key, "files": data.manifest.get("files")},
            "label": {"name": label},
            **self.seal_state(root),
            "aus": self.known_aus(root),
            "version": GROUPS_VERSION,
        }

    def seal_state(self, root: Path) -> dict[str, str]:
        """Of what is made of labels: whether some are sealed; nothing in a study without a seal."""
        held = find_seal(self.settings.name, root)
        return {} if held is None else {"sealed": held.state.value}

    def has_curves(self, root: Path) -> bool:
        from dfe_core.workflow.supplement import part_is_current

        return part_is_current(self.settings.out / EVENTS, self._curves_inputs(root))

    def follow_events(self, root: Path, progress: Listener) -> object:
        """Curves of codewords around the events, by what happens where there are a few kinds of it."""
        from dfe_core.events.store import EventSet, as_text
        from dfe_core.groups.event_curves import MOST_LEVELS, CurveSettings
        from dfe_core.reports.event_curves import write_curves_report
        from dfe_core.workspace.study import Study

        asked = self.settings
        events = EventSet.open(asked.name, EVENTS, root)
        kinds = events.table[events.kind].map(as_text).nunique() if events.kind else 0
        settings = CurveSettings(events=EVENTS, by=events.kind if 2 <= kinds <= MOST_LEVELS else "", seed=asked.seed)
        result = Study(asked.codebook, asked.name, root=root, progress=progress).event_curves(settings)
        return write_curves_report(result, asked.out / EVENTS, self._curves_inputs(root))

    def _curves_inputs(self, root: Path) -> dict[str, Any]:
        from dfe_core.events.store import EventSet
        from dfe_core.tokens.cache import TokenCache

        tokens = TokenCache.open(self.settings.codebook, self.settings.name, root)
        return {
            "tokens": {"name": tokens.path.name, "key": content_key(tokens.manifest)},
            "events": {"name": EVENTS, "key": EventSet.open(self.settings.name, EVENTS, root).manifest["key"]},
            "version": CURVES_VERSION,
        }

    def has_probes(self, root: Path) -> bool:
        from dfe_core.probes.run import probe_folder

        return all(
            (probe_folder(self.probe_settings(label, root), root) / MANIFEST).is_file() for label in self.labels(root)
        )

    def probe(self, root: Path, progress: Listener) -> object:
        """One probe for every label; the first error is raised after the others are done."""
        from dfe_core.probes.run import run_probe

        return _each(self.labels(root), lambda label: run_probe(self.probe_settings(label, root), root, progress))

    def probe_settings(self, label: str, root: Path) -> ProbeSettings:
        """The probe of a label."""
        asked = self.settings
        return label_probe(asked.codebook, asked.name, label, self.labels(root), self.known_aus(root), asked.seed)

    # -- supplement ----------------------------------------------------------------------------------------------------

    def has_supplement(self, root: Path) -> bool:
        from dfe_core.workflow.supplement import part_is_current, supplement_inputs

        return part_is_current(self.settings.out, supplement_inputs(self, root))

    def write_supplement(self, root: Path, progress: Listener) -> object:
        """Everything for the supplement of a paper, in one folder."""
        from dfe_core.workflow.supplement import write_supplement

        return write_supplement(self, root, progress)


def label_probe(
    model: str, dataset: str, label: str, labels: Sequence[str], aus: str | None, seed: int
) -> ProbeSettings:
    """The probe that a study makes of a label. labels: all that it predicts, which are corrected for each other; aus:
    the name of the action units, None for none."""
    from dfe_core.probes.settings import ProbeSettings

    return ProbeSettings(
        model=model,
        dataset=dataset,
        label=label,
        together=tuple(labels) if len(labels) > 1 else (),
        features=("bow", "au", "psi") if aus else ("bow", "psi"),
        aus=aus or DERIVED,
        seed=seed,
    )


def _present(present: Callable[[Path], bool], root: Path) -> bool:
    """Whether a result is there; what it is made from may be missing, too. Raises `StudyConflict`."""
    try:
        return present(root)
    except StudyConflict:
        raise
    except (DataError, OSError, KeyError):
        return False


def _whole(label: str, root: Path) -> bool:
    """Whether an artefact is there with the content it was written with."""
    return not artefact_faults(find_artefact(label, root))


def _config_differs(config: dict[str, Any], asked: Config) -> list[str]:
    """Fields of a codebook's configuration that are not as asked for."""
    wanted = asdict(asked)
    found = [f"seed {config['seed']}"] if config["seed"] != wanted["seed"] else []
    for part in ("tokenizer", "train"):
        for name, value in wanted[part].items():
            held = config[part].get(name)
            if name in _ADAPTED or held == value:
                continue
            if name == "start" and value in ("auto", config["started_from"]):
                continue
            found.append(f"{name} {held}")
    if config["tokenizer"]["codewords"] > wanted["tokenizer"]["codewords"]:
        found.append(f"codewords {config['tokenizer']['codewords']}")
    return found


def _each(labels: list[str], do: Callable[[str], object]) -> list[object]:
    """Do it for every label; raise the first `DataError` after all."""
    done, errors = [], []
    for label in labels:
        try:
            done.append(do(label))
        except DataError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return done
