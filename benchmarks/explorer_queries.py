"""How long the explorer's queries take on a token cache of N frames: ``python -m benchmarks.explorer_queries``.

Tokens are drawn at random (Zipf over 256 codewords, 8 stages, held for 12 frames at 60 Hz, 7,200 frames a recording).
The baseline is the same question asked of the token cache itself by SQL.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.tokens.cache import TokenCache, TokenWriter
from dfe_core.tokens.dynamics import contexts, cooccurring, distribution_over, dynamics, intensity_distribution
from dfe_core.tokens.intervals import build_runs
from dfe_core.tokens.peak_frames import quantile_examples, strongest_moments

STAGES, CODEWORDS, LENGTH, HELD, FPS = 8, 256, 7200, 12, 60
LEVELS = (0.06, 0.1, 0.16, 0.25, 0.4, 0.6, 0.8, 1.0)
BASELINE = (
    "SELECT recording, frame, sum(intensity) AS s FROM events WHERE codeword = 1 GROUP BY recording, frame "
    "ORDER BY s DESC LIMIT 20"
)


def write_tokens(folder: Path, recordings: int) -> TokenCache:
    """A token cache of random tokens."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    chance = 1 / np.arange(1, CODEWORDS + 1)
    writer = TokenWriter(folder, stages=STAGES, codewords=CODEWORDS, levels=LEVELS)
    frame = np.arange(LENGTH)
    for r in range(recordings):
        tokens = np.repeat(rng.choice(CODEWORDS, (LENGTH // HELD, STAGES), p=chance / chance.sum()), HELD, axis=0)
        levels = rng.integers(0, len(LEVELS), (LENGTH, STAGES))
        writer.add(f"r{r}", frame=frame, time_s=frame / FPS, tokens=tokens, levels=levels, error_mm=np.ones(LENGTH))
    writer.close()
    return TokenCache(folder)


def timed(work: Callable[[], object], times: int = 5) -> float:
    """Median milliseconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - started))
    return round(float(np.median(taken)), 1)


def measure(frames: int, folder: Path) -> dict[str, float]:
    """Milliseconds of every query for the commonest codeword, and of the baseline."""
    recordings = max(frames // LENGTH, 1)
    tokens = write_tokens(folder / "tokens" / "model--data", recordings)
    about = pd.DataFrame(
        {"recording": [f"r{i}" for i in range(recordings)], "subject": [f"s{i % 100}" for i in range(recordings)]}
    )
    started = time.perf_counter()
    index = build_runs(tokens)
    result = {
        "frames": tokens.frames,
        "runs_of_codeword": int(index.summary["runs"][1]),
        "index_s": round(time.perf_counter() - started, 1),
    }
    for name, work in {
        "strongest_moments": lambda: strongest_moments(index, 1, about),
        "quantile_examples": lambda: quantile_examples(index, 1, about),
        "dynamics": lambda: dynamics(index, 1),
        "contexts": lambda: contexts(index, 1),
        "cooccurring": lambda: cooccurring(index, 1),
        "intensity_distribution": lambda: intensity_distribution(index, 1),
        "distribution_over": lambda: distribution_over(index, 1, about, "subject"),
    }.items():
        result[f"{name}_ms"] = timed(work)
    result["baseline_sql_ms"] = timed(lambda: tokens.query(BASELINE), times=1)
    result["ratio"] = round(result["baseline_sql_ms"] / result["strongest_moments_ms"], 1)
    result["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=5_000_000)
    with tempfile.TemporaryDirectory() as folder:
        json.dump(measure(parser.parse_args().frames, Path(folder)), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
