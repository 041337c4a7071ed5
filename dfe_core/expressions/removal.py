"""One recording taken out of a dataset, and put back: for a person who withdraws, or a take that should not count.

The dataset is written anew without it, so that nothing of it is left in its files; what was taken out lies in the trash
as a small dataset of its own. The dataset's key changes, by which tokens, AUs and analyses are known to be of another
state; put back, the files are the same to the bit, and so is the key.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core import trash
from dfe_core.artefact_names import (
    DATASETS,
    EXTRAS_FILE,
    FRAMES_FILE,
    MANIFEST,
    RECORDING_KEYS_FILE,
    RECORDINGS_FILE,
    REMOTE_FILE,
    TRUTH_FILE,
    VIDEOS_FILE,
)
from dfe_core.audit import recorded
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import DatasetWriter
from dfe_core.expressions.label_editing import put_labels_back
from dfe_core.locks import claim
from dfe_core.store import artefact_path, atomic_directory, read_json, write_json

_OWN = frozenset((MANIFEST, RECORDINGS_FILE, FRAMES_FILE, EXTRAS_FILE, TRUTH_FILE, RECORDING_KEYS_FILE, REMOTE_FILE))
_WHY = "removed by hand"


def remove_recording(dataset: Dataset, recording: str) -> trash.Discarded:
    """Take a recording out of a dataset; `put_back` takes the entry that is returned.

    The dataset is read as it is now, by one writer at a time. Raises `DataError` for a recording that is not there, and
    for the only one: that is the whole dataset's deletion.
    """
    root = dataset.path.parents[1]
    with recorded("remove", [f"{DATASETS}/{dataset.name}"], recording, root), claim(dataset.path, trash.PATIENCE_S):
        return _removed(dataset.whole(), recording)


def _removed(dataset: Dataset, recording: str) -> trash.Discarded:
    """`remove_recording` of the dataset as it is now, claimed."""
    names = dataset.recordings["recording"].tolist()
    if recording not in names:
        raise DataError(dataset.name, f"no recording {recording!r}", "one listed by `dfe show`")
    if len(names) == 1:
        raise DataError(dataset.name, f"{recording!r} is its only recording", "the dataset itself to be deleted")
    rest = [name for name in names if name != recording]
    manifest, removed = _split_manifest(dataset.manifest, recording)
    with trash.set_aside(dataset.path, {"recording": recording, "order": names}) as aside:
        _write(aside.folder, dataset.name, [(dataset, recording)], removed)
        with atomic_directory(dataset.path) as folder:
            _write(folder, dataset.name, [(dataset, name) for name in rest], manifest)
            copy_others(dataset.path, folder)
    return trash.find(aside.id, dataset.path.parents[1])


def put_back(entry: trash.Discarded, root: Path | None = None) -> None:
    """Undo `remove_recording`, `edit_labels`, or a deletion of whole artefacts. Recordings removed since stay removed.

    Raises `DataError` where the dataset has gone, or is another one by now.
    """
    if not entry.recording and not entry.labels:
        trash.restore(entry.id, root)
        return
    with recorded("restore", entry.paths, entry.recording, root):
        (put_labels_back if entry.labels else _put_back_recording)(entry, root)


def _put_back_recording(entry: trash.Discarded, root: Path | None) -> None:
    name = entry.what.partition("/")[2]
    with claim(artefact_path("datasets", name, root), trash.PATIENCE_S):
        dataset, held = Dataset.open(name, root).whole(), Dataset(trash.held(entry, root), excluding=False)
        if held.names != dataset.names or held.face_id != dataset.face_id:
            raise DataError(
                entry.recording,
                f"coefficients of {held.face_id}, but {dataset.name} is on {dataset.face_id} by now",
                "the dataset it was taken from",
            )
        if entry.recording in dataset.recordings["recording"].tolist():
            trash.drop(entry.id, root)
        else:
            _join(dataset, held, entry, root)


def _join(dataset: Dataset, held: Dataset, entry: trash.Discarded, root: Path | None) -> None:
    names = dataset.recordings["recording"].tolist()
    place = {name: i for i, name in enumerate(entry.order)}
    at = next((i for i, name in enumerate(names) if place.get(name, -1) > place[entry.recording]), len(names))
    parts = [(dataset, name) for name in names]
    parts.insert(at, (held, entry.recording))
    with trash.taken_back(entry, root), atomic_directory(dataset.path) as folder:
        _write(folder, dataset.name, parts, _joined_manifest(dataset.manifest, held.manifest, entry))
        copy_others(dataset.path, folder)


def write_without(path: Path, recordings: Sequence[str], person: str = "") -> None:
    """Write the dataset in a folder anew without these recordings, for good: nothing of them goes into the trash, and
    its manifest and list of videos name neither them, nor their files, nor the person that they were of.

    Raises `DataError` where none would be left.
    """
    dataset, gone = Dataset(path, excluding=False), set(recordings)
    names = [name for name in dataset.recordings["recording"].tolist() if name not in gone]
    if not names:
        raise DataError(dataset.name, "no recording would be left", "the dataset itself to be deleted")
    with atomic_directory(path) as folder:
        _write(folder, dataset.name, [(dataset, name) for name in names], forgetting(dataset.manifest, gone, person))
        copy_others(path, folder)
        if (videos := folder / VIDEOS_FILE).is_file():
            held = read_json(videos)
            kept = {name: one for name, one in held.get("videos", {}).items() if name not in gone}
            write_json(videos, {**held, "videos": kept})


def forgetting(manifest: dict[str, Any], gone: set[str], person: str) -> dict[str, Any]:
    """A manifest that names neither these recordings, nor the files that held nothing else, nor the person.

    Notes are free text, of readers from outside too: those in which a name occurs go, whatever they say of it.
    """
    sources = [
        {**s, "recordings": [r for r in s.get("recordings", ()) if r not in gone]}
        for s in manifest.get("sources") or []
    ]
    kept = [
        s
        for s, old in zip(sources, manifest.get("sources") or [], strict=True)
        if s["recordings"] or not old.get("recordings")
    ]
    files = {s.get("file", "") for s in manifest.get("sources") or []} - {s.get("file", "") for s in kept}
    names = sorted({*gone, *files, person} - {""}, key=len, reverse=True)
    any_name = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")

    def names_them(text: str) -> bool:
        return any_name.search(text) is not None

    left_out = [d for d in manifest.get("dropped") or [] if not names_them(f"{d.get('file')} {d.get('why')}")]
    notes = [note for note in manifest.get("notes") or [] if not names_them(str(note))]
    kept = [{**s, "notes": [n for n in s.get("notes", ()) if not names_them(str(n))]} for s in kept]
    return {**manifest, "sources": kept, "dropped": left_out, "notes": notes}


def _write(folder: Path, name: str, parts: Sequence[tuple[Dataset, str]], manifest: dict[str, Any]) -> None:
    """These recordings of these datasets, in this order."""
    writer = DatasetWriter(folder, parts[0][0].names, parts[0][0].path.parents[1])
    for dataset, recording in parts:
        writer.add(dataset.recording(recording))
    rows = pd.concat([d.stored_recordings[d.stored_recordings["recording"] == r] for d, r in parts], ignore_index=True)
    rows["first_row"] = (rows["frames"].cumsum() - rows["frames"]).astype(rows["first_row"].dtype)
    truths = [d.truth[d.truth["recording"] == r] for d, r in parts if d.truth is not None]
    writer.close({**manifest, "name": name}, pd.concat(truths, ignore_index=True) if truths else None, rows)


def _split_manifest(manifest: dict[str, Any], recording: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of the dataset without the recording, and of the recording alone."""
    sources = manifest.get("sources") or []
    own = [s for s in sources if recording in s.get("recordings", ())]
    kept = [{**s, "recordings": [r for r in s["recordings"] if r != recording]} if s in own else s for s in sources]
    dropped = [
        *(manifest.get("dropped") or []),
        *(
            {
                "file": (file := s.get("file", "")),
                "why": f"{file}: {recording} {_WHY}",
                "found": f"{recording} {_WHY}",
                "removed": recording,
            }
            for s in own
        ),
    ]
    return {**manifest, "sources": [s for s in kept if s.get("recordings", True)], "dropped": dropped}, {
        **manifest,
        "sources": own,
        "dropped": [],
    }


def _joined_manifest(manifest: dict[str, Any], held: dict[str, Any], entry: trash.Discarded) -> dict[str, Any]:
    """The manifest with the recording's source again, sources in the order of their recordings."""
    place = {name: i for i, name in enumerate(entry.order)}
    sources = [dict(s) for s in manifest.get("sources") or []]
    for own in held.get("sources") or []:
        same = next((s for s in sources if s.get("sha256") == own.get("sha256")), None)
        if same is None:
            sources.append({**own, "recordings": [entry.recording]})
        else:
            same["recordings"] = sorted([*same["recordings"], entry.recording], key=lambda n: place.get(n, len(place)))
    sources.sort(key=lambda s: min((place.get(n, len(place)) for n in s.get("recordings", ())), default=0))
    return {
        **manifest,
        "sources": sources,
        "dropped": [d for d in manifest.get("dropped") or [] if d.get("removed") != entry.recording],
    }


def copy_others(old: Path, new: Path) -> None:
    """What lies beside the dataset's own files, as the list of its videos."""
    for path in old.iterdir():
        if path.name not in _OWN and path.is_file() and not path.is_symlink():
            shutil.copy2(path, new / path.name)
