"""Syllables of a codebook on a dataset: found once, kept, and opened.

``analyses/syllables-<key>/`` holds model.npz (chain and tables), syllables.parquet, segments.parquet,
codewords.parquet (by syllable and phase), faces.npz (moving faces, transitions, distances, dendrogram), durations.json
(held-out bits of each duration tried) and, last, manifest.json. Memory is the frames that are fitted
(`SyllableSettings.frames` at most) and the segments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact import OpenedArtefact, newest_first, source_labels
from dfe_core.artefact_names import CODEWORDS_FILE, MANIFEST, SYLLABLES, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, write_json
from dfe_core.syllables.chain import Chain
from dfe_core.syllables.explain import SyllableSums, apex_distances, dendrogram, syllable_distances, syllable_table
from dfe_core.syllables.fitting import DurationTried, choose_duration, fit_syllables
from dfe_core.syllables.model import SyllableModel
from dfe_core.syllables.segments import segments_of
from dfe_core.syllables.symbols import TokenStretch, token_stretches
from dfe_core.table_rows import json_rows
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.common_rate import common_rate, thinned_tokens
from dfe_core.tokens.intervals import iter_recordings
from dfe_core.tokens.presence import codeword_sizes

VERSION = 4
_TYPICAL_MM = 5.0


@dataclass(frozen=True, kw_only=True)
class SyllableSettings:
    """Every choice that changes a result.

    Attributes
    ----------
    count
        Number of syllables beside rest.
    duration_s
        Mean duration of a syllable, s; None: the one of `fitting.DURATIONS_S` that gives held-out people the fewest
        bits.
    steps
        Of expectation maximisation.
    frames
        Number of frames that are fitted at most, of recordings drawn at random; all are segmented.
    seed
        Of that draw, and of the people held out.
    """

    count: int = 20
    duration_s: float | None = None
    steps: int = 10
    frames: int = 120_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (("count", 1, 200), ("steps", 1, 200), ("frames", 100, 10_000_000)):
            if not least <= getattr(self, name) <= most:
                raise DataError(name, str(getattr(self, name)), f"{least} to {most}")
        if self.duration_s is not None and not 0.1 <= self.duration_s <= 60:
            raise DataError("duration", f"{self.duration_s} s", "0.1 to 60 s")


@dataclass(frozen=True)
class SyllableSet(OpenedArtefact):
    """The syllables of a codebook on a dataset.

    Its manifest holds model, dataset, settings, duration_s, step_s, frames (fitted), syllables (S) and versions.
    """

    path: Path

    @property
    def count(self) -> int:
        """S, rest (0) included."""
        return int(self.manifest["syllables"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a syllable (`explain.syllable_table`); 0 is rest."""
        return pd.read_parquet(self.path / "syllables.parquet")

    @cached_property
    def segments(self) -> pd.DataFrame:
        """One row a segment, by recording and time, rest included: `segments.segments_of`, with distance_mm of its
        face at the apex from the mean of its syllable."""
        return pd.read_parquet(self.path / "segments.parquet")

    @cached_property
    def codewords(self) -> pd.DataFrame:
        """Syllable, phase (onset, apex, offset), codeword, share of the phase's frames that have it, mean_mm."""
        return pd.read_parquet(self.path / CODEWORDS_FILE)

    @cached_property
    def durations(self) -> list[DurationTried]:
        """Durations that were tried, with the bits that frames of held-out people take; empty where one was given."""
        return [DurationTried(**row) for row in self.manifest["durations"]]

    @property
    def faces(self) -> np.ndarray:
        """(S, P, E) float32 ψ of each syllable over its onset, apex and offset, P / 3 points each."""
        return self._arrays["faces"]

    @property
    def transitions(self) -> np.ndarray:
        """(S, S) int64: how often the column's syllable comes right after the row's, never itself."""
        return self._arrays["transitions"]

    @property
    def distances(self) -> np.ndarray:
        """(S, S) mm between moving faces, root mean square over time and vertices."""
        return self._arrays["distances"]

    @property
    def dendrogram(self) -> np.ndarray:
        """(S − 2, 4) `explain.dendrogram` of all but rest."""
        return self._arrays["dendrogram"]

    def followers(self) -> pd.DataFrame:
        """Syllable, next, count and share (of what follows the syllable), the most frequent first."""
        first, second = np.nonzero(self.transitions)
        count = self.transitions[first, second]
        share = count / self.transitions.sum(1)[first]
        table = pd.DataFrame({"syllable": first, "next": second, "count": count, "share": share})
        return table.sort_values("count", ascending=False, kind="stable", ignore_index=True)

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``dfe syllables``."""
        about = {name: self.manifest[name] for name in ("model", "dataset", "simulated", "settings", "duration_s")}
        return {
            "syllables": self.path.name,
            **about,
            "durations": self.manifest["durations"],
            "frames": self.manifest["frames"],
            "rows": json_rows(self.table),
            "codewords": json_rows(self.codewords),
            "transitions": self.transitions.tolist(),
            "distances_mm": self.distances.round(4).tolist(),
            "dendrogram": self.dendrogram.tolist(),
        }

    def moments(self, syllable: int, limit: int = 12) -> pd.DataFrame:
        """The segments of a syllable nearest to its mean, at most two of a recording.

        Raises `DataError` for a syllable that there is not.
        """
        if not 0 <= syllable < self.count:
            raise DataError(self.path.name, f"syllable {syllable}", f"0 to {self.count - 1}")
        own = self.segments[self.segments["syllable"] == syllable].sort_values("distance_mm", kind="stable")
        return own[own.groupby("recording").cumcount() < 2].head(limit).reset_index(drop=True)

    def model(self) -> SyllableModel:
        """The fitted model."""
        with np.load(self.path / "model.npz", allow_pickle=False) as stored:
            chain = Chain(
                advance=stored["advance"],
                leave_rest=float(stored["leave_rest"]),
                transition=stored["transition"],
                per_phase=int(stored["per_phase"]),
            )
            tables = stored["tables"]
        return SyllableModel(
            chain=chain, tables=tables, step_s=self.manifest["step_s"], duration_s=self.manifest["duration_s"]
        )

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        with np.load(self.path / "faces.npz", allow_pickle=False) as stored:
            return dict(stored)


@dataclass(frozen=True, kw_only=True)
class SyllableInputs:
    """What syllables are found in: a codebook with its face, a dataset, and the tokens of one on the other."""

    codebook: Codebook
    face: FaceModel
    dataset: Dataset
    tokens: TokenCache

    @cached_property
    def sizes_mm(self) -> np.ndarray:
        """(K,) displacement of a codeword at intensity 1; 5 mm where it is unknown."""
        sizes = codeword_sizes(self.tokens)
        return np.where(np.isfinite(sizes), sizes, _TYPICAL_MM)

    @cached_property
    def psi_of_mm(self) -> np.ndarray:
        """(K, E) ψ of each codeword for each mm of its displacement."""
        return self.codebook.psi / np.maximum(self.sizes_mm, 1e-6)[:, None]

    @cached_property
    def shapes(self) -> np.ndarray:
        """(K, D) the same in coordinates whose distance is the root mean square over vertices, mm."""
        return self.psi_of_mm @ mesh_factor(self.face.gram) * 1e3

    def recordings(self) -> Iterator[list[TokenStretch]]:
        """The stretches of each recording, streamed, at the lowest frame rate of all."""
        rate = common_rate(self.dataset.recordings)
        for part in iter_recordings(self.tokens):
            yield self._stretches(part, rate)

    def drawn(self, frames: int, seed: int) -> list[TokenStretch]:
        """Stretches of recordings drawn at random, until they hold so many frames."""
        counts = self.tokens.query("SELECT recording::VARCHAR AS recording, count(*) AS n FROM frames GROUP BY 1")
        counts = counts.sort_values("recording").sample(frac=1, random_state=seed)
        before = counts["n"].cumsum() - counts["n"]
        chosen = set(counts.loc[before < frames, "recording"])
        rate = common_rate(self.dataset.recordings)
        parts = (part for part in iter_recordings(self.tokens) if part.recording in chosen)
        return [one for part in parts for one in self._stretches(part, rate)]

    def subjects(self) -> pd.Series:
        """Subject by recording."""
        rows = self.dataset.recordings
        return pd.Series(rows["subject"].astype(str).to_numpy(), rows["recording"].astype(str))

    def _stretches(self, part: Tokens, rate: float | None) -> list[TokenStretch]:
        return token_stretches(thinned_tokens(part, rate), self.sizes_mm)


def open_syllables(tokens: TokenCache, settings: SyllableSettings | None = None) -> SyllableSet | None:
    """The syllables of these tokens with these settings (None: the newest with any), if they have been found."""
    if settings is not None:
        path = _path(tokens, settings)
        return SyllableSet(path) if is_whole(path) else None
    return next(_of_tokens(tokens), None)


def list_syllables(tokens: TokenCache) -> list[SyllableSet]:
    """All syllables that have been found in these tokens, the newest first."""
    return list(_of_tokens(tokens))


def _of_tokens(tokens: TokenCache) -> Iterator[SyllableSet]:
    key = content_key(tokens.manifest)
    found = (SyllableSet(p) for p in newest_first(tokens.root / "analyses", SYLLABLES) if is_whole(p))
    return (s for s in found if s.manifest["tokens"] == key and s.manifest["version"] == VERSION)


def require_syllables(tokens: TokenCache) -> SyllableSet:
    """The newest syllables of these tokens. Raises `DataError` where there are none."""
    if (found := open_syllables(tokens)) is None:
        where = f"{tokens.model} {tokens.dataset}"
        raise DataError(where, "no syllables of these tokens", f"`dfe syllables {where}` to have run")
    return found


def find_syllables(
    inputs: SyllableInputs, settings: SyllableSettings | None = None, progress: Listener = silent
) -> SyllableSet:
    """Find the syllables of a codebook on a dataset, or open those that were found with the same settings.

    Raises `DataError` where no face moves, and where no duration is given and there is only one recording.
    """
    settings = settings or SyllableSettings()
    if (found := open_syllables(inputs.tokens, settings)) is not None:
        return found
    stretches = inputs.drawn(settings.frames, settings.seed)
    if not stretches:
        raise DataError(inputs.dataset.name, "no two frames in a row with tokens", "recordings of a few seconds")
    duration, tried = settings.duration_s, list[DurationTried]()
    if duration is None:
        duration, tried = choose_duration(
            stretches, inputs.shapes, inputs.subjects(), count=settings.count, seed=settings.seed, progress=progress
        )
    model = fit_syllables(
        stretches,
        inputs.shapes,
        count=settings.count,
        duration_s=duration,
        steps=settings.steps,
        progress=progress,
    )
    path = _path(inputs.tokens, settings)
    with atomic_directory(path) as folder:
        _write(folder, inputs, model, progress)
        _write_model(folder, model)
        about = {
            "version": VERSION,
            **source_labels(*inputs.tokens.sources),
            "model": inputs.codebook.model,
            "dataset": inputs.dataset.name,
            "simulated": inputs.dataset.simulated,
            "tokens": content_key(inputs.tokens.manifest),
            "settings": asdict(settings),
            "duration_s": duration,
            "durations": [asdict(one) for one in tried],
            "step_s": model.step_s,
            "frames": sum(map(len, stretches)),
            "syllables": model.syllables,
        }
        write_json(folder / MANIFEST, about)
    return SyllableSet(path)


def _write_model(folder: Path, model: SyllableModel) -> None:
    arrays: dict[str, Any] = {
        "tables": model.tables,
        "advance": model.chain.advance,
        "leave_rest": model.chain.leave_rest,
        "transition": model.chain.transition,
        "per_phase": model.chain.per_phase,
    }
    np.savez(folder / "model.npz", **arrays)


def _write(folder: Path, inputs: SyllableInputs, model: SyllableModel, progress: Listener) -> None:
    """Segment every recording, and write what the segments say of the syllables."""
    sums = SyllableSums(model.syllables, inputs.codebook.size)
    tables, apexes, done = [], [], 0
    for stretches in inputs.recordings():
        for one in stretches:
            segments = segments_of(model, one, inputs.shapes)
            apexes.append(sums.add(segments, one))
            tables.append(segments)
            done += len(one)
        progress(Progress(task="segments", done=done, total=inputs.tokens.frames))
    table = pd.concat(tables, ignore_index=True)
    faces = np.concatenate(apexes)
    table["distance_mm"] = apex_distances(table["syllable"].to_numpy(), faces, inputs.shapes).astype(np.float32)
    table.to_parquet(folder / "segments.parquet", index=False)
    words = inputs.codebook.table
    descriptions = words["description"] if "description" in words else pd.Series(dtype=str)
    syllable_table(sums, table, inputs.subjects(), descriptions).to_parquet(folder / "syllables.parquet", index=False)
    sums.codewords().to_parquet(folder / CODEWORDS_FILE, index=False)
    distances = syllable_distances(sums.mean_faces, inputs.shapes)
    np.savez(
        folder / "faces.npz",
        faces=(sums.mean_faces @ inputs.psi_of_mm).astype(np.float32),
        transitions=sums.transitions,
        distances=distances,
        dendrogram=dendrogram(distances),
    )


def _path(tokens: TokenCache, settings: SyllableSettings) -> Path:
    sizes = codeword_sizes(tokens).tobytes().hex()
    key = content_key([VERSION, content_key(tokens.manifest), sizes, asdict(settings)])
    return artefact_path("analyses", keyed_name(SYLLABLES, key), tokens.root)
