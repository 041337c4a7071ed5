"""How well words find the moments of held-out people, and what limits a reading of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.probes.prompts import action_words
from dfe_core.probes.scores import weighted_auroc
from dfe_core.probes.text import TextEncoder

_MIN_WINDOWS, _FEW = 5, 10
"""Fewer windows with (or without) an AU are not judged by; fewer held-out people are said beside the figures."""
_BARELY = 0.6
"""A mean AUROC below this is called no better than chance."""


def retrieval(
    encoder: TextEncoder, vectors: np.ndarray, part: np.ndarray, shown: np.ndarray, actions: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """How well held-out windows that show an AU are told from those that do not, by the words for it alone.

    Parameters
    ----------
    vectors: (n, W) of unit length. part: (n,) train, validation or test. shown: (n, A) bool; actions: their A names.

    Returns ``retrieval`` (au, side, text, windows that show it, auroc, precision_at_10; chance is 0.5 and the share of
    windows that show it) and ``retrieval_auroc``, their mean, None where no AU can be judged.
    """
    held, rows = part == "test", []
    for column, (au, side) in enumerate(actions):
        there = shown[held, column].astype(int)
        if min(there.sum(), (1 - there).sum()) < _MIN_WINDOWS:
            continue
        text = action_words(au, side)
        near = vectors[held] @ encoder.encode([text])[0]
        first = there[np.argsort(-near, kind="stable")[:10]]
        area = weighted_auroc(there, np.stack([-near, near], 1), np.ones((1, len(there))))[0]
        rows.append(
            {
                "au": au,
                "side": side,
                "text": text,
                "windows": int(there.sum()),
                "auroc": float(area),
                "precision_at_10": float(first.mean()),
            }
        )
    return {"retrieval": rows, "retrieval_auroc": float(np.mean([r["auroc"] for r in rows])) if rows else None}


def held_out(table: pd.DataFrame) -> dict[str, int]:
    """How many windows were held out, and of how many people (columns part and subject)."""
    held = table[table["part"] == "test"]
    return {"held_out_windows": len(held), "held_out_subjects": int(held["subject"].nunique())}


def classified(vectors: np.ndarray, anchors: np.ndarray, anchor: np.ndarray, part: np.ndarray) -> dict[str, Any]:
    """How often the nearest prompt of a held-out window is its own: mean over classes of the recall (UAR).

    vectors: (n, W); anchors: (C, W) of the prompts; anchor: (n,) own prompt, negative for windows without one.
    """
    rows = np.flatnonzero((part == "test") & (anchor >= 0))
    nearest = (vectors[rows] @ anchors.T).argmax(1)
    recalls = [float((nearest[anchor[rows] == k] == k).mean()) for k in np.unique(anchor[rows])]
    return {
        "uar": float(np.mean(recalls)) if recalls else None,
        "chance": 1 / len(anchors),
        "windows": len(rows),
        "classes": len(recalls),
    }


def notes(
    simulated: bool, split_by: str, table: pd.DataFrame, plain_words: bool, aus: str | None, area: float | None
) -> list[str]:
    """What limits a reading of the figures and of what a query finds. area: `retrieval`'s mean AUROC."""
    people, windows = held_out(table)["held_out_subjects"], held_out(table)["held_out_windows"]
    found = []
    if aus is not None and (area is None or area < _BARELY):
        found.append(
            f"Moments that were held out ({windows}) are not found better than by chance: what a query lists "
            "here is hardly more than a guess. More recordings would help."
        )
    if simulated:
        found.append("Simulated data: the figures say how the method works, nothing about people.")
    if split_by != "subject":
        found.append(
            "Too few people to hold any out: the figures are of other "
            f"{'stretches of the same recordings' if split_by == 'time' else 'recordings of the same people'}"
            ", a demonstration, not evidence about other people."
        )
    elif people < _FEW:
        found.append(f"The figures are of {people} people: they would differ with others.")
    if aus is not None:
        found.append(
            f"Whether a moment shows an action is what the AUs “{aus}” say; where they are wrong, so is the figure."
        )
    found.append(
        "Similarities rank the moments and are no probabilities: the best moment for a description that "
        "nobody shows is still listed."
    )
    if plain_words:
        found.append(
            "The text encoder knows words of facial actions and basic emotions and no others; word order and "
            "negation mean nothing to it."
        )
    return found
