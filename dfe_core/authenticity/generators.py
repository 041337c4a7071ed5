"""Synthetic motion of the kinds that are around, each made from one recording, with as many frames.

T frames, E coefficients, K codewords, N stages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfiltfilt

from dfe_core.simulate.curves import minimum_jerk
from dfe_core.text_enum import StrEnum

SMOOTHED_S = 0.15
"""Standard deviation of the kernel of ``smoothed``, s."""
_NOISE_FRAMES = 1.0
"""Standard deviation, in frames, of the kernel whose residual counts as the tracker's noise."""
_SPEECH_HZ = (1.5, 6.0)
"""Rates of syllables, of which the driver of ``speech-driven`` consists (Chandrasekaran et al. 2009, PLoS Comput. Biol.
5: 2 to 7 Hz; lower here, so that recordings of 10 frames a second have them)."""
_LAGS_S = (-0.2, -0.1, 0.0, 0.1, 0.2)
_RIDGE = 1e-2


class GeneratorName(StrEnum):
    """The generators."""

    BIGRAMS = "bigrams"
    """A frame's tokens are drawn from those that followed its strongest codeword in the recording."""
    REPLAYED = "replayed"
    """Every presence of a codeword again as onset, apex and offset of minimum jerk: a timeline as animators make it."""
    SPEECH_DRIVEN = "speech-driven"
    """All that follows linearly from one driver, the opening of the mouth at the rate of syllables, and a mean face."""
    SMOOTHED = "smoothed"
    """The recording through a Gaussian of `SMOOTHED_S`: what regression to the mean leaves of motion."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceMotion:
    """A recording as generators take it, frames that are not valid left out.

    time_s: (T,). psi: (T, E). tokens: (T, N) codewords, 0 for rest. intensities: (T, N). runs: presences, as
    `tokens.intervals.find_runs` gives them. codewords: (K, E) ψ of each at intensity 1. mouth: (E, E) Gram matrix of
    lips and jaw, by which the opening of the mouth is found.
    """

    time_s: np.ndarray
    psi: np.ndarray
    tokens: np.ndarray
    intensities: np.ndarray
    runs: pd.DataFrame
    codewords: np.ndarray
    mouth: np.ndarray

    @property
    def step_s(self) -> float:
        """Median time between frames."""
        return float(np.median(np.diff(self.time_s))) if len(self.time_s) > 1 else 1.0


def make_motion(
    name: GeneratorName, performance: SourceMotion, rng: np.random.Generator, *, noise: bool = True
) -> np.ndarray:
    """(T, E) float32 synthetic motion from a recording.

    noise: lay the recording's own frame-to-frame noise over it, in random order of time, so that what tells it from
    the recording is not that it was never tracked.
    """
    made = _MAKERS[name](performance, rng)
    if noise:
        made = made + _noise(performance.psi)[rng.permutation(len(made))]
    return made.astype(np.float32)


def _bigrams(performance: SourceMotion, rng: np.random.Generator) -> np.ndarray:
    strongest = performance.tokens[np.arange(len(performance.tokens)), performance.intensities.argmax(1)].astype(int)
    followers = {int(k): np.flatnonzero(strongest[:-1] == k) + 1 for k in np.unique(strongest[:-1])}
    rows = np.zeros(len(strongest), int)
    for frame in range(1, len(rows)):
        after = followers.get(int(strongest[rows[frame - 1]]))
        rows[frame] = 0 if after is None else after[rng.integers(len(after))]
    return _decoded(performance)[rows]


def _replayed(performance: SourceMotion, rng: np.random.Generator) -> np.ndarray:
    made = np.zeros(performance.psi.shape)
    time = performance.time_s
    columns = (performance.runs[name].to_numpy(float) for name in ("codeword", "start_s", "peak_s", "end_s", "peak"))
    for codeword, onset, apex, end, peak in zip(*columns, strict=True):
        rise = minimum_jerk((time - onset) / max(apex - onset, performance.step_s))
        fall = minimum_jerk((end - time) / max(end - apex, performance.step_s))
        made += (np.minimum(rise, fall) * peak)[:, None] * performance.codewords[int(codeword)]
    return made


def _speech_driven(performance: SourceMotion, rng: np.random.Generator) -> np.ndarray:
    psi = performance.psi.astype(float)
    middle = psi.mean(0)
    values, vectors = np.linalg.eigh(performance.mouth)
    moved = (psi - middle) @ (vectors * np.sqrt(np.maximum(values, 0)))
    opening = moved @ np.linalg.svd(moved, full_matrices=False)[2][0]
    driver = _band(opening, performance.step_s)
    columns = [np.roll(driver, round(lag / performance.step_s)) for lag in _LAGS_S]
    known = np.stack([*columns, np.abs(driver)], 1)
    known = (known - known.mean(0)) / np.maximum(known.std(0), 1e-12)
    weights = np.linalg.solve(known.T @ known + _RIDGE * len(known) * np.eye(known.shape[1]), known.T @ (psi - middle))
    return middle + known @ weights


def _smoothed(performance: SourceMotion, rng: np.random.Generator) -> np.ndarray:
    return gaussian_filter1d(performance.psi.astype(float), SMOOTHED_S / performance.step_s, axis=0, mode="nearest")


_MAKERS: dict[GeneratorName, Callable[[SourceMotion, np.random.Generator], np.ndarray]] = {
    GeneratorName.BIGRAMS: _bigrams,
    GeneratorName.REPLAYED: _replayed,
    GeneratorName.SPEECH_DRIVEN: _speech_driven,
    GeneratorName.SMOOTHED: _smoothed,
}


def _decoded(performance: SourceMotion) -> np.ndarray:
    moved = performance.codewords[performance.tokens.astype(int)]
    return np.einsum("tn,tne->te", np.where(performance.tokens == 0, 0, performance.intensities), moved)


def _noise(psi: np.ndarray) -> np.ndarray:
    return psi - gaussian_filter1d(psi.astype(float), _NOISE_FRAMES, axis=0, mode="nearest")


def _band(values: np.ndarray, step_s: float) -> np.ndarray:
    """The part of a signal at the rate of syllables; as it is where it is too short or too slow to have one."""
    fastest = 0.5 / step_s
    low, high = _SPEECH_HZ[0], min(_SPEECH_HZ[1], 0.9 * fastest)
    sections = butter(2, [low, high], "bandpass", fs=1 / step_s, output="sos") if low < high else None
    if sections is None or len(values) <= 3 * (2 * len(sections) + 1):
        return values - values.mean()
    return sosfiltfilt(sections, values)
