"""What lies in the cache, opened once and shared by all sessions until it changes on disk.

A page asks for the same artefacts some dozens of times: `lru_cache` answers in a microsecond, Streamlit's caches, which
look at the signature and hash the arguments, in a third of a millisecond. They are for what takes long to make and
would otherwise be made for several people at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG, MANIFEST, METRICS_FILE, NO_FACE, PROBE, tokens_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.exclusions import exclusions_manifest
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.store import artefact_path, cache_root, read_json, read_signed_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import RunIndex, build_runs
from dfe_core.tokens.presence import RULE, rule_from

from .last_choice import last_choice

if TYPE_CHECKING:
    from dfe_core.probes.result import ProbeResult

DEFAULT_MODEL = "default"
DEFAULT_DATASET = "simulated"
SECOND_MODEL = "small"
"""The codebook of the default data that *Compare* opens on; `dfe build-default --second` makes it."""
THRESHOLDS = {f"{mm:g} mm": mm for mm in (0.5, RULE.onset_mm, 2.0, 4.0)}
"""From how far on a movement is counted, as the sidebar offers it."""


def model_names(root: Path) -> list[str]:
    """Trained models, the default first, then by name."""
    found = [
        p.parent.name
        for p in (root / "models").glob(f"*/{CODEWORDS_FILE}")
        if (p.parent / CONFIG).is_file() and not p.parent.name.startswith(".")
    ]
    return sorted(found, key=lambda name: (name != DEFAULT_MODEL, name))


def dataset_names(root: Path, model: str | None = None) -> list[str]:
    """Datasets: those encoded by `model` first, then by name."""
    found = [p.parent.name for p in (root / "datasets").glob(f"*/{MANIFEST}") if not p.parent.name.startswith(".")]
    return sorted(found, key=lambda name: (not is_encoded(root, model, name), name))


def is_encoded(root: Path, model: str | None, dataset: str | None) -> bool:
    """Whether the tokens of a model on a dataset are there, and are of the dataset as it is now."""
    if not model or not dataset:
        return False
    tokens = root / "tokens" / tokens_name(model, dataset) / MANIFEST
    made_from = {
        "dataset_key": root / "datasets" / dataset / MANIFEST,
        "model_key": root / "models" / model / CONFIG,
    }
    return tokens.is_file() and all(
        _same(str(tokens), key, str(path), stamp(tokens, path)) for key, path in made_from.items() if path.is_file()
    )


def face(root: Path, face_id: str) -> FaceModel:
    """A cached face. Never builds one: raises `DataError` when it is not there."""
    path = artefact_path("faces", face_id + ".npz", root)
    if not path.is_file() and face_id.startswith("anny"):
        raise DataError(face_id, "the face has not been built yet", "the default codebook to be built")
    return _face(str(root), face_id, stamp(path))


def metrics(root: Path, model: str) -> dict[str, Any] | None:
    """``models/<name>/metrics.json``: what `dfe evaluate` measured on held-out subjects; None where it is missing."""
    path = artefact_path("models", model, root) / METRICS_FILE
    try:
        return read_signed_json(path) if path.is_file() else None
    except DataError:
        return None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The model and dataset that every page works on, by name; empty where the cache holds none. What they name is
    opened once and kept until it changes on disk. from_mm: displacement from which on a codeword is counted."""

    root: Path
    model: str
    dataset: str
    from_mm: float = RULE.onset_mm

    @property
    def encoded(self) -> bool:
        return is_encoded(self.root, self.model, self.dataset)

    @property
    def faceless(self) -> bool:
        """Whether the dataset holds action units alone, so that no page can show a face of it."""
        try:
            return bool(self.dataset) and self.open_dataset().face_id == NO_FACE
        except DataError:  # broken: the page that opens it says so
            return False

    def open_codebook(self) -> Codebook:
        """The codebook of the model. Raises `DataError` where there is none or it cannot be read."""
        folder = artefact_path("models", self.model, self.root)
        return _codebook(str(self.root), self.model, stamp(folder / CONFIG, folder / CODEWORDS_FILE))

    def open_face(self) -> FaceModel:
        """The face that the codebook was learned on."""
        return face(self.root, self.open_codebook().face_id)

    def open_dataset(self) -> Dataset:
        """The recordings. Raises `DataError` where there are none or they cannot be read."""
        path = artefact_path("datasets", self.dataset, self.root) / MANIFEST
        return _dataset(str(self.root), self.dataset, stamp(path, exclusions_manifest(self.root, self.dataset)))

    def open_tokens(self) -> TokenCache:
        """The tokens of the dataset. Raises `DataError` where the model has not encoded it."""
        return _tokens(str(self.root), self.model, self.dataset, self._stamp_of_tokens)

    def open_intervals(self) -> RunIndex:
        """The index of intervals of the tokens, built when missing (a pass over the tokens: show a spinner)."""
        return _runs(str(self.root), self.model, self.dataset, self.from_mm, self._stamp_of_tokens)

    @property
    def _stamp_of_tokens(self) -> tuple[int, ...]:
        tokens = self.root / "tokens" / tokens_name(self.model, self.dataset) / MANIFEST
        return stamp(tokens, exclusions_manifest(self.root, self.dataset))


def chosen() -> Choice:
    """The session's choice, made in the sidebar and carried by the URL; at first that of the browser's last visit."""
    root, last = cache_root(), last_choice()
    model = _one_of(model_names(root), st.session_state.get("model"), last[0])
    datasets = dataset_names(root, model)
    last_dataset = last[1] if model == last[0] else None
    return Choice(
        root=root,
        model=model,
        dataset=_one_of(datasets, st.session_state.get("dataset"), last_dataset, learned_from(root, model)),
        from_mm=THRESHOLDS.get(st.session_state.get("counted", ""), RULE.onset_mm),
    )


def learned_from(root: Path, model: str) -> str:
    """The dataset that a codebook was learned from; empty where that cannot be read."""
    path = root / "models" / model / CONFIG
    return _learned_from(str(path), stamp(path)) if model else ""


def _one_of(names: list[str], *wanted: str | None) -> str:
    """The first wanted name that is there, else the first name; empty where there is none."""
    return next((name for name in wanted if name is not None and name in names), next(iter(names), ""))


def probe_results(root: Path) -> list[ProbeResult]:
    """Every kept result of a probe, the newest first, read again only when one comes, goes or changes."""
    manifests = sorted((root / "analyses").glob(f"{PROBE}-*/{MANIFEST}"))
    return _probe_results(str(root), tuple(map(str, manifests)), stamp(*manifests))


@st.cache_resource(max_entries=2, show_spinner=False)
def _probe_results(root: str, manifests: tuple[str, ...], stamp: tuple[int, ...]) -> list[ProbeResult]:
    from dfe_core.probes.result import list_results

    return list_results(Path(root))


def stamp(*paths: Path) -> tuple[int, ...]:
    """Changes when a file does; missing files count as 0."""
    return tuple(p.stat().st_mtime_ns if p.is_file() else 0 for p in paths)


@lru_cache(maxsize=256)
def _same(tokens: str, key: str, source: str, stamp: tuple[int, ...]) -> bool:
    """A recording that was removed, an import or a training of the same name makes another dataset or model."""
    try:
        made_from, now = read_json(Path(tokens)).get(key), read_json(Path(source)).get("key")
    except (DataError, AttributeError):  # broken: the page that opens it says so
        return True
    return made_from is None or made_from == now


@lru_cache(maxsize=64)
def _learned_from(path: str, stamp: tuple[int, ...]) -> str:
    try:
        return str(read_json(Path(path))["dataset"]["name"])
    except (DataError, KeyError, TypeError):  # broken: the page that opens it says so
        return ""


@lru_cache(maxsize=8)
def _codebook(root: str, name: str, stamp: tuple[int, ...]) -> Codebook:
    return Codebook.open(name, Path(root))


@lru_cache(maxsize=16)
def _dataset(root: str, name: str, stamp: tuple[int, ...]) -> Dataset:
    return Dataset.open(name, Path(root))


@lru_cache(maxsize=16)
def _tokens(root: str, model: str, name: str, stamp: tuple[int, ...]) -> TokenCache:
    return TokenCache.open(model, name, Path(root))


@st.cache_resource(max_entries=8, show_spinner=False)
def _runs(root: str, model: str, name: str, from_mm: float, stamp: tuple[int, ...]) -> RunIndex:
    return build_runs(Choice(root=Path(root), model=model, dataset=name).open_tokens(), rule=rule_from(from_mm))


@lru_cache(maxsize=4)
def _face(root: str, face_id: str, stamp: tuple[int, ...]) -> FaceModel:
    return open_face(face_id, Path(root))
