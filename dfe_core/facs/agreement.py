"""Moments to look at: a codeword's strongest, and those at which a codeword and an AU agree or only one is there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.facs.signals import AuSignals
from dfe_core.facs.store import AlignedAus, present
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.intervals import find_runs
from dfe_core.tokens.presence import codeword_sizes

KINDS = ("both", "codeword only", "AU only")
_RECORDINGS = 8  # of those that use the codeword most: enough to show from, few enough to read while someone waits
_MAX_GAP_S = 0.1


def agreement_examples(
    tokens: TokenCache, codewords: list[int], count: int = 3, recordings: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The `count` strongest runs of each codeword, one a recording, in the recordings that use it most (of
    `recordings`; empty: of all): codeword, recording, start_s, peak_s, end_s, peak_frame, peak."""
    chosen = {k: _recordings(tokens, set(recordings) or None, k)[:count] for k in codewords}
    parts, sizes = [], codeword_sizes(tokens)
    for name in dict.fromkeys(r for names in chosen.values() for r in names):
        runs = find_runs(tokens.recording(name), sizes)
        wanted = runs[runs["codeword"].isin([k for k in codewords if name in chosen[k]])]
        best = wanted.sort_values(["peak", "frames", "start_s"], ascending=[False, False, True]).groupby("codeword")
        parts.append(best.head(1).assign(recording=name))
    columns = ["codeword", "recording", "start_s", "peak_s", "end_s", "peak_frame", "peak"]
    table = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    return table.sort_values(["codeword", "peak"], ascending=[True, False], kind="stable", ignore_index=True)


def agreement_moments(
    tokens: TokenCache,
    aus: AlignedAus,
    codeword: int,
    au: str,
    side: str,
    *,
    count: int = 5,
    recordings: list[str] | None = None,
    signals: AuSignals | None = None,
) -> pd.DataFrame:
    """The strongest moments of each of `KINDS`: kind, recording, start_s, peak_s, end_s, peak_frame, strength.

    Looked for in the recordings (of `recordings`, default all) that use the codeword most. Strength is codeword
    intensity × AU presence (both), the intensity alone, or the AU's presence alone, summed over the moment in seconds.
    `signals` says when the AU is present; without it `store.present` does. Raises `DataError` for an AU that was not
    measured.
    """
    if (au, side) not in aus.aus:
        raise DataError(aus.name, f"{au} ({side}) was not measured", ", ".join(f"{a} ({s})" for a, s in aus.aus[:6]))
    column = aus.aus.index((au, side))
    allowed = set(aus.recordings) if recordings is None else set(aus.recordings) & set(recordings)
    parts = [
        _moments(tokens.recording(name), aus, codeword, column, signals)
        for name in _recordings(tokens, allowed, codeword)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else _table(np.empty(0), "", {}, np.empty(0, np.int64))
    return (
        table.sort_values(["strength", "recording", "start_s"], ascending=[False, True, True])
        .groupby("kind", sort=False)
        .head(count)
        .sort_values("kind", key=lambda k: k.map(KINDS.index), kind="stable", ignore_index=True)
    )


def _recordings(tokens: TokenCache, allowed: set[str] | None, codeword: int) -> list[str]:
    counts = tokens.counts
    uses = counts[counts["codeword"] == codeword].groupby("recording", observed=True)["uses"].sum()
    ordered = uses.sort_values(ascending=False, kind="stable").index
    return [r for r in ordered if allowed is None or r in allowed][:_RECORDINGS]


def _moments(tokens: Tokens, aus: AlignedAus, codeword: int, column: int, signals: AuSignals | None) -> pd.DataFrame:
    found = aus.recording(tokens.recording)
    if signals is None:
        state = present(found.presence[:, [column]], found.intensity[:, [column]])[:, 0]
        level = np.where(np.isfinite(found.intensity), found.intensity / 5, found.presence)[:, column]
    else:
        state = signals.present(tokens.recording, found)[:, column]
        level = signals.intensity(tokens.recording, found)[:, column] / 5
    known = np.isfinite(state)
    _, at, of = np.intersect1d(tokens.frame, found.frame[known], assume_unique=True, return_indices=True)
    of = np.flatnonzero(known)[of]
    intensity = np.where(tokens.tokens[at] == codeword, tokens.intensities[at], 0).sum(1)
    said, shown = intensity > 0, state[of] == 1
    return _table(
        tokens.time_s[at],
        tokens.recording,
        {
            "both": np.where(said & shown, intensity * level[of], 0),
            "codeword only": np.where(said & ~shown, intensity, 0),
            "AU only": np.where(~said & shown, level[of], 0),
        },
        tokens.frame[at],
    )


def _table(time_s: np.ndarray, recording: str, strengths: dict[str, np.ndarray], frame: np.ndarray) -> pd.DataFrame:
    rows = []
    step = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    for kind, strength in strengths.items():
        at = np.flatnonzero(strength > 0)
        if not len(at):
            continue
        new = np.r_[True, np.diff(time_s[at]) > _MAX_GAP_S + step * 1.001]
        for run in np.split(at, np.flatnonzero(new)[1:]):
            peak = run[strength[run].argmax()]
            rows.append(
                (
                    kind,
                    recording,
                    time_s[run[0]],
                    time_s[peak],
                    time_s[run[-1]] + step,
                    int(frame[peak]),
                    float(strength[run].sum() * step),
                )
            )
    return pd.DataFrame(rows, columns=["kind", "recording", "start_s", "peak_s", "end_s", "peak_frame", "strength"])
