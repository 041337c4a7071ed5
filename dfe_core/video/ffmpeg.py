"""ffmpeg (of imageio-ffmpeg) on one plain video file: without a shell, and it may read nothing else, neither networks
nor what a playlist names."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError

_CONTAINERS = "mov,matroska,webm,avi,flv,mpeg,mpegts,asf"
_MOST_PIXELS = 1 << 26
_CHUNK = 1 << 20
_ENCODERS = {
    ".webm": ("-c:v", "libvpx", "-b:v", "4M", "-deadline", "realtime", "-cpu-used", "4", "-pix_fmt", "yuv420p"),
    ".mp4": ("-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart"),
    ".gif": ("-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse", "-loop", "0"),
}
"""Ending → options of its encoder."""


def ffmpeg_program() -> str | None:
    """The path of ffmpeg; None without one."""
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return None


def ffmpeg_command(program: str, video: Path, before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The command that reads `video`. before: options of the input. after: options of the output, and the output."""
    limits = ("-protocol_whitelist", "file", "-format_whitelist", _CONTAINERS, "-max_pixels", str(_MOST_PIXELS))
    quiet = (program, "-nostdin", "-hide_banner", "-loglevel", "error")
    return [*quiet, *limits, "-threads", "1", *before, "-i", f"file:{video.resolve()}", *after]


def run_ffmpeg(video: Path, before: Sequence[str], after: Sequence[str], patience_s: float) -> bytes | None:
    """What ffmpeg writes to its output ``pipe:1``; None where it fails, takes longer than `patience_s`, or is not
    there."""
    program = ffmpeg_program()
    if program is None:
        return None
    try:
        done = subprocess.run(
            ffmpeg_command(program, video, before, after),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=patience_s,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def stream_ffmpeg(video: Path, before: Sequence[str], after: Sequence[str], chunk: int = _CHUNK) -> Iterator[bytes]:
    """What ffmpeg writes to ``pipe:1``, in pieces of `chunk` bytes, the last one shorter; nothing without it."""
    program = ffmpeg_program()
    if program is None:
        return
    process = subprocess.Popen(
        ffmpeg_command(program, video, before, after),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        while piece := process.stdout.read(chunk):
            yield piece
    finally:
        process.stdout.close()
        process.kill()
        process.wait()


def encode_video(path: Path, frames: np.ndarray, fps: float) -> None:
    """Write (N, H, W, 3) uint8 RGB as ``.webm`` (VP8), ``.mp4`` (H.264) or ``.gif``, by the ending of `path`.

    Raises `DataError` for another ending, without ffmpeg, and where it fails.
    """
    _, height, width, _ = frames.shape
    given = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "pipe:0")
    _encode(given, path, np.ascontiguousarray(frames).tobytes())


def convert_video(video: Path, path: Path) -> None:
    """Write a video of our own in another format, by the ending of `path`. Raises `DataError` as `encode_video`."""
    _encode(("-i", f"file:{video.resolve()}"), path, b"")


def _encode(given: Sequence[str], path: Path, fed: bytes) -> None:
    program, output = ffmpeg_program(), _ENCODERS.get(path.suffix)
    if output is None:
        raise DataError(path, f"no film ends with {path.suffix or 'nothing'}", ", ".join(_ENCODERS))
    if program is None:
        raise DataError("ffmpeg", "not there", "imageio-ffmpeg with its ffmpeg, as dfe installs it")
    command = [program, "-hide_banner", "-loglevel", "error", "-y", *given, *output, str(path)]
    done = subprocess.run(command, input=fed, capture_output=True, check=False)
    if done.returncode:
        raise DataError(path, f"not encoded ({done.stderr.decode(errors='replace')[-120:].strip()})", "a film")
