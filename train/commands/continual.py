"""`dfe probe --continual`: classes or sites arrive one after another."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dfe_core.artefact_names import aus_alone
from dfe_core.errors import DataError
from dfe_core.expressions.sealed_text import sealed_sentence
from dfe_core.progress import Listener

from ..tables import facts, table_of

if TYPE_CHECKING:
    from dfe_core.probes.settings import ProbeSettings


def run_continual(args: argparse.Namespace, settings: ProbeSettings, progress: Listener) -> dict[str, Any]:
    """The JSON of learning in sequence. Raises `DataError` for options that do not go with it."""
    from dfe_core.probes.continual import ContinualSettings, probe_continually

    refuse_beside("--continual", args)
    if args.features is None:
        settings = replace(settings, features=("au" if aus_alone(settings.model) else "bow",))
    return probe_continually(
        ContinualSettings(probe=settings, order=args.continual, memory=args.continual_memory), progress=progress
    ).to_json()


def refuse_beside(chosen: str, args: argparse.Namespace) -> None:
    """Raise `DataError` for the first option of a probe that has no meaning beside `chosen`."""
    for option, given in (
        ("--out", args.out),
        ("--sequence", args.sequence),
        ("--confounds", args.confounds),
        ("--regress-out", args.regress_out),
        ("--codebook", args.codebook != "shared"),
        ("--split", args.split != "kfold"),
        ("--models", args.models != "linear"),
        ("--continual", args.continual is not None and chosen != "--continual"),
    ):
        if given:
            raise DataError(option, f"has no meaning for {chosen}", "it left out")


def continual_text(result: dict[str, Any]) -> str:
    """The result as text."""
    head = facts(
        [
            ("label", result["label"]),
            ("data", "simulated" if result["simulated"] else "real"),
            ("features", result["features"]),
            ("arrive", "classes" if result["by_class"] else f"units, by {result['order'].partition(':')[0]}"),
            ("order", ", ".join(result["arrivals"])),
            ("n", result["n"]),
            ("subjects", result["subjects"]),
            ("chance", f"{result['chance']:.3f}"),
        ]
    )
    columns: dict[str, Any] = {
        "learner": "learner",
        "metric": "metric",
        "score": lambda row: f"{row['score']:.3f}",
        "95 % interval": lambda row: f"{row['low']:.3f} to {row['high']:.3f}",
        "in other orders": lambda row: "" if row["lowest"] is None else f"{row['lowest']:.3f} to {row['highest']:.3f}",
        "units kept": "kept",
    }
    differences: dict[str, Any] = {
        "mixture less": "with",
        "final score": lambda row: f"{row['difference']:+.3f}",
        "95 % interval": lambda row: f"{row['low']:+.3f} to {row['high']:+.3f}",
    }
    notes = [f"note: {sentence}" for sentence in (sealed_sentence(result["sealed"]),) if sentence]
    return "\n\n".join(
        [
            head,
            table_of(result["scores"], columns),
            _matrix_text(result),
            table_of(result["differences"], differences),
            *notes,
        ]
    )


def _matrix_text(result: dict[str, Any]) -> str:
    """Recall of every part after every arrival, of the mixture."""
    cells = {(row["after"], row["part"]): row["recall"] for row in result["matrix"] if row["learner"] == "mixture"}
    rows = [
        {"mixture, after": after, **{part: f"{cells[after, part]:.2f}" for part in result["arrivals"]}}
        for after in result["arrivals"]
    ]
    columns: dict[str, Any] = {name: name for name in rows[0]}
    return table_of(rows, columns)
