"""Syllables against known truth and against rivals: ``python -m benchmarks.syllables``.

On planted displays (`benchmarks.planted_displays`): F1 of boundaries within 100 ms, share of frames with the right
label (labels matched one to one), with the duration that held-out people choose, and agreement over seeds and over
halves of the people. On any codebook and dataset: bits that a frame's tokens take of people who were not fitted, by
syllables and by rivals, all of which code the same sequences: the level (`dfe_core.syllables.symbols`) of every
codeword in every frame, given the frames before. A rival is a set of states with their own tables of levels; they
differ in where the states come from. Rows of keypoint-MoSeq need its package (`benchmarks.moseq`).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_mutual_info_score, cohen_kappa_score

import dfe_core as dfe
from benchmarks import moseq
from benchmarks.ar_hmm import filtered, fit_ar_hmm, smoothed
from benchmarks.planted_displays import PlantedTruth, planted_dataset
from dfe_core.faces import open_face
from dfe_core.syllables.fitting import STRENGTH, choose_duration, fit_syllables, hold_out
from dfe_core.syllables.model import SyllableModel, bigram_table, counted_changes, log_emission, smoothed_tables
from dfe_core.syllables.segments import segments_of
from dfe_core.syllables.store import SyllableInputs
from dfe_core.syllables.symbols import TokenStretch, level_changes
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.encoding import encode_dataset

TOLERANCE_S = 0.1
COMPONENTS = 10
STICKINESS = (1e2, 1e4)
"""Values of keypoint-MoSeq's κ that are tried; the better one of each number of states is its result."""


class HiddenStates(Protocol):
    """Transitions (S, S) of hidden states, and how likely each pose is in each of them."""

    transition: np.ndarray

    def log_emission(self, pose: np.ndarray) -> np.ndarray: ...


def inputs_of(model: str, dataset: str) -> SyllableInputs:
    codebook = dfe.open_codebook(model)
    return SyllableInputs(
        codebook=codebook,
        face=open_face(codebook.face_id),
        dataset=dfe.open_dataset(dataset),
        tokens=TokenCache.open(model, dataset),
    )


def labels(model: SyllableModel, stretches: Sequence[TokenStretch], shapes: np.ndarray) -> list[pd.DataFrame]:
    return [segments_of(model, one, shapes) for one in stretches]


def by_frame(tables: Sequence[pd.DataFrame]) -> np.ndarray:
    return np.concatenate([np.repeat(t["syllable"].to_numpy(), t["frames"].to_numpy()) for t in tables])


def boundary_f1(found_s: np.ndarray, true_s: np.ndarray) -> tuple[int, int, int]:
    """Hits, found and true boundaries; each matches one other within the tolerance, the nearest first."""
    distance = np.abs(found_s[:, None] - true_s[None])
    hits = 0
    for row, column in zip(*np.unravel_index(np.argsort(distance, axis=None), distance.shape), strict=True):
        if distance[row, column] > TOLERANCE_S:
            break
        if np.isfinite(distance[row]).any() and np.isfinite(distance[:, column]).any():
            hits += 1
            distance[row], distance[:, column] = np.inf, np.inf
    return hits, len(found_s), len(true_s)


def scores(
    tables: Sequence[pd.DataFrame], stretches: Sequence[TokenStretch], truth: dict[str, PlantedTruth]
) -> dict[str, float]:
    counts = np.zeros(3)
    for table, one in zip(tables, stretches, strict=True):
        edges = truth[one.recording].edges_s
        inside = (edges >= one.time_s[0]) & (edges <= one.time_s[-1])
        counts += boundary_f1(table["start_s"].to_numpy()[1:], edges[inside])
    real = np.concatenate([truth[one.recording].label[one.frame] for one in stretches])
    found = by_frame(tables)
    table = np.zeros((found.max() + 1, real.max() + 1))
    np.add.at(table, (found, real), 1)
    return {
        "boundary_f1": round(2 * counts[0] / (counts[1] + counts[2]), 3),
        "label_accuracy": round(table[linear_sum_assignment(-table)].sum() / table.sum(), 3),
        "ami_with_truth": round(adjusted_mutual_info_score(real, found), 3),
    }


def planted(model: str, *, blinks: bool, count: int, seeds: int, planted_seed: int = 0) -> dict[str, object]:
    name = "planted-blinks" if blinks else "planted"
    data, truth = planted_dataset(name, open_face(dfe.open_codebook(model).face_id), blinks=blinks, seed=planted_seed)
    encode_dataset(model, name)
    given = inputs_of(model, name)
    stretches = [one for parts in given.recordings() for one in parts]
    duration, tried = choose_duration(stretches, given.shapes, given.subjects(), count=count)
    fitted = fit_syllables(stretches, given.shapes, count=count, duration_s=duration)
    return {
        "data": name,
        "people": len(data.recordings),
        "count": count,
        "duration_s": duration,
        "tried": {one.duration_s: round(one.bits_per_frame, 3) for one in tried},
        **scores(labels(fitted, stretches, given.shapes), stretches, truth),
        **agreement(given, stretches, stretches, count=count, duration=duration, draws=seeds),
    }


def agreement(
    given: SyllableInputs,
    fitted_on: Sequence[TokenStretch],
    judged: Sequence[TokenStretch],
    *,
    count: int,
    duration: float,
    draws: int,
) -> dict[str, float]:
    """Agreement of models of other frames, on the frames of `judged`: of draws of 80 % of the people (the least of all
    pairs), of two halves of the recordings that share people, and of two halves of the people.

    For the halves of people also agreement on what is rest (Cohen's kappa), and AMI over frames that both call none.
    """
    people = given.subjects()
    owner = np.array([str(people[one.recording]) for one in fitted_on])
    names = np.array([one.recording for one in fitted_on])

    def found(kept: np.ndarray) -> np.ndarray:
        own = [one for one, keep in zip(fitted_on, kept, strict=True) if keep]
        fitted = fit_syllables(own, given.shapes, count=count, duration_s=duration)
        return by_frame(labels(fitted, judged, given.shapes))

    drawn = [found(np.isin(owner, _part(owner, 0.8, seed))) for seed in range(draws)]
    side, half = np.isin(owner, _part(owner, 0.5, 0)), np.isin(names, _part(names, 0.5, 0))
    first, second = found(side), found(~side)
    moving = (first > 0) & (second > 0)
    return {
        "ami_over_draws_of_people": _least_agreement(drawn),
        "ami_over_halves_of_recordings": _least_agreement([found(half), found(~half)]),
        "ami_over_halves_of_people": _least_agreement([first, second]),
        "the_same_where_both_move": round(adjusted_mutual_info_score(first[moving], second[moving]), 3),
        "kappa_of_rest": round(cohen_kappa_score(first > 0, second > 0), 3),
    }


def _part(names: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the names, drawn at random."""
    order = np.random.default_rng(seed).permutation(np.unique(names))
    return order[: round(share * len(order))]


def _least_agreement(found: Sequence[np.ndarray]) -> float:
    pairs = [(a, b) for i, a in enumerate(found) for b in found[:i]]
    return round(min(adjusted_mutual_info_score(a, b) for a, b in pairs), 3) if pairs else float("nan")


def bits(model: str, dataset: str, *, frames: int, count: int, seeds: int) -> dict[str, object]:
    """Bits per frame of held-out people, and agreement over seeds and halves."""
    given = inputs_of(model, dataset)
    stretches = given.drawn(frames, 0)
    fitted_on, held_out = hold_out(stretches, given.subjects(), 0)
    duration, tried = choose_duration(fitted_on, given.shapes, given.subjects(), count=count)
    started = time.process_time()
    fitted = fit_syllables(fitted_on, given.shapes, count=count, duration_s=duration)
    seconds = time.process_time() - started
    total, coded = fitted.bits(held_out)
    found: dict[str, object] = {
        "data": f"{model} {dataset}",
        "frames_fitted": sum(map(len, fitted_on)),
        "frames_coded": coded,
        "count": fitted.syllables - 1,
        "duration_s": duration,
        "tried": {one.duration_s: round(one.bits_per_frame, 3) for one in tried},
        "syllables": round(total / coded, 3),
        **{name: round(value / coded, 3) for name, value in rivals(given, fitted_on, held_out, count).items()},
        "fit_cpu_s": round(seconds, 1),
        **agreement(given, fitted_on, held_out, count=count, duration=duration, draws=seeds),
    }
    return found


def rivals(
    given: SyllableInputs, fitted_on: Sequence[TokenStretch], held_out: Sequence[TokenStretch], count: int
) -> dict[str, float]:
    """Bits of all held-out frames by levels alone, bigrams, and autoregressive models of ψ, ours and keypoint-MoSeq's
    where its package is installed."""
    changes, coded = [level_changes(one.levels) for one in fitted_on], [level_changes(one.levels) for one in held_out]
    whole = sum(
        counted_changes(np.ones((len(one), 1), np.float32), own) for one, own in zip(fitted_on, changes, strict=True)
    )[0]
    bigram, alone = bigram_table(whole), bigram_table(whole.sum(1, keepdims=True))
    found = {
        "levels alone": _plain_bits(np.broadcast_to(alone, bigram.shape)[None], coded),
        "bigrams": _plain_bits(bigram[None], coded),
    }
    poses, test = _poses(given, fitted_on, held_out)
    numbers = (count + 1, 3 * (count + 1))
    hidden: dict[str, HiddenStates] = {f"AR-HMM of ψ, {n} states": fit_ar_hmm(poses, n) for n in numbers}
    if moseq.installed():
        hidden |= {
            f"keypoint-MoSeq's AR-HMM of ψ, {n} states, κ {kappa:g}": moseq.fit_moseq(poses, n, kappa=kappa)
            for n in numbers
            for kappa in STICKINESS
        }
    for name, rival in hidden.items():
        weights = [smoothed(rival.transition, rival.log_emission(pose))[0].astype(np.float32) for pose in poses]
        counts = sum(counted_changes(w, own) for w, own in zip(weights, changes, strict=True))
        tables = smoothed_tables(counts, bigram, STRENGTH)
        by_pose = by_token = 0.0
        for pose, own in zip(test, coded, strict=True):
            levels = log_emission(tables, own).astype(np.float64)
            by_pose += _mixed_bits(filtered(rival.transition, rival.log_emission(pose))[0], levels)
            by_token += _mixed_bits(filtered(rival.transition, levels)[0], levels)
        found[f"{name}, followed by ψ"] = by_pose
        found[f"{name}, followed by tokens"] = by_token
    return found


def _plain_bits(tables: np.ndarray, coded: Sequence[object]) -> float:
    return -sum(float(log_emission(tables, own)[1:].sum()) for own in coded) / np.log(2)


def _mixed_bits(ahead: np.ndarray, log_levels: np.ndarray) -> float:
    """Bits of all frames but the first, their states known as far as `ahead` (T, S) says before each."""
    most = log_levels.max(1)
    nats = np.log((ahead * np.exp(log_levels - most[:, None])).sum(1)) + most
    return -float(nats[1:].sum()) / np.log(2)


def _poses(
    given: SyllableInputs, fitted_on: Sequence[TokenStretch], held_out: Sequence[TokenStretch]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Principal components (T, D) of ψ of the frames of each stretch, mm, scaled to the first one's s.d."""
    factor = mesh_factor(given.face.gram) * 1e3
    psi = [given.dataset.frames(one.recording).at(one.frame).psi @ factor for one in (*fitted_on, *held_out)]
    pca = PCA(COMPONENTS, random_state=0).fit(np.concatenate(psi[: len(fitted_on)]))
    scale = float(np.sqrt(pca.explained_variance_[0]))
    found = [pca.transform(part) / scale for part in psi]
    return found[: len(fitted_on)], found[len(fitted_on) :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default", help="of the planted displays")
    parser.add_argument("--on", nargs=2, action="append", default=[], metavar=("MODEL", "DATASET"), help="for bits")
    parser.add_argument("--frames", type=int, default=40_000)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--planted-count", type=int, default=10)
    parser.add_argument("--planted-seed", type=int, default=0, help="of people and displays that are planted")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-planted", action="store_true")
    args = parser.parse_args()
    for blinks in () if args.no_planted else (False, True):
        count = args.planted_count + blinks
        found = planted(args.model, blinks=blinks, count=count, seeds=args.seeds, planted_seed=args.planted_seed)
        print(json.dumps(found, indent=1), flush=True)
    for model, dataset in args.on:
        found = bits(model, dataset, frames=args.frames, count=args.count, seeds=args.seeds)
        print(json.dumps(found, indent=1, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
