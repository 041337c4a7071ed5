"""Which recordings and people of a dataset a codebook was trained on, proved by content and not by names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.expressions.split import Split


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """What a codebook has seen of a dataset.

    known: whether the model records what it was trained on; without that nothing can be said.
    recordings: names, in the dataset, of recordings whose frames or source file the model was trained on.
    subjects: subjects of the dataset with such a recording.
    same_names: other subjects of the dataset who bear the name of a training subject: perhaps the same people.
    """

    known: bool
    recordings: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    same_names: frozenset[str] = frozenset()

    def held_out(self, subjects: list[str]) -> list[str]:
        """Those of `subjects` of whom it is proved that the codebook never saw them, in order."""
        return [s for s in subjects if self.known and s not in self.subjects and s not in self.same_names]


def content_hash(frames: Frames) -> str:
    """SHA-256 of the valid frames' ψ of one recording, float32."""
    return hashlib.sha256(np.ascontiguousarray(frames.psi[frames.valid], np.float32).tobytes()).hexdigest()


def training_record(dataset: Dataset, split: Split) -> dict[str, Any]:
    """What config.json keeps of the training part: recordings by name with content and source hashes, subjects."""
    return record_of(dataset, split.recordings["train"])


def record_of(dataset: Dataset, names: Sequence[str], seen: dict[str, Any] | None = None) -> dict[str, Any]:
    """`training_record` of these recordings, beside what a model has `seen` already (its own record)."""
    dataset = dataset.whole()
    rows = dataset.recordings.set_index("recording")
    sources = _sources(dataset)
    recordings = dict(seen["recordings"]) if seen else {}
    for name in names:
        entry = {"sha256": content_hash(dataset.frames(name)), "source": sources.get(name)}
        taken = name in recordings and recordings[name] != entry  # of another dataset
        recordings[f"{dataset.name}/{name}" if taken else name] = entry
    subjects = set(seen["subjects"]) if seen else set()
    return {"recordings": recordings, "subjects": sorted(subjects | set(rows.loc[list(names), "subject"]))}


def exposure(config: dict[str, Any], dataset: Dataset) -> Exposure:
    """What the model of this config.json has seen of a dataset.

    Frames are compared by their content, and files by the SHA-256 of their source, so that another dataset's name or
    another frame rate hides nothing.
    """
    record = config.get("trained_on")
    if record is None:
        return Exposure(known=False)
    dataset = dataset.whole()
    contents = {entry["sha256"] for entry in record["recordings"].values()}
    files = {entry["source"] for entry in record["recordings"].values()} - {None}
    sources = _sources(dataset)
    seen = frozenset(
        name
        for name in dataset.recordings["recording"]
        if sources.get(name) in files or content_hash(dataset.frames(name)) in contents
    )
    rows = dataset.recordings
    subjects = frozenset(rows.loc[rows["recording"].isin(seen), "subject"])
    return Exposure(
        known=True,
        recordings=seen,
        subjects=subjects,
        same_names=frozenset(rows["subject"]) & set(record["subjects"]) - subjects,
    )


def _sources(dataset: Dataset) -> dict[str, str]:
    """SHA-256 of the source file by recording, where the manifest has it."""
    return {
        name: source["sha256"]
        for source in dataset.manifest.get("sources") or ()
        if isinstance(source, dict) and "sha256" in source
        for name in source.get("recordings", ())
    }
