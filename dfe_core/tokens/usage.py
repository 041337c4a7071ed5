"""How often each codeword is used by one dataset, how far it then moves the face, and at which stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import RunIndex
from dfe_core.tokens.presence import codeword_sizes


def token_counts_by_stage(tokens: TokenCache) -> np.ndarray:
    """(K, N) int64: tokens of each codeword at each stage. Rest, which moves nothing, is not counted."""
    counts = tokens.counts
    cell = counts["codeword"].to_numpy(np.int64) * tokens.stages + counts["stage"].to_numpy(np.int64)
    total = np.bincount(cell, counts["uses"].to_numpy(np.float64), minlength=tokens.codewords * tokens.stages)
    return total.astype(np.int64).reshape(tokens.codewords, tokens.stages)


def usage(tokens: TokenCache, runs: RunIndex) -> pd.DataFrame:
    """K rows, by the rule of `tokens.presence` but for uses and main_stage, which count every token.

    codeword; uses (tokens); main_stage (0-based, the one that uses it most, −1 where none does); presences (runs);
    share_of_frames in which it is present; of these frames mean_intensity, typical_mm and largest_mm (median and
    maximum of its displacement); NaN where there are none or its size is unknown.
    """
    by_stage, size = token_counts_by_stage(tokens), tokens.codewords
    frames, strength = (
        np.bincount(runs.presence["codeword"].to_numpy(np.int64), runs.presence[column], minlength=size)
        for column in ("frames", "intensity")
    )
    return pd.DataFrame(
        {
            "codeword": np.arange(size),
            "uses": by_stage.sum(1),
            "main_stage": np.where(by_stage.any(1), by_stage.argmax(1), -1),
            "presences": runs.summary["runs"].to_numpy(np.int64),
            "share_of_frames": frames / max(runs.frames, 1),
            "mean_intensity": np.divide(strength, frames, out=np.full(size, np.nan), where=frames > 0),
        }
        | _displacements(runs.intensities, codeword_sizes(tokens))
    )


def shares_of_frames(runs: RunIndex, recordings: Sequence[str]) -> np.ndarray:
    """(K,) share of the frames of some recordings in which each codeword is present."""
    counted, rows = runs.presence, runs.recordings
    counted = counted[counted["recording"].astype(str).isin(recordings)]
    total = rows.loc[rows["recording"].astype(str).isin(recordings), "frames"].sum()
    frames = np.bincount(counted["codeword"].to_numpy(np.int64), counted["frames"], minlength=runs.codewords)
    return frames / max(int(total), 1)


def recording_usage(runs: RunIndex, recording: str) -> pd.DataFrame:
    """Codewords that are present in one recording, the most frequent first: codeword, share_of_frames (of its frames
    with tokens), first_s (start of the first presence)."""
    counted = runs.presence[runs.presence["recording"].astype(str) == recording]
    total = runs.recordings.loc[runs.recordings["recording"].astype(str) == recording, "frames"].sum()
    table = pd.DataFrame(
        {
            "codeword": counted["codeword"].to_numpy(np.int64),
            "share_of_frames": counted["frames"].to_numpy(np.float64) / max(int(total), 1),
        }
    )
    table["first_s"] = table["codeword"].map(runs.first_seen(recording)).astype(np.float64)
    return table.sort_values(["share_of_frames", "codeword"], ascending=[False, True]).reset_index(drop=True)


def _displacements(intensities: pd.DataFrame, sizes_mm: np.ndarray) -> dict[str, np.ndarray]:
    """(K,) typical_mm and largest_mm over the frames in which each codeword is present."""
    typical, largest = np.full(len(sizes_mm), np.nan), np.full(len(sizes_mm), np.nan)
    for _, rows in intensities.sort_values("intensity").groupby("codeword"):
        codeword, count = int(rows["codeword"].iloc[0]), rows["frames"].cumsum().to_numpy()
        values = rows["intensity"].to_numpy() * sizes_mm[codeword]
        typical[codeword], largest[codeword] = values[np.searchsorted(count, count[-1] / 2)], values[-1]
    return {"typical_mm": typical, "largest_mm": largest}
