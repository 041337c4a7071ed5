"""Raw material of features: sums over the frames of each span, counted once and kept in the cache.

Everything here is additive, so that the sum over the recordings of a subject is that subject's material, and nothing
is fitted: what depends on other recordings happens inside the folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from dfe_core.artefact import ArtefactId, source_labels
from dfe_core.artefact_names import ANALYSES, DATASETS, MANIFEST, MATERIAL, aus_name, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus, present
from dfe_core.integrity import is_whole
from dfe_core.probes.features.spans import SpanIndex
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import atomic_directory, content_key, write_json
from dfe_core.syllables.store import SyllableSet, require_syllables
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.common_rate import common_rate, thinned_tokens
from dfe_core.tokens.intervals import iter_recordings
from dfe_core.tokens.presence import RULE, codeword_sizes, frame_step, present_activations, seen_to_begin

VERSION = 5
_OF_AUS = "aus-"
SAMPLE = 256
"""Frames of ψ kept of each span, evenly spaced: what k-means is fitted on and counts."""

Arrays = dict[str, np.ndarray | sparse.csr_matrix]


@dataclass(frozen=True, kw_only=True)
class CodebookTokens:
    """A codebook and its tokens on a dataset."""

    codebook: Codebook
    tokens: TokenCache


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What material is counted from; `encoded` is None where only AUs are there."""

    dataset: Dataset
    spans: pd.DataFrame
    folder: Path
    encoded: CodebookTokens | None
    progress: Listener = silent

    @property
    def codebook(self) -> Codebook:
        """The codebook. Raises `DataError` where there is none."""
        return self._encoded.codebook

    @property
    def tokens(self) -> TokenCache:
        """The tokens. Raises `DataError` where there is no codebook."""
        return self._encoded.tokens

    @property
    def made_from(self) -> tuple[ArtefactId, ...]:
        """The artefacts that whatever is counted was made from."""
        return (ArtefactId(DATASETS, self.dataset.name),) if self.encoded is None else self.encoded.tokens.sources

    @property
    def _encoded(self) -> CodebookTokens:
        if self.encoded is None:
            raise DataError(
                "features", "rows of codewords without a codebook", "au, au-sided or a table, or a codebook as MODEL"
            )
        return self.encoded


def stage_counts(sources: Sources) -> Arrays:
    """uses (S, N, K) float32 of every codeword by place in the frame, every token counted, and frames (S,)."""
    return kept_material(sources, "stages", content_key(sources.tokens.manifest), _count_stages)


def presence_counts(sources: Sources) -> Arrays:
    """What `tokens.presence` calls present: frames and summed intensity of every codeword (S, K) float32 while present;
    onsets (S, K) that were seen in the span; pairs (S, K²) sparse: how often one codeword's
    onset is next after another's, repeats of one codeword collapsed; observed frames and seconds (S,).

    Recordings of different frame rates are first thinned to the lowest, so that no event can be seen at one rate and
    missed at another.
    """
    rate = common_rate(sources.dataset.recordings)
    content = [
        content_key(sources.tokens.manifest),
        codeword_sizes(sources.tokens).tobytes().hex(),
        asdict(RULE),
        rate,
    ]
    return kept_material(sources, "presence", content_key(content), lambda s: _count_presence(s, rate))


def syllable_onsets(sources: Sources) -> Arrays:
    """onsets (S, J) of every syllable but rest that begin in the span, and observed seconds (S,), of the syllables
    that `dfe syllables` last found. Raises `DataError` where there are none."""
    found = require_syllables(sources.tokens)
    made_from = (ArtefactId(ANALYSES, found.path.name),)
    return kept_material(sources, "syllables", found.path.name, lambda s: _count_syllables(s, found), made_from)


def psi_moments(sources: Sources) -> Arrays:
    """frames (S,), total (S, E), square (S, E, E) of ψ over valid frames, float64."""
    return kept_material(sources, "psi", sources.dataset.key, _psi_moments)


def psi_sample(sources: Sources) -> Arrays:
    """sample (S, `SAMPLE`, E) float32 of valid frames, evenly spaced; NaN where a span has fewer."""
    return kept_material(sources, "sample", sources.dataset.key, _psi_sample)


def au_sums(sources: Sources, name: str) -> Arrays:
    """Per span and AU with side (S, A): intensity and its square summed, frames with it measured, frames present and
    frames with presence known. Raises `DataError` where the AUs are missing or of another version of the dataset."""
    aligned = AlignedAus.open(sources.dataset.name, name, sources.dataset.path.parent.parent)
    if not aligned.matches(sources.dataset):
        raise DataError(
            aligned.path.name,
            "joined to another version of the dataset",
            "`dfe aus derive` or `dfe aus import` to be run again",
        )
    return kept_material(sources, f"{_OF_AUS}{name}", aligned.key, lambda s: _au_sums(s, aligned))


def _aus_sources(sources: Sources, kind: str) -> tuple[ArtefactId, ...]:
    """The action units that material of this kind (``aus-<name>``) is counted from."""
    if not kind.startswith(_OF_AUS):
        return ()
    return (ArtefactId(ANALYSES, aus_name(sources.dataset.name, kind.removeprefix(_OF_AUS))),)


def kept_material(
    sources: Sources,
    kind: str,
    content: str,
    make: Callable[[Sources], Arrays],
    made_from: tuple[ArtefactId, ...] = (),
) -> Arrays:
    """Arrays with a row a span, from the cache or made now.

    Parameters
    ----------
    kind, content: what it is, and the content key of what it is counted from beside the spans.
    made_from: artefacts that it is counted from beside those of the sources.
    """
    spans = content_key(sources.spans[["recording", "start_s", "end_s"]].astype(str).to_dict("list"))
    folder = sources.folder / keyed_name(MATERIAL, content_key([VERSION, SAMPLE, kind, content, spans]))
    if not is_whole(folder):
        arrays = make(sources)
        with atomic_directory(folder) as temporary:
            dense: dict[str, Any] = {n: a for n, a in arrays.items() if not sparse.issparse(a)}
            np.savez(temporary / "arrays.npz", **dense)
            for name, array in arrays.items():
                if sparse.issparse(array):
                    sparse.save_npz(temporary / f"{name}.sparse.npz", array)
            labels = source_labels(*sources.made_from, *_aus_sources(sources, kind), *made_from)
            write_json(temporary / MANIFEST, {"version": VERSION, **labels, "kind": kind, "spans": len(sources.spans)})
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    for path in folder.glob("*.sparse.npz"):
        arrays[path.name.removesuffix(".sparse.npz")] = sparse.load_npz(path).tocsr()
    return arrays


def _count_stages(sources: Sources) -> Arrays:
    shape, index = (len(sources.spans), sources.tokens.stages, sources.tokens.codewords), SpanIndex(sources.spans)
    uses, frames = np.zeros(shape, np.float32), np.zeros(len(sources.spans))
    stages = np.arange(sources.tokens.stages)
    for part in iter_recordings(sources.tokens):
        for span, rows in index.groups(part.recording, part.time_s):
            cell = (stages * shape[2] + part.tokens[rows]).ravel()
            moved = part.intensities[rows].ravel() > 0
            uses[span] = np.bincount(cell, moved, shape[1] * shape[2]).reshape(shape[1:])
            frames[span] = rows.stop - rows.start
    return {"uses": uses, "frames": frames}


def _count_presence(sources: Sources, rate: float | None) -> Arrays:
    size, words, index = len(sources.spans), sources.tokens.codewords, SpanIndex(sources.spans)
    sizes = codeword_sizes(sources.tokens)
    found: Arrays = {name: np.zeros((size, words), np.float32) for name in ("present", "intensity", "onsets")}
    found |= {"frames": np.zeros(size), "observed": np.zeros(size)}
    pairs: list[tuple[int, np.ndarray, np.ndarray]] = []
    for part in iter_recordings(sources.tokens):
        sources.progress(Progress(task="counting presences", done=0, total=0, detail=part.recording))
        part = thinned_tokens(part, rate)
        step = frame_step(part.time_s)
        present, number = present_activations(part, sizes)
        first = np.flatnonzero(np.diff(number, prepend=-1))
        first = first[seen_to_begin(present.row[first], part.time_s, step)]
        # In the order of frames, so that a span is a stretch: a recording of many spans is gone through once.
        present = present.where(order := np.argsort(present.row, kind="stable"))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        begun = place[first[np.argsort(present.row[place[first]], kind="stable")]]
        codeword, onset = present.codeword[begun], present.row[begun]
        for span, rows in index.groups(part.recording, part.time_s):
            inside = slice(*np.searchsorted(present.row, (rows.start, rows.stop)))
            own = codeword[slice(*np.searchsorted(onset, (rows.start, rows.stop)))]
            found["present"][span] = np.bincount(present.codeword[inside], minlength=words)
            found["intensity"][span] = np.bincount(present.codeword[inside], present.intensity[inside], words)
            found["onsets"][span] = np.bincount(own, minlength=words)
            found["frames"][span] = rows.stop - rows.start
            found["observed"][span] = (rows.stop - rows.start) * step
            pairs.append((span, *np.unique(_pairs(own, words), return_counts=True)))
    return found | {"pairs": _of_rows(pairs, (size, words * words))}


def _of_rows(parts: list[tuple[int, np.ndarray, np.ndarray]], shape: tuple[int, int]) -> sparse.csr_matrix:
    """A sparse matrix of (row, columns, values), float32."""
    row = np.repeat([part[0] for part in parts], [len(part[1]) for part in parts])
    column, value = (np.concatenate([np.empty(0), *(part[i] for part in parts)]) for i in (1, 2))
    return sparse.csr_matrix((value.astype(np.float32), (row.astype(np.int64), column.astype(np.int64))), shape)


def _count_syllables(sources: Sources, found: SyllableSet) -> Arrays:
    size, index = len(sources.spans), SpanIndex(sources.spans)
    onsets, observed = np.zeros((size, found.count - 1)), np.zeros(size)
    for name, own in found.segments.groupby("recording", sort=False):
        start, end = own["start_s"].to_numpy(), own["end_s"].to_numpy()
        for span, rows in index.groups(str(name), start):
            kinds = own["syllable"].to_numpy()[rows]
            onsets[span] += np.bincount(kinds[kinds > 0] - 1, minlength=found.count - 1)
        for span, first, last in index.edges(str(name)):
            observed[span] += np.maximum(np.minimum(end, last) - np.maximum(start, first), 0).sum()
    return {"onsets": onsets, "observed": observed}


def _pairs(codeword: np.ndarray, words: int) -> np.ndarray:
    """Codewords in the order of their onsets to cells of (K, K), one a pair of neighbours that differ."""
    kept = codeword[np.diff(codeword, prepend=-1) != 0].astype(np.int64)
    return kept[:-1] * words + kept[1:]


def _psi_moments(sources: Sources) -> Arrays:
    size, width, index = len(sources.spans), len(sources.dataset.names), SpanIndex(sources.spans)
    frames, total, square = np.zeros(size), np.zeros((size, width)), np.zeros((size, width, width))
    for part in sources.dataset.iter_frames(index.recordings):
        sources.progress(Progress(task="reading ψ", done=0, total=0, detail=part.recording))
        psi, time_s = part.psi[part.valid], part.time_s[part.valid]
        for span, rows in index.groups(part.recording, time_s):
            one = psi[rows].astype(np.float64)
            frames[span], total[span], square[span] = len(one), one.sum(0), one.T @ one
    return {"frames": frames, "total": total, "square": square}


def _psi_sample(sources: Sources) -> Arrays:
    index = SpanIndex(sources.spans)
    sample = np.full((len(sources.spans), SAMPLE, len(sources.dataset.names)), np.nan, np.float32)
    for part in sources.dataset.iter_frames(index.recordings):
        sources.progress(Progress(task="sampling ψ", done=0, total=0, detail=part.recording))
        psi, time_s = part.psi[part.valid], part.time_s[part.valid]
        for span, rows in index.groups(part.recording, time_s):
            count = rows.stop - rows.start
            chosen = np.unique(np.linspace(rows.start, rows.stop - 1, min(SAMPLE, count)).round().astype(int))
            sample[span, : len(chosen)] = psi[chosen]
    return {"sample": sample}


def _au_sums(sources: Sources, aligned: AlignedAus) -> Arrays:
    shape, index = (len(sources.spans), len(aligned.aus)), SpanIndex(sources.spans)
    names = ("intensity", "square", "measured", "present", "known")
    sums = {name: np.zeros(shape) for name in names}
    whole = bool(np.isneginf(sources.spans["start_s"]).all())
    for name, part in aligned.iter_recordings([r for r in aligned.recordings if r in set(index.recordings)]):
        sources.progress(Progress(task="reading AUs", done=0, total=0, detail=name))
        time_s = np.arange(len(part.frame)) if whole else _times(sources.dataset, name, part.frame)
        shown = present(part.presence, part.intensity)
        for span, rows in index.groups(name, time_s):
            intensity, on = part.intensity[rows].astype(np.float64), shown[rows]
            values = (
                np.nansum(intensity, 0),
                np.nansum(intensity**2, 0),
                (~np.isnan(intensity)).sum(0),
                np.nansum(on, 0),
                (~np.isnan(on)).sum(0),
            )
            for key, value in zip(names, values, strict=True):
                sums[key][span] = value
    return sums


def _times(dataset: Dataset, recording: str, frame: np.ndarray) -> np.ndarray:
    return dataset.frames(recording).at(frame).time_s
