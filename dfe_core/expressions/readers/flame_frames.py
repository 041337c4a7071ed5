"""A folder with one folder a frame, as EMOCA (``000001_000/exp.npy``) and DECA (``name/name.mat``) write videos, or
with one file a frame, as metrical-tracker does (``00001.frame``)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arrays import ALONE, read_arrays
from dfe_core.expressions.readers.flame import flame_recording
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import from_frames

FORMAT = "flame-frames"
TITLE = "folder of FLAME frames (EMOCA, DECA, metrical-tracker)"
_NUMBER = re.compile(r"(?:.*?[^0-9])??(\d+)(?:_(\d{3}))?")
"""A frame's number at the end of its folder's name, and EMOCA's number of the face in it."""
_EXTRACTORS = {".npy": "emoca", ".mat": "deca", ".frame": "metrical-tracker"}
_TRACKED = re.compile(r"(\d{1,15})\.frame")
_ARRAYS = ("exp", "pose", "jaw")
LEAST = 2


def sniff(path: Path, head: bytes) -> str | None:
    return "its folders, one a frame" if folder_files(path) else None


def extractor_of(path: Path, head: bytes) -> str:
    """The tool by how its frames lie in the folder."""
    files = folder_files(path)
    return _EXTRACTORS[files[0].suffix] if files else ""


def folder_files(folder: Path) -> list[Path]:
    """The expression file of each frame, in order of name; none where the folder is no sequence of frames."""
    try:
        with os.scandir(folder) as entries:
            inside = [(e.name, e.is_dir()) for e in entries]
    except OSError:
        return []
    tracked = sorted(name for name, is_folder in inside if not is_folder and _TRACKED.fullmatch(name))
    if len(tracked) >= LEAST:
        return [folder / name for name in tracked]
    names = sorted(name for name, is_folder in inside if is_folder and _NUMBER.fullmatch(name))
    found = [file for name in names if (file := _expression_file(folder, name)) is not None]
    return found if len(found) >= LEAST else []


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording; frame numbers are in the folders' names, the rate is --fps.

    Raises `DataError` for two faces in one frame, frames of several sizes, and whatever a frame's file is refused for.
    """
    files = folder_files(path)
    if not files:
        raise DataError(path, "no folders of frames", "000001_000/exp.npy …, name1/name1.mat … or 00001.frame …")
    found = [_numbered(file) for file in files]
    if len({match[2] for match in found}) > 1:
        raise _several_faces(path, found)
    numbers = np.array([float(match[1][-15:]) for match in found])
    order = np.argsort(numbers, kind="stable")
    timing = from_frames(numbers[order], options.fps, str(path), 1, "frame")
    rows = [_frame(files[i]) for i in order]
    arrays = {key: _stacked([row.get(key) for row in rows], key, path) for key in _ARRAYS}
    extractor = options.extractor or extractor_of(path, b"")
    return [flame_recording(path, {k: v for k, v in arrays.items() if v is not None}, timing, extractor)]


def _several_faces(path: Path, found: list[re.Match[str]]) -> DataError:
    """The error of frames with more than one face, whom nothing in EMOCA's output follows from frame to frame."""
    others = [match for match in found if match[2] not in (None, "000")]
    ending = max(others, key=lambda match: match[2])[2]
    return DataError(
        path,
        f"two faces in one frame ({others[0][0]}), or more, in {len({match[1] for match in others}):,} of "
        f"{len({match[1] for match in found}):,} frames; EMOCA numbers them again in each, so that _000 is not always "
        "the same person",
        "one face a folder: EMOCA run on a video cropped to one person, or, where the others are false detections, "
        f"without the folders that end in _001{'' if ending == '001' else f' to _{ending}'}",
    )


def _numbered(file: Path) -> re.Match[str]:
    """Frame and face in a file's name. Raises `DataError` where it has no number."""
    match = _NUMBER.fullmatch(file.stem if file.suffix == ".frame" else file.parent.name)
    if match is None:
        raise DataError(file, "no number of a frame in its name", "000001_000/exp.npy …, or 00001.frame …")
    return match


def _expression_file(folder: Path, name: str) -> Path | None:
    for file in (folder / name / "exp.npy", folder / name / f"{name}.mat"):
        if file.is_file():
            return file
    return None


def _frame(file: Path) -> dict[str, np.ndarray]:
    """exp (E,) and, where there are any, pose (P,) or jaw (J,) of a frame."""
    if file.suffix != ".npy":
        return {k: v.ravel() for k, v in read_arrays(file, frozenset(_ARRAYS)).items()}
    pose = file.with_name("pose.npy")
    return {
        "exp": read_arrays(file)[ALONE].ravel(),
        **({"pose": read_arrays(pose)[ALONE].ravel()} if pose.is_file() else {}),
    }


def _stacked(rows: list[np.ndarray | None], key: str, path: Path) -> np.ndarray | None:
    sizes = {None if row is None else row.size for row in rows}
    if sizes == {None}:
        return None
    if len(sizes) > 1:
        raise DataError(
            f"{path}, {key}",
            "frames with " + " or ".join(sorted("none" if n is None else str(n) for n in sizes)) + " values",
            "the same in every frame",
        )
    return np.stack([row for row in rows if row is not None])
