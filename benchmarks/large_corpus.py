"""A corpus of any size for the benchmarks: the simulated data of the cache over and over."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording

NAME = "large"


def write_corpus(root: Path, frames: int, longest: int = 3600, decimals: int | None = None) -> None:
    """Write the dataset ``large`` of `frames` frames, or a little more, each copy with another gain and for another
    subject; recordings are cut to `longest` frames. decimals: of ψ, as trackers write them; None leaves all."""
    small, rng, count, copy = Dataset.open("simulated"), np.random.default_rng(0), 0, 0
    labels, rows = small.recordings.set_index("recording"), slice(0, longest)
    with open_writer(NAME, small.names, root) as writer:
        while count < frames:
            for part in small.iter_frames():
                row = labels.loc[part.recording]
                psi = part.psi[rows] * np.float32(rng.uniform(0.85, 1.15))
                psi = psi if decimals is None else psi.round(decimals)
                writer.add(
                    Recording(
                        name=f"{part.recording}-{copy:03d}",
                        names=small.names,
                        psi=psi,
                        time_s=part.time_s[rows],
                        frame=part.frame[rows],
                        valid=part.valid[rows],
                        fps=float(row["fps"]),
                        space="arkit",
                        extractor="simulated",
                        subject=f"{row['subject']}-{copy:03d}",
                    ),
                    {name: row[name] for name in small.labels},
                )
                count += len(psi)
                if count >= frames:
                    break
            copy += 1
        writer.close(
            {
                "name": NAME,
                "face": small.face_id,
                "simulated": True,
                "sources": [],
                "dropped": [],
                "notes": ["The simulated data over and over, for a benchmark."],
            }
        )
