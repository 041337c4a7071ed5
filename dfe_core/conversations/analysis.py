"""Whether faces that were recorded together answer each other, how late, who leads, and who speaks when.

Two measures of every codeword and region. ``correlation``: lagged correlation of intensities that are centred within
windows (Boker et al. 2002), the mean of Fisher's z over conversations, at the lag where it is largest. ``answers``: the
share of the onsets of one face that the other follows with an onset of the same thing within the largest lag
(event-based cross-recurrence; Coco & Dale 2014). Both are tested against circular shifts and shuffled pairs
(`surrogates`), conversations being the unit.

Letters: S conversations, C things, L lags, B surrogates, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.conversations.coupling import (
    Answers,
    Centred,
    answered,
    answers,
    centred_track,
    correlations,
    cross_sums,
    windowed_correlation,
)
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.surrogates import Curves, Orders, Ratios, draw_orders, share_above
from dfe_core.conversations.tracks import FaceTrack
from dfe_core.conversations.turns import Turns, count_turns
from dfe_core.errors import DataError
from dfe_core.groups import permutation
from dfe_core.groups.families import adjusted_over_known
from dfe_core.progress import Listener, Progress, silent
from dfe_core.table_rows import json_rows

CORRELATION, ANSWERS = "correlation", "answers"
TOGETHER, FORWARD, BACKWARD = "both", "second after first", "first after second"
"""Directions of a row: of a correlation; of answers of the second face to the first, and of the first to the second."""
TESTED, RARE = "tested", "too rare"
_SURE = (2.5, 97.5)
_BAND_OF = 200
"""Surrogates whose curves are kept for the band of what chance gives at a lag."""
_WINDOWED = 3
_WINDOW_COLUMNS = ("conversation", "first", "second", "kind", "thing", "time_s", "r", "lag_s")
_OVERLAP = ("value", "base", "low", "high", "p_shift", "p_shuffled", "conversations")
_TESTS = ("p_shift", "p_shuffled", "p_lead")


@dataclass(frozen=True, eq=False)
class TalkingFaces:
    """The tracks of one conversation, the first of each pair before the second; all of the same steps."""

    name: str
    tracks: tuple[FaceTrack, ...]

    @property
    def steps(self) -> int:
        """N."""
        return len(self.tracks[0].known)


@dataclass(frozen=True, eq=False, kw_only=True)
class ConversationResult:
    """What was found.

    Attributes
    ----------
    model, dataset: names; simulated: whether the data are. settings: every choice. step_s: of the common clock.
    roles: what the first and the second of a pair are called.
    table: one row per thing and measure: kind, thing, description, measure, direction, value (correlation, or share of
        onsets answered), base (what surrogates give: the mean of their largest correlations, of the shares), low, high
        (95 %, bootstrap over conversations), strength, strength_low, strength_high (of answers: `beyond_chance`),
        lag_s, lag_low, lag_high (of the largest correlation; positive: the second comes after the first), lead,
        lead_low, lead_high (mean z at positive less mean z at negative lags; positive: the first leads), p_lead,
        p_shift, p_shuffled and their q, conversations, onsets, status.
    curves: kind, thing, lag_s, r, low, high, and null_low, null_high of shifted conversations.
    pairs: conversation, first, second, kind, thing, r, lag_s, lead of each pair.
    windows: of the three things with the smallest p, windowed cross-correlation of each pair: conversation, first,
        second, kind, thing, time_s (middle of a window of `window_s`, from the start of what both have), r and lag_s
        of the largest correlation; windows in which either face does nothing, or too little is known, are left out.
    turns: one row per pair: shares and changes of turn (`turns.Turns`), and the source of speech.
    overlap: shares of time in which both speak: value, base, p_shift, p_shuffled, conversations; empty without speech.
    conversations: conversation, faces, seconds (all on the clock), known (share of the time, 0 … 1).
    left_out: conversations that are too short.
    """

    model: str
    dataset: str
    simulated: bool
    settings: ConversationSettings
    step_s: float
    roles: tuple[str, str]
    table: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    windows: pd.DataFrame
    turns: pd.DataFrame
    overlap: pd.DataFrame
    conversations: pd.DataFrame
    left_out: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``dfe conversations``; null where there is no number."""
        tables = ("conversations", "table", "turns", "overlap")
        return {
            "model": self.model,
            "dataset": self.dataset,
            "simulated": self.simulated,
            **self.settings.as_dict(),
            "step_s": self.step_s,
            "roles": list(self.roles),
            "left_out": list(self.left_out),
            **{name: json_rows(getattr(self, name)) for name in tables},
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class PairTables:
    """Tables of `analyse_faces`, as in `ConversationResult`."""

    table: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    windows: pd.DataFrame
    turns: pd.DataFrame
    overlap: pd.DataFrame


def analyse_faces(
    faces: Sequence[TalkingFaces],
    things: pd.DataFrame,
    step_s: float,
    settings: ConversationSettings,
    progress: Listener = silent,
) -> PairTables:
    """The tables of conversations on one clock.

    Parameters
    ----------
    faces: conversations of at least `ConversationSettings.least_s`. things: C rows: kind, thing, description.
    step_s: of the clock.

    Raises `DataError` without a conversation, and for one that is too short.
    """
    _require_lengths(faces, step_s, settings)
    lag, window = round(settings.max_lag_s / step_s), round(settings.window_s / step_s)
    orders = draw_orders([one.steps for one in faces], lag, settings.surrogates, settings.seed)
    prepared = [[(centred_track(t, window), answers(t, lag), _shows(t, settings)) for t in one.tracks] for one in faces]
    curves = _curves(prepared, orders, lag, progress)
    ratios = {FORWARD: _ratios(prepared, orders, False), BACKWARD: _ratios(prepared, orders, True)}
    correlation, drawn = _correlation_rows(curves, orders, step_s, settings)
    rows = [correlation, *(_answer_rows(one, orders, lag, name, settings) for name, one in ratios.items())]
    onsets = sum(track.onset.sum(0) for one in faces for track in one.tracks)
    counted = curves.weight.sum(0).astype(int)
    status = np.where(counted >= settings.min_conversations, TESTED, RARE)
    parts = [
        pd.concat([things, row.assign(conversations=counted, onsets=onsets, status=status)], axis=1) for row in rows
    ]
    table = _corrected(pd.concat(parts, ignore_index=True))
    return PairTables(
        table=table,
        curves=_long_curves(drawn, things[status == TESTED], step_s, lag),
        pairs=_pair_rows(faces, prepared, things, step_s, lag),
        windows=_windows(faces, table, things, step_s, settings),
        turns=pd.DataFrame(_turn_rows(faces, step_s)),
        overlap=_overlap(faces, orders, lag, settings),
    )


def _require_lengths(faces: Sequence[TalkingFaces], step_s: float, settings: ConversationSettings) -> None:
    if not faces:
        raise DataError("conversations", "none", "one or more")
    for one in faces:
        if one.steps * step_s < settings.least_s - step_s:
            found = f"{one.steps * step_s:.1f} s with all of its faces"
            raise DataError(one.name, found, f"{settings.least_s:g} s: eight of the largest lag")


_Prepared = tuple[Centred, Answers, np.ndarray]
"""Of one face, and (C,) whether it shows each thing often enough."""


def _shows(track: FaceTrack, settings: ConversationSettings) -> np.ndarray:
    return track.onset.sum(0) >= settings.min_onsets


def _between(first: list[_Prepared], second: list[_Prepared]) -> Iterator[tuple[_Prepared, _Prepared]]:
    """Every pair of a first with a later one: within a conversation, or with the places of another's."""
    for p, q in combinations(range(max(len(first), len(second))), 2):
        if p < len(first) and q < len(second):
            yield first[p], second[q]


def _mean_z(first: list[_Prepared], second: list[_Prepared]) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) mean z over pairs of two conversations (or of one), and (C,) whether a pair counts."""
    pairs = [(correlations(a[0], b[0]), (a[2] & b[2]).astype(float)) for a, b in _between(first, second)]
    total, weight = np.sum([z * both for z, both in pairs], 0), np.sum([both for _, both in pairs], 0)
    return np.divide(total, weight, out=np.zeros(total.shape), where=weight > 0), weight > 0


def _curves(prepared: list[list[_Prepared]], orders: Orders, lag: int, progress: Listener) -> Curves:
    lags = np.arange(-lag, lag + 1)
    own, weight, cross, cross_weight = [], [], {}, {}
    for i, one in enumerate(prepared):
        progress(Progress(task="conversations", done=i, total=len(prepared)))
        z, counts = _mean_z(one, one)
        own.append(np.concatenate([z[-lag:], z, z[:lag]]).astype(np.float32))
        weight.append(counts)
        cross[i, i], cross_weight[i, i] = own[i][: 2 * lag + 1], counts.astype(float)
    for i, j in _strangers(orders):
        z, counts = _mean_z(prepared[i], prepared[j])
        cross[i, j], cross_weight[i, j] = z[lags % len(z)].astype(np.float32), counts.astype(float)
    return Curves(lags=2 * lag + 1, own=own, weight=np.array(weight, float), cross=cross, cross_weight=cross_weight)


def _strangers(orders: Orders) -> Iterator[tuple[int, int]]:
    """Pairs of different conversations of one block."""
    for block in orders.blocks:
        for i in block.tolist():
            yield from ((i, j) for j in block.tolist() if j != i)


def _ratios(prepared: list[list[_Prepared]], orders: Orders, backward: bool) -> Ratios:
    def summed(i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = [
            answered(b[1], a[1]) if backward else answered(a[1], b[1]) for a, b in _between(prepared[i], prepared[j])
        ]
        return np.sum([above for above, _ in pairs], 0), np.sum([below for _, below in pairs], 0)

    return _ratios_of(len(prepared), orders, summed)


def _ratios_of(count: int, orders: Orders, summed: Callable[[int, int], tuple[np.ndarray, np.ndarray]]) -> Ratios:
    """Sums within each of `count` conversations, and without a shift between those of one block."""
    own = [summed(i, i) for i in range(count)]
    cross = {(i, i): (above[0], below[0]) for i, (above, below) in enumerate(own)}
    for i, j in _strangers(orders):
        above, below = summed(i, j)
        cross[i, j] = above[0], below[0]
    return Ratios(own, cross)


def _correlation_rows(
    curves: Curves, orders: Orders, step_s: float, settings: ConversationSettings
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Rows of `CORRELATION`, and the mean curves with their bands, (L, C) each."""
    each, weight = curves.observed().astype(float), curves.weight
    mean = curves.shifted(np.zeros(len(each), int))
    null = [curves.shifted(one) for one in orders.shifts]
    peaks = np.stack([_largest(one) for one in null])
    band = np.nanpercentile(np.nan_to_num(np.stack(null[:_BAND_OF])), _SURE, axis=0)
    at = np.argmax(np.abs(np.nan_to_num(mean)), 0)
    columns = np.arange(mean.shape[1])
    boot, boot_lag, boot_lead, low, high = _resampled(each, weight, at, settings)
    lead = _asymmetry(mean)
    rows = {
        "measure": CORRELATION,
        "direction": TOGETHER,
        "value": np.tanh(mean[at, columns]),
        "base": np.tanh(peaks.mean(0)),
        **_interval("", np.tanh(boot)),
        "lag_s": peak_lag(mean, at) * step_s,
        **_interval("lag_", boot_lag * step_s),
        "lead": lead,
        **_interval("lead_", boot_lead),
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
    low, high = _percentiles(np.concatenate(curves))
    return np.concatenate(peak), np.concatenate(lag), np.concatenate(lead), low, high


def _percentiles(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of (R, …) over the first axis; NaN where nothing is known."""
    known = np.isfinite(values).any(0)
    low, high = np.nanpercentile(np.where(known, values, 0.0), _SURE, axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _interval(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    low, high = _percentiles(values)
    return {f"{name}low": low, f"{name}high": high}


def _lead_p(each: np.ndarray, weight: np.ndarray, settings: ConversationSettings) -> np.ndarray:
    """(C,) p of the lead under exchange of first and second within conversations (the paired t of `groups`)."""
    lead = np.where(weight > 0, _asymmetry(each), np.nan)
    enough = (weight > 0).sum(0) > 1
    p = permutation.paired(np.zeros(lead.shape), lead, permutations=settings.surrogates, seed=settings.seed)
    return np.where(enough, p, np.nan)


def _answer_rows(
    ratios: Ratios, orders: Orders, lag: int, direction: str, settings: ConversationSettings
) -> pd.DataFrame:
    """Rows of `ANSWERS`: one-sided tests of more answers than by chance."""
    return pd.DataFrame({"measure": ANSWERS, "direction": direction, **_ratio_row(ratios, orders, lag, settings)})


def _ratio_row(ratios: Ratios, orders: Orders, lag: int, settings: ConversationSettings) -> dict[str, np.ndarray]:
    above, below = ratios.observed()
    chance = ratios.by_chance(lag)
    value, base = _share(above.sum(0), below.sum(0)), _share(chance[0].sum(0), chance[1].sum(0))
    draw = np.random.default_rng([settings.seed, 47]).multinomial(
        len(above), np.full(len(above), 1 / len(above)), settings.resamples
    )
    shares, chances = _share(draw @ above, draw @ below), _share(draw @ chance[0], draw @ chance[1])
    rows = {"value": value, "base": base, **_interval("", shares), "strength": beyond_chance(value, base)}
    rows |= _interval("strength_", beyond_chance(shares, chances))
    rows["p_shift"] = share_above(value, np.stack([ratios.shifted(one) for one in orders.shifts]))
    rows["p_shuffled"] = np.full(len(value), np.nan)
    if orders.partners is not None:
        rows["p_shuffled"] = share_above(value, np.stack([ratios.shuffled(one) for one in orders.partners]))
    return rows


def beyond_chance(value: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The share of onsets that are answered beyond chance: value = strength + (1 − strength) · base, where an
    onset that is not answered is followed by chance as often as any time is (as kappa corrects for chance)."""
    return np.divide(value - base, 1 - base, out=np.full(np.shape(value), np.nan), where=1 - base > 1e-9)


def _share(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    """The table with q of every p by Benjamini–Hochberg over the things of a kind (both directions of answers
    together), the smallest p first; p of things that are too rare are left out."""
    rare = table["status"] != TESTED
    for name in _TESTS:
        table.loc[rare, name] = np.nan
        q = table.groupby(["kind", "measure"], sort=False)[name].transform(lambda p: adjusted_over_known(p.to_numpy()))
        table[f"q{name[1:]}"] = q
    order = ["p_shift", "p_shuffled", "kind", "measure", "thing"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def _long_curves(drawn: dict[str, np.ndarray], things: pd.DataFrame, step_s: float, lag: int) -> pd.DataFrame:
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


def _pair_rows(
    faces: Sequence[TalkingFaces], prepared: list[list[_Prepared]], things: pd.DataFrame, step_s: float, lag: int
) -> pd.DataFrame:
    """The peak of every pair and thing that both show."""
    lags, parts = np.arange(-lag, lag + 1), []
    for one, held in zip(faces, prepared, strict=True):
        for p, q in combinations(range(len(held)), 2):
            z = correlations(held[p][0], held[q][0])
            z, both = z[lags % len(z)], held[p][2] & held[q][2]
            at = np.argmax(np.abs(z), 0)
            rows = {
                "conversation": one.name,
                "first": one.tracks[p].recording,
                "second": one.tracks[q].recording,
                "kind": things["kind"].to_numpy(),
                "thing": things["thing"].to_numpy(),
                "r": np.tanh(z[at, np.arange(z.shape[1])]),
                "lag_s": peak_lag(z, at) * step_s,
                "lead": _asymmetry(z),
            }
            parts.append(pd.DataFrame(rows)[both])
    return pd.concat(parts, ignore_index=True)


def _windows(
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


def _turn_rows(faces: Sequence[TalkingFaces], step_s: float) -> Iterator[dict[str, Any]]:
    for one in faces:
        for first, second in combinations(one.tracks, 2):
            if first.speech is not None and second.speech is not None:
                turns: Turns = count_turns(first.speech, second.speech, step_s)
                names = {"conversation": one.name, "first_face": first.recording, "second_face": second.recording}
                yield {**names, "source": first.speech_from, **vars(turns)}


def _overlap(faces: Sequence[TalkingFaces], orders: Orders, lag: int, settings: ConversationSettings) -> pd.DataFrame:
    """One row of the share of time in which both speak, tested to either side of what surrogates give."""
    speech = [[track.speech for track in one.tracks if track.speech is not None] for one in faces]
    if any(len(spoken) < len(one.tracks) for spoken, one in zip(speech, faces, strict=True)):
        return pd.DataFrame(columns=list(_OVERLAP))

    def summed(i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = [_spoken_together(a, b) for p, a in enumerate(speech[i]) for q, b in enumerate(speech[j]) if p < q]
        return np.sum([above for above, _ in pairs], 0), np.sum([below for _, below in pairs], 0)

    ratios = _ratios_of(len(faces), orders, summed)
    row = _ratio_row(ratios, orders, lag, settings)
    for name, orders_of, share in (
        ("p_shift", orders.shifts, ratios.shifted),
        ("p_shuffled", orders.partners, ratios.shuffled),
    ):
        if orders_of is not None:
            null = np.stack([share(one) for one in orders_of])
            centre = null.mean(0)
            row[name] = share_above(np.abs(row["value"] - centre), np.abs(null - centre))
    return pd.DataFrame({**row, "conversations": len(faces)})[list(_OVERLAP)]


def _spoken_together(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1) steps in which both speak, and in which both are known, at every circular shift of the second."""
    size = min(len(first), len(second))
    a, b = first[:size, None], second[:size, None]
    known = np.isfinite(a).astype(float), np.isfinite(b).astype(float)
    return np.rint(cross_sums(np.nan_to_num(a), np.nan_to_num(b))), np.rint(cross_sums(*known))
