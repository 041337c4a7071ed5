"""One syllable for a reader: its codewords by phase, its moving face in seconds, its durations, who shows it.

Letters of the shapes: T frames, E coefficients.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.syllables.chain import PHASES
from dfe_core.syllables.explain import POINTS_OF_PHASE, PRESENT_MM
from dfe_core.syllables.segments import REST
from dfe_core.syllables.store import SyllableSet
from dfe_core.tokens.dynamics import bootstrap_mean

_SHORTEST_PHASE_S = 0.1
_EDGES = ("start_s", "apex_s", "release_s", "end_s")


def codewords_by_phase(found: SyllableSet, syllable: int, limit: int = 8) -> pd.DataFrame:
    """The codewords that move the face furthest in a syllable, beyond what they do at rest.

    Returns
    -------
    One row a codeword, the furthest first: codeword, above_mm (the most, over the phases, of its mean displacement
    less that at rest), and for each phase its share of frames with the codeword: onset, apex, offset, and rest.
    """
    table = found.codewords
    mean = _by_phase(table[table["syllable"] == syllable], "mean_mm")
    rest = table[table["syllable"] == REST]
    resting = rest[rest["phase"] == "apex"].set_index("codeword")
    above = mean.max(axis=1) - resting["mean_mm"].reindex(mean.index, fill_value=0.0) * (syllable != REST)
    above = above[above >= PRESENT_MM].sort_values(ascending=False, kind="stable").head(limit)
    share = _by_phase(table[table["syllable"] == syllable], "share").reindex(above.index)
    return share.assign(rest=resting["share"].reindex(above.index, fill_value=0.0), above_mm=above).reset_index()[
        ["codeword", "above_mm", *PHASES, "rest"]
    ]


def _by_phase(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Codewords × phases."""
    return rows.pivot(index="codeword", columns="phase", values=column).reindex(columns=list(PHASES)).fillna(0.0)


def phase_seconds(found: SyllableSet, syllable: int) -> np.ndarray:
    """(3,) median seconds of onset, apex and offset."""
    own = found.segments[found.segments["syllable"] == syllable]
    if own.empty:
        return np.zeros(len(PHASES))
    return np.median(np.diff(own[list(_EDGES)].to_numpy(float), axis=1), axis=0)


def moving_face(found: SyllableSet, syllable: int, fps: float = 25.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean movement of a syllable, each phase as long as its median duration, 0.1 s at least.

    Returns
    -------
    Seconds (T,), ψ (T, E) float32, and (4,) seconds at which onset, apex and offset begin, and the end.
    """
    lasting = np.maximum(phase_seconds(found, syllable), _SHORTEST_PHASE_S)
    edges = np.r_[0.0, np.cumsum(lasting)]
    within = (np.arange(POINTS_OF_PHASE) + 0.5) / POINTS_OF_PHASE
    at = (edges[:-1, None] + lasting[:, None] * within).ravel()
    time_s = np.arange(round(edges[-1] * fps) + 1) / fps
    faces = found.faces[syllable]
    psi = np.stack([np.interp(time_s, at, values) for values in faces.T], 1).astype(np.float32)
    return time_s, psi, edges


def apex_face(found: SyllableSet, syllable: int) -> np.ndarray:
    """(E,) float32 mean ψ over the apex."""
    return found.faces[syllable, POINTS_OF_PHASE : 2 * POINTS_OF_PHASE].mean(0)


def duration_histogram(found: SyllableSet, syllable: int, bins: int = 20) -> pd.DataFrame:
    """Segments by duration: low, high (s) and segments; the last bin holds all beyond the 99th percentile."""
    own = found.segments[found.segments["syllable"] == syllable]
    seconds = (own["end_s"] - own["start_s"]).to_numpy(float)
    if not len(seconds):
        return pd.DataFrame({"low": [], "high": [], "segments": []})
    edges = np.linspace(0, max(float(np.percentile(seconds, 99)), 1e-3), bins + 1)
    counts, _ = np.histogram(np.minimum(seconds, edges[-1]), edges)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "segments": counts})


def rates(
    found: SyllableSet, recordings: pd.DataFrame, syllable: int, by: str, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """How often a syllable occurs in each value of a column of `recordings` (``subject`` or a label).

    A value's rate is the mean over its subjects of each subject's own, its interval a percentile bootstrap over
    subjects, NaN for a single one.

    Returns
    -------
    value, subjects, segments, minutes, per_minute, low, high, in the order of the values. Raises `DataError` for a
    column that is not there.
    """
    if by not in recordings.columns:
        raise DataError(by, "no such column of the recordings", ", ".join(map(str, recordings.columns)))
    cells = _cells(found, recordings, syllable, by)
    rng = np.random.default_rng(seed)
    rows = []
    for value, cell in cells.groupby(by, sort=True):
        own = (cell["segments"] / cell["minutes"]).to_numpy(float)
        low, high = bootstrap_mean(own, rng, resamples=resamples)
        rows.append((str(value), len(cell), int(cell["segments"].sum()), cell["minutes"].sum(), own.mean(), low, high))
    return pd.DataFrame(rows, columns=["value", "subjects", "segments", "minutes", "per_minute", "low", "high"])


def _cells(found: SyllableSet, recordings: pd.DataFrame, syllable: int, by: str) -> pd.DataFrame:
    """One row a value and subject: segments of the syllable and minutes of all segments."""
    table = found.segments
    counted = pd.DataFrame(
        {
            "recording": table["recording"].astype(str),
            "segments": (table["syllable"] == syllable).astype(int),
            "minutes": (table["end_s"] - table["start_s"]) / 60,
        }
    )
    counted = counted.groupby("recording", as_index=False).sum()
    named = recordings[list(dict.fromkeys(["recording", "subject", by]))]
    counted = counted.merge(named.assign(recording=named["recording"].astype(str)), on="recording")
    counted = counted[counted[by].notna() & (counted["minutes"] > 0)]
    keys = list(dict.fromkeys([by, "subject"]))
    return counted.groupby(keys, as_index=False, observed=True)[["segments", "minutes"]].sum()


def successions(found: SyllableSet, over_rest: bool = False) -> np.ndarray:
    """(S, S) int64: how often the column's syllable follows the row's, never itself.

    over_rest: rest and lost frames between two displays of a recording are passed over, and rest follows nothing.
    """
    if not over_rest:
        return found.transitions
    moving = found.segments[found.segments["syllable"] != REST]
    kind, recording = moving["syllable"].to_numpy(int), moving["recording"].astype(str).to_numpy()
    near = (recording[1:] == recording[:-1]) & (kind[1:] != kind[:-1])
    counts = np.zeros((found.count, found.count), np.int64)
    np.add.at(counts, (kind[:-1][near], kind[1:][near]), 1)
    return counts


def before_and_after(counts: np.ndarray, syllable: int) -> pd.DataFrame:
    """What comes right before and right after a syllable, of `successions`.

    Returns
    -------
    direction (before, after), syllable, count, share of what comes there, and lift: that share over the share of the
    other syllable in all successions that this syllable could be in. The most frequent first.
    """
    parts = []
    for direction, own in (("before", counts[:, syllable]), ("after", counts[syllable])):
        every = counts.sum(1 if direction == "before" else 0).astype(float)
        every[syllable] = 0
        share, expected = own / max(own.sum(), 1), every / max(every.sum(), 1)
        rows = np.flatnonzero(own)
        part = pd.DataFrame({"syllable": rows, "count": own[rows], "share": share[rows]})
        part = part.assign(direction=direction, lift=share[rows] / np.maximum(expected[rows], 1e-12))
        parts.append(part.sort_values("count", ascending=False, kind="stable"))
    return pd.concat(parts, ignore_index=True)
