"""Statistics of recordings in ARKit coefficients by which simulated performances are compared with real takes.

Everything is computed per recording, on its valid frames, and summed up as medians over recordings. Letters of the
shapes: T frames, E coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel

MOVES = 0.005
"""A coefficient of smaller s.d. does not move: it takes no part in correlations."""
ACTIVE = 0.1
RESTING_READING = 0.05
STILL_MM_S = 1.5
"""A face is still while its speed (root mean square over vertices, over 0.1 s) is below this for `STILL_S` or more."""
STILL_S = 0.5
_SMOOTH_S = 0.1
_JAW_BAND_HZ = (3.0, 8.0)
_BLINK_PROMINENCE, _LONGEST_BLINK_S = 0.15, 0.6
_DIFFERENCE_GAIN = np.sqrt(6.0)
"""S.d. of the second difference of white noise of s.d. 1."""
_MAD_TO_SD = 1.4826
_LEAST_FRAMES = 30


@dataclass(frozen=True, kw_only=True)
class FaceStatistics:
    """Statistics of one recording; NaN where it cannot be had (a coefficient that never moves).

    Attributes
    ----------
    left_right: median correlation of left with right over the coefficients that come in pairs.
    mean_correlation, correlated_pairs: mean |r| of all pairs of moving coefficients; share of pairs with |r| > 0.5.
    participation, dimensions_90, dimensions_99: of the PCA of mesh displacements: (Σλ)² / Σλ² and the components that
        hold 90 and 99 % of the variance.
    active: coefficients above 0.1 at once, mean over frames. raised: coefficients whose mean is above 0.05.
    jitter: frame-to-frame noise (s.d.) of a coefficient, median over those that move: robust s.d. of the second
        difference over √6.
    lid_gaze: correlation of eyeLookDown with eyeBlink. mouth_jaw: of mouthClose with jawOpen.
    jaw_3_8_hz: share of jawOpen's power (without its mean) between 3 and 8 Hz.
    speed_median, speed_95: mm/s, root mean square over vertices, from means over 0.1 s.
    posture: share of the mean face in the mean squared displacement.
    blinks_per_minute: closures of both lids shorter than 0.6 s.
    still_per_minute, still_s, still_share: stretches of at least 0.5 s below 1.5 mm/s: how many a minute, their median
        length in s, and the share of time in them.
    """

    left_right: float
    mean_correlation: float
    correlated_pairs: float
    participation: float
    dimensions_90: float
    dimensions_99: float
    active: float
    raised: float
    jitter: float
    lid_gaze: float
    mouth_jaw: float
    jaw_3_8_hz: float
    speed_median: float
    speed_95: float
    posture: float
    blinks_per_minute: float
    still_per_minute: float
    still_s: float
    still_share: float


STATISTIC_NAMES = tuple(field.name for field in fields(FaceStatistics))


def face_statistics(psi: np.ndarray, time_s: np.ndarray, names: tuple[str, ...], gram: np.ndarray) -> FaceStatistics:
    """Statistics of one recording.

    Parameters
    ----------
    psi: (T, E) coefficients of valid frames. time_s: (T,) their times, increasing.
    names: (E,) ARKit names. gram: (E, E) `FaceModel.gram`, m².

    Raises `DataError` for fewer than 30 frames, and where the names are not ARKit's.
    """
    psi = np.asarray(psi, np.float64)
    if len(psi) < _LEAST_FRAMES:
        raise DataError("face statistics", f"{len(psi)} frames", f"at least {_LEAST_FRAMES}")
    fps = 1 / float(np.median(np.diff(time_s)))
    speed = _speed_mm_s(psi, fps, gram)
    columns = _Columns(names, psi)
    return FaceStatistics(
        left_right=_left_right(columns),
        **_correlations(psi),
        **_dimensions(psi, gram),
        active=float((psi > ACTIVE).sum(1).mean()),
        raised=float((psi.mean(0) > RESTING_READING).sum()),
        jitter=_jitter(psi),
        lid_gaze=_correlation(columns.both("eyeLookDown"), columns.both("eyeBlink")),
        mouth_jaw=_correlation(columns["mouthClose"], columns["jawOpen"]),
        jaw_3_8_hz=_band_share(columns["jawOpen"], fps),
        speed_median=float(np.median(speed)),
        speed_95=float(np.percentile(speed, 95)),
        posture=_posture(psi, gram),
        blinks_per_minute=_blinks(columns.both("eyeBlink"), fps) / (len(psi) / fps / 60),
        **_still(speed, fps),
    )


def dataset_statistics(
    dataset: Dataset,
    face: FaceModel,
    *,
    skip_s: float = 0.0,
    window_s: float | None = None,
    recordings: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Statistics of a dataset: recording, start_s and `STATISTIC_NAMES`, one row a window.

    Parameters
    ----------
    skip_s: seconds at the start of each recording that are left out (the instructed movements of simulated ones).
    window_s: cut recordings into windows of this length, since correlations and dimensions depend on it; a rest of less
        than half a window is left out. None: a recording is one window.
    recordings: default all.
    """
    rows = []
    for name in dataset.recordings["recording"] if recordings is None else recordings:
        frames = dataset.frames(name)
        for start_s, inside in _windows(frames.time_s, skip_s, window_s):
            used = inside & frames.valid
            statistics = face_statistics(frames.psi[used], frames.time_s[used], dataset.names, face.gram)
            rows.append({"recording": name, "start_s": start_s, **asdict(statistics)})
    return pd.DataFrame(rows, columns=["recording", "start_s", *STATISTIC_NAMES])


def _windows(time_s: np.ndarray, skip_s: float, window_s: float | None) -> Iterator[tuple[float, np.ndarray]]:
    end_s = time_s[-1]
    length = window_s or end_s - skip_s + 1
    for start_s in np.arange(skip_s, end_s - (length / 2 if window_s else 0), length):
        yield float(start_s), (time_s >= start_s) & (time_s < start_s + length)


class _Columns:
    """Columns of ψ by ARKit name."""

    def __init__(self, names: tuple[str, ...], psi: np.ndarray) -> None:
        self._where = {name: i for i, name in enumerate(names)}
        self._psi = psi
        if not {"jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthClose"} <= set(names):
            raise DataError("face statistics", "coefficients that are not ARKit's", "jawOpen, eyeBlinkLeft, …")
        # The mouth or jaw to the left excludes that to the right: a pair by name only.
        self.pairs = [
            (name, name[:-4] + "Right")
            for name in names
            if name.endswith("Left") and name not in ("mouthLeft", "jawLeft") and name[:-4] + "Right" in self._where
        ]

    def __getitem__(self, name: str) -> np.ndarray:
        return self._psi[:, self._where[name]]

    def both(self, stem: str) -> np.ndarray:
        """Mean of left and right."""
        return (self[f"{stem}Left"] + self[f"{stem}Right"]) / 2


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if min(a.std(), b.std()) >= MOVES else float("nan")


def _left_right(columns: _Columns) -> float:
    values = [_correlation(columns[left], columns[right]) for left, right in columns.pairs]
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _correlations(psi: np.ndarray) -> dict[str, float]:
    moving = psi[:, psi.std(0) >= MOVES]
    if moving.shape[1] < 2:
        return {"mean_correlation": float("nan"), "correlated_pairs": float("nan")}
    size = np.abs(np.corrcoef(moving.T)[np.triu_indices(moving.shape[1], 1)])
    return {"mean_correlation": float(size.mean()), "correlated_pairs": float((size > 0.5).mean())}


def _dimensions(psi: np.ndarray, gram: np.ndarray) -> dict[str, float]:
    values, vectors = np.linalg.eigh(gram)
    root = vectors * np.sqrt(np.maximum(values, 0))
    variances = np.linalg.eigvalsh(root.T @ np.cov(psi.T) @ root)[::-1].clip(0)
    if variances.sum() <= 0:
        return dict.fromkeys(("participation", "dimensions_90", "dimensions_99"), float("nan"))
    share = np.cumsum(variances) / variances.sum()
    return {
        "participation": float(variances.sum() ** 2 / (variances**2).sum()),
        "dimensions_90": float(np.searchsorted(share, 0.9) + 1),
        "dimensions_99": float(np.searchsorted(share, 0.99) + 1),
    }


def _jitter(psi: np.ndarray) -> float:
    second = np.diff(psi[:, psi.std(0) >= MOVES], 2, axis=0)
    return float(np.median(np.median(np.abs(second), 0)) * _MAD_TO_SD / _DIFFERENCE_GAIN) if second.size else 0.0


def _band_share(values: np.ndarray, fps: float) -> float:
    power = np.abs(np.fft.rfft(values - values.mean())) ** 2
    if values.std() < MOVES:
        return float("nan")
    at = np.fft.rfftfreq(len(values), 1 / fps)
    return float(power[(at >= _JAW_BAND_HZ[0]) & (at <= _JAW_BAND_HZ[1])].sum() / power.sum())


def _speed_mm_s(psi: np.ndarray, fps: float, gram: np.ndarray) -> np.ndarray:
    """(T',) root mean square over vertices of how fast they move, from means over 0.1 s one after the other."""
    width = max(1, round(_SMOOTH_S * fps))
    sums = np.cumsum(np.vstack([np.zeros((1, psi.shape[1])), psi]), 0)
    means = (sums[width:] - sums[:-width]) / width
    step = (means[width:] - means[:-width]) * fps / width
    return np.sqrt(np.einsum("te,ef,tf->t", step, gram, step).clip(0)) * 1000


def _posture(psi: np.ndarray, gram: np.ndarray) -> float:
    mean, moment = psi.mean(0), psi.T @ psi / len(psi)
    return float(mean @ gram @ mean / max(np.sum(gram * moment), 1e-18))


def _blinks(lids: np.ndarray, fps: float) -> int:
    from scipy.signal import find_peaks

    return len(find_peaks(lids, prominence=_BLINK_PROMINENCE, width=(None, _LONGEST_BLINK_S * fps))[0])


def _still(speed: np.ndarray, fps: float) -> dict[str, float]:
    edges = np.flatnonzero(np.diff(np.r_[False, speed < STILL_MM_S, False].astype(int)))
    length = (edges[1::2] - edges[::2]) / fps
    length = length[length >= STILL_S]
    total = len(speed) / fps
    return {
        "still_per_minute": len(length) / total * 60,
        "still_s": float(np.median(length)) if len(length) else 0.0,
        "still_share": float(length.sum() / total),
    }
