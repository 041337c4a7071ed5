"""Steps of a study that map, compare and predict: maps, groups, curves around events, and probes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.portable_names import file_name
from dfe_core.progress import Listener
from dfe_core.store import content_key
from dfe_core.workflow.action_unit_steps import ActionUnitSteps
from dfe_core.workflow.recording_steps import DERIVED, EVENTS

if TYPE_CHECKING:
    from dfe_core.embedding.maps import MapSettings
    from dfe_core.probes.settings import ProbeSettings

GROUPS_VERSION, CURVES_VERSION = 2, 1
"""Counted up when the comparison of groups of a study, or its curves, hold something else."""


class AnalysisSteps(ActionUnitSteps):
    """Maps, groups, event curves and probes."""

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
