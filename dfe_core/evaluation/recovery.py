"""Do codewords find what was truly there? On simulated data every action is known, frame by frame.

For every action and side, codewords are chosen on the training subjects and scored on held-out ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from dfe_core.evaluation.encoded_part import Encoded, encode_part
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.simulate.truth import presence
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.model import Tokenizer

MIN_FRAMES = 30
"""Actions present in fewer training or test frames are not scored."""
THRESHOLDS = (0.85, 0.9)
_TRAIN_FRAMES = 40_000


def discovered(tokenizer: Tokenizer, codebook: Codebook, data: Dataset, parts: Split, test: Encoded) -> dict[str, Any]:
    """How well one codeword, and a set of at most three, tell each true action on held-out frames.

    Returns per action its AUROC by the best codeword and by the set, each with the codewords; by intensity (the sum
    of a codeword's intensities in the frame) and by presence alone.
    """
    train_tokens, train_strengths, train_truth = _training(tokenizer, codebook, data, parts)
    test_truth, actions, in_facs = _truth_of(data, test)
    rows = []
    for kind in ("intensity", "presence"):
        train = codeword_activations(train_tokens, train_strengths, codebook.size, kind)
        held = codeword_activations(test.tokens, test.intensities, codebook.size, kind)
        rows += [
            {
                "scored_by": kind,
                "action": actions[j][0],
                "side": actions[j][1],
                "in_facs": bool(in_facs[j]),
                **_score(train, train_truth[:, j], held, test_truth[:, j]),
            }
            for j in range(len(actions))
            if min(train_truth[:, j].sum(), test_truth[:, j].sum()) >= MIN_FRAMES
        ]
    return {"actions": len(rows) // 2, "summary": _summary(rows), "per_action": rows}


def codeword_activations(tokens: np.ndarray, intensities: np.ndarray, codewords: int, kind: str) -> np.ndarray:
    """(T, N) tokens to (T, K) float32: summed intensity of each codeword, or 1 where it is present; rest is 0."""
    out = np.zeros((len(tokens), codewords), np.float32)
    for stage in range(tokens.shape[1]):
        np.add.at(out, (np.arange(len(tokens)), tokens[:, stage]), intensities[:, stage])
    return (out > 0).astype(np.float32) if kind == "presence" else out


def rank_auroc(scores: np.ndarray, present: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half; nan when only one class is there."""
    return float("nan") if present.all() or not present.any() else float(roc_auc_score(present, scores))


def choose_codewords(activation: np.ndarray, present: np.ndarray, most: int = 3) -> tuple[list[int], np.ndarray]:
    """Up to `most` columns by orthogonal matching pursuit on presence, and the weights of their least-squares sum.

    The first is the column most correlated with presence. Returns (columns, weights with the intercept first).
    """
    centred = activation - activation.mean(0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-9)
    left, weights = present - present.mean(), np.array([present.mean()])
    chosen: list[int] = []
    for _ in range(most):
        score = unit.T @ left
        score = score if not chosen else np.abs(score)
        score[chosen] = -np.inf
        if score.max() < 1e-9:
            break
        chosen.append(int(score.argmax()))
        design = np.c_[np.ones(len(activation)), activation[:, chosen]]
        weights = np.linalg.lstsq(design, present.astype(float), rcond=None)[0]
        left = present - design @ weights
    return chosen, weights


def _score(train: np.ndarray, train_present: np.ndarray, held: np.ndarray, present: np.ndarray) -> dict[str, Any]:
    chosen, weights = choose_codewords(train, train_present)
    one = rank_auroc(held[:, chosen[0]], present) if chosen else 0.5
    three = rank_auroc(held[:, chosen] @ weights[1:], present) if chosen else 0.5
    return {"codeword": chosen[0] if chosen else None, "auroc_one": one, "codewords": chosen, "auroc_three": three}


def _summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    out: dict[str, float] = {}
    for kind in ("intensity", "presence"):
        scored = [r for r in rows if r["scored_by"] == kind]
        for count in ("one", "three"):
            values = np.array([r[f"auroc_{count}"] for r in scored])
            out |= {f"share_{count}_{kind}_at_{t:g}": float((values >= t).mean()) for t in THRESHOLDS if len(values)}
    return out


def _training(
    tokenizer: Tokenizer, codebook: Codebook, data: Dataset, parts: Split
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = encode_part(tokenizer, codebook, data, parts, "train")
    truth, _, _ = _truth_of(data, found)
    rows = np.arange(0, len(truth), max(1, len(truth) // _TRAIN_FRAMES))
    return found.tokens[rows], found.intensities[rows], truth[rows]


def _truth_of(data: Dataset, found: Encoded) -> tuple[np.ndarray, tuple[tuple[str, str], ...], np.ndarray]:
    """(T, A) presence on the frames that were encoded, the actions, and which of them FACS has."""
    parts, in_facs = [], np.empty(0, bool)
    actions: tuple[tuple[str, str], ...] = ()
    for recording, rows in zip(found.recordings, found.rows, strict=True):
        truth = presence(data, recording)
        parts.append(truth.presence[data.frames(recording).rows(rows)])
        actions, in_facs = truth.actions, truth.in_facs
    return np.concatenate(parts), actions, in_facs
