"""ffmpeg (of imageio-ffmpeg) on one plain video file: without a shell, and it may read nothing else, neither networks
nor what a playlist names."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_CONTAINERS = "mov,matroska,webm,avi,flv,mpeg,mpegts,asf"
_MOST_PIXELS = 1 << 26
_CHUNK = 1 << 20


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
