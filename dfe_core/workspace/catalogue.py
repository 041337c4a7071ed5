"""What the cache holds: every artefact, what it needs, whether it is whole, and how it is removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dfe_core import integrity, trash
from dfe_core.artefact import Artefact, list_artefacts
from dfe_core.artefact_names import (
    CONFIG,
    DATASETS,
    FACES,
    HISTORY_FILE,
    MANIFEST,
    METRICS_FILE,
    MODELS,
    NOTES_FILE,
    TOKENS,
    WEIGHTS_FILE,
    WITHDRAWN_FILE,
    is_events,
    is_ratings,
    manifest_name,
    split_tokens_name,
)
from dfe_core.errors import DataError
from dfe_core.expressions.exclusions import open_exclusions
from dfe_core.locks import claim
from dfe_core.remote import files_in_bucket, store_of
from dfe_core.replacement import remove_folder
from dfe_core.store import cache_root, file_sha256, read_json, read_signed_json
from dfe_core.workspace.graph import ArtefactGraph


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What `remove_artefact` did.

    entry: in the trash, by which it is taken back. deleted: what was made from it at need, gone for good and made again
    when it is needed. kept: what was made from it otherwise and is still there. unknown: analyses of older versions of
    dfe that are still there and do not say what they were made from.
    """

    entry: trash.Discarded
    deleted: tuple[Artefact, ...]
    kept: tuple[Artefact, ...]
    unknown: tuple[Artefact, ...]


def catalogue(root: Path | None = None) -> list[Artefact]:
    """Every artefact, by kind in the order in which one is made from the other, then by name."""
    return list(list_artefacts(root or cache_root()))


def find_artefact(thing: str, root: Path | None = None) -> Artefact:
    """The artefact called `thing` (``name`` or ``kind/name``). Raises `DataError` for none, or for several."""
    artefacts = catalogue(root)
    matches = [a for a in artefacts if thing in (a.name, a.label)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DataError(thing, "more than one artefact has this name", " or ".join(a.label for a in matches))
    names = ", ".join(a.label for a in artefacts if a.kind in (FACES, DATASETS, MODELS))
    raise DataError(thing, "no such artefact", f"one of those that `dfe list` shows ({names or 'now none'})")


def dependants(artefact: Artefact, root: Path | None = None) -> list[Artefact]:
    """The artefacts that were made from this one (`ArtefactGraph.dependants`)."""
    return ArtefactGraph.of(root).dependants(artefact)


def remove_artefact(artefact: Artefact, force: bool = False, root: Path | None = None) -> Removal:
    """Set an artefact aside in the trash, and delete what is made from it at need.

    Raises `DataError` when other artefacts were made from it, unless `force`, when it is being written, and for what is
    in a bucket.
    """
    if files_in_bucket(artefact.path) and (store := store_of(artefact.root)) is not None:
        raise DataError(
            f"{store.url}/{artefact.label}",
            "in a bucket",
            "the prefix to be deleted there, with the storage's own tools",
        )
    graph = ArtefactGraph.of(root)
    users = graph.dependants(artefact)
    kept, deleted = ([a for a in users if a.made_at_need == at_need] for at_need in (False, True))
    if kept and not force:
        needed_by = ", ".join(a.label for a in kept)
        raise DataError(artefact.label, f"needed by {needed_by}", "those to be removed first, or --force")
    for user in deleted:
        delete_artefact(user)
    entry = trash.discard([artefact.path], root)
    unknown = [a for a in graph.unknown_origin() if a.id != artefact.id]
    return Removal(entry=entry, deleted=tuple(deleted), kept=tuple(kept), unknown=tuple(unknown))


def delete_artefact(artefact: Artefact) -> None:
    """Delete an artefact for good."""
    with claim(artefact.path, trash.PATIENCE_S):
        if artefact.path.is_dir():
            (artefact.path / manifest_name(artefact.kind)).unlink(missing_ok=True)  # without it the rest does not exist
            remove_folder(artefact.path)
        else:
            artefact.path.unlink()


def artefact_faults(artefact: Artefact) -> list[str]:
    """What is wrong with the content of an artefact, read in full and compared with the hashes it was written with."""
    if artefact.fault:
        return [artefact.fault]
    if artefact.kind == FACES:
        return _face_faults(artefact.path)
    if artefact.path.is_file():
        return []
    return [f"{name}: {fault}" for name, fault in _faults_by_file(artefact).items()]


def _faults_by_file(artefact: Artefact) -> dict[str, str]:
    expected = dict(artefact.manifest.get("files") or {})
    if artefact.kind == MODELS:
        expected[WEIGHTS_FILE] = artefact.key
    there = files_in_bucket(artefact.path)  # read by `integrity.faults`
    here = {name: digest for name, digest in sorted(expected.items()) if there.get(name) != digest}
    wrong = {name: _file_fault(artefact.path / name, digest) for name, digest in here.items()}
    wrong = {name: fault for name, fault in wrong.items() if fault}
    sealed = {name: fault for name, fault in integrity.faults(artefact.path).items() if name not in wrong}
    return {**wrong, **sealed, **_faults_of_signed(artefact)}


def _faults_of_signed(artefact: Artefact) -> dict[str, str]:
    """Of a model's files that carry a digest of their own: notes and what was measured."""
    found = {}
    for name in (NOTES_FILE, METRICS_FILE) if artefact.kind == MODELS else ():
        try:
            if (artefact.path / name).is_file():
                read_signed_json(artefact.path / name)
        except DataError as error:
            found[name] = error.found
    return found


def remedy(artefact: Artefact) -> str:
    """The command that makes a faulty artefact again."""
    needed = dict(sorted(artefact.made_from))
    if artefact.kind == DATASETS:
        again = "dfe simulate" if artefact.simulated and not artefact.manifest.get("sources") else "dfe import SRC..."
        return f"dfe rm {artefact.label} --force (it stays in the trash), then {again} --name {artefact.name}"
    if artefact.unfinished:
        return f"dfe train DATASET --name {artefact.name} --resume"
    if artefact.kind == MODELS:
        faulty = set(_faults_by_file(artefact))
        if faulty == {METRICS_FILE}:
            return f"dfe evaluate {artefact.name} {needed.get(DATASETS, 'DATASET')}"
        if faulty and faulty <= {METRICS_FILE, NOTES_FILE, HISTORY_FILE}:
            named = " and ".join(sorted(faulty - {METRICS_FILE}))
            return f"put a copy of {named} from before in its place; the model itself is whole"
        return (
            f"dfe rm {artefact.label} --force, then dfe train {needed.get(DATASETS, 'DATASET')} --name {artefact.name}"
        )
    if is_events(artefact.name):
        again = f"dfe events import FILE... --dataset {needed.get(DATASETS, 'DATASET')}"
        return f"dfe rm {artefact.label} --force, then {again}"
    if is_ratings(artefact.name):
        return f"dfe rm {artefact.label} --force (it stays in the trash, with its answers), then dfe raters make"
    if artefact.kind == TOKENS:
        return "dfe encode " + " ".join(split_tokens_name(artefact.name, artefact.manifest))
    return f"dfe rm {artefact.label} --force; it is made again when it is needed"


def lineage_notes(model: Path) -> list[str]:
    """What is to be known of the data that a model was trained on: that they have changed since (or while it was
    trained), and that somebody has withdrawn from them."""
    notes = []
    try:
        made_from = read_json(model / CONFIG).get("dataset") or {}
        now = read_json(model.parents[1] / DATASETS / str(made_from.get("name")) / MANIFEST).get("key")
        if now != made_from.get("key"):
            notes.append(f"trained on another state of the dataset {made_from.get('name')} than is there now")
        elif open_exclusions(model.parents[1], str(made_from.get("name"))).key != made_from.get("excluded", ""):
            notes.append(f"trained while other spans of the dataset {made_from.get('name')} were excluded")
    except (DataError, AttributeError):  # no such dataset any more, or no whole model: told elsewhere
        pass
    try:
        count = len(read_json(model / WITHDRAWN_FILE))
        notes.append(f"trained with recordings of {count} {'person' if count == 1 else 'people'} who withdrew since")
    except (DataError, TypeError):
        pass
    return notes


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
