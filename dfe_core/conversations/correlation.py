"""Lagged correlation of two faces: mean curves with their intervals and bands, lags, leads, pairs and windows.

Letters: S conversations, C things, L lags, B surrogates, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter1d

from dfe_core.conversations.coupling import correlations, windowed_correlation
from dfe_core.conversations.pairing import (
    Prepared,
    TalkingFaces,
    face_pairs,
    interval_of,
    named_interval,
    stranger_pairs,
)
from dfe_core.conversations.result import CORRELATION, TESTED, TOGETHER
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.surrogates import Curves, Orders, share_above
from dfe_core.groups import permutation
from dfe_core.progress import Listener, Progress

_SURE = (2.5, 97.5)
_BAND_OF = 200
"""Surrogates whose curves are kept for the band of what chance gives at a lag."""
_WINDOWED = 3
_WINDOW_COLUMNS = ("conversation", "first", "second", "kind", "thing", "time_s", "r", "lag_s")


def lag_curves(prepared: list[list[Prepared]], orders: Orders, lag: int, progress: Listener) -> Curves:
    """Curves of every conversation, and of strangers of a block."""
    lags = np.arange(-lag, lag + 1)
    own, weight, cross, cross_weight = [], [], {}, {}
    for i, one in enumerate(prepared):
        progress(Progress(task="conversations", done=i, total=len(prepared)))
        z, counts = _mean_z(one, one)
        own.append(np.concatenate([z[-lag:], z, z[:lag]]).astype(np.float32))
        weight.append(counts)
        cross[i, i], cross_weight[i, i] = own[i][: 2 * lag + 1], counts.astype(float)
    for i, j in stranger_pairs(orders):
        z, counts = _mean_z(prepared[i], prepared[j])
        cross[i, j], cross_weight[i, j] = z[lags % len(z)].astype(np.float32), counts.astype(float)
    return Curves(lags=2 * lag + 1, own=own, weight=np.array(weight, float), cross=cross, cross_weight=cross_weight)


def _mean_z(first: list[Prepared], second: list[Prepared]) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) mean z over pairs of two conversations (or of one), and (C,) whether a pair counts."""
    pairs = [(correlations(a[0], b[0]), (a[2] & b[2]).astype(float)) for a, b in face_pairs(first, second)]
    total, weight = np.sum([z * both for z, both in pairs], 0), np.sum([both for _, both in pairs], 0)
    return np.divide(total, weight, out=np.zeros(total.shape), where=weight > 0), weight > 0


def correlation_rows(
    curves: Curves, orders: Orders, step_s: float, settings: ConversationSettings
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Rows of `CORRELATION`, and the mean curves with their bands, (L, C) each."""
    each, weight = curves.observed().astype(float), curves.weight
    mean = curves.shifted(np.zeros(len(each), int))
    null = [curves.shifted(one) for one in orders.shifts]
    peaks = np.stack([_largest(one) for one in null])
    band = np.percentile(np.nan_to_num(np.stack(null[:_BAND_OF])), _SURE, axis=0)
    at = np.argmax(np.abs(np.nan_to_num(mean)), 0)
    columns = np.arange(mean.shape[1])
    boot, boot_lag, boot_lead, low, high = _resampled(each, weight, at, settings)
    lead = _asymmetry(mean)
    rows = {
        "measure": CORRELATION,
        "direction": TOGETHER,
        "value": np.tanh(mean[at, columns]),
        "base": np.tanh(peaks.mean(0)),
        **named_interval("", np.tanh(boot)),
        "lag_s": peak_lag(mean, at) * step_s,
        **named_interval("lag_", boot_lag * step_s),
        "lead": lead,
        **named_interval("lead_", boot_lead),
        "p_lead": _lead_p(each, weight, settings),
        "p_shift": share_above(_largest(mean), peaks),
        "p_shuffled": np.nan,
    }
    if orders.partners is not None:
        strangers = np.stack([_largest(curves.shuffled(one)) for one in orders.partners])
        rows["p_shuffled"] = share_above(_largest(mean), strangers)
    return pd.DataFrame(rows), {"r": mean, "low": low, "high": high, "null_low": band[0], "null_high": band[1]}


def _largest(mean: np.ndarray) -> np.ndarray:
    """(C,) largest |z| over lags of (L, C); NaN where no conversation counts."""
    return np.abs(mean).max(0)


def _asymmetry(z: np.ndarray) -> np.ndarray:
    """(..., C) mean at positive less mean at negative lags of (..., L, C): above 0 where the second comes after."""
    lag = z.shape[-2] // 2
    return z[..., lag + 1 :, :].mean(-2) - z[..., :lag, :].mean(-2)


def peak_lag(mean: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(C,) steps of lag of the peak of (L, C) at rows at (C,), between steps by a parabola through its neighbours."""
    rows, columns = np.clip(at, 1, len(mean) - 2), np.arange(mean.shape[1])
    left, middle, right = (np.abs(mean[rows + k, columns]) for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros(len(at)), where=bend < -1e-12).clip(-0.5, 0.5)
    return at - len(mean) // 2 + np.where(rows == at, shift, 0.0)


def _resampled(
    each: np.ndarray, weight: np.ndarray, at: np.ndarray, settings: ConversationSettings
) -> tuple[np.ndarray, ...]:
    """Of resamples of conversations: z at the peak, lag of the peak in steps, lead, (R, C) each; and the low and high
    of the curve (L, C)."""
    count, lags, things = each.shape
    rng = np.random.default_rng([settings.seed, 43])
    flat = (each * weight[:, None]).reshape(count, -1)
    peak, lag, lead, curves = [], [], [], []
    for start in range(0, settings.resamples, 100):
        size = min(100, settings.resamples - start)
        draw = rng.multinomial(count, np.full(count, 1 / count), size).astype(float)
        below = (draw @ weight)[:, None]
        mean = np.divide(
            (draw @ flat).reshape(size, lags, things), below, out=np.full((size, lags, things), np.nan), where=below > 0
        )
        rows = np.argmax(np.abs(np.nan_to_num(mean)), 1)
        peak.append(mean[:, at, np.arange(things)])
        lag.append(np.where(below[:, 0] > 0, rows - lags // 2, np.nan))
        lead.append(_asymmetry(mean))
        curves.append(mean.astype(np.float32) if start < 2 * _BAND_OF else mean[:0].astype(np.float32))
    low, high = interval_of(np.concatenate(curves))
    return np.concatenate(peak), np.concatenate(lag), np.concatenate(lead), low, high


def _lead_p(each: np.ndarray, weight: np.ndarray, settings: ConversationSettings) -> np.ndarray:
    """(C,) p of the lead under exchange of first and second within conversations (the paired t of `groups`)."""
    lead = np.where(weight > 0, _asymmetry(each), np.nan)
    enough = (weight > 0).sum(0) > 1
    p = permutation.paired(np.zeros(lead.shape), lead, permutations=settings.surrogates, seed=settings.seed)
    return np.where(enough, p, np.nan)


def long_curves(drawn: dict[str, np.ndarray], things: pd.DataFrame, step_s: float, lag: int) -> pd.DataFrame:
    """One row per thing and lag, as r."""
    lags = np.arange(-lag, lag + 1) * step_s
    parts = [
        pd.DataFrame(
            {
                "kind": row["kind"],
                "thing": row["thing"],
                "lag_s": lags.round(6),
                **{name: np.tanh(values[:, at]) for name, values in drawn.items()},
            }
        )
        for at, row in zip(things.index.tolist(), things.to_dict("records"), strict=True)
    ]
    names = ["kind", "thing", "lag_s", *drawn]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def pair_rows(
    faces: Sequence[TalkingFaces],
    prepared: list[list[Prepared]],
    orders: Orders,
    things: pd.DataFrame,
    step_s: float,
) -> pd.DataFrame:
    """The peak of every pair and thing that both show, with p of that pair by circular shifts alone."""
    parts = []
    for i, (one, held) in enumerate(zip(faces, prepared, strict=True)):
        for p, q in combinations(range(len(held)), 2):
            z, both = correlations(held[p][0], held[q][0]), held[p][2] & held[q][2]
            rows = {
                "conversation": one.name,
                "first": one.tracks[p].recording,
                "second": one.tracks[q].recording,
                "kind": things["kind"].to_numpy(),
                "thing": things["thing"].to_numpy(),
                **_peak_of_pair(z, orders.shifts[:, i], orders.lag, step_s),
            }
            parts.append(pd.DataFrame(rows)[both])
    return pd.concat(parts, ignore_index=True)


def _peak_of_pair(z: np.ndarray, shifts: np.ndarray, lag: int, step_s: float) -> dict[str, np.ndarray]:
    """Of (N, C) z at every circular shift: the largest within the lags, and p of it among shifts (B,)."""
    near = z[np.arange(-lag, lag + 1) % len(z)]
    at = np.argmax(np.abs(near), 0)
    largest = maximum_filter1d(np.abs(z), 2 * lag + 1, axis=0, mode="wrap")
    return {
        "r": np.tanh(near[at, np.arange(z.shape[1])]),
        "lag_s": peak_lag(near, at) * step_s,
        "lead": _asymmetry(near),
        "p_shift": share_above(largest[0], largest[shifts % len(z)]),
    }


def windowed_rows(
    faces: Sequence[TalkingFaces],
    table: pd.DataFrame,
    things: pd.DataFrame,
    step_s: float,
    settings: ConversationSettings,
) -> pd.DataFrame:
    """The largest correlation of each window and its lag, of the things that go together most."""
    lag, window = round(settings.max_lag_s / step_s), round(settings.window_s / step_s)
    best = table[(table["status"] == TESTED) & (table["measure"] == CORRELATION)].head(_WINDOWED)
    where = {(kind, thing): at for at, kind, thing in zip(things.index, things["kind"], things["thing"], strict=True)}
    rows = []
    for one in faces:
        for first, second in combinations(one.tracks, 2):
            for kind, thing in zip(best["kind"], best["thing"], strict=True):
                x, y = (np.where(t.known, t.intensity[:, where[kind, thing]], np.nan) for t in (first, second))
                middle, r = windowed_correlation(x, y, window, max(1, window // 2), lag)
                names = (one.name, first.recording, second.recording, kind, thing)
                rows += [(*names, at * step_s, *_peak_of_window(z, step_s)) for at, z in zip(middle, r, strict=True)]
    return pd.DataFrame(rows, columns=list(_WINDOW_COLUMNS)).dropna(subset="r", ignore_index=True)


def _peak_of_window(r: np.ndarray, step_s: float) -> tuple[float, float]:
    """The largest correlation of (L,) and its lag, s; NaN without one."""
    if not np.isfinite(r).any():
        return float("nan"), float("nan")
    at = int(np.argmax(np.abs(np.nan_to_num(r))))
    return float(r[at]), (at - len(r) // 2) * step_s
