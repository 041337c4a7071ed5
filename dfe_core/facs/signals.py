"""What an AU is judged by: its intensity above the subject's own baseline, the tool's decision, or a coding.

Detectors read a resting face differently in different people, and some of their outputs stand still, stick at the end
of their scale or contradict each other. One pass over the AUs finds each subject's baseline and, recording by
recording, which AUs were measured at all; everything that coverage counts goes by this.

Letters of the shapes: R recordings, S subjects, A AUs, T frames, H histogram bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import pandas as pd

from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import MANUAL_TOOL, PRESENT_PROBABILITY, AlignedAus, AlignedFrames

INTENSITY, PRESENCE, CODING = "intensity above the subject's own baseline", "presence", "coding"
"""What an AU is judged by."""

BASELINE_QUANTILE = 0.1
"""The subject's baseline is this quantile of the AU's intensity over all frames of the subject. It is robust as long as
the AU rests in a tenth of them, and 0 for a detector that reads 0 at rest."""
ABOVE_BASELINE = 1.0
"""On the 0–5 scale: from one step (FACS A) above the baseline on, the AU is present."""

_TOP = 5.0
_STEP = 0.02
_FLAT = 0.05
_SATURATED_FROM, _SATURATED_SHARE = 4.95, 0.5
_LEAST_FRAMES = 20
_LEAST_FRAMES_SHARE = 0.5
_EDGES = np.arange(0, _TOP + _STEP, _STEP) - _STEP / 2


class Measurement(IntEnum):
    """What one AU is in one recording."""

    VARIES = 0
    """Measured, and it moves."""
    RESTS = 1
    """At the foot of its scale in every frame: counted as measured and absent."""
    CONSTANT = 2
    """The same value above the foot of the scale in every frame: not measured."""
    SATURATED = 3
    """At the top of its scale in most frames: not measured."""
    CONTRADICTORY = 4
    """The tool's intensity and its decision say opposite things: not measured."""
    MISSING = 5
    """Without a value in most frames: not measured."""

    @property
    def measured(self) -> bool:
        return self <= Measurement.RESTS


@dataclass(frozen=True, eq=False, kw_only=True)
class AuSignals:
    """How every AU of an artefact is read.

    Attributes
    ----------
    aus: (A) of (AU, side).
    rules: (A) of `INTENSITY`, `PRESENCE` or `CODING`.
    recordings, subject_of: (R) names and the subject of each.
    baseline: (R, A) float32, 0 … 5, the baseline of the recording's subject; 0 where not judged by intensity.
    state: (R, A) int8 of `Measurement`.
    above: the step above the baseline from which an AU is present.
    """

    aus: tuple[tuple[str, str], ...]
    rules: tuple[str, ...]
    recordings: tuple[str, ...]
    subject_of: tuple[str, ...]
    baseline: np.ndarray
    state: np.ndarray
    above: float = ABOVE_BASELINE

    @cached_property
    def _row(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.recordings)}

    def measured(self, recording: str) -> np.ndarray:
        """(A,) bool: the AUs that were measured in this recording."""
        return self.state[self._row[recording]] <= Measurement.RESTS

    def present(self, recording: str, frames: AlignedFrames) -> np.ndarray:
        """(T, A) float32: 1 present, 0 absent, NaN not measured."""
        row = self._row[recording]
        by_intensity = frames.intensity >= self.baseline[row] + self.above - 1e-6
        by_presence = frames.presence >= PRESENT_PROBABILITY
        judged = self._by_intensity
        state = np.where(judged, by_intensity, by_presence).astype(np.float32)
        state[np.isnan(np.where(judged, frames.intensity, frames.presence))] = np.nan
        state[:, ~self.measured(recording)] = np.nan
        return state

    def intensity(self, recording: str, frames: AlignedFrames) -> np.ndarray:
        """(T, A) float32, 0 … 5: intensity above the baseline; five times the probability, or the coded intensity (5
        where the coder gave none), for other rules; 0 where not measured."""
        row = self._row[recording]
        above = np.maximum(frames.intensity - self.baseline[row], 0)
        coded = np.where(np.isnan(frames.intensity), _TOP, frames.intensity) * (frames.presence >= PRESENT_PROBABILITY)
        rule = np.array(self.rules)
        value = np.where(rule == INTENSITY, above, np.where(rule == CODING, coded, _TOP * frames.presence))
        return np.where(self.measured(recording), np.nan_to_num(value), 0).astype(np.float32)

    @property
    def _by_intensity(self) -> np.ndarray:
        return np.array([rule == INTENSITY for rule in self.rules])

    @property
    def table(self) -> pd.DataFrame:
        """au, side, signal, recordings, then how many recordings are in each state of `Measurement` (lower case), and
        baseline (median over subjects) with its largest."""
        counts = {state.name.lower(): (self.state == state).sum(0) for state in Measurement}
        own = (
            pd.DataFrame(self.baseline)
            .groupby(pd.Series(self.subject_of))
            .first()
            .to_numpy()
            .reshape(-1, len(self.aus))
        )
        middle, largest = (np.median(own, 0), own.max(0)) if len(own) else (np.zeros(len(self.aus)),) * 2
        return pd.DataFrame(
            {
                "au": [a for a, _ in self.aus],
                "side": [s for _, s in self.aus],
                "signal": list(self.rules),
                "recordings": len(self.recordings),
                **counts,
                "baseline": middle,
                "largest_baseline": largest,
            }
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs, for storage."""
        return {
            "signal_baseline": self.baseline,
            "signal_state": self.state,
            "signal_rules": np.array(self.rules),
            "signal_recordings": np.array(self.recordings),
            "signal_subjects": np.array(self.subject_of),
            "signal_above": np.array(self.above),
        }

    @classmethod
    def from_arrays(cls, aus: tuple[tuple[str, str], ...], arrays: dict[str, np.ndarray]) -> AuSignals:
        """The inverse of `arrays`."""
        return cls(
            aus=aus,
            rules=tuple(arrays["signal_rules"].tolist()),
            recordings=tuple(arrays["signal_recordings"].tolist()),
            subject_of=tuple(arrays["signal_subjects"].tolist()),
            baseline=arrays["signal_baseline"],
            state=arrays["signal_state"],
            above=float(arrays["signal_above"]),
        )


def assess_signals(aus: AlignedAus, dataset: Dataset, above: float = ABOVE_BASELINE) -> AuSignals:
    """Find every AU's rule, every subject's baselines and what was measured in each recording. Memory: one recording
    and (R, A) small tables.

    An AU is judged by its intensity where any recording has intensities, else by the tool's presence; a manual coding
    by its events. Intensity and presence contradict each other in a recording where frames called present have the
    lower intensities (AUROC below 0.5), or where every frame is called present and none is above the baseline.
    """
    subjects = dict(zip(dataset.recordings["recording"], dataset.recordings["subject"].astype(str), strict=True))
    names = [name for name in aus.recordings if name in subjects]
    rules = _rules(aus, names)
    by_subject: dict[str, np.ndarray] = {}
    facts = []
    for name in names:
        frames = aus.recording(name)
        histogram = _histogram(frames)
        by_subject[subjects[name]] = by_subject.get(subjects[name], 0) + histogram.sum(0)
        facts.append(_facts(frames, histogram))
    judged = np.array([rule == INTENSITY for rule in rules])
    own = {
        subject: np.where(judged, _quantile(h, BASELINE_QUANTILE), 0).astype(np.float32)
        for subject, h in by_subject.items()
    }
    empty = (0, len(aus.aus))
    baseline = (
        np.array([own[subjects[n]] for n in names], np.float32).reshape(len(names), -1)
        if names
        else np.zeros(empty, np.float32)
    )
    state = (
        np.array([_state(f, own[subjects[n]] + above, rules) for f, n in zip(facts, names, strict=True)], np.int8)
        if names
        else np.zeros(empty, np.int8)
    )
    return AuSignals(
        aus=aus.aus,
        rules=rules,
        recordings=tuple(names),
        subject_of=tuple(subjects[n] for n in names),
        baseline=baseline,
        state=state,
        above=above,
    )


def _rules(aus: AlignedAus, names: list[str]) -> tuple[str, ...]:
    if aus.tool == MANUAL_TOOL:
        return (CODING,) * len(aus.aus)
    known = np.zeros(len(aus.aus), bool)
    for name in names:
        known |= np.isfinite(aus.recording(name).intensity).any(0)
        if known.all():
            break
    return tuple(INTENSITY if k else PRESENCE for k in known)


def _histogram(frames: AlignedFrames) -> np.ndarray:
    """(2, A, H) frames by intensity, of those without [0] and with [1] the tool's presence."""
    count = frames.intensity.shape[1]
    on = (np.nan_to_num(frames.presence) >= PRESENT_PROBABILITY).astype(np.int64)
    at = np.clip(np.round(np.nan_to_num(frames.intensity) / _STEP).astype(np.int64), 0, len(_EDGES) - 1)
    key = (on * count + np.arange(count)) * len(_EDGES) + at
    known = np.isfinite(frames.intensity)
    return np.bincount(key[known], minlength=2 * count * len(_EDGES)).reshape(2, count, len(_EDGES))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Facts:
    """Of one recording, (A,) each: frames; share of frames with a value; least and largest value of intensity and of
    presence; share of frames at the top; AUROC of presence by intensity (NaN where it cannot be judged)."""

    known_intensity: np.ndarray
    known_presence: np.ndarray
    intensity: tuple[np.ndarray, np.ndarray]
    presence: tuple[np.ndarray, np.ndarray]
    top: np.ndarray
    agreement: np.ndarray


def _facts(frames: AlignedFrames, histogram: np.ndarray) -> _Facts:
    absent, present = histogram.astype(np.float64)
    p, n = present.sum(-1), absent.sum(-1)
    below = np.cumsum(absent, -1) - absent / 2
    enough = (p >= _LEAST_FRAMES) & (n >= _LEAST_FRAMES)
    agreement = np.where(enough, (present * below).sum(-1) / np.maximum(p * n, 1), np.nan)
    return _Facts(
        known_intensity=np.isfinite(frames.intensity).mean(0),
        known_presence=np.isfinite(frames.presence).mean(0),
        intensity=_range(frames.intensity),
        presence=_range(frames.presence),
        top=(np.nan_to_num(frames.intensity) >= _SATURATED_FROM).mean(0),
        agreement=agreement,
    )


def _range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = np.isfinite(values)
    return np.where(known, values, np.inf).min(0), np.where(known, values, -np.inf).max(0)


def _state(facts: _Facts, threshold: np.ndarray, rules: tuple[str, ...]) -> np.ndarray:
    """(A,) `Measurement` of one recording; later lines overrule earlier ones."""
    rule = np.array(rules)
    judged, coded = rule == INTENSITY, rule == CODING
    low, high = (np.where(judged, a, b) for a, b in zip(facts.intensity, facts.presence, strict=True))
    known = np.where(judged, facts.known_intensity, facts.known_presence)
    flat = np.where(judged, _FLAT, 1e-6)
    state = np.full(len(rule), Measurement.VARIES)
    constant = (high - low < flat) & ~coded
    state[constant] = Measurement.CONSTANT
    state[high < np.where(judged, _FLAT, PRESENT_PROBABILITY * _FLAT)] = Measurement.RESTS
    state[judged & (facts.top > _SATURATED_SHARE)] = Measurement.SATURATED
    never = (facts.presence[0] >= PRESENT_PROBABILITY) & (high < threshold)
    state[judged & ((facts.agreement < 0.5) | (never & (facts.known_presence > 0)))] = Measurement.CONTRADICTORY
    state[known < _LEAST_FRAMES_SHARE] = Measurement.MISSING
    return state


def _quantile(histogram: np.ndarray, q: float) -> np.ndarray:
    """(A, H) counts to the (A,) intensity below which a share `q` of the frames lies; 0 without frames."""
    total = histogram.sum(-1, keepdims=True)
    at = (np.cumsum(histogram, -1) < q * np.maximum(total, 1)).sum(-1)
    return np.where(total[..., 0] > 0, np.minimum(at, histogram.shape[-1] - 1) * _STEP, 0)
