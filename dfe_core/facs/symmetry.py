"""Symmetric and one-sided displays, per subject: in frames and in the tokens that make them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import interval, subject_weights
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.surface import DISPLAYS
from dfe_core.tokenizer.codebook import Codebook

SIDES = ("symmetric", "left", "right")


def symmetry_by_subject(aggregates: Aggregates, codebook: Codebook) -> pd.DataFrame:
    """subject, frames, still, symmetric, left, right (shares of frames), balance (mean over moving frames of the
    left–right difference of squared displacement over its sum: −1 all right … 1 all left), and token_symmetric,
    token_left, token_right (shares of the tokens that move something)."""
    codes, count = aggregates.subject_codes, len(aggregates.subjects)
    shown, balance = np.zeros((count, len(DISPLAYS))), np.zeros(count)
    np.add.at(shown, codes, aggregates.arrays["displays"])
    np.add.at(balance, codes, aggregates.arrays["balance"])
    frames, moving = shown.sum(1), shown[:, 1:].sum(1)
    tokens = _tokens_by_side(aggregates, codebook)
    share = tokens / np.maximum(tokens.sum(1, keepdims=True), 1)
    table = (
        {"subject": aggregates.subjects, "frames": frames.astype(np.int64)}
        | {name: shown[:, i] / frames for i, name in enumerate(DISPLAYS)}
        | {"balance": np.divide(balance, moving, out=np.full(count, np.nan), where=moving > 0)}
        | {f"token_{side}": share[:, i] for i, side in enumerate(SIDES)}
    )
    return pd.DataFrame(table)


def _tokens_by_side(aggregates: Aggregates, codebook: Codebook) -> np.ndarray:
    a, bins = aggregates.arrays, len(aggregates.edges)
    code = codebook.table["side"].map({name: i for i, name in enumerate(SIDES)}).fillna(-1).to_numpy(np.int64)
    side = code[a["row_key"] // bins]
    known = side >= 0
    total = np.zeros((len(aggregates.subjects), len(SIDES)))
    np.add.at(total, (aggregates.subject_codes[a["row_group"][known]], side[known]), a["row_count"][known])
    return total


def symmetry_summary(
    by_subject: pd.DataFrame, codewords: pd.DataFrame, settings: CoverageSettings, seed: int
) -> pd.DataFrame:
    """what, share, low, high, n: shares of frames and of tokens with 95 % intervals over subjects, then the share of
    codewords in use on each side (counts of codewords: no interval)."""
    subjects = len(by_subject)
    weights = subject_weights(subjects, settings.resamples, seed)
    rows = []
    for kind, names in (("frames", DISPLAYS), ("tokens", tuple(f"token_{s}" for s in SIDES))):
        values = by_subject[list(names)].to_numpy() * by_subject[["frames"]].to_numpy()
        share = values.sum(0) / values.sum()
        sampled = weights @ values
        low, high = (
            interval(sampled / sampled.sum(1, keepdims=True))
            if subjects >= settings.min_subjects
            else np.full((2, len(names)), np.nan)
        )
        rows += [
            {"of": kind, "what": n.removeprefix("token_"), "share": s, "low": a, "high": b, "n": subjects}
            for n, s, a, b in zip(names, share, low, high, strict=True)
        ]
    used = codewords[codewords["judged"]]
    rows += [
        {
            "of": "codewords",
            "what": side,
            "share": float((used["side"] == side).mean()) if len(used) else np.nan,
            "low": np.nan,
            "high": np.nan,
            "n": len(used),
        }
        for side in SIDES
    ]
    return pd.DataFrame(rows)
