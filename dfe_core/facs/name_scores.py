"""Do codewords do what they are called? Their names, checked on recordings that the codebook was not fitted on.

In each subject the moments at which a codeword is strongest are compared with moments without it: whether the parts
that its name speaks of moved as they do in the codeword, and whether its action units were there. The movement is
that of the recorded frames, not of the decoded ones: a token that only mends what the others leave does not move the
face as its name says.

Letters of the shapes: K codewords, E coefficients, T frames, V vertices, A action units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, source_labels, sources_of_tokens
from dfe_core.artefact_names import ANALYSES, CODEWORD_NAMES, MANIFEST, aus_name, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.columns import arkit_columns
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.recording_table import find_frames
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.facs.codeword_names import CodewordName, name_codewords
from dfe_core.facs.sentence_scores import sentence_scores
from dfe_core.facs.signals import AuSignals, assess_signals
from dfe_core.facs.store import AlignedAus
from dfe_core.facs.templates import Templates, observed_templates
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, read_json, write_json
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.describe import CodewordDescription
from dfe_core.tokens.dynamics import bootstrap_mean
from dfe_core.tokens.parts import Parts, face_parts

VERSION = 4
WINDOW_S = 1.0
"""One moment a window at most: neighbouring frames are one movement."""

LEAST = 0.25
"""Intensity from which a codeword counts as shown."""

MOMENTS = 20
"""Moments a subject, the strongest first."""

ENOUGH, CONTROLS = 3, 10
"""A subject counts with at least so many moments, and moments without the codeword."""

AS_NAMED = 0.5
"""The named parts moved as named where they did at least this share of what the token says, beyond what they do in the
subject's moments without it."""

_RESAMPLES = 1000
_COLUMNS = ("codeword", "subjects", "moments", "moved_share", "moved_auroc", "moved_low", "moved_high")
_PAIRS = ("codeword", "au", "side", "subjects", "auroc", "auroc_low", "auroc_high")


@dataclass(frozen=True, eq=False, kw_only=True)
class NameScores:
    """Scores of the names of one codebook on one dataset.

    Attributes
    ----------
    table: one row a codeword that was shown often enough: codeword, subjects, moments; moved_share: share of moments
        in which the named parts moved as named, mean over subjects; moved_auroc, moved_low, moved_high: how well that
        movement tells the moments from those without the codeword, within subjects, mean and 95 % interval over
        subjects (NaN for fewer than three).
    pairs: one row a codeword and measured AU: codeword, au, side, subjects, auroc, auroc_low, auroc_high: how well the
        AU tells the same moments apart, likewise.
    sentences: how well the sentence alone picks the moments (`sentence_scores`).
    recordings: those it was scored on. held_out: whether the codebook was fitted on none of them.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    sentences: pd.DataFrame
    recordings: tuple[str, ...]
    held_out: bool

    def of(self, codeword: int) -> pd.Series | None:
        """The row of one codeword."""
        return _row(self.table, codeword)

    def sentence_of(self, codeword: int) -> pd.Series | None:
        """The row of `sentences` of one codeword; None where its sentence was not scored."""
        return _row(self.sentences, codeword)


def _row(table: pd.DataFrame, codeword: int) -> pd.Series | None:
    row = table[table["codeword"] == codeword]
    return row.iloc[0] if len(row) else None


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """Moments of one subject: amplitude and movement (N, K), signals (N, A); those of a codeword and one a window."""

    shown: dict[int, list[tuple[float, float, np.ndarray]]]
    amplitude: list[np.ndarray]
    moved: list[np.ndarray]
    signals: list[np.ndarray]


@dataclass(frozen=True)
class _Units:
    """Action units of the dataset, if any, and how they are read."""

    aus: AlignedAus | None
    signals: AuSignals | None

    def of(self, name: str, frame: np.ndarray) -> np.ndarray:
        """(T, A) intensity of each AU above the subject's baseline; NaN where it was not measured and in frames that
        have no AUs."""
        found = np.full((len(frame), len(self.aus.aus) if self.aus else 0), np.nan, np.float32)
        if self.aus is None or self.signals is None or name not in self.signals.recordings:
            return found
        held = self.aus.recording(name)
        rows, present = find_frames(held.frame, frame)
        if present.any():
            values = np.where(self.signals.measured(name), self.signals.intensity(name, held), np.nan)
            found[present] = values[rows[present]]
        return found


def held_out_recordings(codebook: Codebook, dataset: Dataset) -> tuple[tuple[str, ...], bool]:
    """Recordings to score names on, and whether the codebook was fitted on none of them: the test part where it was
    trained on this dataset, else all (of which nothing proves that it saw none)."""
    names = tuple(dataset.recordings["recording"])
    if codebook.config.get("dataset", {}).get("key") != dataset.stored_key:
        return names, False
    split = codebook.config.get("split", {})
    if split.get("by") == "time":
        return names, False
    return tuple(n for n in names if n in set(split.get("recordings", {}).get("test", ()))), True


@dataclass(frozen=True, eq=False, kw_only=True)
class NameInputs:
    """What names are checked on, opened. aus: action units of the dataset, where there are any."""

    codebook: Codebook
    face: FaceModel
    tokens: TokenCache
    dataset: Dataset
    aus: AlignedAus | None = None


def name_scores(
    inputs: NameInputs,
    names: Sequence[CodewordName],
    *,
    recordings: Sequence[str] | None = None,
    seed: int = 0,
    progress: Listener = silent,
) -> NameScores:
    """Check names on the moments at which their codewords are strongest.

    Parameters
    ----------
    names: of the K codewords (`name_codewords`); what they say of parts is checked.
    recordings: to score on, default `held_out_recordings`.

    One recording is in memory at a time. Raises `DataError` where no recording is left to score on, or the face has no
    mesh: then no part can be seen to move.
    """
    codebook, face, dataset, aus = inputs.codebook, inputs.face, inputs.dataset, inputs.aus
    known, held_out = held_out_recordings(codebook, dataset)
    chosen = tuple(recordings) if recordings is not None else known
    if not chosen or not face.has_mesh:
        raise DataError(dataset.name, "nothing to check names on", "held-out recordings on a face with a mesh")
    weights = _movement_weights(codebook, face, names)
    subject_of = dataset.recordings.set_index("recording")["subject"].to_dict()
    rng = np.random.default_rng(seed)
    found: dict[str, _Moments] = {}
    signals = assess_signals(aus, dataset) if aus else None
    for i, name in enumerate(chosen):
        progress(Progress(task="checking names", done=i, total=len(chosen)))
        own = found.setdefault(subject_of[name], _Moments(shown={}, amplitude=[], moved=[], signals=[]))
        _collect(own, inputs.tokens, dataset, _Units(aus, signals), name, weights, rng)
    progress(Progress(task="checking names", done=len(chosen), total=len(chosen)))
    rows, pairs = [], []
    for k in range(codebook.size):
        if k != REST and (scored := _score(k, found, rng)) is not None:
            rows.append((k, *scored[0]))
            pairs += [(k, *pair, *scores) for pair, scores in zip(aus.aus if aus else (), scored[1], strict=True)]
    return NameScores(
        table=pd.DataFrame(rows, columns=list(_COLUMNS)),
        pairs=pd.DataFrame(pairs, columns=list(_PAIRS)),
        sentences=sentence_scores(
            codebook,
            face,
            inputs.tokens,
            dataset,
            [name.description for name in names],
            recordings=chosen,
            seed=seed,
            progress=progress,
        ),
        recordings=chosen,
        held_out=held_out and recordings is None,
    )


def _movement_weights(codebook: Codebook, face: FaceModel, names: Sequence[CodewordName]) -> np.ndarray:
    """(E, K) float64 W: ψ W is how much of each codeword's own movement its named parts do, 1 at intensity 1."""
    parts = face_parts(face)
    weights = np.zeros((face.coefficients, codebook.size))
    for k, name in enumerate(names):
        rows = _vertices(name.description, parts)
        basis = face.basis[:, rows].reshape(face.coefficients, -1).astype(np.float64)
        own = codebook.psi[k].astype(np.float64) @ basis
        if own @ own > 0:
            weights[:, k] = basis @ own / (own @ own)
    return weights


def _vertices(description: CodewordDescription, parts: Parts) -> np.ndarray:
    """The vertices of the parts that a name speaks of."""
    wanted = {
        (p.part, side) for p in description.parts for side in (("left", "right") if p.side == "both" else (p.side,))
    }
    columns = [i for i, label in enumerate(parts.labels) if label in wanted]
    found = np.flatnonzero(parts.members[:, columns].any(1))
    return np.concatenate([found, *parts.eyes]) if description.gaze else found


def _collect(
    own: _Moments,
    tokens: TokenCache,
    dataset: Dataset,
    units: _Units,
    name: str,
    weights: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Add the moments of one recording to its subject's."""
    try:
        held, frames = tokens.recording(name), dataset.frames(name)
    except DataError:  # no valid frame: it has no tokens
        return
    row = frames.rows(held.frame)
    keep = frames.valid[row]
    amplitude = np.zeros((len(held.frame), weights.shape[1]), np.float32)
    np.add.at(amplitude, (np.arange(len(held.frame))[:, None], held.tokens), held.intensities)
    amplitude, moved = amplitude[keep], (frames.psi[row[keep]].astype(np.float64) @ weights).astype(np.float32)
    signals = units.of(name, held.frame[keep])
    window = np.floor(held.time_s[keep] / WINDOW_S).astype(np.int64)
    starts = np.flatnonzero(np.diff(window, prepend=window[0] - 1)) if len(window) else np.zeros(0, np.int64)
    for start, stop in zip(starts, np.append(starts[1:], len(window)), strict=True):
        at = start + amplitude[start:stop].argmax(0)
        for k in np.flatnonzero(amplitude[at, np.arange(len(at))] >= LEAST):
            own.shown.setdefault(int(k), []).append((amplitude[at[k], k], moved[at[k], k], signals[at[k]]))
        drawn = int(rng.integers(start, stop))
        for values, kept in ((amplitude, own.amplitude), (moved, own.moved), (signals, own.signals)):
            kept.append(values[drawn])


def _score(
    k: int, found: dict[str, _Moments], rng: np.random.Generator
) -> tuple[tuple, list[tuple[int, float, float, float]]] | None:
    """The figures of one codeword, and for every AU the subjects and the AUROC with its interval."""
    moved, shares, moments, units = [], [], 0, []
    for own in found.values():
        shown = sorted(own.shown.get(k, ()), key=lambda m: -m[0])[:MOMENTS]
        without = np.array([a[k] == 0 for a in own.amplitude], bool)
        if len(shown) < ENOUGH or without.sum() < CONTROLS:
            continue
        control = np.array([m[k] for m in own.moved])[without]
        amount, there = (np.array([m[i] for m in shown]) for i in (0, 1))
        moments += len(shown)
        moved.append(_auroc(there[:, None], control[:, None])[0])
        shares.append(np.mean(there - np.median(control) >= AS_NAMED * amount))
        units.append(_auroc(np.stack([m[2] for m in shown]), np.stack(own.signals)[without]))
    if not moved:
        return None
    by_unit = [(int(np.isfinite(column).sum()), *_with_interval(column, rng)) for column in np.array(units).T]
    return (len(moved), moments, float(np.mean(shares)), *_with_interval(moved, rng)), by_unit


def _auroc(there: np.ndarray, without: np.ndarray) -> np.ndarray:
    """(n, A) and (m, A) to (A,) P(there > without), ties half (Mann & Whitney 1947); NaN where something is missing or
    nothing varies."""
    from scipy.stats import rankdata

    both = np.concatenate([there, without]).astype(np.float64)
    if not both.shape[1]:
        return np.zeros(0)
    n, m = len(there), len(without)
    usable = np.isfinite(both).all(0) & (np.ptp(np.nan_to_num(both), axis=0) > 0)
    ranks = rankdata(np.where(usable, both, 0), axis=0)[:n].sum(0)
    return np.where(usable, (ranks - n * (n + 1) / 2) / (n * m), np.nan)


def _with_interval(scores: Sequence[float], rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean over subjects with a 95 % percentile bootstrap over them; no interval for fewer than three."""
    values = np.asarray(scores, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return (float("nan"),) * 3
    if len(values) < 3:
        return float(values.mean()), float("nan"), float("nan")
    return float(values.mean()), *bootstrap_mean(values, rng, resamples=_RESAMPLES)


@dataclass(frozen=True, eq=False, kw_only=True)
class CheckedNames:
    """Names of a codebook with what was measured on a dataset: names (K); scores; aus: the AUs they were held against,
    empty for none; estimate: whether those were derived from the same coefficients; templates: AUs as they are shown
    in these data, for faces whose coefficients have no names."""

    names: tuple[CodewordName, ...]
    scores: NameScores
    aus: str = ""
    estimate: bool = False
    templates: Templates | None = None


def check_names(
    model: str,
    dataset: str,
    aus: str | None = None,
    *,
    root: Path | None = None,
    seed: int = 0,
    progress: Listener = silent,
) -> CheckedNames:
    """Name the codewords of a model and check the names on a dataset that it encoded; kept under ``analyses/``.

    aus: names of action units of the dataset (`list_aligned`), to hold the names against. Raises `DataError` where the
    model did not encode the dataset, or nothing is left to check on.
    """
    codebook, data, tokens = (
        Codebook.open(model, root),
        Dataset.open(dataset, root),
        TokenCache.open(model, dataset, root),
    )
    aligned = AlignedAus.open(dataset, aus, root) if aus else None
    key = scores_key(codebook, tokens, data, aligned, seed)
    if (kept := load_checked(key, codebook, root)) is not None:
        return kept
    face = open_face(codebook.face_id, root)
    inputs = NameInputs(codebook=codebook, face=face, tokens=tokens, dataset=data, aus=aligned)
    templates = _templates(inputs)
    names = name_codewords(codebook.psi, face, templates)
    scores = name_scores(inputs, names, seed=seed, progress=progress)
    _save(
        scores,
        templates,
        key,
        {
            "aus": aus or "",
            "estimate": bool(aligned and aligned.estimate),
            "model": model,
            "dataset": dataset,
            "seed": seed,
        },
        root,
    )
    checked = load_checked(key, codebook, root)
    assert checked is not None
    return checked


def _templates(inputs: NameInputs) -> Templates | None:
    """AUs as shown in recordings that the names are not checked on."""
    if inputs.aus is None or arkit_columns(inputs.face.names):
        return None
    checked, held_out = held_out_recordings(inputs.codebook, inputs.dataset)
    others = [name for name in inputs.dataset.recordings["recording"] if not held_out or name not in set(checked)]
    return observed_templates(inputs.dataset, inputs.aus, inputs.face, recordings=others)


def scores_key(codebook: Codebook, tokens: TokenCache, dataset: Dataset, aus: AlignedAus | None, seed: int = 0) -> str:
    """Content key of checked names: changes with the codebook, its tokens, the data and the action units."""
    return content_key([VERSION, codebook.key, tokens.manifest, dataset.key, aus.key if aus else None, seed], 16)


def checked_folder(model: str, dataset: str, aus: str | None = None, root: Path | None = None, seed: int = 0) -> Path:
    """Where the checked names of these inputs as they are now lie, or would. Raises `DataError` for one not there."""
    aligned = AlignedAus.open(dataset, aus, root) if aus else None
    key = scores_key(
        Codebook.open(model, root), TokenCache.open(model, dataset, root), Dataset.open(dataset, root), aligned, seed
    )
    return artefact_path("analyses", keyed_name(CODEWORD_NAMES, key), root)


def _aus_sources(facts: dict[str, Any]) -> tuple[ArtefactId, ...]:
    return (ArtefactId(ANALYSES, aus_name(facts["dataset"], facts["aus"])),) if facts.get("aus") else ()


def _save(scores: NameScores, templates: Templates | None, key: str, facts: dict[str, Any], root: Path | None) -> None:
    """``analyses/names-<key>/`` with scores, pairs and sentences (Parquet), templates.npz where there are any."""
    with atomic_directory(artefact_path("analyses", keyed_name(CODEWORD_NAMES, key), root)) as folder:
        scores.table.to_parquet(folder / "scores.parquet")
        scores.pairs.to_parquet(folder / "pairs.parquet")
        scores.sentences.to_parquet(folder / "sentences.parquet")
        if templates is not None:
            np.savez(folder / "templates.npz", psi=templates.psi)
        write_json(
            folder / MANIFEST,
            {
                "schema_version": VERSION,
                "key": key,
                **source_labels(*sources_of_tokens(facts["model"], facts["dataset"]), *_aus_sources(facts)),
                "held_out": scores.held_out,
                "recordings": list(scores.recordings),
                "template_aus": [list(pair) for pair in templates.aus] if templates else [],
                **facts,
            },
        )


def load_checked(key: str, codebook: Codebook, root: Path | None = None) -> CheckedNames | None:
    """Names checked before; None where there are none, or not as they were written."""
    folder = artefact_path("analyses", keyed_name(CODEWORD_NAMES, key), root)
    if not is_whole(folder):
        return None
    manifest = read_json(folder / MANIFEST)
    scores = NameScores(
        table=pd.read_parquet(folder / "scores.parquet"),
        pairs=pd.read_parquet(folder / "pairs.parquet"),
        sentences=pd.read_parquet(folder / "sentences.parquet"),
        recordings=tuple(manifest["recordings"]),
        held_out=bool(manifest["held_out"]),
    )
    templates = None
    if manifest["template_aus"]:
        with np.load(folder / "templates.npz") as arrays:
            templates = Templates(
                aus=tuple((au, side) for au, side in manifest["template_aus"]), psi=arrays["psi"], source="observed"
            )
    names = name_codewords(
        codebook.psi,
        open_face(codebook.face_id, root),
        templates,
        scores.pairs if manifest["aus"] else None,
        bool(manifest["estimate"]),
    )
    return CheckedNames(
        names=tuple(names), scores=scores, aus=manifest["aus"], estimate=bool(manifest["estimate"]), templates=templates
    )
