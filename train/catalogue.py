"""What the cache holds: every artefact with its size, date and kind of data, what it needs, and whether it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfe_core import integrity, trash
from dfe_core.artefact_names import CONFIG, MANIFEST, NOTES_FILE, WEIGHTS_FILE, WITHDRAWN_FILE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import SCHEMA_VERSION as DATASETS
from dfe_core.locks import claim
from dfe_core.store import KINDS, cache_root, file_sha256, read_json
from dfe_core.tokenizer.codebook import SCHEMA_VERSION as MODELS
from dfe_core.tokens.cache import SCHEMA_VERSION as TOKENS

_EXPECTED = {
    "datasets": ("name", "face", "coefficients", "recordings", "frames", "simulated", "key"),
    "models": ("name", "face", "coefficients", "tokenizer", "train", "dataset", "key"),
    "tokens": ("model", "dataset", "frames", "stages", "codewords"),
}
"""What a manifest must say for its artefact to be used."""
SCHEMA_VERSIONS = {"datasets": DATASETS, "models": MODELS, "tokens": TOKENS}
"""The versions that this dfe reads; of analyses, another version is made again."""
WITHDRAWN = WITHDRAWN_FILE
"""In the folder of a model that was trained with recordings of somebody who has withdrawn since."""
UNFINISHED = "training has not finished"


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """One artefact.

    kind, name: the folder under the cache's root, and the name in it. path: a file (faces) or a folder.
    bytes, modified: size on disk, and the time of the last change (seconds since the epoch).
    simulated: of the data it holds or was made from; None where that has no meaning.
    manifest: its manifest.json (models: config.json); empty where there is none or it cannot be read.
    fault: why it cannot be used, empty when nothing is known to be wrong.
    """

    kind: str
    name: str
    path: Path
    bytes: int
    modified: float
    simulated: bool | None = None
    manifest: dict[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def label(self) -> str:
        """``kind/name``, which names it without doubt."""
        return f"{self.kind}/{self.name}"

    @property
    def needs(self) -> set[tuple[str, str]]:
        """(kind, name) of the artefacts it was made from."""
        found = {("faces", self.manifest["face"])} if isinstance(self.manifest.get("face"), str) else set()
        for place in (self.manifest, *(self.manifest.get(key) for key in ("settings", "inputs", "tokens"))):
            if isinstance(place, dict):
                found |= {(f"{kind}s", name) for kind in ("model", "dataset") if (name := _named(place.get(kind)))}
        return found

    @property
    def made_at_need(self) -> bool:
        """Whether it is made again from other artefacts when it is needed: indexes, maps, reports, pictures."""
        return self.kind == "renders" or self.kind == "analyses" and not self.name.startswith("aus--")


def _named(value: Any) -> str:
    """A name as manifests write it: plain, or in a table with its key."""
    return str(value.get("name") or "") if isinstance(value, dict) else str(value or "")


def catalogue(root: Path | None = None) -> list[Artefact]:
    """Every artefact, by kind in the order in which one is made from the other, then by name."""
    root = root or cache_root()
    return [_describe(kind, path) for kind in KINDS for path in _entries(root / kind)]


def find(thing: str, root: Path | None = None) -> Artefact:
    """The artefact called `thing` (``name`` or ``kind/name``). Raises `DataError` for none, or for several."""
    artefacts = catalogue(root)
    found = [a for a in artefacts if thing in (a.name, a.label)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(thing, "more than one artefact has this name", " or ".join(a.label for a in found))
    names = ", ".join(a.label for a in artefacts if a.kind in ("faces", "datasets", "models"))
    raise DataError(thing, "no such artefact", f"one of those that `dfe list` shows ({names or 'now none'})")


def dependents(artefact: Artefact, root: Path | None = None) -> list[Artefact]:
    """The artefacts that were made from this one."""
    return [a for a in catalogue(root) if (artefact.kind, artefact.name) in a.needs]


def remove(artefact: Artefact, force: bool = False, root: Path | None = None) -> trash.Discarded:
    """Set an artefact aside in the trash, and delete what is made from it at need; returns the entry in the trash.

    Raises `DataError` when other artefacts were made from it, unless `force`, and when it is being written.
    """
    users = dependents(artefact, root)
    needed_by = [a.label for a in users if not a.made_at_need]
    if needed_by and not force:
        raise DataError(artefact.label, "needed by " + ", ".join(needed_by), "those to be removed first, or --force")
    for user in users:
        if user.made_at_need:
            delete(user)
    return trash.discard([artefact.path], root)


def delete(artefact: Artefact) -> None:
    """Delete an artefact for good."""
    with claim(artefact.path, trash.PATIENCE_S):
        if artefact.path.is_dir():
            (artefact.path / manifest_name(artefact.kind)).unlink(missing_ok=True)  # without it the rest does not exist
            shutil.rmtree(artefact.path)
        else:
            artefact.path.unlink()


def faults(artefact: Artefact) -> list[str]:
    """What is wrong with the content of an artefact, read in full and compared with the hashes it was written with."""
    if artefact.fault:
        return [artefact.fault]
    if artefact.kind == "faces":
        return _face_faults(artefact.path)
    expected = dict(artefact.manifest.get("files") or {})
    if artefact.kind == "models":
        expected[WEIGHTS_FILE] = artefact.manifest.get("key", "")
    found = [
        f"{name}: {fault}"
        for name, digest in sorted(expected.items())
        if (fault := _file_fault(artefact.path / name, digest))
    ]
    sealed = integrity.faults(artefact.path)
    told = {line.partition(":")[0] for line in found}
    return [*found, *(line for line in sealed if line.partition(":")[0] not in told), *_notes_faults(artefact)]


def _notes_faults(artefact: Artefact) -> list[str]:
    path = artefact.path / NOTES_FILE
    if artefact.kind != "models" or not path.is_file():
        return []
    try:
        held = read_json(path)
        integrity.unsigned(held, path) if isinstance(held, dict) else None
    except DataError as error:
        return [f"notes.json: {error.found}"]
    return []


def remedy(artefact: Artefact) -> str:
    """The command that makes a faulty artefact again."""
    manifest = artefact.manifest
    needed = dict(sorted(artefact.needs))
    if artefact.kind == "datasets":
        again = "dfe simulate" if artefact.simulated else "dfe import SRC..."
        return f"dfe rm {artefact.label} --force (it stays in the trash), then {again} --name {artefact.name}"
    if artefact.kind == "models" and artefact.fault == UNFINISHED:
        return f"dfe train DATASET --name {artefact.name} --resume"
    if artefact.kind == "models":
        return (
            f"dfe rm {artefact.label} --force, then dfe train {needed.get('datasets', 'DATASET')} "
            f"--name {artefact.name}"
        )
    if artefact.kind == "tokens":
        model, _, dataset = artefact.name.partition("--")
        return f"dfe encode {manifest.get('model', model)} {manifest.get('dataset', dataset)}"
    return f"dfe rm {artefact.label} --force; it is made again when it is needed"


def lineage_notes(model: Path) -> list[str]:
    """What is to be known of the data that a model was trained on: that they have changed since (or while it was
    trained), and that somebody has withdrawn from them."""
    notes = []
    try:
        made_from = read_json(model / CONFIG).get("dataset") or {}
        now = read_json(model.parents[1] / "datasets" / str(made_from.get("name")) / MANIFEST).get("key")
        if now != made_from.get("key"):
            notes.append(f"trained on another state of the dataset {made_from.get('name')} than is there now")
    except (DataError, AttributeError):  # no such dataset any more, or no whole model: told elsewhere
        pass
    try:
        count = len(read_json(model / WITHDRAWN))
        notes.append(f"trained with recordings of {count} {'person' if count == 1 else 'people'} who withdrew since")
    except (DataError, TypeError):
        pass
    return notes


def manifest_name(kind: str) -> str:
    """The file without which an artefact of this kind does not exist."""
    return CONFIG if kind == "models" else MANIFEST


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(
            p
            for p in folder.iterdir()
            if not p.name.startswith(".") and (p.suffix == ".npz" if folder.name == "faces" else p.is_dir())
        )


def _describe(kind: str, path: Path) -> Artefact:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    stats = [p.stat() for p in files]
    common = {
        "kind": kind,
        "path": path,
        "bytes": sum(s.st_size for s in stats),
        "modified": max((s.st_mtime for s in stats), default=path.stat().st_mtime),
    }
    if path.is_file():
        return Artefact(name=path.stem, **common)
    manifest, fault = _manifest(path / manifest_name(kind), kind)
    simulated = manifest.get("simulated")
    return Artefact(
        name=path.name,
        manifest=manifest,
        fault=fault,
        simulated=simulated if isinstance(simulated, bool) else None,
        **common,
    )


def _manifest(path: Path, kind: str) -> tuple[dict[str, Any], str]:
    if not path.is_file():
        if kind == "renders":  # pictures stand for themselves
            return {}, ""
        return {}, UNFINISHED if kind == "models" else f"no {path.name}: never finished"
    try:
        manifest = read_json(path)
    except DataError as error:
        return {}, f"{path.name}: {error.found}"
    if not isinstance(manifest, dict):
        return {}, f"{path.name}: not a JSON object"
    version = manifest.get("schema_version", SCHEMA_VERSIONS.get(kind))
    if version != SCHEMA_VERSIONS.get(kind, version):
        return manifest, f"{path.name}: schema version {version!r}, and this dfe knows {SCHEMA_VERSIONS[kind]}"
    lacking = [name for name in _EXPECTED.get(kind, ()) if name not in manifest]
    return manifest, f"{path.name}: no {', '.join(lacking)}: not written by this version of dfe" if lacking else ""


def _face_faults(path: Path) -> list[str]:
    from dfe_core.faces.archive import load_face

    try:
        load_face(path)
    except DataError as error:
        return [error.found]
    return []


def _file_fault(path: Path, digest: str) -> str:
    if not path.is_file():
        return "missing"
    whole = file_sha256(path)
    return "" if digest and whole.startswith(digest) else "its content is not what was written (SHA-256 differs)"
