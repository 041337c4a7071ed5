"""Perturbations measured recording by recording: tokens kept, use of codewords moved, probe scores moved.

Letters of the shapes: R recordings, T frames, K codewords, S subjects.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.faces.model import FaceModel
from dfe_core.gaps.model import GapModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.robustness.agreement import alike_codewords, matched_agreement, set_agreement, token_sets
from dfe_core.robustness.attack import attacked
from dfe_core.robustness.encoding import CodedFrames, encode_variant, encode_variants
from dfe_core.robustness.gradient_attack import gradient_attacked
from dfe_core.robustness.perturb import Perturbed, SeenFrames, perturbed, seen_by_pair, undisturbed
from dfe_core.robustness.purify import MaskedModel, projecting
from dfe_core.robustness.settings import (
    MASKED,
    NO_PURIFIER,
    PROJECTION,
    Perturbation,
    PerturbationKind,
    RobustnessSettings,
)
from dfe_core.robustness.surroundings import Surroundings, surroundings
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.presence import frame_step, present_activations, seen_to_begin

_STRETCH = 5_000
"""Frames of a recording that are in memory at a time."""


class Condition(NamedTuple):
    """What was done to the frames before they were encoded."""

    perturbation: Perturbation
    purifier: str


PLAIN = Condition(Perturbation(kind=PerturbationKind.NOTHING), NO_PURIFIER)


@dataclass(eq=False, kw_only=True)
class Tally:
    """Sums by recording under one condition.

    frames (R,): compared, that have a token in either version; kept, matched (R,): sums of their agreements; steady,
    steady_frames (R,): matched tokens and frames against the undisturbed frames through the same purifier; energy,
    all_frames (R,): squared mm between the decoded faces, over all frames compared. uses (R, K): frames with each
    codeword; present, onsets (R, K), counted, observed (R,): as bags of `dfe probe` count them, s.
    """

    frames: np.ndarray
    kept: np.ndarray
    matched: np.ndarray
    steady: np.ndarray
    steady_frames: np.ndarray
    energy: np.ndarray
    all_frames: np.ndarray
    uses: np.ndarray
    present: np.ndarray
    onsets: np.ndarray
    counted: np.ndarray
    observed: np.ndarray

    def bag(self, feature: str) -> np.ndarray:
        """(R, K) onsets a minute (``bow``) or percent of frames in which codewords are present."""
        if feature == "bow":
            return self.onsets / np.maximum(self.observed, 1e-9)[:, None] * 60
        return 100 * self.present / np.maximum(self.counted, 1)[:, None]


def _tally(recordings: int, codewords: int) -> Tally:
    one = {
        name: np.zeros(recordings)
        for name in ("frames", "kept", "matched", "steady", "steady_frames", "energy", "all_frames")
    }
    words = {name: np.zeros((recordings, codewords), np.float32) for name in ("uses", "present", "onsets")}
    return Tally(**one, **words, counted=np.zeros(recordings), observed=np.zeros(recordings))


@dataclass(eq=False, kw_only=True)
class PerturbationSums:
    """tallies: by condition, those that were possible. halves (R, 2, K): frames with each codeword in the first and the
    second half of each recording, undisturbed: how far a person's own use moves. subject (R,)."""

    tallies: dict[Condition, Tally]
    halves: np.ndarray
    subject: np.ndarray
    frames: int = 0
    absent: set[Perturbation] = field(default_factory=set)


@dataclass(frozen=True, eq=False, kw_only=True)
class Workbench:
    """What every recording goes through."""

    model: Tokenizer
    codebook: Codebook
    around: Surroundings
    settings: RobustnessSettings
    alike: np.ndarray
    sizes: np.ndarray
    sparse: Tokenizer | None
    masked: MaskedModel | None
    pair: Dataset | None = None


def make_workbench(
    model: Tokenizer,
    codebook: Codebook,
    dataset: Dataset,
    face: FaceModel,
    settings: RobustnessSettings,
    gaps: GapModel | None = None,
) -> Workbench:
    """Spread and range of the data in one pass, and the purifiers.

    gaps: the model of gaps, needed for the purifier ``masked``.
    """
    around = surroundings(face, codebook.psi, (part.psi[part.valid] for part in dataset.iter_frames()), settings.seed)
    if not np.any(around.spread > 0):
        raise DataError(dataset.name, "no coefficient that moves", "recordings of faces that move")
    return Workbench(
        model=model,
        codebook=codebook,
        around=around,
        settings=settings,
        alike=alike_codewords(codebook.psi, face.gram),
        sizes=codebook.table["peak_mm"].to_numpy(np.float64),
        sparse=projecting(model) if PROJECTION in settings.purifiers else None,
        masked=MaskedModel(model=gaps, names=dataset.names) if gaps is not None else None,
        pair=Dataset.open(settings.pair, dataset.root) if settings.pair else None,
    )


def measure_perturbations(bench: Workbench, dataset: Dataset, progress: Listener = silent) -> PerturbationSums:
    """Every recording under every condition. Memory is a stretch of one recording, and the sums."""
    rows = dataset.recordings
    names = rows["recording"].astype(str).tolist()
    out = PerturbationSums(
        tallies={},
        halves=np.zeros((len(names), 2, bench.codebook.size)),
        subject=rows["subject"].astype(str).to_numpy(),
    )
    rates = dict(zip(names, rows["fps"].astype(float), strict=True))
    for index, part in enumerate(dataset.iter_frames(names)):
        progress(Progress(task="disturbing", done=index, total=len(names), detail=part.recording))
        for start, seen in _stretches(part, rates[part.recording], bench.settings.seconds):
            _one_stretch(bench, out, seen, index, [bench.settings.seed, zlib.crc32(part.recording.encode()), start])
    progress(Progress(task="disturbing", done=len(names), total=len(names)))
    if not out.frames:
        raise DataError(dataset.name, "no valid frame", "recordings of tracked faces")
    return out


def _stretches(part: Frames, fps: float, seconds: float) -> Iterator[tuple[int, SeenFrames]]:
    valid = np.flatnonzero(part.valid)
    if seconds and len(valid):
        valid = valid[part.time_s[valid] < part.time_s[valid[0]] + seconds]
    for start in range(0, len(valid), _STRETCH):
        own = valid[start : start + _STRETCH]
        if len(own) > 1:
            yield (
                start,
                SeenFrames(
                    recording=part.recording,
                    psi=part.psi[own],
                    time_s=part.time_s[own],
                    number=part.frame[own],
                    fps=fps,
                ),
            )


def _one_stretch(bench: Workbench, out: PerturbationSums, seen: SeenFrames, index: int, seed: list[int]) -> None:
    plain = undisturbed(seen)
    clean = encode_variant(bench.model, plain.psi, plain.linked)
    sets = token_sets(clean.tokens, bench.codebook.size)
    out.frames += len(seen.psi)
    middle = len(sets) // 2
    out.halves[index, 0] += sets[:middle].sum(0)
    out.halves[index, 1] += sets[middle:].sum(0)
    disturbed: dict[Perturbation, Perturbed] = {}
    for turn, what in enumerate(bench.settings.perturbations):
        found = _disturbed(bench, what, seen, clean, np.random.default_rng([*seed, turn]))
        if found is None:
            out.absent.add(what)
        else:
            disturbed[what] = found
    variants = dict(_variants(bench, disturbed, seen))
    coded = encode_variants(bench.model, list(variants.values()))
    through: dict[str, np.ndarray] = {}  # sets of the undisturbed frames, which come first, by purifier
    for (key, one), result in zip(variants.items(), coded, strict=True):
        own = token_sets(result.tokens, bench.codebook.size)
        through.setdefault(key.purifier, own)
        if key not in out.tallies:
            out.tallies[key] = _tally(len(out.subject), bench.codebook.size)
        _count(bench, out.tallies[key], index, clean=clean, sets=sets, one=one, result=result, seen=seen)
        steady = matched_agreement(through[key.purifier][one.rows], own, bench.alike)
        counted = np.isfinite(steady) & one.touched
        out.tallies[key].steady[index] += steady[counted].sum()
        out.tallies[key].steady_frames[index] += counted.sum()


def _variants(
    bench: Workbench, disturbed: dict[Perturbation, Perturbed], seen: SeenFrames
) -> Iterator[tuple[Condition, Perturbed]]:
    """Every disturbed version of the frames through every purifier."""
    for name in bench.settings.purifiers:
        if name == PROJECTION and bench.sparse is not None:
            coded = encode_variants(bench.sparse, list(disturbed.values()))
            for (what, found), result in zip(disturbed.items(), coded, strict=True):
                yield Condition(what, name), replace(found, psi=result.decoded)
        elif name == MASKED and bench.masked is not None:
            for what, found in disturbed.items():
                yield Condition(what, name), bench.masked.purified(found, seen)
        elif name == NO_PURIFIER:
            for what, found in disturbed.items():
                yield Condition(what, name), found


def _disturbed(
    bench: Workbench,
    what: Perturbation,
    seen: SeenFrames,
    clean: CodedFrames,
    rng: np.random.Generator,
) -> Perturbed | None:
    if what.kind == PerturbationKind.PAIR:
        return seen_by_pair(seen, bench.pair)
    if what.kind not in (PerturbationKind.ADVERSARIAL, PerturbationKind.GRADIENT):
        return perturbed(what, seen, bench.around, rng)
    plain = undisturbed(seen)
    if what.kind == PerturbationKind.GRADIENT:
        found = gradient_attacked(
            seen.psi,
            plain.linked,
            bench.model,
            lambda psi: encode_variant(bench.model, psi, plain.linked),
            bench.around,
            size=what.size,
            steps=bench.settings.queries,
        )
        return replace(plain, psi=found)
    moved = attacked(
        seen.psi,
        clean.tokens,
        clean.decoded,
        lambda tried: (
            found.tokens for found in encode_variants(bench.model, [replace(plain, psi=psi) for psi in tried])
        ),
        bench.around,
        size=what.size,
        queries=bench.settings.queries,
        rng=rng,
    )
    return Perturbed(psi=moved, rows=plain.rows, linked=plain.linked, touched=plain.touched)


def _count(
    bench: Workbench,
    tally: Tally,
    index: int,
    *,
    clean: CodedFrames,
    sets: np.ndarray,
    one: Perturbed,
    result: CodedFrames,
    seen: SeenFrames,
) -> None:
    """Add the frames of one stretch of recording `index` under one condition."""
    own = token_sets(result.tokens, bench.codebook.size)
    kept = set_agreement(sets[one.rows], own)
    matched = matched_agreement(sets[one.rows], own, bench.alike)
    moving = np.isfinite(kept) & one.touched
    tally.frames[index] += moving.sum()
    tally.kept[index] += kept[moving].sum()
    tally.matched[index] += matched[moving].sum()
    apart = bench.around.size_mm((result.decoded - clean.decoded[one.rows])[one.touched].astype(np.float64))
    tally.energy[index] += (apart**2).sum()
    tally.all_frames[index] += one.touched.sum()
    tally.uses[index] += own.sum(0)
    _count_presence(bench, tally, index, one, result, seen.time_s[one.rows])


def _count_presence(
    bench: Workbench, tally: Tally, index: int, one: Perturbed, result: CodedFrames, time_s: np.ndarray
) -> None:
    part = Tokens(
        recording="",
        frame=one.rows,
        time_s=time_s,
        tokens=result.tokens,
        intensities=result.intensities,
        error_mm=np.zeros(len(time_s)),
    )
    present, number = present_activations(part, bench.sizes)
    step, words = frame_step(time_s), bench.codebook.size
    first = np.flatnonzero(np.diff(number, prepend=-1))
    first = first[seen_to_begin(present.row[first], time_s, step)] if len(first) else first
    tally.present[index] += np.bincount(present.codeword, minlength=words)
    tally.onsets[index] += np.bincount(present.codeword[first], minlength=words)
    tally.counted[index] += len(time_s)
    tally.observed[index] += len(time_s) * step


def subject_sums(values: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """(R, …) to (S, …) summed over the recordings of each subject, in order of name."""
    people, who = np.unique(subject, return_inverse=True)
    out: Any = np.zeros((len(people), *values.shape[1:]))
    np.add.at(out, who, values)
    return out
