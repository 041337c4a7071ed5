"""Tokens, coefficients, AUs and (where simulated) truth of the same frames, streamed recording by recording.

Letters of the shapes: T frames of a block, K codewords, E coefficients, A AU columns, C = A and the truth's columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from dfe_core.artefact_names import FRAMES_FILE
from dfe_core.engines import consecutive_groups
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.recording_table import RecordingSpan, recording_spans
from dfe_core.facs.signals import AuSignals, assess_signals
from dfe_core.facs.store import AlignedAus
from dfe_core.integrity import check
from dfe_core.text_enum import StrEnum
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.intervals import iter_recordings

BLOCK = 1 << 14
"""Frames held at once, and the stretch within which a shuffle moves AUs against tokens: nine minutes at 30 Hz."""

_GROUP_FRAMES = 1 << 19
_MOST_LEVELS, _MOST_GROUPS = 12, 1000


class LeftOut(StrEnum):
    """Why a recording has no part in an analysis."""

    NO_ALIGNED_AUS = "no_aligned_aus"
    NO_COMMON_FRAME = "no_common_frame"
    """No frame has both tokens and AUs."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Block:
    """Joined frames of (a stretch of) one recording.

    Attributes
    ----------
    group: index into `Groups`: who, under which conditions.
    first: whether this is the first block of its recording.
    time_s: (T,) float64.
    fps: of the recording.
    codewords: (T, K) sparse float32, intensity of every codeword (sum over stages), REST left out.
    psi: (T, E) float32. decoded: (T, E) float32, what the tokens say of it; both None where only counts are wanted.
    measured: (C,) bool, the columns that were measured in this recording.
    present: (T, C) float32, 0 or 1; 0 where not measured.
    features: (T, A) float32, AU intensity above the subject's baseline, 0 … 5 (`AuSignals.intensity`).
    """

    recording: str
    group: int
    first: bool
    time_s: np.ndarray
    fps: float
    codewords: csr_matrix
    psi: np.ndarray | None
    measured: np.ndarray
    present: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.time_s)

    def required_psi(self) -> np.ndarray:
        """(T, E) float32 ψ. Raises `ValueError` for a block of counts alone."""
        if self.psi is None:
            raise ValueError(f"the block of recording {self.recording} was streamed without expression coefficients")
        return self.psi


@dataclass
class Groups:
    """The cells that everything is counted in: subject and conditions."""

    labels: tuple[str, ...]
    keys: dict[tuple, int] = field(default_factory=dict)

    def index(self, subject: str, labels: tuple) -> int:
        """The group of these; a new one where there was none."""
        return self.keys.setdefault((subject, labels), len(self.keys))

    @property
    def table(self) -> pd.DataFrame:
        """One row a group: subject, then the label columns."""
        return pd.DataFrame([(subject, *labels) for subject, labels in self.keys], columns=["subject", *self.labels])


class Joined:
    """The frames that have tokens and AUs, ready to be streamed. To another process it goes as the names of its
    artefacts, which are opened there.

    Raises `DataError` when the AUs or the tokens are not of this dataset.
    """

    def __init__(self, tokens: TokenCache, dataset: Dataset, aus: AlignedAus, signals: AuSignals | None = None) -> None:
        if not aus.matches(dataset):
            raise DataError(
                aus.name,
                f"made for another version of dataset {dataset.name}",
                "`dfe aus import` or `dfe aus derive` to be run again",
            )
        self.tokens, self.dataset, self.aus = tokens, dataset, aus
        self.signals = signals or assess_signals(aus, dataset)
        self.groups = Groups(condition_columns(dataset.recordings, dataset.labels))
        self.left_out: dict[str, LeftOut] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        names = (self.tokens.model, self.dataset.name, self.aus.name, self.tokens.root)
        return _opened_again, (*names, self.signals)

    def fresh(self) -> Joined:
        """The same frames, with groups yet to be found."""
        other = copy(self)
        other.groups, other.left_out = Groups(self.groups.labels), {}
        return other

    def cut(self) -> list[tuple[RecordingSpan, ...]]:
        """The recordings in groups of about `_GROUP_FRAMES` frames, whatever they are worked on by."""
        check(self.dataset.path / FRAMES_FILE)  # once, and not by every worker
        spans = recording_spans(self.tokens.file)
        return [tuple(spans[one]) for one in consecutive_groups([span.count for span in spans], _GROUP_FRAMES)]

    def take_in(self, groups: Groups, left_out: dict[str, LeftOut]) -> np.ndarray:
        """Add the groups that were found in other recordings, and what was left out of them; the index here of each."""
        self.left_out.update(left_out)
        return np.array([self.groups.index(*key) for key in groups.keys], np.int64)

    @cached_property
    def _rows(self) -> dict[str, dict[Any, Any]]:
        return {str(row["recording"]): row for row in self.dataset.recordings.to_dict("records")}

    @cached_property
    def _aligned(self) -> frozenset[str]:
        return frozenset(self.aus.recordings)

    @cached_property
    def truth_columns(self) -> tuple[tuple[str, str], ...]:
        """(action, side) of the truth of a simulated dataset; empty for real data."""
        if self.dataset.truth is None:
            return ()
        from dfe_core.simulate.truth import CHANNELS

        return CHANNELS

    def blocks(self, psi: bool = True, spans: Sequence[RecordingSpan] | None = None) -> Iterator[Block]:
        """Every joined frame once; memory is one recording's tokens and one block of the rest.

        psi: whether blocks have ψ. spans: the recordings (default: all).
        """
        for tokens in iter_recordings(self.tokens, spans):
            if tokens.recording not in self._aligned:
                self.left_out[tokens.recording] = LeftOut.NO_ALIGNED_AUS
                continue
            yield from self._recording(tokens, self._rows[tokens.recording], psi)

    def _recording(self, tokens: Tokens, row: dict[Any, Any], psi: bool) -> Iterator[Block]:
        aus = self.aus.recording(tokens.recording)
        state, measured = self.signals.present(tokens.recording, aus), self.signals.measured(tokens.recording)
        known = np.isfinite(state[:, measured]).all(1)
        _, at, of = np.intersect1d(tokens.frame, aus.frame[known], assume_unique=True, return_indices=True)
        if not measured.any() or not len(at):
            self.left_out[tokens.recording] = LeftOut.NO_COMMON_FRAME
            return
        of = np.flatnonzero(known)[of]
        truth, values = self._truth_and_psi(tokens, tokens.frame[at], psi)
        columns = np.concatenate([np.where(measured, state[of], 0).astype(np.float32), truth], 1)
        features = self.signals.intensity(tokens.recording, aus)[of]
        everywhere = np.concatenate([measured, np.ones(truth.shape[1], bool)])
        group = self.groups.index(str(row["subject"]), tuple(row[c] for c in self.groups.labels))
        for i, part in enumerate(np.array_split(np.arange(len(at)), -(-len(at) // BLOCK))):
            yield Block(
                recording=tokens.recording,
                group=group,
                first=i == 0,
                time_s=tokens.time_s[at[part]],
                fps=float(row["fps"]),
                codewords=self._codewords(tokens, at[part]),
                psi=None if values is None else values[part],
                measured=everywhere,
                present=columns[part],
                features=features[part],
            )

    def _truth_and_psi(self, tokens: Tokens, frames: np.ndarray, psi: bool) -> tuple[np.ndarray, np.ndarray | None]:
        truth = np.zeros((len(frames), len(self.truth_columns)), np.float32)
        if not psi and not self.truth_columns:
            return truth, None
        source = self.dataset.frames(tokens.recording)
        rows = source.rows(frames)
        if self.truth_columns:
            from dfe_core.simulate.truth import presence

            truth = presence(self.dataset, tokens.recording).presence[rows].astype(np.float32)
        return truth, source.psi[rows] if psi else None

    def _codewords(self, tokens: Tokens, rows: np.ndarray) -> csr_matrix:
        codes = tokens.tokens[rows].astype(np.int64)
        values = np.where(codes == REST, 0, tokens.intensities[rows]).astype(np.float32)
        index = np.repeat(np.arange(len(rows)), codes.shape[1])
        matrix = csr_matrix((values.ravel(), (index, codes.ravel())), (len(rows), self.tokens.codewords))
        matrix.eliminate_zeros()
        return matrix


def _opened_again(model: str, dataset: str, aus: str, root: Path, signals: AuSignals) -> Joined:
    tokens, data = TokenCache.open(model, dataset, root), Dataset.open(dataset, root)
    return Joined(tokens, data, AlignedAus.open(dataset, aus, root), signals)


def condition_columns(recordings: pd.DataFrame, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The label columns that figures can be filtered by: at most 12 values, no fractions, 1000 groups in all."""
    usable = [
        c for c in labels if recordings[c].nunique(dropna=False) <= _MOST_LEVELS and not _continuous(recordings[c])
    ]
    usable.sort(key=lambda c: recordings[c].nunique())
    while usable and len(recordings[["subject", *usable]].drop_duplicates()) > _MOST_GROUPS:
        usable.pop()
    return tuple(c for c in labels if c in usable)


def _continuous(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column) and bool((column.dropna() % 1 != 0).any())
