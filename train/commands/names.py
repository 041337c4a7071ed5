"""`dfe names`: what every codeword is called, and whether it does so on recordings that the codebook never saw."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dfe_core.progress import Listener

from ..tables import facts, table
from .output import add_json_option, deliver

if TYPE_CHECKING:
    from dfe_core.facs.codeword_names import CodewordName
    from dfe_core.facs.name_scores import CheckedNames

DESCRIPTION = (
    "Name every codeword by the parts of the face that move and by its action units, and check the names "
    "on held-out moments of a dataset. Without --aus, action units are named by shape alone."
)
PICKS = (
    "name picks: share of pairs of moments of one subject, alike in amount of movement, of which one shows the "
    "codeword, in which the sentence alone finds it; chance 0.5. own movement: the same for its whole movement."
)
EXAMPLES = ("dfe names codebook1 study1", "dfe names codebook1 study1 --aus openface --json names.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    parser.add_argument("dataset", metavar="DATASET", help="that the model encoded")
    parser.add_argument("--aus", metavar="NAME", help="action units of the dataset that the names are held against")
    parser.add_argument("--seed", type=int, default=0, help="of the moments without a codeword (default: 0)")
    add_json_option(parser)


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.facs.name_scores import check_names

    checked = check_names(args.model, args.dataset, args.aus, seed=args.seed, progress=progress)
    records = [record(k, name, checked) for k, name in enumerate(checked.names)]
    head = facts(
        [
            ("model", args.model),
            ("dataset", args.dataset),
            ("checked on", checked_on(checked)),
            ("action units", against(checked)),
        ]
    )
    rows = [(r["codeword"], r["name"], r["facs"], r["moments"], r["moved_share"], *_picked(r)) for r in records]
    heads = (
        "codeword",
        "name",
        "action units",
        "moments",
        "moved as named",
        "name picks",
        "95 % interval",
        "own movement",
    )
    text = f"{table(heads, rows)}\n\n{PICKS}"
    deliver(
        {
            "model": args.model,
            "dataset": args.dataset,
            "aus": checked.aus,
            "estimate": checked.estimate,
            "held_out": checked.scores.held_out,
            "recordings": list(checked.scores.recordings),
            "codewords": records,
        },
        f"{head}\n\n{text}",
        args.json,
    )


def checked_on(checked: CheckedNames) -> str:
    """Which recordings."""
    count = len(checked.scores.recordings)
    return (
        f"{count} held-out recordings"
        if checked.scores.held_out
        else f"all {count} recordings (not proven to be new to the codebook)"
    )


def against(checked: CheckedNames) -> str:
    """What the action units rest on."""
    if not checked.aus:
        return "by shape alone"
    return f"by shape and “{checked.aus}”" + (", estimates from the same coefficients" if checked.estimate else "")


def record(number: int, name: CodewordName, checked: CheckedNames) -> dict[str, Any]:
    """One codeword for the JSON."""
    from dfe_core.facs.codeword_names import facs_label
    from dfe_core.tokens.phrasing import part_sizes, plain_name

    row = checked.scores.of(number)
    figures = {
        key: None if row is None else _number(row[key])
        for key in ("subjects", "moments", "moved_share", "moved_auroc", "moved_low", "moved_high")
    }
    sentence = checked.scores.sentence_of(number)
    picks = {
        key: None if sentence is None else _number(sentence[key])
        for key in ("subjects", "moments", "pairs", "accuracy", "low", "high", "other_sentences", "own_movement")
    }
    return {
        "codeword": number,
        "name": plain_name(name.description),
        "parts": part_sizes(name.description),
        "side": name.description.side,
        "contrast": name.description.contrast,
        "verdict": name.verdict.value,
        "facs": facs_label(name),
        "cosine": _number(name.cosine),
        "action_units": _units(name.action_units),
        "rejected": _units(name.rejected),
        **figures,
        "sentence": picks if sentence is not None else None,
    }


def _picked(record: dict[str, Any]) -> tuple[Any, ...]:
    """Score of the sentence, its interval, and what the whole movement reaches; for the table."""
    picks = record["sentence"]
    if picks is None:
        return "not scored", None, None
    interval = None if picks["low"] is None else f"{picks['low']:.2f} to {picks['high']:.2f}"
    return picks["accuracy"], interval, picks["own_movement"]


def _units(units: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "au": u.au,
            "side": u.side,
            "stronger": u.stronger,
            "strength": _number(u.strength),
            "auroc": _number(u.auroc),
            "confirmed": u.confirmed,
        }
        for u in units
    ]


def _number(value: float) -> float | int | None:
    number = float(value)
    if number != number:
        return None
    return int(number) if number.is_integer() and abs(number) > 1 else number
