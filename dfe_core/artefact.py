"""One artefact of the cache: a folder with a manifest (of faces and single results: a file), named by kind and name.

A manifest says what its artefact was made from: ``made_from``, a list of ``kind/name``. Manifests of versions of dfe
that wrote none are read by the fields that they have (model, dataset, face).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from dfe_core.artefact_names import (
    ANALYSES,
    DATASETS,
    FACES,
    KINDS,
    MANIFEST,
    MODELS,
    RENDERS,
    SEPARATOR,
    TOKENS,
    aus_alone,
    aus_name,
    is_aus,
    is_events,
    is_face_file,
    is_ratings,
    manifest_name,
    split_tokens_name,
    tokens_name,
)
from dfe_core.errors import DataError
from dfe_core.integrity import check
from dfe_core.store import read_json

SCHEMA_VERSIONS = {DATASETS: 1, MODELS: 2, TOKENS: 1}
"""The versions of manifests that this dfe reads and writes; of analyses, another version is made again."""
MADE_FROM = "made_from"
_REQUIRED = {
    DATASETS: ("name", "face", "coefficients", "recordings", "frames", "simulated", "key"),
    MODELS: ("name", "face", "coefficients", "tokenizer", "train", "dataset", "key"),
    TOKENS: ("model", "dataset", "frames", "stages", "codewords"),
}
"""What a manifest must say for its artefact to be used."""


class ArtefactId(NamedTuple):
    """Kind (one of `artefact_names.KINDS`) and name of an artefact; written ``kind/name``."""

    kind: str
    name: str

    @property
    def label(self) -> str:
        """``kind/name``, which identifies it within a cache."""
        return f"{self.kind}/{self.name}"

    def path(self, root: Path) -> Path:
        """Its folder, or its file."""
        return root / self.kind / (f"{self.name}.npz" if self.kind == FACES else self.name)


class Artefact:
    """An artefact as it is on disk, whether it can be used or not.

    Parameters
    ----------
    path: its folder or file, ``<root>/<kind>/<name>``.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def kind(self) -> str:
        """The folder under the cache's root that it is in."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """Its name in that folder."""
        return self.id.name

    @property
    def id(self) -> ArtefactId:
        """Kind and name, as its place on disk says them."""
        kind = self.path.parent.name
        return ArtefactId(kind, self.path.stem if kind == FACES else self.path.name)

    @property
    def label(self) -> str:
        """``kind/name``."""
        return self.id.label

    @property
    def root(self) -> Path:
        """The cache it is in."""
        return self.path.parents[1]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Its manifest; empty where there is none or it cannot be read (`fault` says why)."""
        return self._manifest_and_fault[0]

    @property
    def fault(self) -> str:
        """Why it cannot be used, as far as its manifest tells; empty when nothing is known to be wrong."""
        return self._manifest_and_fault[1]

    @property
    def unfinished(self) -> bool:
        """Whether it is a model whose training has not ended: its manifest is written last."""
        return self.kind == MODELS and not (self.path / manifest_name(self.kind)).is_file()

    @property
    def key(self) -> str:
        """Content key of the manifest; empty for an artefact that has none."""
        return str(self.manifest.get("key") or "")

    @property
    def simulated(self) -> bool | None:
        """Of the data it holds or was made from; None where that has no meaning."""
        value = self.manifest.get("simulated")
        return value if isinstance(value, bool) else None

    @cached_property
    def made_from(self) -> frozenset[ArtefactId]:
        """The artefacts it was made from, as far as its manifest tells."""
        return sources_of(self.kind, self.name, self.manifest)

    @property
    def origin_known(self) -> bool:
        """Whether its manifest says what it was made from; caches of older versions of dfe have some that do not."""
        if self.kind not in (ANALYSES, RENDERS) or MADE_FROM in self.manifest:
            return True
        outside = "video_sha256" in self.manifest or self.simulated is True  # made from a video, or from nothing
        return outside or any(source.kind in (MODELS, DATASETS) for source in self.made_from)

    @property
    def made_at_need(self) -> bool:
        """Whether it is made again from other artefacts when it is needed: indexes, maps, reports, pictures."""
        given = any(holds(self.name) for holds in (is_aus, is_events, is_ratings))
        return self.kind == RENDERS or (self.kind == ANALYSES and not given)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file of it."""
        return (self.path,) if self.path.is_file() else tuple(p for p in self.path.rglob("*") if p.is_file())

    @cached_property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(p.stat().st_size for p in self.files)

    @cached_property
    def modified(self) -> float:
        """Time of the last change, seconds since the epoch."""
        return max((p.stat().st_mtime for p in self.files), default=self.path.stat().st_mtime)

    @cached_property
    def _manifest_and_fault(self) -> tuple[dict[str, Any], str]:
        if self.kind == FACES:
            return {}, ""
        path = self.path if self.path.is_file() else self.path / manifest_name(self.kind)
        if not path.is_file():
            if self.kind == RENDERS:  # pictures stand for themselves
                return {}, ""
            return {}, "training has not finished" if self.unfinished else f"no {path.name}: never finished"
        try:
            manifest = read_json(path)
        except DataError as error:
            return {}, f"{path.name}: {error.found}"
        return (manifest, _fault_of(manifest, path.name, self.kind)) if isinstance(manifest, dict) else ({}, _NO_OBJECT)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label!r})"


_NO_OBJECT = f"{MANIFEST}: not a JSON object"


class OpenedArtefact(Artefact):
    """An artefact that is read: its manifest is there and sound, else a `DataError` is raised where it is needed."""

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Its manifest. Raises `DataError` where it is missing or broken."""
        return read_json(self.path / manifest_name(self.kind))


def checked_manifest(path: Path, version: int, remedy: str = "", *, unversioned: bool = False) -> dict[str, Any]:
    """A manifest whose content is what was written and whose schema version is `version`.

    remedy: added to what is expected. unversioned: whether one without a version counts as of this one. Raises
    `DataError` where it is not.
    """
    manifest = read_json(check(path))
    found = manifest.get("schema_version", version if unversioned else None)
    if found != version:
        raise DataError(path, f"schema version {found!r}", f"{version}{remedy}")
    return manifest


def source_labels(*sources: ArtefactId) -> dict[str, list[str]]:
    """The field of a manifest that says what its artefact was made from."""
    return {MADE_FROM: [source.label for source in sources]}


def sources_of_tokens(model: str, dataset: str) -> tuple[ArtefactId, ...]:
    """What an analysis of tokens is made from: the codebook, the dataset and the tokens of one on the other; of AUs
    alone (``aus:NAME`` for the model) the dataset and the AUs."""
    if aus := aus_alone(model):
        return ArtefactId(DATASETS, dataset), ArtefactId(ANALYSES, aus_name(dataset, aus))
    return ArtefactId(MODELS, model), ArtefactId(DATASETS, dataset), ArtefactId(TOKENS, tokens_name(model, dataset))


def sources_of(kind: str, name: str, manifest: dict[str, Any]) -> frozenset[ArtefactId]:
    """What an artefact was made from, as its manifest says it."""
    if isinstance(labels := manifest.get(MADE_FROM), list):
        parts = (str(label).partition("/") for label in labels)
        return frozenset(ArtefactId(kind, name) for kind, _, name in parts if kind in KINDS and name)
    return frozenset(_earlier_sources(kind, name, manifest))


def _earlier_sources(kind: str, name: str, manifest: dict[str, Any]) -> Iterator[ArtefactId]:
    """Of the manifest of a version that wrote no ``made_from``; of tokens and models this is the only form."""
    if kind == TOKENS:
        yield from _named(*split_tokens_name(name, manifest)) if manifest else _in_tokens_name(name)
        return
    if isinstance(face := manifest.get("face"), str) and is_face_file(face):
        yield ArtefactId(FACES, face)
    for place in (manifest, *(manifest.get(key) for key in ("settings", "inputs", "tokens"))):
        if isinstance(place, dict):
            model, dataset = (_name_in(place.get(field)) for field in ("model", "dataset"))
            yield from _named(model, dataset)
            if kind == ANALYSES and model and dataset:
                yield ArtefactId(TOKENS, tokens_name(model, dataset))
            if kind == ANALYSES and place is not manifest.get("settings") and dataset and _name_in(place.get("aus")):
                yield ArtefactId(ANALYSES, aus_name(dataset, _name_in(place.get("aus"))))


def _in_tokens_name(name: str) -> Iterator[ArtefactId]:
    """Every model and dataset that the folder's name may stand for; its manifest would say which."""
    parts = name.split(SEPARATOR)
    for at in range(1, len(parts)):
        yield from _named(SEPARATOR.join(parts[:at]), SEPARATOR.join(parts[at:]))


def _named(model: str, dataset: str) -> Iterator[ArtefactId]:
    yield from (ArtefactId(kind, name) for kind, name in ((MODELS, model), (DATASETS, dataset)) if name)


def _name_in(value: Any) -> str:
    """A name as manifests write it: plain, or in a table with its key."""
    if isinstance(value, dict):
        value = value.get("name")
    return value if isinstance(value, str) else ""


def _fault_of(manifest: dict[str, Any], file: str, kind: str) -> str:
    expected = SCHEMA_VERSIONS.get(kind)
    version = manifest.get("schema_version", expected)
    if expected is not None and version != expected:
        return f"{file}: schema version {version!r}, and this dfe knows {expected}"
    lacking = [name for name in _REQUIRED.get(kind, ()) if name not in manifest]
    return f"{file}: no {', '.join(lacking)}: not written by this version of dfe" if lacking else ""


def newest_first(folder: Path, prefix: str) -> list[Path]:
    """The finished artefacts of a folder whose names begin with ``<prefix>-``, the latest first."""
    manifests = sorted(folder.glob(f"{prefix}-*/{MANIFEST}"), key=lambda path: -path.stat().st_mtime)
    return [path.parent for path in manifests]


def list_artefacts(root: Path) -> Iterator[Artefact]:
    """Every artefact of a cache, by kind in the order in which one is made from the other, then by name."""
    for kind in KINDS:
        yield from (Artefact(path) for path in _paths_of(root / kind))


def _paths_of(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return ()
    ending = {FACES: ".npz", ANALYSES: ".json"}.get(folder.name)
    folders = folder.name != FACES
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and ((folders and path.is_dir()) or (path.suffix == ending and path.is_file()))
    )
