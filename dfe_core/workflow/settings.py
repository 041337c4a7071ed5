"""What a study is made of: files, labels and every choice that changes a number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.expressions.sealed_test import SealPlan
from dfe_core.tokenizer.config import Config

_LONGEST_NAME = 60


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """A study from recordings to its supplement.

    Attributes
    ----------
    sources: files and folders of recordings.
    name: of the dataset; the codebook is called ``<name>-codebook``.
    out: the folder of the supplement.
    labels: a table of labels, as `dfe import --labels` takes it. aus: files of action units. videos: films of the
        recordings. events: labels in time, as `dfe events import` takes them. None where there are none.
    by: label columns to compare and to predict; empty: those that `labels.columns_to_compare` picks.
    face: as `dfe import --face` takes it; empty: by what the files hold.
    subject_pattern, fps, time, simulated: as `dfe import` takes them.
    config: of training, with the seed of the whole study.
    sealed: people whose labels are sealed for a test, and the hypotheses that it tests; None: nothing is sealed.
    files: SHA-256 by file name, as a ``study.toml`` holds it; what differs is refused. Empty: nothing is checked.
    """

    sources: tuple[Path, ...]
    name: str
    out: Path
    labels: Path | None = None
    aus: Path | None = None
    videos: Path | None = None
    events: Path | None = None
    by: tuple[str, ...] = ()
    face: str = ""
    subject_pattern: str | None = None
    fps: float | None = None
    time: str | None = None
    simulated: bool = False
    config: Config = field(default_factory=Config)
    sealed: SealPlan | None = None
    files: dict[str, str] = field(default_factory=dict)

    @property
    def codebook(self) -> str:
        """The name of the codebook."""
        return f"{self.name}-codebook"

    @property
    def seed(self) -> int:
        """Of training, folds, resamples, permutations and maps."""
        return self.config.seed

    def check(self) -> None:
        """Raise `DataError` for paths that are not there."""
        again = " (where it is now: `dfe study study.toml FOLDER`, --labels FILE …)" if self.files else ""
        for path, what in (
            *((source, "a file or folder of recordings") for source in self.sources),
            (self.labels, "a table of labels"),
            (self.aus, "a file or folder of action units"),
            (self.videos, "a folder of videos"),
            (self.events, "a file or folder of events"),
        ):
            if path is not None and not path.exists():
                raise DataError(path, "no such file or folder", what + again)


def study_name(source: Path) -> str:
    """A name for a study of this file or folder. Raises `DataError` where nothing of it can be in a name."""
    stem = source.resolve().name if source.is_dir() else source.stem
    name = re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._-]+", "-", stem)).strip("-._")[:_LONGEST_NAME]
    if not name:
        raise DataError(source, "no letters for a name", "--name NAME")
    return name
