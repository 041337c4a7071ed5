"""A cache and its bucket: what is put into it, with everything that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dfe_core.artefact import Artefact, ArtefactId
from dfe_core.artefact_names import DATASETS, KINDS
from dfe_core.audit import recorded
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.locks import claim
from dfe_core.progress import Listener, Progress, silent
from dfe_core.remote import SHARED, bind, put
from dfe_core.store import cache_root
from dfe_core.workspace.catalogue import catalogue, find_artefact


def share(
    url: str, things: Sequence[str] = (), root: Path | None = None, progress: Listener = silent
) -> list[ArtefactId]:
    """Let the cache belong to a bucket, and put artefacts into it, with those that they were made from.

    things: ``name`` or ``kind/name``. Returns what was asked for and what that was made from, in the order in which
    they were put. Raises `DataError` for a bucket that cannot be read, for what no bucket holds, and for a dataset with
    sealed labels, which other machines would show.
    """
    root = root or cache_root()
    wanted = _with_sources([find_artefact(thing, root) for thing in things], root)
    for artefact in wanted:
        if artefact.kind == DATASETS and Dataset(artefact.path).sealed:
            raise DataError(artefact.label, "its labels are sealed on this machine alone", "a dataset without a seal")
    bind(root, url)
    with recorded("put into a bucket", [artefact.label for artefact in wanted], root=root):
        for done, artefact in enumerate(wanted):
            progress(Progress(task="upload", done=done, total=len(wanted), detail=artefact.label))
            with claim(artefact.path):
                put(artefact.path)
    return [artefact.id for artefact in wanted]


def _with_sources(asked: Sequence[Artefact], root: Path) -> list[Artefact]:
    held = {artefact.id: artefact for artefact in catalogue(root)}
    for artefact in asked:
        if artefact.kind not in SHARED:
            raise DataError(artefact.label, "not kept in buckets", " or ".join(SHARED))
    found, waiting = dict[ArtefactId, Artefact](), list(asked)
    while waiting:
        artefact = waiting.pop()
        if artefact.id not in found and artefact.kind in SHARED:
            found[artefact.id] = artefact
            waiting += [held[source] for source in artefact.made_from if source in held]
    return sorted(found.values(), key=lambda artefact: (KINDS.index(artefact.kind), artefact.name))
