"""Sufficient statistics of a (token cache, dataset, AUs): one streaming pass, small tables, every answer from them.

They lie in ``analyses/coverage-<key>/`` (arrays.npz, groups.parquet and, last, manifest.json), addressed by the content
of tokens, AUs, labels and face. Memory while they are made is one recording's tokens, one block of frames and the
tables themselves, however many frames there are.

Letters of the shapes: G groups (subject × conditions), K codewords, B intensity bins, C columns (AUs, then the truth's
columns where simulated), A of them AUs, E coefficients.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, source_labels
from dfe_core.artefact_names import COVERAGE, MANIFEST, keyed_name
from dfe_core.engines import LOCAL, Engine
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.facs.counting import Counting, Counts, count_group
from dfe_core.facs.counts import bin_edges
from dfe_core.facs.moments import subject_folds
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.shifts import NullTails
from dfe_core.facs.signals import AuSignals, assess_signals
from dfe_core.facs.store import AlignedAus
from dfe_core.facs.surface import surface_grams
from dfe_core.facs.token_au_stream import Joined
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, read_json, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache

VERSION = 5
T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True)
class Aggregates:
    """What the streaming pass leaves.

    Attributes
    ----------
    key: content key.
    columns: (C) of (AU or action, side); the first `aus` are AUs, the rest the truth of simulated data.
    in_facs: (C,) bool, False for planted actions that FACS has no code for.
    edges: (B,) lower edges of the intensity bins.
    groups: one row a group: subject, the label columns, frames, seconds, recordings.
    arrays: by the names that the collectors document (`counts`, `moments`, `surface`, `displays`), and those of
        `AuSignals.arrays`.
    regions: names of the surface regions. folds: fold of every subject.
    left_out: why a recording had no part in it (`LeftOut`), by name.
    """

    key: str
    codewords: int
    columns: tuple[tuple[str, str], ...]
    aus: int
    in_facs: np.ndarray
    edges: np.ndarray
    groups: pd.DataFrame
    arrays: dict[str, np.ndarray]
    regions: tuple[str, ...]
    folds: dict[str, int]
    left_out: dict[str, str] = field(default_factory=dict)

    @cached_property
    def signals(self) -> AuSignals:
        """What the AUs were judged by."""
        return AuSignals.from_arrays(self.columns[: self.aus], self.arrays)

    @cached_property
    def measured(self) -> np.ndarray:
        """(C,) bool: the columns that were measured in any frame."""
        return self.arrays["column_frames"].sum(0) > 0

    @property
    def subjects(self) -> list[str]:
        """Sorted."""
        return sorted(self.groups["subject"].unique())

    @property
    def frames(self) -> int:
        return int(self.groups["frames"].sum())

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """Label columns that groups are told apart by."""
        own = ("subject", "frames", "seconds", "recordings")
        return tuple(c for c in self.groups.columns if c not in own)

    @cached_property
    def subject_codes(self) -> np.ndarray:
        """(G,) index into `subjects`."""
        return pd.Categorical(self.groups["subject"], self.subjects).codes.astype(np.int64)

    @cached_property
    def fold_codes(self) -> np.ndarray:
        """(G,) fold."""
        return np.array([self.folds[s] for s in self.groups["subject"]], np.int64)

    @cached_property
    def tails(self) -> NullTails:
        """How standardised counts are distributed when AUs are moved against tokens."""
        return NullTails(**{f.name: self.arrays[f"null_{f.name}"] for f in fields(NullTails)})

    def where(self, subjects: list[str] | None = None, **conditions: list[Any]) -> np.ndarray:
        """(G,) bool: the groups of these subjects under these conditions, e.g. ``where(["s01"], task=["speech"])``.

        Raises `DataError` for a condition that groups are not told apart by.
        """
        mask = np.ones(len(self.groups), bool)
        if subjects is not None:
            mask = self.groups["subject"].isin(subjects).to_numpy()
        for name, values in conditions.items():
            if name not in self.conditions:
                raise DataError(
                    name, "not a condition that frames are counted by", ", ".join(self.conditions) or "none"
                )
            mask = mask & self.groups[name].isin(values).to_numpy()
        return mask

    def save(self, folder: Path, sources: Iterable[ArtefactId] = ()) -> None:
        """Write into an existing folder, the manifest last. sources: the artefacts they were counted from."""
        arrays: dict[str, Any] = self.arrays
        np.savez(folder / "arrays.npz", edges=self.edges, in_facs=self.in_facs, **arrays)
        self.groups.to_parquet(folder / "groups.parquet", index=False)
        write_json(
            folder / MANIFEST,
            {
                "version": VERSION,
                **source_labels(*sources),
                "key": self.key,
                "codewords": self.codewords,
                "aus": self.aus,
                "columns": [list(c) for c in self.columns],
                "regions": list(self.regions),
                "folds": self.folds,
                "left_out": self.left_out,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> Aggregates:
        """Read what `save` wrote."""
        manifest = read_json(folder / MANIFEST)
        with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = dict(stored)
        return cls(
            key=manifest["key"],
            codewords=manifest["codewords"],
            columns=tuple((a, s) for a, s in manifest["columns"]),
            aus=manifest["aus"],
            in_facs=arrays.pop("in_facs"),
            edges=arrays.pop("edges"),
            groups=pd.read_parquet(folder / "groups.parquet"),
            arrays=arrays,
            regions=tuple(manifest["regions"]),
            folds=manifest["folds"],
            left_out=manifest["left_out"],
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class CoverageInputs:
    """What an analysis is of, opened."""

    codebook: Codebook
    face: FaceModel
    tokens: TokenCache
    dataset: Dataset
    aus: AlignedAus

    @property
    def sources(self) -> tuple[ArtefactId, ...]:
        """The artefacts that an analysis of these is made from."""
        return (*self.tokens.sources, self.aus.id)

    @property
    def keys(self) -> dict[str, str]:
        """Content keys: model, dataset (frames, labels and truth), tokens, aus."""
        return {
            "model": self.codebook.key,
            "dataset": content_key([self.dataset.key, self.dataset.manifest.get("files")]),
            "tokens": content_key(self.tokens.manifest),
            "aus": self.aus.key,
        }


def open_coverage_inputs(model: str, dataset: str, aus: str, root: Path | None = None) -> CoverageInputs:
    """Open a model, a dataset, its tokens and its AUs by name. Raises `DataError` naming the one that is missing."""
    codebook, data = Codebook.open(model, root), Dataset.open(dataset, root)
    tokens, aligned = TokenCache.open(model, dataset, root), AlignedAus.open(dataset, aus, root)
    if tokens.manifest.get("dataset_key", data.stored_key) != data.stored_key:
        raise DataError(tokens.path.name, "encoded from another version of the dataset", "`dfe encode` to be run again")
    return CoverageInputs(
        codebook=codebook, face=open_face(codebook.face_id, root), tokens=tokens, dataset=data, aus=aligned
    )


def aggregates_of(
    inputs: CoverageInputs,
    *,
    settings: CoverageSettings | None = None,
    root: Path | None = None,
    seed: int = 0,
    progress: Listener = silent,
    engine: Engine = LOCAL,
) -> Aggregates:
    """The aggregates of these inputs: from the cache, or counted now and cached. engine: where frames are counted.

    Raises `DataError` when inputs do not belong together or no frame has both tokens and AUs.
    """
    settings = settings or CoverageSettings()
    _check(inputs.codebook, inputs.face, inputs.dataset)
    key = aggregates_key(inputs, settings, seed)
    folder = artefact_path("analyses", keyed_name(COVERAGE, key), root)
    if (found := load_or_none(Aggregates.load, folder)) is not None:
        return found
    tokens, dataset, aus = inputs.tokens, inputs.dataset, inputs.aus
    joined = Joined(tokens, dataset, aus, assess_signals(aus, dataset, settings.above_baseline))
    subjects = dataset.recordings["subject"].astype(str).tolist()
    counting = Counting(
        joined=joined,
        codebook=inputs.codebook,
        face=inputs.face,
        settings=settings,
        seed=seed,
        folds=subject_folds(subjects, settings.folds, seed),
    )
    result = _aggregate(inputs, joined, counting, key, engine, progress)
    with atomic_directory(folder) as temporary:
        result.save(temporary, inputs.sources)
    return result


def load_or_none(load: Callable[[Path], T], folder: Path) -> T | None:
    """What `load` reads from a cached folder, or None where it is not there, broken or of another version: a miss."""
    try:
        return load(folder) if is_whole(folder) else None
    except (DataError, OSError, ValueError, KeyError, TypeError) as error:
        logging.getLogger(__name__).info("%s is not usable and is made again: %s", folder.name, error)
        return None


def aggregates_key(inputs: CoverageInputs, settings: CoverageSettings, seed: int) -> str:
    """Content key: tokens, codewords, frames, labels, truth, AUs, and the settings that counting depends on."""
    counted = {
        "folds": settings.folds,
        "still_mm": settings.still_mm,
        "hold_s": settings.hold_s,
        "above_baseline": settings.above_baseline,
    }
    data = inputs.dataset
    made_from = [inputs.tokens.manifest, inputs.codebook.key, data.key, data.manifest.get("files"), inputs.aus.key]
    return content_key([VERSION, *made_from, counted, seed])


def _check(codebook: Codebook, face: FaceModel, dataset: Dataset) -> None:
    if codebook.names != dataset.names:
        raise DataError(
            dataset.name,
            f"its coefficients are not those of model {codebook.model}",
            f"a dataset on face {codebook.face_id}",
        )
    if face.names != codebook.names:
        raise DataError(face.id, f"its coefficients are not those of model {codebook.model}", codebook.face_id)


def _aggregate(
    inputs: CoverageInputs, joined: Joined, counting: Counting, key: str, engine: Engine, progress: Listener
) -> Aggregates:
    groups = joined.cut()
    frames = [sum(span.count for span in spans) for spans in groups]
    found: Counts | None = None
    for part in engine.map(
        count_group, list(enumerate(groups)), counting, sizes=frames, task="coverage", progress=progress
    ):
        here = joined.take_in(part.groups, part.left_out)
        if part.frames and found is None:
            found = part
        elif part.frames and found is not None:
            found.merge(part, here)
    if found is None:
        raise DataError(
            joined.aus.name,
            f"no frame of {joined.dataset.name} has both tokens and AUs",
            "AUs aligned to encoded recordings",
        )
    arrays = {name: array for collector in found.collectors for name, array in collector.arrays().items()}
    aus = len(joined.aus.aus)
    return Aggregates(
        key=key,
        codewords=inputs.codebook.size,
        columns=(*joined.aus.aus, *joined.truth_columns),
        aus=aus,
        in_facs=_in_facs(joined, aus),
        edges=bin_edges(inputs.codebook.levels),
        groups=joined.groups.table.assign(**{n: arrays.pop(n) for n in ("frames", "seconds", "recordings")}),
        arrays=arrays | joined.signals.arrays(),
        regions=tuple(surface_grams(inputs.face)),
        folds=counting.folds,
        left_out=dict(joined.left_out),
    )


def _in_facs(joined: Joined, aus: int) -> np.ndarray:
    known = np.ones(aus, bool)
    if not joined.truth_columns:
        return known
    from dfe_core.simulate.truth import in_facs

    return np.concatenate([known, in_facs()])
