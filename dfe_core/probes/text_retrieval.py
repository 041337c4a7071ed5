"""Describe a face in words, get the moments that look like it: an alignment made once for a dataset, then asked.

``analyses/alignment-<key>/`` holds net.safetensors, windows.parquet, vectors.npz and, last, manifest.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core import __version__
from dfe_core.artefact import ArtefactId, OpenedArtefact, newest_first, source_labels
from dfe_core.artefact_names import ALIGNMENT, ANALYSES, MANIFEST, aus_name, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import GAP_S, split_dataset
from dfe_core.facs.store import AlignedAus
from dfe_core.integrity import is_whole
from dfe_core.probes.features import material
from dfe_core.probes.features.material import CodebookTokens, Sources
from dfe_core.probes.features.spans import SpanIndex
from dfe_core.probes.prompts import caption, class_prompts
from dfe_core.probes.retrieval import classified, held_out, notes, retrieval
from dfe_core.probes.sequence_settings import AlignmentSettings
from dfe_core.probes.text import WORDS, TextEncoder, WordEncoder, open_encoder
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache

VERSION = 3
_SHOWN, _MOST_ACTIONS = 0.1, 4
"""A caption names the AUs present in at least this share of a window, the most intense first, at most so many."""
_FIRST = 4000


@dataclass(frozen=True, kw_only=True)
class QuerySettings:
    """How a dataset is aligned with words.

    Attributes
    ----------
    label: a label column whose classes have prompts (EDCLIP); None: captions made of the AUs `aus` of each window.
    prompts: own prompts by class. others: classes that have none and are only pushed away.
    text: see `text.open_encoder`; the plain words tell up from down, which small sentence models do not.
    window_s: length of a window. alignment: the network, its losses and its training.
    """

    model: str
    dataset: str
    label: str | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    aus: str = "derived"
    text: str = WORDS
    window_s: float = 2.0
    seed: int = 0
    alignment: AlignmentSettings = field(default_factory=AlignmentSettings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "others", tuple(self.others))
        if not 0.04 <= self.window_s <= 60:
            raise DataError("window_s", f"{self.window_s:g}", "0.04 to 60 seconds")

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **self.__dict__,
            "prompts": dict(self.prompts),
            "others": list(self.others),
            "alignment": asdict(self.alignment),
        }


@dataclass(frozen=True)
class MomentIndex(OpenedArtefact):
    """A dataset's windows among words, opened for queries."""

    path: Path

    @cached_property
    def windows(self) -> pd.DataFrame:
        """One row a window: recording, subject, part (of the split), start_s, end_s, and the token with the largest
        weight in it: peak_s, codeword."""
        return pd.read_parquet(self.path / "windows.parquet")

    @cached_property
    def vectors(self) -> np.ndarray:
        """(n, W) float32, unit length."""
        with np.load(self.path / "vectors.npz", allow_pickle=False) as stored:
            return stored["vectors"].astype(np.float32)

    @cached_property
    def encoder(self) -> TextEncoder:
        """The text encoder it was made with. Raises `DataError` where that is not to be had any more."""
        encoder = open_encoder(self.manifest["settings"]["text"])
        if encoder.key != self.manifest["text_key"]:
            raise DataError(
                self.path.name,
                f"made with the text encoder {self.manifest['text_name']}",
                "that encoder, or the alignment to be made again",
            )
        return encoder

    def query(self, text: str, limit: int = 12, per_subject: int = 2) -> pd.DataFrame:
        """The windows most like a description, best first: the columns of `windows`, similarity (cosine) and
        above_chance (its distance from the mean over windows, in standard deviations).

        Windows of one recording are at least a window apart; a subject gives at most `per_subject` while others have
        any. Raises `DataError` for an empty text, or one the encoder cannot read.
        """
        near = self.vectors @ place_of(text, self.encoder)
        table = self.windows.assign(similarity=near, above_chance=(near - near.mean()) / max(near.std(), 1e-9))
        ranked = table.sort_values("similarity", ascending=False, kind="stable")
        kept = _apart(ranked.head(_FIRST), float(self.manifest["settings"]["window_s"]))
        turn = kept.groupby("subject", sort=False).cumcount().to_numpy()
        order = np.r_[np.flatnonzero(turn < per_subject), np.flatnonzero(turn >= per_subject)][:limit]
        return kept.iloc[np.sort(order)].reset_index(drop=True)

    def classify(self) -> pd.DataFrame:
        """The nearest prompt of every window: recording, start_s, end_s, prompt, similarity, margin (over the next)."""
        texts = self.manifest["anchors"]
        near = self.vectors @ self.encoder.encode(texts).T
        ordered = np.sort(near, 1)
        best = self.windows[["recording", "start_s", "end_s"]].assign(
            prompt=np.array(texts, object)[near.argmax(1)], similarity=ordered[:, -1]
        )
        return best.assign(margin=ordered[:, -1] - ordered[:, -2] if len(texts) > 1 else np.nan)


def place_of(text: str, encoder: TextEncoder) -> np.ndarray:
    """(W,) where a description lies. Raises `DataError` for an empty one, or one the encoder cannot read."""
    if not text.strip():
        raise DataError("description", "empty", "for example: lip corners pulled up on the left")
    return encoder.encode([text])[0]


def open_moments(settings: QuerySettings, root: Path | None = None) -> MomentIndex | None:
    """The index of these settings if it has been made."""
    folder = _folder(settings, root)
    return MomentIndex(folder) if is_whole(folder) else None


def list_moments(model: str, dataset: str, root: Path | None = None) -> list[MomentIndex]:
    """Every index of a model and dataset as they are now, the newest first."""
    parent = artefact_path("analyses", "alignment", root).parent
    found = [MomentIndex(p) for p in newest_first(parent, ALIGNMENT)]
    tokens = content_key(TokenCache.open(model, dataset, root).manifest)
    return [
        m
        for m in found
        if m.manifest["version"] == VERSION
        and m.manifest["settings"]["model"] == model
        and m.manifest["tokens"] == tokens
    ]


def align_moments(settings: QuerySettings, root: Path | None = None, progress: Listener = silent) -> MomentIndex:
    """Align a dataset's windows with words, or open what was made before.

    One part of the people trains, one stops the training and one tests it; `manifest` tells how well the held-out
    people's moments are found (``retrieval`` by the AUs they show, ``classified`` by their label). Raises `DataError`
    for a label or AUs that are not there.
    """
    if (found := open_moments(settings, root)) is not None:
        return found
    from dfe_core.probes.text_alignment import (  # torch: seconds to import, needed only here
        embed_windows,
        fit_alignment,
    )

    codebook, data = Codebook.open(settings.model, root), Dataset.open(settings.dataset, root)
    tokens = TokenCache.open(settings.model, settings.dataset, root)
    windows = _windows(data, settings.window_s)
    sources = Sources(
        dataset=data,
        encoded=CodebookTokens(codebook=codebook, tokens=tokens),
        spans=windows,
        folder=artefact_path("analyses", "x", root).parent,
        progress=progress,
    )
    encoder = open_encoder(settings.text)
    anchor, texts, shown, actions = _anchors(sources, settings)  # what is refused is refused before the long part
    sequences = _sequences(sources, settings.alignment.net.most, progress)
    part, split_by = _parts(data, windows, settings.seed)
    chosen = replace(settings.alignment, net=replace(settings.alignment.net, seed=settings.seed))
    fit = fit_alignment(
        sequences,
        anchor,
        encoder.encode(texts),
        train=np.flatnonzero(part == "train"),
        validation=np.flatnonzero(part == "validation"),
        codebook=codebook,
        settings=chosen,
        progress=progress,
    )
    vectors, weights = embed_windows(fit.net, sequences, chosen, progress)
    table = _peaks(windows.assign(part=part), sequences, weights, data)
    quality = retrieval(encoder, vectors, part, shown, actions)
    manifest = {
        "version": VERSION,
        **source_labels(*tokens.sources, *_aus_sources(settings)),
        "kind": "alignment",
        "made_by": __version__,
        "model": settings.model,
        "dataset": settings.dataset,
        "simulated": data.simulated,
        "tokens": content_key(tokens.manifest),
        "settings": settings.as_dict(),
        "text_name": encoder.name,
        "text_short": encoder.short,
        "text_key": encoder.key,
        "anchors": texts,
        "windows": len(table),
        "epoch": fit.epoch,
        "losses": list(fit.losses),
        "split_by": split_by,
        **held_out(table),
        **quality,
        "classified": None if settings.label is None else classified(vectors, encoder.encode(texts), anchor, part),
        "notes": notes(
            data.simulated,
            split_by,
            table,
            encoder.key == WordEncoder.key,
            settings.aus if settings.label is None else None,
            quality["retrieval_auroc"],
        ),
    }
    return _written(_folder(settings, root), fit.net, table, vectors, manifest)


def _aus_sources(settings: QuerySettings) -> tuple[ArtefactId, ...]:
    """The action units that the windows are described by, where no label takes their place."""
    return (ArtefactId(ANALYSES, aus_name(settings.dataset, settings.aus)),) if settings.label is None else ()


def _written(folder: Path, net: Any, table: pd.DataFrame, vectors: np.ndarray, manifest: dict[str, Any]) -> MomentIndex:
    from safetensors.torch import save_file

    with atomic_directory(folder) as temporary:
        save_file({k: v.cpu().contiguous() for k, v in net.state_dict().items()}, temporary / "net.safetensors")
        table.to_parquet(temporary / "windows.parquet", index=False)
        np.savez(temporary / "vectors.npz", vectors=vectors.astype(np.float16))
        write_json(temporary / MANIFEST, manifest)
    return MomentIndex(folder)


def _folder(settings: QuerySettings, root: Path | None) -> Path:
    tokens = TokenCache.open(settings.model, settings.dataset, root)
    aus = AlignedAus.open(settings.dataset, settings.aus, root).key if settings.label is None else ""
    key = content_key([VERSION, settings.as_dict(), content_key(tokens.manifest), aus, open_encoder(settings.text).key])
    return artefact_path("analyses", keyed_name(ALIGNMENT, key), root)


def _windows(data: Dataset, window_s: float) -> pd.DataFrame:
    """Windows back to back over every recording; what is left over at its end belongs to none."""
    parts = []
    for recording, duration_s in zip(data.recordings["recording"], data.recordings["duration_s"], strict=True):
        count = int(np.floor(duration_s / window_s + 1e-6))
        parts.append(
            pd.DataFrame(
                {
                    "recording": str(recording),
                    "segment": np.arange(count),
                    "start_s": np.arange(count) * window_s,
                    "end_s": (np.arange(count) + 1) * window_s,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"recording": []})
    if not len(table):
        raise DataError(data.name, f"no recording holds a window of {window_s:g} s", "a smaller window")
    return table.assign(span=np.arange(len(table)), time=table["recording"])


def _sequences(sources: Sources, most: int, progress: Listener):
    from dfe_core.probes.token_sequences import token_sequences

    return token_sequences(
        sources.tokens,
        sources.codebook,
        SpanIndex(sources.spans),
        np.arange(len(sources.spans)),
        len(sources.spans),
        most,
        progress,
    )


def _anchors(sources: Sources, settings: QuerySettings) -> tuple[np.ndarray, list[str], np.ndarray, list]:
    """Anchor of every window, the anchors' texts, and, where AUs are to be had, (n, A) which are shown, and their
    names."""
    if settings.label is not None:
        return *_of_classes(sources, settings), np.zeros((len(sources.spans), 0), bool), []
    aligned = AlignedAus.open(settings.dataset, settings.aus, sources.dataset.path.parent.parent)
    sums = material.au_sums(sources, settings.aus)
    known = np.maximum(sums["known"], 1)
    share, level = sums["present"] / known, sums["intensity"] / np.maximum(sums["measured"], 1)
    shown = (share >= _SHOWN) & (sums["known"] > 0)
    rank = np.argsort(np.argsort(-np.where(shown, level, -1), 1), 1)
    texts = [caption([aligned.aus[i] for i in np.flatnonzero(row)]) for row in shown & (rank < _MOST_ACTIONS)]
    names, anchor = np.unique(np.array(texts, object).astype(str), return_inverse=True)
    return anchor.ravel(), names.tolist(), shown, list(aligned.aus)


def _of_classes(sources: Sources, settings: QuerySettings) -> tuple[np.ndarray, list[str]]:
    rows = sources.dataset.recordings.set_index("recording")
    if settings.label not in sources.dataset.labels:
        raise DataError(
            str(settings.label),
            f"no such label in dataset {sources.dataset.name}",
            "one of " + ", ".join(sources.dataset.labels),
        )
    label = rows[settings.label].reindex(sources.spans["recording"])
    told = label.notna().to_numpy()
    values = label.astype(str).to_numpy()
    classes = sorted(set(values[told]))
    prompts = class_prompts(classes, settings.prompts, settings.others)
    if len(prompts) < 2:
        raise DataError(settings.label, f"{len(prompts)} classes with a prompt", "two or more")
    if not told.all():
        raise DataError(settings.label, f"no value for {int((~told).sum())} windows", "a label for every recording")
    index = {name: i for i, name in enumerate(prompts)}
    return np.array([index.get(v, -1) for v in values]), list(prompts.values())


def _parts(data: Dataset, windows: pd.DataFrame, seed: int) -> tuple[np.ndarray, str]:
    """train, validation or test of every window, by subject where they suffice (see `split_dataset`), and by what.

    Split by time, a window belongs to the part that it lies in whole, `GAP_S` or more after the part before it: frames
    that follow each other are alike. The others are ``unused``.
    """
    split = split_dataset(data, 0.2, 0.15, seed)
    part = np.full(len(windows), "train", object)
    if split.by != "time":
        for name in ("validation", "test"):
            part[windows["recording"].isin(split.recordings[name]).to_numpy()] = name
        return part, split.by
    return parts_in_time(windows, data.recordings.set_index("recording")["duration_s"], split.spans), split.by


def parts_in_time(windows: pd.DataFrame, duration_s: pd.Series, spans: Mapping[str, tuple[float, float]]) -> np.ndarray:
    """(n,) part of every window of recordings that are split in time; ``unused`` near a border between two parts.

    windows: recording, start_s, end_s. duration_s: by recording. spans: start and end of each part, as shares of a
    recording.
    """
    length = duration_s.reindex(windows["recording"]).to_numpy()
    part = np.full(len(windows), "unused", object)
    for name, (start, end) in spans.items():
        from_s = start * length + (GAP_S if start > 0 else 0.0)
        inside = (windows["start_s"].to_numpy() >= from_s - 1e-6) & (windows["end_s"].to_numpy() <= end * length + 1e-6)
        part[inside] = name
    return part


def _peaks(windows: pd.DataFrame, sequences: Any, weights: np.ndarray, data: Dataset) -> pd.DataFrame:
    """The token that decided each window most, −1 and the window's middle where it has none."""
    count = np.diff(sequences.edges)
    unit = np.repeat(np.arange(len(windows)), count)
    order = np.lexsort([-weights, unit])
    best = order[sequences.edges[:-1][count > 0]]
    codeword, peak = np.full(len(windows), -1), (windows["start_s"] + windows["end_s"]).to_numpy() / 2
    codeword[count > 0], peak[count > 0] = sequences.codeword[best], sequences.time_s[best]
    subject = data.recordings.set_index("recording")["subject"].reindex(windows["recording"]).to_numpy()
    return windows[["recording", "part", "start_s", "end_s"]].assign(subject=subject, peak_s=peak, codeword=codeword)


def _apart(ranked: pd.DataFrame, apart_s: float) -> pd.DataFrame:
    """Leave out every window with a better one closer than `apart_s` before or after it in its recording."""
    start, recording = ranked["start_s"].to_numpy(), pd.factorize(ranked["recording"])[0]
    taken: dict[int, list[float]] = {}
    keep = np.zeros(len(ranked), bool)
    for i, (time, name) in enumerate(zip(start, recording, strict=True)):
        others = taken.setdefault(int(name), [])
        if all(abs(time - other) > apart_s * 1.001 for other in others):
            keep[i] = True
            others.append(time)
    return ranked[keep]
