"""`dfe probe --regions`: what each region of the face tells of a label."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dfe_core.expressions.sealed_text import sealed_sentence
from dfe_core.progress import Listener

from ..tables import facts, table_of
from .continual import refuse_beside

if TYPE_CHECKING:
    from dfe_core.probes.settings import ProbeSettings


def run_regions(args: argparse.Namespace, settings: ProbeSettings, progress: Listener) -> dict[str, Any]:
    """The JSON of a probe by region. Raises `DataError` for options that do not go with it."""
    from dfe_core.probes.region_fusion import probe_regions

    refuse_beside("--regions", args)
    if args.features is None:
        settings = replace(settings, features=("bow",))
    return probe_regions(settings, progress=progress).to_json()


def regions_text(result: dict[str, Any]) -> str:
    """The result as text."""
    head = facts(
        [
            ("label", result["label"]),
            ("data", "simulated" if result["simulated"] else "real"),
            ("features", result["features"]),
            ("n", result["n"]),
            ("subjects", result["subjects"]),
            ("chance", f"{result['metric']} {result['chance']:.3f}"),
        ]
    )
    columns: dict[str, Any] = {
        "used": lambda row: f"{row['use']} {row['region']}".strip(),
        "codewords": "codewords",
        result["metric"]: lambda row: f"{row['score']:.3f}",
        "95 % interval": lambda row: f"{row['low']:.3f} to {row['high']:.3f}",
        "less early fusion": lambda row: "" if row["use"] == "early" else f"{row['gain']:+.3f}",
        "its 95 % interval": lambda row: (
            "" if row["use"] == "early" else f"{row['gain_low']:+.3f} to {row['gain_high']:+.3f}"
        ),
    }
    notes = [f"note: {sentence}" for sentence in (sealed_sentence(result["sealed"]),) if sentence]
    return "\n\n".join([head, table_of(result["regions"], columns), _magnitudes_text(result["magnitudes"]), *notes])


def _magnitudes_text(rows: list[dict[str, Any]]) -> str:
    """Displacement by region and class, mm."""
    if not rows:
        return "no mesh: how much each region moves is not known in mm"
    columns: dict[str, Any] = {
        "region": "region",
        "class": "level",
        "people": "people",
        "displacement, mm": lambda row: f"{row['displacement_mm']:.2f}",
        "95 % interval": lambda row: "" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}",
    }
    if not any(row["level"] for row in rows):
        del columns["class"]
    return table_of(rows, columns)
