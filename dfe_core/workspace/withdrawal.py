"""A person withdraws: all of theirs leaves the cache for good, and a certificate says what went and what remains.

An unfinished certificate is written first, and what was made from a dataset goes before the dataset is written anew, so
that a withdrawal that was interrupted is known, and finished when it is asked for once more.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dfe_core import trash
from dfe_core.artefact import Artefact, ArtefactId
from dfe_core.artefact_names import (
    ANALYSES,
    CHECKPOINT_FILE,
    CONFIG,
    DATASETS,
    EXTRACTION,
    FACES,
    HISTORY_FILE,
    KINDS,
    LEARNING_FILE,
    MANIFEST,
    METRICS_FILE,
    MODELS,
    NOTES_FILE,
    TOKENS,
    WITHDRAWN_FILE,
    aus_name,
    events_name,
    is_aus,
    is_events,
    is_ratings,
)
from dfe_core.audit import acting_person, recorded, redact
from dfe_core.errors import DataError
from dfe_core.events.segments import segment_source
from dfe_core.events.store import EventSet, drop_event_recordings
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.label_editing import forget_label_changes
from dfe_core.expressions.removal import write_without
from dfe_core.expressions.sealed_test import forget_subject
from dfe_core.facs.store import AlignedAus, drop_recordings
from dfe_core.integrity import seal, sealed_files, signed
from dfe_core.locks import being_written, claim, claim_all
from dfe_core.progress import Listener, Progress, silent
from dfe_core.remote import store_of
from dfe_core.replacement import is_in_use, owner_of, remove_folder
from dfe_core.store import cache_root, read_json, recover_all, write_json
from dfe_core.workspace.catalogue import catalogue, delete_artefact
from dfe_core.workspace.certificates import Certificate, begun_certificate, write_certificate
from dfe_core.workspace.graph import ArtefactGraph
from dfe_core.workspace.redaction import mentions, mentions_any, mentions_in, without, without_frames
from dfe_core.workspace.repair import WITHDRAWALS, leftovers

PATIENCE_S = 600.0


def withdraw(
    subject: str, root: Path | None = None, progress: Listener = silent, *, datasets: Sequence[str] | None = None
) -> Certificate:
    """Remove every recording of a subject for good, in the datasets and in the trash.

    datasets: in which the name is this person's; needed where several datasets have a subject of the name, for it may
    be somebody else there. Raises `DataError` where there is nobody of this name, where several datasets have it and
    none is named, where anything in the cache is being written: it may be made of the person's recordings, and
    would be finished after them; and for a cache that belongs to a bucket, whose earlier versions dfe does not reach.
    """
    root = root or cache_root()
    if (store := store_of(root)) is not None:
        raise DataError(
            store.url, "nobody is withdrawn from a bucket, which may keep versions and copies", "docs/large-studies.md"
        )
    with recorded("withdraw", root=root) as act, claim_all(root):
        _refuse_while_written(root)
        certificate = _withdrawn(subject, root, progress, datasets)
        act.artefacts = [f"{WITHDRAWALS}/{certificate.id}"]
    return certificate


def _refuse_while_written(root: Path) -> None:
    """Raise where a folder is being filled whose name is not claimed yet."""
    for path in (p for kind in KINDS if (root / kind).is_dir() for p in sorted((root / kind).glob(".*"))):
        if path.is_dir() and owner_of(path) and is_in_use(path):
            raise being_written(f"{path.parent.name}/{owner_of(path)}")


def _withdrawn(subject: str, root: Path, progress: Listener, datasets: Sequence[str] | None) -> Certificate:
    recover_all(root)
    trash.recover_trash(root)
    places = _places(subject, root, datasets)
    begun = begun_certificate(subject, root)
    names = {name: set(theirs) for name, theirs in (begun.recordings if begun else {}).items()}
    for data, theirs in places:
        for name in _names_of(data):
            names.setdefault(name, set()).update(theirs)
    if not names:
        raise DataError(
            subject, "nobody of this name in any dataset or in the trash", "a subject that `dfe show` lists"
        )
    certificate = begun or Certificate(
        id=secrets.token_hex(6),
        subject=subject,
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        by=acting_person(),
    )
    certificate = replace(certificate, recordings={name: sorted(theirs) for name, theirs in names.items()})
    write_certificate(certificate, root)
    work = _Work(root, subject, names, places)
    work.run(progress)
    own = work.own_names()
    redact(names, own, f"[withdrawal {certificate.id}]", root)
    certificate = replace(
        certificate,
        datasets={**certificate.datasets, **{name: len(theirs) for name, theirs in names.items()}},
        deleted=_sorted(certificate.deleted, work.deleted),
        rewritten=_sorted(certificate.rewritten, work.rewritten),
        trained=_sorted(certificate.trained, work.trained),
        sources=_sorted(certificate.sources, work.sources),
        copies=_sorted(certificate.copies, work.copies),
        mentions=tuple(mentions(root, own)),
        finished=True,
        recordings={},
    )
    write_certificate(certificate, root)
    return certificate


def _places(subject: str, root: Path, datasets: Sequence[str] | None) -> list[tuple[Dataset, list[str]]]:
    """The datasets, those in the trash as well, in which the person is, and their recordings."""
    found = [(data, theirs) for data in _datasets(root) if (theirs := _recordings_of(data, subject))]
    names = sorted({_person_of(data) for data, _ in found})
    if datasets is None and len(names) > 1:
        raise DataError(
            subject,
            f"a subject of {len(names)} datasets ({', '.join(names)}), who may be different people",
            "--dataset NAME for each that this person is in",
        )
    if unknown := sorted(set(datasets or ()) - set(names)):
        raise DataError(unknown[0], f"no recording of {subject}", f"one of {', '.join(names) or 'none'}")
    return [(data, theirs) for data, theirs in found if datasets is None or _person_of(data) in datasets]


def _person_of(data: Dataset) -> str:
    """The dataset whose people a dataset's are: of segments, that which they are of."""
    source = segment_source(data)
    return data.name if source is None else source.dataset


class _Work:
    """One withdrawal under way: what it removes, by dataset, and what came of it."""

    def __init__(
        self, root: Path, subject: str, names: dict[str, set[str]], places: list[tuple[Dataset, list[str]]]
    ) -> None:
        self.root, self.subject, self.names, self.places = root, subject, names, places
        self.deleted: set[str] = set()
        self.rewritten: set[str] = set()
        self.trained: set[str] = set()
        self.sources: set[str] = set()
        self.copies: set[str] = set()
        self.files: set[str] = set()

    def own_names(self) -> set[str]:
        """Names that are looked for at the end: of recordings that nobody else has; and the person's, unless somebody
        of another dataset bears it."""
        left = [data.recordings for data in _datasets(self.root)]
        others = {str(v) for rows in left for column in ("recording", "subject") for v in rows[column]}
        return {self.subject, *(n for theirs in self.names.values() for n in theirs)} - others

    def run(self, progress: Listener) -> None:
        for data, theirs in self.places:
            own = [s for s in data.manifest.get("sources") or [] if set(theirs) & set(s.get("recordings", ()))]
            self.sources |= {str(s.get("sha256", "")) for s in own} - {""}
            self.files |= {str(s.get("file", "")) for s in own} - {""}
        self._find_copies()
        steps = (self._derived, self._models, self._copies, self._data, self._aus)
        for done, step in enumerate(steps):
            progress(Progress(task="withdraw", done=done, total=len(steps), detail=step.__name__.strip("_")))
            step()
        forget_subject(self.sources, self.subject, self.root)
        progress(Progress(task="withdraw", done=len(steps), total=len(steps)))

    def _find_copies(self) -> None:
        """Recordings of other datasets that came from the very files: of the same person under another name."""
        for data in _datasets(self.root):
            if data.name not in self.names:
                same = [s for s in data.manifest.get("sources") or [] if s.get("sha256") in self.sources]
                self.copies |= {f"datasets/{data.name}: {name}" for s in same for name in s.get("recordings", ())}

    def _derived(self) -> None:
        """Tokens, indexes, maps, reports, pictures: everything but AUs, which are written anew, goes."""
        graph = ArtefactGraph.of(self.root)
        users = {a.id: a for name in self.names for a in graph.dependants(Artefact(self.root / DATASETS / name))}
        trained = {a.id for a in users.values() if a.kind == MODELS}
        for artefact in graph.artefacts:
            if artefact.kind == ANALYSES and is_ratings(artefact.name):
                if self._is_shown_to_raters(artefact):
                    delete_artefact(artefact)
                    self.deleted.add(artefact.label)
                continue
            if artefact.kind != TOKENS and not artefact.made_at_need:
                continue
            if artefact.id in users or self._may_hold_the_person(artefact, graph.sources(artefact), trained):
                delete_artefact(artefact)
                self.deleted.add(artefact.label)

    def _is_shown_to_raters(self, artefact: Artefact) -> bool:
        """Whether a rating study shows moments of the person's recordings."""
        shown = artefact.manifest.get("recordings") or ()
        return bool(set(shown) & self.names.get(str(artefact.manifest.get("dataset")), set()))

    def _may_hold_the_person(
        self, artefact: Artefact, sources: frozenset[ArtefactId], trained: set[ArtefactId]
    ) -> bool:
        """Whether an artefact that names no dataset is of the person's video, of a model trained with them, or of
        nothing that is known."""
        if artefact.name.startswith(f"{EXTRACTION}-"):
            return artefact.manifest.get("video_sha256") in self.sources or artefact.manifest.get("video") in self.files
        if any(source.kind == DATASETS for source in sources):
            return False
        return artefact.kind == ANALYSES or bool(sources & trained)

    def _models(self) -> None:
        """Mark what was trained with the person; names of their recordings leave its files."""
        learned = {data.face_id for data, _ in self.places if data.face_id.startswith("learned-")}
        for artefact in catalogue(self.root):
            if artefact.kind == FACES and artefact.name in learned:
                self.trained.add(artefact.label)
            of = _datasets_of(artefact) & set(self.names)
            if artefact.kind == MODELS and of:
                self.trained.add(artefact.label)
                with claim(artefact.path, PATIENCE_S):
                    self._redact_model(artefact.path, self.names[of.pop()])
            elif artefact.kind == MODELS:
                self._redact_notes(artefact.path)
                self._drop_unfinished(artefact)

    def _drop_unfinished(self, model: Artefact) -> None:
        """A training that was stopped: its state goes where it began with a dataset of the person, or does not say."""
        began_with = _dataset_of_checkpoint(model.path / CHECKPOINT_FILE)
        if (model.path / CONFIG).is_file() or began_with not in {"", *self.names}:
            return
        for path in (model.path / name for name in (CHECKPOINT_FILE, HISTORY_FILE, LEARNING_FILE)):
            if path.is_file():
                path.unlink()
                self.deleted.add(f"{model.label}/{path.name}")

    def _redact_model(self, folder: Path, names: set[str]) -> None:
        stamp = datetime.now(timezone.utc).isoformat(timespec="seconds")
        write_json(
            folder / WITHDRAWN_FILE, [*_json_list(folder / WITHDRAWN_FILE), {"time": stamp, "recordings": len(names)}]
        )
        sealed, config = tuple(sealed_files(folder)), folder / CONFIG
        if config.is_file():
            write_json(config, without(read_json(config), names | {self.subject}))
        for name in (METRICS_FILE, HISTORY_FILE, CHECKPOINT_FILE):
            path = folder / name
            if path.is_file() and (path.suffix == ".safetensors" or mentions_any(path, names | {self.subject})):
                path.unlink()
                self.deleted.add(f"models/{folder.name}/{name}")
        if sealed:
            seal(folder, tuple(name for name in sealed if (folder / name).is_file()))
        self._redact_notes(folder)

    def _redact_notes(self, folder: Path) -> None:
        """Named sets of frames, and their history, without those of the person."""
        from filelock import FileLock

        path = folder / NOTES_FILE
        if not path.is_file():
            return
        with FileLock(folder / ".notes.lock"):
            held = read_json(path)
            kept = without_frames(held, self.names)
            if kept != held:
                write_json(path, signed(kept))
                self.rewritten.add(f"models/{folder.name}/notes.json")

    def _copies(self) -> None:
        """The trash, dropped files, and what killed writers left."""
        for entry in trash.discarded(self.root):
            theirs = self.names.get(entry.what.partition("/")[2], set())
            if entry.recording and entry.recording in theirs:
                trash.drop(entry.id, self.root)
                self.deleted.add(f"trash/{entry.id}")
            else:
                self._from_trash(entry)
        every = {name for theirs in self.names.values() for name in theirs}
        for path in (self.root / ".uploads").rglob("*"):
            if path.is_file() and (path.name in self.files or path.stem in every):
                path.unlink()
                self.deleted.add("dropped files")
        for path in leftovers(self.root):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _from_trash(self, entry: trash.Discarded) -> None:
        """Deleted datasets and models stay without the person; what else was made with them goes."""
        folder = self.root / ".trash" / entry.id
        changed = False
        if entry.labels:
            self._from_label_changes(entry, folder / entry.paths[0])
            return
        for name in entry.paths:
            theirs, path = self._theirs_in(folder / name), folder / name
            if not path.exists() or not theirs or not any(mentions_in(path, theirs | {self.subject})):
                continue
            changed = True
            if name.startswith("models/"):
                self._redact_model(path, theirs)
            elif name.startswith("datasets/") and set(Dataset(path, excluding=False).recordings["recording"]) - theirs:
                write_without(path, sorted(theirs), self.subject)
            else:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not any((folder / name).exists() for name in entry.paths):
            trash.drop(entry.id, self.root)
        elif changed or set(entry.order) & self.names.get(entry.what.partition("/")[2], set()):
            about = folder / "entry.json"
            write_json(about, without(read_json(about), self._theirs_in(folder / entry.paths[0])))
        if changed:
            self.rewritten.add(f"trash/{entry.id}")

    def _from_label_changes(self, entry: trash.Discarded, folder: Path) -> None:
        """What labels were before they were edited stays without the person's."""
        theirs = self._theirs_in(folder)
        if not theirs or not any(mentions_in(folder, theirs)):
            return
        if not forget_label_changes(folder, theirs):
            trash.drop(entry.id, self.root)
        self.rewritten.add(f"trash/{entry.id}")

    def _theirs_in(self, path: Path) -> set[str]:
        """The person's recordings in what an artefact of the trash was made from."""
        artefact = Artefact(path)
        if artefact.kind == DATASETS:
            return self.names.get(artefact.name, set())
        of = _datasets_of(artefact) if artefact.kind == TOKENS or _is_given(artefact) else set()
        return {name for dataset in of or self.names for name in self.names.get(dataset, ())}

    def _data(self) -> None:
        """The datasets themselves."""
        for name, theirs in self.names.items():
            path = self.root / "datasets" / name
            if not (path / MANIFEST).is_file():
                continue
            with claim(path, PATIENCE_S):
                if set(Dataset(path, excluding=False).recordings["recording"]) - theirs:
                    write_without(path, sorted(theirs), self.subject)
                    self.rewritten.add(f"datasets/{name}")
                else:
                    for given in self._given_for(name):
                        remove_folder(given.path)
                        self.deleted.add(given.label)
                    remove_folder(path)
                    self.deleted.add(f"datasets/{name}")

    def _aus(self) -> None:
        """AUs and events of the datasets keep the recordings of everybody else."""
        for name, theirs in self.names.items():
            for given in self._given_for(name):
                if not (self.root / DATASETS / name / MANIFEST).is_file():  # renamed since: of no use to anybody
                    delete_artefact(given)
                    self.deleted.add(given.label)
                elif given.manifest and any(mentions_in(given.path, theirs)):
                    self._drop(given, Dataset.open(name, self.root), theirs)
                    self.rewritten.add(given.label)

    def _drop(self, given: Artefact, dataset: Dataset, theirs: set[str]) -> None:
        if is_events(given.name):
            drop_event_recordings(EventSet(given.path), dataset, theirs, self.subject)
        else:
            drop_recordings(AlignedAus(given.path), dataset, theirs, self.root)

    def _given_for(self, dataset: str) -> list[Artefact]:
        """Action units and events that were joined to a dataset; damaged ones by their name."""
        return [a for a in catalogue(self.root) if _is_given(a) and _is_of(a, dataset)]


def _dataset_of_checkpoint(path: Path) -> str:
    """The name of the dataset that a stopped training read; empty where the checkpoint does not say, or is broken."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as handle:
            return (handle.metadata() or {}).get("dataset", "")
    except (SafetensorError, OSError):
        return ""


def _is_given(artefact: Artefact) -> bool:
    return artefact.kind == ANALYSES and (is_aus(artefact.name) or is_events(artefact.name))


def _is_of(given: Artefact, dataset: str) -> bool:
    named = given.name.startswith((aus_name(dataset, ""), events_name(dataset, "")))
    return dataset in _datasets_of(given) or (not given.manifest and named)


def _datasets_of(artefact: Artefact) -> set[str]:
    return {source.name for source in artefact.made_from if source.kind == DATASETS}


def _datasets(root: Path) -> Iterator[Dataset]:
    """Every dataset that can be read, those in the trash as well."""
    for folder in (root / "datasets", *((root / ".trash").glob("*/datasets"))):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not path.name.startswith(".") and (path / MANIFEST).is_file():
                yield Dataset(path, excluding=False)


def _names_of(data: Dataset) -> set[str]:
    """Its name, and the one that it had before somebody renamed its folder, where no other dataset has that now: tokens
    and AUs may be under it."""
    before = str(data.manifest.get("name") or data.name)
    return {data.name} if data.path.with_name(before).exists() else {data.name, before}


def _recordings_of(data: Dataset, subject: str) -> list[str]:
    rows = data.recordings
    return rows.loc[rows["subject"].astype(str) == subject, "recording"].tolist()


def _sorted(before: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*before, *more}))


def _json_list(path: Path) -> list[dict[str, Any]]:
    try:
        held = read_json(path)
    except DataError:
        return []
    return [entry for entry in held if isinstance(entry, dict)] if isinstance(held, list) else []
