"""Simulated performances beside real takes: ``python -m benchmarks.simulation --simulated simulated --real livelink``.

The statistics of `simulation_statistics` on datasets of the cache, as a table in Markdown. Recordings are cut
into windows of 30 s, since correlations and dimensions depend on length; the instructed movements at the start of
simulated recordings are left out. Of real takes: least, median and largest value over recordings' medians; of simulated
ones: the median over windows, and the 10th and 90th centile.
"""

from __future__ import annotations

import argparse

import pandas as pd

from benchmarks.simulation_statistics import STATISTIC_NAMES, dataset_statistics
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face

WINDOW_S = 30.0


def statistics(name: str) -> pd.DataFrame:
    """recording, start_s and `STATISTIC_NAMES` of a dataset's windows, without instructed movements."""
    data = Dataset.open(name)
    skip_s = (data.manifest.get("simulation") or {}).get("instructed_s", 0.0)
    return dataset_statistics(data, open_face(data.face_id), skip_s=skip_s, window_s=WINDOW_S)


def _figure(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.5f}" if 0 < abs(value) < 0.001 else f"{value:.3g}"


def table(real: str | None, simulated: list[str]) -> str:
    """Markdown: a row a statistic; a column for the real takes, then one for each simulated dataset."""
    columns = {}
    if real:
        takes = statistics(real).groupby("recording")[list(STATISTIC_NAMES)].median()
        columns[f"{real}: least, median, largest"] = [
            " / ".join(map(_figure, (takes[s].min(), takes[s].median(), takes[s].max()))) for s in STATISTIC_NAMES
        ]
    for name in simulated:
        windows = statistics(name)
        columns[f"{name}: median (10 %, 90 %)"] = [
            f"{_figure(windows[s].median())} ({_figure(windows[s].quantile(0.1))}, {_figure(windows[s].quantile(0.9))})"
            for s in STATISTIC_NAMES
        ]
    head = ["statistic", *columns]
    rows = [head, ["---"] * len(head), *([s, *(c[i] for c in columns.values())] for i, s in enumerate(STATISTIC_NAMES))]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulated", nargs="+", default=["simulated"], help="datasets made by dfe simulate")
    parser.add_argument("--real", help="a dataset of real takes in ARKit coefficients")
    args = parser.parse_args()
    print(table(args.real, args.simulated))


if __name__ == "__main__":
    main()
