"""Steps of a study that bring files in: the dataset with its labels and seal, videos, and events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.artefact_names import DATASETS, MANIFEST
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.import_job import LEARN
from dfe_core.expressions.label_scales import LabelScale, label_scale, scale_labels
from dfe_core.expressions.sealed_test import SealedTest, find_seal, put_seal
from dfe_core.expressions.sources import file_content
from dfe_core.groups.design import comparable_labels
from dfe_core.progress import Listener
from dfe_core.store import artefact_path
from dfe_core.workflow.settings import StudySettings
from dfe_core.workflow.sources import StudySources, file_hashes
from dfe_core.workspace.catalogue import artefact_faults, find_artefact

DERIVED = "derived"
MOST_LABELS, MOST_SCALES = 3, 6
"""Label columns that are compared and predicted without being asked for: groups, and ordered scales."""
EVENTS = "events"
"""Name of the events of a study, and of the folder of their curves."""


class StudyConflict(DataError):
    """An artefact of the study's name was made from other data or with other settings."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordingSteps:
    """What is known of a study before and after its import. settings, sources: of the study."""

    settings: StudySettings
    sources: StudySources

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
        return whole(f"{DATASETS}/{name}", root)

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
        if self.settings.simulated and not manifest.get("simulated"):
            found.append("not said to be simulated")
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
            simulated=asked.simulated,
        )
        return import_dataset(asked.sources, asked.name, options, root=root, progress=progress)

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

    def seal_state(self, root: Path) -> dict[str, str]:
        """Of what is made of labels: whether some are sealed; nothing in a study without a seal."""
        held = find_seal(self.settings.name, root)
        return {} if held is None else {"sealed": held.state.value}

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


def whole(label: str, root: Path) -> bool:
    """Whether an artefact is there with the content it was written with."""
    return not artefact_faults(find_artefact(label, root))
