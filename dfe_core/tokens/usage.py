"""How often each codeword is used by one dataset, and at which stage."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.runs import RunIndex


def stage_counts(tokens: TokenCache) -> np.ndarray:
    """(K, N) int64: tokens of each codeword at each stage. Rest, which moves nothing, is not counted."""
    counts = tokens.counts
    cell = counts["codeword"].to_numpy(np.int64) * tokens.stages + counts["stage"].to_numpy(np.int64)
    total = np.bincount(cell, counts["uses"].to_numpy(np.float64), minlength=tokens.codewords * tokens.stages)
    return total.astype(np.int64).reshape(tokens.codewords, tokens.stages)


def usage(tokens: TokenCache, runs: RunIndex) -> pd.DataFrame:
    """K rows: codeword; uses (tokens, over stages); share_of_frames (frames with it at any stage); main_stage
    (0-based, the one that uses it most, −1 where none does); mean_intensity (of its tokens, NaN where there are none).
    """
    by_stage = stage_counts(tokens)
    uses = by_stage.sum(1)
    strength = np.bincount(tokens.counts["codeword"].to_numpy(np.int64), tokens.counts["intensity"],
                           minlength=tokens.codewords)
    frames = np.bincount(runs.presence["codeword"].to_numpy(np.int64), runs.presence["frames"],
                         minlength=tokens.codewords)
    return pd.DataFrame({"codeword": np.arange(tokens.codewords), "uses": uses,
                         "share_of_frames": frames / max(runs.frames, 1),
                         "main_stage": np.where(uses > 0, by_stage.argmax(1), -1),
                         "mean_intensity": np.divide(strength, uses, out=np.full(len(uses), np.nan), where=uses > 0)})
