"""Raw material of features: sums over the frames of each span, counted once and kept in the cache.

Everything here is additive, so that the sum over the recordings of a subject is that subject's material, and nothing
is fitted: what depends on other recordings happens inside the folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from scipy import sparse

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus, present
from dfe_core.probes.features.spans import SpanIndex
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import atomic_directory, content_key, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.runs import build_runs, iter_recordings

VERSION = 2
SAMPLE = 256
"""Frames of ψ kept of each span, evenly spaced: what k-means is fitted on and counts."""

Arrays = dict[str, np.ndarray | sparse.csr_matrix]


@dataclass(frozen=True)
class Sources:
    """What material is counted from."""

    codebook: Codebook
    dataset: Dataset
    tokens: TokenCache
    spans: pd.DataFrame
    folder: Path
    progress: Listener = silent


def token_counts(sources: Sources) -> Arrays:
    """uses and intensity (S, N, K) float32 of every codeword by stage, frames (S,) with tokens."""
    return _kept(sources, "tokens", content_key(sources.tokens.manifest), _count_tokens)


def run_counts(sources: Sources) -> Arrays:
    """onsets and seconds (S, K) of the runs of every codeword, observed seconds (S,), and pairs (S, K²) sparse:
    how often one codeword's run begins next after another's, repeats of one codeword collapsed."""
    return _kept(sources, "runs", content_key(sources.tokens.manifest), _count_runs)


def psi_moments(sources: Sources) -> Arrays:
    """frames (S,), total (S, E), square (S, E, E) of ψ over valid frames, float64."""
    return _kept(sources, "psi", sources.dataset.key, _psi_moments)


def psi_sample(sources: Sources) -> Arrays:
    """sample (S, `SAMPLE`, E) float32 of valid frames, evenly spaced; NaN where a span has fewer."""
    return _kept(sources, "sample", sources.dataset.key, _psi_sample)


def au_sums(sources: Sources, name: str) -> Arrays:
    """Per span and AU with side (S, A): intensity and its square summed, frames with it measured, frames present and
    frames with presence known. Raises `DataError` where the AUs are missing or of another version of the dataset."""
    aligned = AlignedAus.open(sources.dataset.name, name, sources.dataset.path.parent.parent)
    if not aligned.matches(sources.dataset):
        raise DataError(aligned.path.name, "joined to another version of the dataset",
                        "`dfe aus derive` or `dfe aus import` to be run again")
    return _kept(sources, f"aus-{name}", aligned.key, lambda s: _au_sums(s, aligned))


def pooled(array: np.ndarray | sparse.csr_matrix, member: np.ndarray, units: int):
    """(S, …) sums of spans to (n, …) sums of units; `member` (S,) is the unit of each span, −1 for none."""
    inside = np.flatnonzero(member >= 0)
    gather = sparse.csr_matrix((np.ones(len(inside)), (member[inside], inside)), (units, len(member)))
    if sparse.issparse(array):
        return (gather @ array).tocsr()
    return (gather @ array.reshape(len(array), -1)).reshape(units, *array.shape[1:])


def _kept(sources: Sources, kind: str, content: str, make: Callable[[Sources], Arrays]) -> Arrays:
    spans = content_key(sources.spans[["recording", "start_s", "end_s"]].astype(str).to_dict("list"))
    folder = sources.folder / f"probe-material-{content_key([VERSION, SAMPLE, kind, content, spans])}"
    if not (folder / "manifest.json").is_file():
        arrays = make(sources)
        with atomic_directory(folder) as temporary:
            np.savez(temporary / "arrays.npz", **{n: a for n, a in arrays.items() if not sparse.issparse(a)})
            for name, array in arrays.items():
                if sparse.issparse(array):
                    sparse.save_npz(temporary / f"{name}.sparse.npz", array)
            write_json(temporary / "manifest.json", {"version": VERSION, "kind": kind, "spans": len(sources.spans)})
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    for path in folder.glob("*.sparse.npz"):
        arrays[path.name.removesuffix(".sparse.npz")] = sparse.load_npz(path).tocsr()
    return arrays


def _whole(sources: Sources) -> bool:
    return bool(np.isneginf(sources.spans["start_s"]).all())


def _count_tokens(sources: Sources) -> Arrays:
    tokens, size = sources.tokens, len(sources.spans)
    shape = (size, tokens.stages, tokens.codewords)
    if _whole(sources):
        counts = tokens.counts
        span = sources.spans.set_index("recording")["span"].reindex(counts["recording"].astype(str))
        cell = np.ravel_multi_index((span.to_numpy(int), counts["stage"].to_numpy(int),
                                     counts["codeword"].to_numpy(int)), shape)
        frames = tokens.query("SELECT recording, count(*) AS n FROM frames GROUP BY recording")
        frames = frames.assign(recording=frames["recording"].astype(str)).set_index("recording")["n"]
        return {"uses": _summed(cell, counts["uses"], shape), "intensity": _summed(cell, counts["intensity"], shape),
                "frames": frames.reindex(sources.spans["recording"]).fillna(0).to_numpy(float)}
    index = SpanIndex(sources.spans)
    uses, intensity, frames = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(size)
    for part in iter_recordings(tokens):
        sources.progress(Progress("counting tokens", 0, 0, part.recording))
        for span, rows in index.groups(part.recording, part.time_s):
            stages = np.broadcast_to(np.arange(tokens.stages), (len(rows), tokens.stages))
            cell = (stages * tokens.codewords + part.tokens[rows]).ravel()
            one = part.intensities[rows].ravel()
            uses[span] = np.bincount(cell, one > 0, minlength=shape[1] * shape[2]).reshape(shape[1:])
            intensity[span] = np.bincount(cell, one, minlength=shape[1] * shape[2]).reshape(shape[1:])
            frames[span] = len(rows)
    return {"uses": uses, "intensity": intensity, "frames": frames}


def _summed(cell: np.ndarray, values: pd.Series, shape: tuple[int, ...]) -> np.ndarray:
    return np.bincount(cell, values.to_numpy(float), minlength=int(np.prod(shape))).reshape(shape).astype(np.float32)


def _count_runs(sources: Sources) -> Arrays:
    index = build_runs(sources.tokens, sources.progress)
    with duckdb.connect() as connection:
        runs = connection.execute("SELECT recording, codeword, start_s, end_s FROM read_parquet(?) "
                                  "ORDER BY recording, start_s, codeword", [str(index.path / "runs.parquet")]).df()
    names = runs["recording"].astype(str).to_numpy()
    span = _spans_of(names, runs["start_s"].to_numpy(), SpanIndex(sources.spans))
    inside = span >= 0
    span, codeword = span[inside], runs["codeword"].to_numpy(np.int64)[inside]
    length = (runs["end_s"] - runs["start_s"]).to_numpy()[inside]
    size, words = len(sources.spans), sources.tokens.codewords
    cell = span * words + codeword
    return {"onsets": np.bincount(cell, minlength=size * words).reshape(size, words).astype(np.float32),
            "seconds": np.bincount(cell, length, size * words).reshape(size, words).astype(np.float32),
            "observed": _observed(sources, index.recordings), "pairs": _pairs(span, codeword, size, words)}


def _spans_of(names: np.ndarray, start_s: np.ndarray, index: SpanIndex) -> np.ndarray:
    if not len(names):
        return np.empty(0, int)
    edges = np.flatnonzero(np.r_[True, names[1:] != names[:-1], True])
    return np.concatenate([index(names[a], start_s[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)])


def _observed(sources: Sources, recordings: pd.DataFrame) -> np.ndarray:
    if _whole(sources):
        seconds = recordings.assign(recording=recordings["recording"].astype(str)).set_index("recording")["duration_s"]
        return seconds.reindex(sources.spans["recording"]).fillna(0).to_numpy(float)
    return (sources.spans["end_s"] - sources.spans["start_s"]).to_numpy(float)


def _pairs(span: np.ndarray, codeword: np.ndarray, size: int, words: int) -> sparse.csr_matrix:
    keep = np.r_[True, (np.diff(codeword) != 0) | (np.diff(span) != 0)][:len(span)]
    span, codeword = span[keep], codeword[keep]
    follows = np.flatnonzero(np.diff(span) == 0)
    column = codeword[follows] * words + codeword[follows + 1]
    return sparse.csr_matrix((np.ones(len(follows), np.float32), (span[follows], column)), (size, words * words))


def _psi_moments(sources: Sources) -> Arrays:
    size, width, index = len(sources.spans), len(sources.dataset.names), SpanIndex(sources.spans)
    frames, total, square = np.zeros(size), np.zeros((size, width)), np.zeros((size, width, width))
    for part in sources.dataset.iter_frames(index.recordings):
        sources.progress(Progress("reading ψ", 0, 0, part.recording))
        psi, time_s = part.psi[part.valid], part.time_s[part.valid]
        for span, rows in index.groups(part.recording, time_s):
            one = psi[rows].astype(np.float64)
            frames[span], total[span], square[span] = len(rows), one.sum(0), one.T @ one
    return {"frames": frames, "total": total, "square": square}


def _psi_sample(sources: Sources) -> Arrays:
    index = SpanIndex(sources.spans)
    sample = np.full((len(sources.spans), SAMPLE, len(sources.dataset.names)), np.nan, np.float32)
    for part in sources.dataset.iter_frames(index.recordings):
        sources.progress(Progress("sampling ψ", 0, 0, part.recording))
        psi, time_s = part.psi[part.valid], part.time_s[part.valid]
        for span, rows in index.groups(part.recording, time_s):
            chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).round().astype(int))]
            sample[span, :len(chosen)] = psi[chosen]
    return {"sample": sample}


def _au_sums(sources: Sources, aligned: AlignedAus) -> Arrays:
    shape, index = (len(sources.spans), len(aligned.aus)), SpanIndex(sources.spans)
    names = ("intensity", "square", "measured", "present", "known")
    sums = {name: np.zeros(shape) for name in names}
    whole = _whole(sources)
    for name, part in aligned.iter_recordings([r for r in aligned.recordings if r in set(index.recordings)]):
        sources.progress(Progress("reading AUs", 0, 0, name))
        time_s = np.zeros(len(part.frame)) if whole else _times(sources.dataset, name, part.frame)
        shown = present(part.presence, part.intensity)
        for span, rows in index.groups(name, time_s):
            intensity, on = part.intensity[rows].astype(np.float64), shown[rows]
            values = (np.nansum(intensity, 0), np.nansum(intensity ** 2, 0), (~np.isnan(intensity)).sum(0),
                      np.nansum(on, 0), (~np.isnan(on)).sum(0))
            for key, value in zip(names, values, strict=True):
                sums[key][span] = value
    return sums


def _times(dataset: Dataset, recording: str, frame: np.ndarray) -> np.ndarray:
    frames = dataset.frames(recording)
    return frames.time_s[np.searchsorted(frames.frame, frame)]
