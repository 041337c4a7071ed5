"""Leftovers of interrupted writes, and what can be mended without losing anything."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from dfe_core import trash
from dfe_core.artefact import Artefact
from dfe_core.artefact_names import KINDS, TOKENS, split_tokens_name
from dfe_core.audit import recorded
from dfe_core.errors import DataError
from dfe_core.progress import Listener, silent
from dfe_core.replacement import is_in_use, owner_of
from dfe_core.store import cache_root, recover_all
from dfe_core.workspace.catalogue import artefact_faults, catalogue, delete_artefact

WITHDRAWALS = "withdrawals"
"""Folder of the cache with a certificate for each person who has withdrawn."""
_STILL_S = 600.0
"""A temporary file untouched for so long belongs to nobody any more, seconds."""


def leftovers(root: Path) -> list[Path]:
    """Temporary files and folders of writers that were killed: never an old artefact whose successor is not there, and
    nothing of writers still at work."""
    places = [root, root / ".trash", root / WITHDRAWALS, *(root / kind for kind in KINDS)]
    places += [
        path
        for kind in KINDS
        if (root / kind).is_dir()
        for path in sorted((root / kind).iterdir())
        if path.is_dir() and not path.name.startswith(".")
    ]
    return [path for place in places if place.is_dir() for path in sorted(place.iterdir()) if _is_leftover(path)]


def _is_leftover(path: Path) -> bool:
    if path.name.startswith((".learning-", ".new-", ".gone-")):
        return _age_s(path) > _STILL_S
    owner = owner_of(path)
    if not owner or path.suffix == ".lock" or ("-old-" in path.name and not path.with_name(owner).exists()):
        return False
    return not is_in_use(path) if path.is_dir() else _age_s(path) > _STILL_S


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def repair(root: Path | None = None, progress: Listener = silent) -> list[str]:
    """Carry out what ``dfe doctor`` advises where nothing is lost by it; returns a line for each thing done.

    Interrupted changes are finished or rolled back, leftovers go, what is made at need
    is deleted where it is damaged, and damaged tokens are made again.
    """
    root = root or cache_root()
    with recorded("repair", root=root, whole=False) as act:
        done = _repaired_all(root, progress)
        act.artefacts = [line.partition(":")[0] for line in done]
    return done


def _repaired_all(root: Path, progress: Listener) -> list[str]:
    done = [f"{label}: rolled back" for label in recover_all(root)]
    trash.recover_trash(root)
    for path in leftovers(root):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        done.append(f"{path.relative_to(root)}: deleted")
    return done + [line for artefact in catalogue(root) if (line := _repaired(artefact, root, progress))]


def _repaired(artefact: Artefact, root: Path, progress: Listener) -> str:
    if not (artefact.made_at_need or artefact.kind == TOKENS) or not artefact_faults(artefact):
        return ""
    if artefact.made_at_need:
        delete_artefact(artefact)
        return f"{artefact.label}: deleted, it is made again when it is needed"
    from dfe_core.tokens.encoding import encode_dataset

    model, dataset = split_tokens_name(artefact.name, artefact.manifest)
    try:
        encode_dataset(model, dataset, root=root, progress=progress)
    except DataError as error:
        return f"{artefact.label}: not made again ({error})"
    return f"{artefact.label}: made again"
