"""Videos whose every frame says its own number, shown for lengths of time that vary, with sound that is known."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

SIDE, COLUMNS, BITS = 24, 4, 12
"""Pixels of a square, squares in a row, and squares: a bit each, white for 1."""
STEPS_MS = (20, 40, 60, 30, 100)
"""How long frames are shown, in turn."""


def shown_ms(frames: int) -> np.ndarray:
    """(F,) ms at which each frame is shown."""
    return np.concatenate([[0], np.cumsum(np.resize(STEPS_MS, frames))[:-1]])


def number_pictures(frames: int) -> np.ndarray:
    """(F, H, W) uint8, the numbers of the frames as squares."""
    bits = (np.arange(frames)[:, None] >> np.arange(BITS)) & 1
    squares = (bits * 255).astype(np.uint8).reshape(frames, BITS // COLUMNS, COLUMNS)
    return squares.repeat(SIDE, 1).repeat(SIDE, 2)


def write_numbered(path: Path, frames: int, sound: np.ndarray | None = None, key_every: int = 12) -> Path:
    """A video of VP8 or H.264, by the ending of `path`, at a variable frame rate; sound: samples at 16 kHz, −1 … 1."""
    pictures, cycle = number_pictures(frames), len(STEPS_MS)
    within = "+".join(f"{ms}*gt(mod(N\\,{cycle})\\,{i})" for i, ms in enumerate(STEPS_MS))
    stamps = f"setpts=(floor(N/{cycle})*{sum(STEPS_MS)}+{within})/1000/TB"
    codec = (
        ("libvpx", "-b:v", "1M", "-auto-alt-ref", "0") if path.suffix == ".webm" else ("libx264", "-pix_fmt", "yuv420p")
    )
    heard = []
    if sound is not None:
        wave = path.with_suffix(".pcm")
        wave.write_bytes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        heard = ["-f", "s16le", "-ar", "16000", "-ac", "1", "-i", str(wave)]
    _, height, width = pictures.shape
    size = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", "1000", "-i", "pipe:0"]
    timing = ["-vf", stamps, "-fps_mode", "passthrough", "-enc_time_base", "1/1000", "-g", str(key_every)]
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-y", *size, *heard, *timing, "-c:v", *codec, str(path)]
    subprocess.run(command, input=pictures.tobytes(), check=True)
    return path
