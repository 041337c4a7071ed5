"""How two tools that judged the same recordings differ: gain, delay, and the bias of each towards a side of the face.

Letters of the shapes: T frames, A AUs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import correlate

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus, AlignedFrames

_FEWEST_FRAMES = 100
_LARGEST_DELAY_S = 1.0
_SIDES = ("left", "right")
_COLUMNS = ["au", "side", "frames", "correlation", "gain", "offset", "delay_s"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ToolComparison:
    """How a second tool reads the AUs that a first one measures, too.

    Attributes
    ----------
    first, second: names of the AUs. tools: what made each of them.
    table: one row an AU and side: au, side, frames, correlation (within recordings, at the delay), gain (standard
        deviation of the second over that of the first), offset (second less first, mean, 0 … 5), delay_s (by which
        the second comes later, at most 1 s either way), and bias_first, bias_second: (left − right) / (left + right)
        of the mean intensities; NaN for a tool that gives no sides.
    fps: frames a second of the recordings compared. recordings: how many. other_rate: how many were left out because
        they have another frame rate.
    """

    first: str
    second: str
    tools: tuple[str, str]
    table: pd.DataFrame
    fps: float
    recordings: int
    other_rate: int


def compare_tools(dataset: Dataset, first: AlignedAus, second: AlignedAus) -> ToolComparison:
    """Compare two tools' AUs of one dataset, on the recordings of its most common frame rate.

    An AU that one tool gives by side and the other as a whole is compared as a whole: the mean of its sides.

    Raises
    ------
    DataError: when no recording has both, no AU is measured by both, or either belongs to another dataset.
    """
    for aus in (first, second):
        if not aus.matches(dataset):
            raise DataError(aus.path, f"AUs of {aus.dataset} as it was before", f"AUs of {dataset.name} as it is now")
    others = set(second.recordings)
    shared = [name for name in first.recordings if name in others]
    rates = dataset.recordings.set_index("recording")["fps"].reindex(shared).round(1)
    if rates.empty:
        raise DataError(f"{first.name}, {second.name}", "no recording that both measured", "AUs of the same recordings")
    fps = float(rates.mode().iloc[0])
    names = [name for name in shared if rates[name] == fps]
    pairs = list(_common(first.aus, second.aus))
    pooled = _pooled(first, second, names, pairs) if pairs else {}
    rows = [row for pair in pairs if (row := _compared(pair, pooled[pair], fps)) is not None]
    if not rows:
        raise DataError(f"{first.name}, {second.name}", "no AU that both measured", "at least one, in 100 frames")
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return ToolComparison(
        first=first.name,
        second=second.name,
        tools=(first.tool, second.tool),
        fps=fps,
        recordings=len(names),
        table=table.assign(bias_first=_bias(first, names, table), bias_second=_bias(second, names, table)),
        other_rate=len(shared) - len(names),
    )


def compare_named_tools(dataset: str, first: str, second: str, root: Path | None = None) -> ToolComparison:
    """`compare_tools` by the names of the dataset and of its AUs."""
    return compare_tools(
        Dataset.open(dataset, root), *(AlignedAus.open(dataset, name, root) for name in (first, second))
    )


def _common(one: tuple[tuple[str, str], ...], two: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    """(AU, side) to compare: sides where both tools have them, else the whole where each has it or both its sides."""
    for au in dict.fromkeys(au for au, _ in one):
        sides = [{side for code, side in aus if code == au} for aus in (one, two)]
        by_side = [side for side in _SIDES if all(side in own for own in sides)]
        if by_side:
            yield from ((au, side) for side in by_side)
        elif all("both" in own or own >= set(_SIDES) for own in sides):
            yield au, "both"


def _levels(aus: AlignedAus, frames: AlignedFrames, pairs: list[tuple[str, str]], rows: np.ndarray) -> np.ndarray:
    """(T, P) 0 … 5 of every AU and side, or the mean of its sides, in these rows."""
    level = frames.level[rows]
    index = {pair: i for i, pair in enumerate(aus.aus)}
    columns = [[index[pair]] if pair in index else [index[pair[0], side] for side in _SIDES] for pair in pairs]
    return np.stack([level[:, own].mean(1) for own in columns], 1)


def _pooled(
    first: AlignedAus,
    second: AlignedAus,
    names: list[str],
    pairs: list[tuple[str, str]],
) -> dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]]:
    """Of every pair, (first, second) levels of each recording in the frames that both have."""
    found: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = {pair: [] for pair in pairs}
    for name in names:
        a, b = first.recording(name), second.recording(name)
        _, i, j = np.intersect1d(a.frame, b.frame, assume_unique=True, return_indices=True)
        one, two = _levels(first, a, pairs, i), _levels(second, b, pairs, j)
        for column, pair in enumerate(pairs):
            found[pair].append((one[:, column], two[:, column]))
    return found


def _compared(pair: tuple[str, str], parts: list[tuple[np.ndarray, np.ndarray]], fps: float) -> dict | None:
    known = [(a[k], b[k]) for a, b in parts if (k := np.isfinite(a) & np.isfinite(b)).sum() >= _FEWEST_FRAMES]
    if not known:
        return None
    centred = [(a - a.mean(), b - b.mean()) for a, b in known]
    size = [np.sqrt(sum((part[i] ** 2).sum() for part in centred)) for i in (0, 1)]
    correlation, lag = _best_lag(centred, int(round(_LARGEST_DELAY_S * fps)))
    offset = np.concatenate([b for _, b in known]).mean() - np.concatenate([a for a, _ in known]).mean()
    return {
        "au": pair[0],
        "side": pair[1],
        "frames": sum(len(a) for a, _ in known),
        "correlation": correlation,
        "gain": size[1] / size[0] if size[0] > 0 else np.nan,
        "offset": float(offset),
        "delay_s": lag / fps,
    }


def _best_lag(centred: list[tuple[np.ndarray, np.ndarray]], reach: int) -> tuple[float, float]:
    """Largest correlation over lags of up to `reach` frames, and that lag; NaN where a tool does not move."""
    lags = np.arange(-reach, reach + 1)
    inner, first, second = np.sum([_at_lags(a, b, lags) for a, b in centred], axis=0)
    size = np.sqrt(np.maximum(first * second, 0))
    if not (size > 1e-9).any():
        return np.nan, np.nan
    score = np.divide(inner, size, out=np.full(len(lags), -np.inf), where=size > 1e-9)
    best = int(np.argmax(score))
    return float(score[best]), float(lags[best])


def _at_lags(a: np.ndarray, b: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """(3, L) Σ a·b, Σ a² and Σ b² over the overlap of a[t] and b[t + lag]; zeros where there is none."""
    count = len(a)
    inner = correlate(b, a, mode="full", method="fft")
    inside = np.abs(lags) < count
    ends = np.concatenate([[0.0], np.cumsum(a**2)]), np.concatenate([[0.0], np.cumsum(b**2)])
    later, earlier = np.clip(lags, 0, count), np.clip(-lags, 0, count)
    sums = [np.where(inside, inner[np.clip(count - 1 + lags, 0, len(inner) - 1)], 0.0)]
    for end, skipped, cut in ((ends[0], earlier, later), (ends[1], later, earlier)):
        sums.append(np.where(inside, end[count - cut] - end[np.minimum(skipped, count - cut)], 0.0))
    return np.array(sums)


def _bias(aus: AlignedAus, names: list[str], table: pd.DataFrame) -> list[float]:
    """(left − right) / (left + right) of the mean intensity of each row's AU; NaN where the tool gives no sides."""
    total, count = np.zeros(len(aus.aus)), np.zeros(len(aus.aus))
    for _, frames in aus.iter_recordings(names):
        level = frames.level
        total, count = total + np.nansum(level, 0), count + np.isfinite(level).sum(0)
    mean = dict(zip(aus.aus, total / np.maximum(count, 1), strict=True))
    sides = [(mean.get((au, "left")), mean.get((au, "right"))) for au in table["au"]]
    return [
        np.nan if left is None or right is None or left + right <= 0 else (left - right) / (left + right)
        for left, right in sides
    ]
