"""Steps of a study about action units: the units themselves, the names of codewords, and coverage."""

from __future__ import annotations

from pathlib import Path

from dfe_core.artefact_names import MANIFEST
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener
from dfe_core.workflow.recording_steps import DERIVED, RecordingSteps
from dfe_core.workflow.sources import file_hashes


class ActionUnitSteps(RecordingSteps):
    """Action units, names held against them, and coverage."""

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
