"""Ways of filling gaps on planted gaps: ``python -m benchmarks.gaps simulated nao``.

For every dataset and seed a gap model is fitted to half of the subjects, calibrated on a quarter and judged on the last
quarter (`dfe_core.gaps`): error on the mesh (root mean square, of the hidden half where one is hidden), coverage of
the 90 % intervals, each a mean over people, with 95 % intervals over people. With several seeds, rows are means over
seeds, and intervals those of their people together.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

import dfe_core as dfe
from dfe_core.faces import open_face
from dfe_core.gaps.settings import FillScore, GapSettings
from dfe_core.gaps.store import find_gap_model

MEDIAPIPE_BLIND = (
    "cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight mouthFrownLeft mouthFrownRight cheekPuff jawForward "
    "jawLeft jawRight mouthStretchLeft"
).split()
"""Coefficients that MediaPipe hardly moves on public clips."""


def scores(dataset: str, settings: GapSettings) -> tuple[FillScore, ...]:
    data = dfe.open_dataset(dataset)
    blind = [name for name in MEDIAPIPE_BLIND if name in data.names]
    return find_gap_model(data, open_face(data.face_id), settings, blind=blind).verdicts


def table(found: list[tuple[FillScore, ...]]) -> list[dict[str, object]]:
    """One row a kind and method, means over the seeds."""
    groups: dict[tuple[str, str], list[FillScore]] = defaultdict(list)
    for one in found:
        for score in one:
            groups[score.kind, score.method].append(score)
    return [
        {
            "gap": kind,
            "filled by": method,
            "error, mm": mean(rows, "error_mm"),
            "low": mean(rows, "low_mm"),
            "high": mean(rows, "high_mm"),
            "in 90 % interval": mean(rows, "coverage"),
            "people": sum(row.people for row in rows),
            "chosen": sum(row.chosen for row in rows),
        }
        for (kind, method), rows in groups.items()
    ]


def mean(rows: list[FillScore], name: str) -> float:
    return float(np.mean([getattr(row, name) for row in rows]))


def markdown(rows: list[dict[str, object]], seeds: int) -> str:
    lines = [
        "| gap | filled by | error, mm | 95 % interval | in 90 % interval | people | chosen |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['gap']} | {r['filled by']} | {r['error, mm']:.3f} | {r['low']:.3f} to {r['high']:.3f} | "
        f"{r['in 90 % interval']:.3f} | {r['people']} | {r['chosen']} of {seeds} |"
        for r in rows
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=GapSettings.steps)
    parser.add_argument("--each", type=int, default=GapSettings.each)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    out = {}
    for dataset in args.datasets:
        found = [scores(dataset, GapSettings(steps=args.steps, each=args.each, seed=s)) for s in range(args.seeds)]
        out[dataset] = table(found)
        print(
            f"\n{dataset}: {args.seeds} seeds, {args.steps} steps\n\n{markdown(out[dataset], args.seeds)}", flush=True
        )
    if args.out:
        args.out.write_text(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
