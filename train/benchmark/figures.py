"""The columns of the tokenizer table."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from dfe_core.evaluation.recovery import MIN_FRAMES, choose_codewords, rank_auroc
from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.geometry import codeword_geometry
from dfe_core.tokenizer.mesh_inner_product import displacement_cosine, mesh_factor
from dfe_core.tokenizer.switching_rate import changes_and_speed, flicker

from .methods import Outcome
from .sample import Sample

AREAS = {"brow": ("brow",), "eye": ("eye",), "mouth": ("upper lip", "lower lip", "mouth corner")}
_CHOICE_CELLS = 4_000_000
_PAIRS = 20_000
_WORD_FRAMES = 1000


def figures(sample: Sample, face: FaceModel, outcome: Outcome) -> dict[str, Any]:
    """Every column that applies to a method; what does not is absent."""
    found = {
        **_fidelity(sample, face, outcome),
        "seconds": outcome.seconds,
        "bits_per_frame": outcome.bits,
        **outcome.rates,
    }
    factor = mesh_factor(sample.gram)
    if outcome.parameters:
        found["parameters"] = outcome.parameters
    if outcome.seconds_to_final is not None:
        found["seconds_to_1.05_final"] = outcome.seconds_to_final
    if outcome.tokens is not None:
        found |= _tokens(sample, outcome, outcome.tokens, factor)
    if outcome.dictionary is not None:
        found |= _dictionary(outcome.dictionary, face, factor)
    return found | _truth(sample, outcome)


def matched_cosine(a: np.ndarray, b: np.ndarray, gram: np.ndarray) -> float:
    """Mean cosine of two dictionaries' moving atoms, (K, E) each, matched one to one (Hungarian assignment)."""
    a, b = (x[np.einsum("ke,ef,kf->k", x, gram, x) > 1e-12] for x in (a, b))
    cosine = displacement_cosine(a, b, gram)
    return float(cosine[linear_sum_assignment(-cosine)].mean())


def _fidelity(sample: Sample, face: FaceModel, outcome: Outcome) -> dict[str, Any]:
    psi, error = sample.test.psi, sample.test.psi - outcome.decoded
    found = {"rmse_mm": fidelity.rmse(error, sample.gram), "p95_mm": fidelity.vertex_percentile_mm(error, face)}
    for area, regions in AREAS.items():
        rows = np.flatnonzero(np.isin(face.regions, [REGIONS.index(name) for name in regions]))
        if len(rows):
            part = dataclasses.replace(face, template=face.template[rows], basis=face.basis[:, rows])
            found |= {
                f"rmse_mm_{area}": fidelity.rmse(error, part.gram * 1e6),
                f"p95_mm_{area}": fidelity.vertex_percentile_mm(error, part),
            }
    return found | {
        "explained_variance": fidelity.explained_variance(psi, outcome.decoded, sample.gram),
        "cosine": fidelity.mean_cosine(psi, outcome.decoded, sample.gram),
        "retrieval_top1": fidelity.retrieval_top1(psi, outcome.decoded, mesh_factor(sample.gram)),
    }


def _tokens(sample: Sample, outcome: Outcome, tokens: np.ndarray, factor: np.ndarray) -> dict[str, Any]:
    """Use, entropy, variety and switching rate of (T, N) tokens."""
    atoms = outcome.atoms
    perplexity = 2 ** fidelity.entropy_bits(tokens, atoms + 1)
    used = round(fidelity.utilisation(tokens, atoms + 1) * (atoms + 1)) - int(np.any(tokens == REST))
    parts = [
        changes_and_speed(tokens[rows], sample.test.psi[rows], frame, fps, atoms + 1, factor)
        for rows, frame, fps in sample.test.recordings
    ]
    rates = flicker(*(np.concatenate(p) for p in zip(*parts, strict=True)))
    return {
        "entropy_bits_per_frame": _entropy_bits(outcome),
        "utilisation": used / atoms,
        "dead": atoms - used,
        "perplexity_first": float(perplexity[0]),
        "perplexity_mean": float(perplexity.mean()),
        "perplexity_last": float(perplexity[-1]),
        "pairwise_distance": _distance(tokens),
        "bigrams_per_1000": _bigrams(tokens, sample.test.linked),
        "changes_per_s": rates["all"],
        "changes_per_s_still": rates["still"],
        "changes_per_s_moving": rates["moving"],
    }


def _entropy_bits(outcome: Outcome) -> float:
    """Bits a frame by code lengths of training frames; where those are not known, a plug-in estimate on the test frames
    themselves, which flatters the method. NaN where neither is known."""
    if outcome.entropy_bits is not None:
        return outcome.entropy_bits
    if outcome.symbols is None:
        return math.nan
    return float(fidelity.entropy_bits(outcome.symbols, int(outcome.symbols.max()) + 1).sum())


def _distance(tokens: np.ndarray) -> float:
    """Mean share of tokens that two random frames do not have in common, whatever their stages."""
    rng = np.random.default_rng(0)
    a, b = tokens[rng.integers(0, len(tokens), _PAIRS)], tokens[rng.integers(0, len(tokens), _PAIRS)]
    return float(1 - (a[:, :, None] == b[:, None]).any(2).mean())


def _bigrams(tokens: np.ndarray, linked: np.ndarray) -> float:
    """Distinct pairs of the strongest token of a frame and of the next, per 1,000 linked frames."""
    first, rows = tokens[:, 0].astype(np.int64), np.flatnonzero(linked[1:])
    starts = range(0, max(1, len(rows) - _WORD_FRAMES + 1), _WORD_FRAMES)
    counts = [
        len(np.unique(np.stack([first[part], first[part + 1]], 1), axis=0)) * _WORD_FRAMES / max(1, len(part))
        for part in (rows[s : s + _WORD_FRAMES] for s in starts)
    ]
    return float(np.mean(counts))


def _dictionary(atoms: np.ndarray, face: FaceModel, factor: np.ndarray) -> dict[str, Any]:
    moving = atoms[np.linalg.norm(atoms @ factor, axis=1) > 1e-9].astype(np.float32)
    shape = codeword_geometry(moving, face)
    sides = shape["side"].value_counts()
    cosine = np.abs(displacement_cosine(moving, moving, factor @ factor.T))
    np.fill_diagonal(cosine, 0)
    return {
        "locality": float(shape["locality"].mean()),
        "gini": float(shape["gini"].mean()),
        "cosine_max": float(cosine.max()),
        "cosine_mean": float(cosine.mean()),
        **{side: int(sides.get(side, 0)) for side in ("symmetric", "left", "right")},
    }


def _truth(sample: Sample, outcome: Outcome) -> dict[str, float]:
    """How well atoms, chosen on training subjects, tell each true action on held-out ones, by intensity.

    Empty for real data, and for a method without atoms.
    """
    train_use, test_use, known, test = outcome.train_use, outcome.test_use, sample.train.present, sample.test.present
    if train_use is None or test_use is None or known is None or test is None:
        return {}
    step = 1 + train_use.size // _CHOICE_CELLS
    seen, train, rows = train_use[::step], known[::step], []
    for column in range(len(sample.actions)):
        if min(train[:, column].sum(), test[:, column].sum()) < MIN_FRAMES:
            continue
        chosen, weights = choose_codewords(seen, train[:, column])
        if chosen:
            sets = {"one": test_use[:, chosen[0]], "three": test_use[:, chosen] @ weights[1:]}
            rows.append(
                {
                    k: (
                        rank_auroc(v, test[:, column]),
                        _f1(seen, chosen, weights, train[:, column], v, test[:, column], k),
                    )
                    for k, v in sets.items()
                }
            )
    found: dict[str, float] = {"actions": len(rows)}
    for kind in ("one", "three") if rows else ():
        areas, f1 = np.array([r[kind] for r in rows]).T
        found |= {
            f"found_by_{kind}": float((areas >= 0.9).mean()),
            f"auroc_{kind}": float(areas.mean()),
            f"f1_{kind}": float(f1.mean()),
        }
    return found


def _f1(
    train_use: np.ndarray,
    chosen: list[int],
    weights: np.ndarray,
    train_present: np.ndarray,
    scores: np.ndarray,
    present: np.ndarray,
    kind: str,
) -> float:
    """F1 at the threshold that is best on the training subjects."""
    seen = train_use[:, chosen[0]] if kind == "one" else train_use[:, chosen] @ weights[1:]
    options = np.unique(np.quantile(seen, np.linspace(0.01, 0.99, 99)))
    best = max(options, key=lambda t: _f1_at(seen > t, train_present))
    return _f1_at(scores > best, present)


def _f1_at(said: np.ndarray, present: np.ndarray) -> float:
    both = float((said & present).sum())
    return 2 * both / max(float(said.sum() + present.sum()), 1.0)
