"""A look at one file before it is imported: the same import, into a cache that is thrown away."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.landmark_fit import FittingReader
from dfe_core.faces import open_face, save_face
from dfe_core.faces.archive import load_face
from dfe_core.faces.model import FaceModel
from dfe_core.store import cache_root

MOST_SECONDS = 60.0
"""Of a long recording only so much is shown."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Preview:
    """The first recording of a file as it would be imported.

    time_s (T,), valid (T,), psi (T, E) on `face`: at most `MOST_SECONDS`. frames, seconds: of the whole recording.
    recordings: how many the file holds. notes: what was done to it.
    """

    name: str
    face: FaceModel
    time_s: np.ndarray
    valid: np.ndarray
    psi: np.ndarray
    fps: float
    frames: int
    seconds: float
    recordings: int
    notes: tuple[str, ...]


def preview(
    path: Path,
    face: str = "anny",
    fps: float | None = None,
    fit: bool = False,
    root: Path | None = None,
    *,
    time: str | None = None,
) -> Preview:
    """Import one file or folder to nowhere. `face`, `fps` and `time` as `import_dataset` takes them; faces come from
    `root`.

    fit: landmarks are fitted to the face, as `dfe import --fit` does.

    Raises `DataError` as `import_dataset` does.
    """
    with tempfile.TemporaryDirectory(prefix="dfe-preview-") as folder:
        scratch = Path(folder)
        given = open_face(face, root).id if ":" in face else face
        _lend(root or cache_root(), scratch)
        reader = FittingReader(open_face(given, scratch)) if fit else None
        options = ImportOptions(face=given, fps=fps, time=time)
        report = import_dataset([path], "preview", options, reader=reader, root=scratch)
        _keep_default(scratch, root or cache_root())
        dataset = Dataset.open("preview", scratch)
        name, frames, notes = report.imported[0]
        held = dataset.frames(name)
        shown = held.time_s <= held.time_s[0] + MOST_SECONDS
        row = dataset.recordings.iloc[0]
        return Preview(
            name=name,
            face=open_face(dataset.face_id, scratch),
            time_s=held.time_s[shown] - held.time_s[0],
            valid=held.valid[shown],
            psi=held.psi[shown],
            fps=float(row["fps"]),
            frames=frames,
            seconds=float(row["duration_s"]),
            recordings=len(report.imported),
            notes=(*notes, *report.notes),
        )


def _lend(root: Path, scratch: Path) -> None:
    """The cached faces, without copying them where that can be; none of them is ever written to."""
    (scratch / "faces").mkdir()
    for held in (root / "faces").glob("[!.]*.npz"):
        try:
            os.link(held, scratch / "faces" / held.name)
        except OSError:  # another file system, or one without links
            shutil.copy(held, scratch / "faces" / held.name)


def _keep_default(scratch: Path, root: Path) -> None:
    """The default face, where the look at a file was what built it: it takes some seconds."""
    for made in (scratch / "faces").glob("anny-*.npz"):
        if not (root / "faces" / made.name).is_file():
            save_face(load_face(made), root)
