"""Series of one face on the clock of its conversation: intensity and onsets of codewords, regions and syllables, and
speech.

Letters: T frames, N steps of the common clock, C things (codewords, then regions, then syllables).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dfe_core.channels.rules import frame_interval
from dfe_core.conversations.syllable_tracks import SYLLABLE, syllable_rows, syllable_series
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.presence import RULE, frame_step, present_activations, seen_to_begin

CODEWORD, REGION = "codeword", "region"
_NO_REGION = ("none", "unknown", "")
GAP_S, _GAP_STEPS = 0.25, 2.5
"""Frames further apart than this, and than so many frames, are not joined (as `channels.rules`)."""
SLOWEST_HZ = 15.0
"""The common clock is no faster than this where no step is asked for: intensities change more slowly."""


@dataclass(frozen=True, eq=False)
class Things:
    """What is followed: table (C rows: kind, thing, description) and region_of (K,) region of a codeword, −1 none."""

    table: pd.DataFrame
    region_of: np.ndarray

    @property
    def syllables(self) -> np.ndarray:
        """(S,) numbers of the syllables among them."""
        return self.table.loc[self.table["kind"] == SYLLABLE, "thing"].to_numpy(int)


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceTrack:
    """One face on the common clock.

    Attributes
    ----------
    recording: its name. start: step of its first value (step 0 is second 0 of the conversation).
    known: (N,) bool; False in gaps: frames that are not valid, excluded, or missing.
    intensity: (N, C) float32, 0 in gaps. onset: (N, C) bool.
    speech: (N,) 1, 0, NaN where it is not known; None where it was not measured. speech_from: ``voice`` or ``jaw``.
    """

    recording: str
    start: int
    known: np.ndarray
    intensity: np.ndarray
    onset: np.ndarray
    speech: np.ndarray | None = None
    speech_from: str = ""

    def part(self, start: int, stop: int) -> FaceTrack:
        """Steps `start` to `stop` of the common clock, which must lie within the track."""
        rows = slice(start - self.start, stop - self.start)
        return replace(
            self,
            start=start,
            known=self.known[rows],
            intensity=self.intensity[rows],
            onset=self.onset[rows],
            speech=None if self.speech is None else self.speech[rows],
        )


def things_of(codewords: pd.DataFrame, syllables: pd.DataFrame | None = None) -> Things:
    """Codewords but rest, then the regions of a codebook's table, then syllables (`SyllableSet.table`) but rest."""
    regions = (codewords["region"] if "region" in codewords else pd.Series("", index=codewords.index)).astype(str)
    known = sorted(set(regions) - set(_NO_REGION))
    region_of = regions.map({name: i for i, name in enumerate(known)}).fillna(-1).to_numpy(int)
    words = [k for k in range(len(codewords)) if k != REST]
    text = codewords["description"].astype(str).tolist() if "description" in codewords else [""] * len(codewords)
    rows = [(CODEWORD, str(k), text[k]) for k in words] + [(REGION, name, name) for name in known]
    table = pd.DataFrame(rows, columns=["kind", "thing", "description"])
    if syllables is not None:
        table = pd.concat([table, syllable_rows(syllables)], ignore_index=True)
    return Things(table, region_of)


def track_of_tokens(
    tokens: Tokens,
    sizes_mm: np.ndarray,
    things: Things,
    offset_s: float,
    step_s: float,
    segments: pd.DataFrame | None = None,
) -> FaceTrack:
    """The track of one recording, resampled onto the common clock.

    Parameters
    ----------
    tokens: of the frames that are valid and not excluded. sizes_mm: (K,) `presence.codeword_sizes`.
    offset_s: when the recording's clock starts on that of the conversation. step_s: of the common clock.
    segments: the recording's syllables (`SyllableSet.segments`), where things have any.

    Returns
    -------
    Intensities are interpolated linearly between frames; an onset is in the step nearest to it. What is present when a
    stretch of frames begins has no onset.
    """
    time_s = tokens.time_s + offset_s
    used, number = present_activations(tokens, sizes_mm)
    values, onset = _of_codewords(tokens, used.codeword, used.row, used.intensity, number, len(sizes_mm))
    intensity, begun = _with_regions(values, onset, time_s, things)
    if segments is not None:
        spoken, starts = syllable_series(segments, tokens.time_s, things.syllables)
        intensity, begun = np.concatenate([intensity, spoken], 1), np.concatenate([begun, starts], 1)
    start, stop = int(np.ceil(time_s[0] / step_s - 1e-6)), int(np.floor(time_s[-1] / step_s + 1e-6)) + 1
    known, resampled = resample_on_clock(time_s, intensity, np.arange(start, stop) * step_s)
    return FaceTrack(
        recording=tokens.recording,
        start=start,
        known=known,
        intensity=resampled,
        onset=_on_clock(begun, time_s, start, stop, step_s),
    )


def _of_codewords(
    tokens: Tokens, codeword: np.ndarray, row: np.ndarray, intensity: np.ndarray, number: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """(T, K) intensity of the codewords that are present, and (T, K) whether one begins."""
    values = np.zeros((len(tokens.frame), size), np.float32)
    values[row, codeword] = intensity
    first = np.flatnonzero(np.diff(number, prepend=-1))
    first = first[seen_to_begin(row[first], tokens.time_s, frame_step(tokens.time_s))]
    onset = np.zeros(values.shape, bool)
    onset[row[first], codeword[first]] = True
    return values, onset


def _with_regions(
    values: np.ndarray, onset: np.ndarray, time_s: np.ndarray, things: Things
) -> tuple[np.ndarray, np.ndarray]:
    """(T, C) of codewords but rest, and regions: the sum of their codewords, which begins where none was present for
    as long as an absence is bridged."""
    words = np.arange(values.shape[1]) != REST
    sums, begun = [values[:, words]], [onset[:, words]]
    back = max(1, round(RULE.bridge_s / max(frame_step(time_s), 1e-9)))
    for region in range(int(things.region_of.max(initial=-1)) + 1):
        own = things.region_of == region
        strength = values[:, own].sum(1)
        count = np.r_[0, np.cumsum(strength > 0)]
        frame = np.arange(len(strength))
        before = count[frame] - count[np.maximum(frame - back, 0)]
        sums.append(strength[:, None])
        begun.append((onset[:, own].any(1) & (before == 0))[:, None])
    return np.concatenate(sums, 1), np.concatenate(begun, 1)


def resample_on_clock(time_s: np.ndarray, values: np.ndarray, clock_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (T, C) at other times (N,): known (N,) bool and (N, C), 0 where not known; nothing is joined over gaps."""
    gap = max(GAP_S, _GAP_STEPS * (frame_interval(time_s) if len(time_s) > 1 else 0.0))
    after = np.searchsorted(time_s, clock_s - 1e-9).clip(0, len(time_s) - 1)
    before = np.where(np.abs(time_s[after] - clock_s) < 1e-6, after, np.maximum(after - 1, 0))
    width = time_s[after] - time_s[before]
    known = (width <= gap) & (time_s[before] <= clock_s + 1e-6) & (clock_s <= time_s[after] + 1e-6)
    share = np.divide(clock_s - time_s[before], width, out=np.zeros(len(clock_s)), where=width > 0)[:, None]
    mixed = values[before] * (1 - share) + values[after] * share
    return known, np.where(known[:, None], mixed, 0).astype(np.float32)


def _on_clock(begun: np.ndarray, time_s: np.ndarray, start: int, stop: int, step_s: float) -> np.ndarray:
    """(N, C) whether something begins in a step, of (T, C) frames in which it does."""
    found = np.zeros((stop - start, begun.shape[1]), bool)
    row, thing = np.nonzero(begun)
    step = np.rint(time_s[row] / step_s).astype(int) - start
    inside = (step >= 0) & (step < len(found))
    found[step[inside], thing[inside]] = True
    return found


def common_step(intervals_s: list[float]) -> float:
    """The step of the clock for recordings of these frame intervals: the longest, and 1 / `SLOWEST_HZ` at least."""
    return max([1 / SLOWEST_HZ, *(value for value in intervals_s if np.isfinite(value))])
