"""Frames of a video file with the times that the file gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import STILL_FPS
from dfe_core.video.extra import load
from dfe_core.video.pictures import frames_of, is_picture, read_picture, read_pictures

ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".mts", ".m2ts", ".3gp")
FALLBACK_FPS = 25.0
"""Where a video does not say its rate, and of the pictures in a folder until the user says it."""


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a file's header says; frames is an estimate, 0 where it says nothing."""

    width: int
    height: int
    fps: float
    frames: int


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One picture: its number, its time from the start of the video in seconds, (H, W, 3) uint8 RGB."""

    number: int
    time_s: float
    picture: np.ndarray


def probe(path: Path) -> VideoInfo:
    """Read a video's header, or that of a picture, or of the first in a folder of pictures. Raises `DataError` for what
    cannot be decoded."""
    if path.is_dir() or is_picture(path):
        return _probe_pictures(path)
    capture, cv2 = _open(path)
    try:
        width, height, fps, frames = (
            capture.get(p)
            for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT)
        )
    finally:
        capture.release()
    if width < 1 or height < 1:
        raise DataError(path, "a video without pictures", "a video of a face")
    known = np.isfinite(fps) and 1 <= fps <= 960
    return VideoInfo(
        width=int(width), height=int(height), fps=float(fps) if known else FALLBACK_FPS, frames=max(0, int(frames))
    )


def read_frames(path: Path) -> Iterator[VideoFrame]:
    """Every frame in turn, upright as the file says; of pictures in a folder each at a nominal `FALLBACK_FPS`.

    Times are the container's, so that a variable frame rate stays one; a time that does not rise (broken containers)
    is the one before plus a nominal step. Raises `DataError` where nothing can be decoded.
    """
    if path.is_dir() or is_picture(path):
        for count, picture in enumerate(read_pictures(path)):
            yield VideoFrame(count, count / FALLBACK_FPS, picture)
        return
    info = probe(path)
    capture, cv2 = _open(path)
    first = last = None
    number = 0
    try:
        while True:
            whole, picture = capture.read()
            if not whole:
                break
            time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
            first = time if first is None else first
            time -= first
            if last is not None and not time > last:
                time = last + 1 / info.fps
            last = time
            yield VideoFrame(number, time, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            number += 1
    finally:
        capture.release()
    if not number:
        raise DataError(path, "no frame that can be decoded", "a whole video")


def _probe_pictures(path: Path) -> VideoInfo:
    frames = frames_of(path)
    height, width = read_picture(frames[0]).shape[:2]
    return VideoInfo(width=width, height=height, fps=FALLBACK_FPS if path.is_dir() else STILL_FPS, frames=len(frames))


def _open(path: Path):
    if not path.is_file():
        raise DataError(path, "no such file" if not path.exists() else "no plain file", "a video")
    cv2 = load("cv2")
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise DataError(path, "not readable as a video", ", ".join(ENDINGS[:5]) + " …")
    return capture, cv2
