"""The picture of a moment: one frame of a recording's video, small, and kept under ``renders/``.

ffmpeg jumps to the moment and decodes from the key frame before it, so that the length of the video does not matter.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dfe_core.artefact import source_labels
from dfe_core.artefact_names import MANIFEST, STILLS, keyed_name
from dfe_core.expressions.dataset import Dataset
from dfe_core.store import artefact_path, atomic_file, content_key, write_json
from dfe_core.video.ffmpeg import run_ffmpeg
from dfe_core.video.links import Link, links, unlink

HEIGHT = 240
"""Rows of a still, unless asked otherwise."""
_LOOK = 1
"""Counted up when the same moment gives another picture."""
_PATIENCE_S = 20
_MARGIN = 0.25  # of the face's box, on each side


def still(dataset: Dataset, recording: str, time_s: float, height: int = HEIGHT) -> bytes | None:
    """A JPEG of the frame of the recording's video that is nearest to a time, cut to the face where its place is known.

    time_s: from the recording's first frame, which is the video's. height: rows, at most; columns follow. None where
    the recording has no video, where it is gone or cannot be decoded, after its end, and without ffmpeg.
    """
    one = links(dataset).get(recording)
    if one is None:
        return None
    row = dataset.recordings.loc[dataset.recordings["recording"] == recording]
    fps = float(row["fps"].iloc[0]) if len(row) else 25.0
    return _kept(dataset, one, max(0.0, time_s - 0.5 / fps), height)


def stills_folder(dataset: Dataset) -> Path:
    """Where the pictures of a dataset lie, in its own cache: an artefact that goes when the dataset goes, for it shows
    people."""
    return artefact_path("renders", keyed_name(STILLS, content_key(dataset.name)), dataset.path.parents[1])


def forget(dataset: Dataset) -> int:
    """Unlink the videos of a dataset and delete the pictures made of them; returns of how many recordings."""
    clear(dataset)
    return unlink(dataset)


def clear(dataset: Dataset) -> None:
    """Delete the pictures made so far; they are made again when they are shown."""
    shutil.rmtree(stills_folder(dataset), ignore_errors=True)


def _kept(dataset: Dataset, one: Link, start_s: float, height: int) -> bytes | None:
    try:
        state = one.video.stat()
    except OSError:
        return None
    if not one.video.is_file():
        return None
    key = content_key([_LOOK, str(one.video), state.st_size, state.st_mtime_ns, round(start_s, 4), one.box, height])
    folder = stills_folder(dataset)
    path = folder / f"{key}.jpg"
    if path.is_file():
        return path.read_bytes()
    data = frame_at(one.video, start_s, height, one.box)
    if data is not None:
        if not (folder / MANIFEST).is_file():
            write_json(folder / MANIFEST, {**source_labels(dataset.id), "kind": "stills", "dataset": dataset.name})
        with atomic_file(path) as temporary:
            temporary.write_bytes(data)
    return data


def frame_at(
    video: Path, start_s: float, height: int = HEIGHT, box: tuple[float, float, float, float] | None = None
) -> bytes | None:
    """The first frame at or after a time as JPEG, at most so many rows. None where there is none, or no ffmpeg."""
    cut = [f"crop={_crop(box)}"] if box else []
    picture = ",".join((*cut, f"scale=-2:'min({height},ih)'"))
    jpeg = ("-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "4", "pipe:1")
    after = ("-map", "0:v:0", "-frames:v", "1", "-vf", picture, *jpeg)
    data = run_ffmpeg(video, ("-ss", f"{start_s:.6f}"), after, _PATIENCE_S)
    return data if data is not None and data.startswith(b"\xff\xd8") else None


def _crop(box: tuple[float, float, float, float]) -> str:
    """ffmpeg's words for a square-ish cut around a box in shares of the picture, with a margin."""
    left, top, right, bottom = box
    wide, high = (right - left) * _MARGIN, (bottom - top) * _MARGIN
    left, top = max(0.0, left - wide), max(0.0, top - high)
    right, bottom = min(1.0, right + wide), min(1.0, bottom + high)
    return f"iw*{right - left:.4f}:ih*{bottom - top:.4f}:iw*{left:.4f}:ih*{top:.4f}"
