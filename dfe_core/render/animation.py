"""A face in motion as a file: GIF for a page or a slide, MP4 for a talk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.render.palette import SHARED_SCALE_MM
from dfe_core.render.pictures import over, render_picture
from dfe_core.render.studio import Shot
from dfe_core.store import atomic_file

WHITE = (255, 255, 255)


def there_and_back(psi: np.ndarray, frames: int = 40) -> np.ndarray:
    """(E,) to (frames, E): from neutral to the expression and back, at rest at both ends; it loops without a jump."""
    step = np.arange(frames)
    phase = 2 * np.pi * np.minimum(step, frames - step) / frames  # the way back has the very faces of the way there
    return ((1 - np.cos(phase)) / 2)[:, None].astype(np.float32) * np.asarray(psi, np.float32)


def animate(
    face: FaceModel,
    psi: np.ndarray,
    path: Path,
    fps: float = 25,
    shot: Shot | None = None,
    *,
    identity: np.ndarray | None = None,
    progress: Listener = silent,
) -> Path:
    """Write (T, E) coefficients as a looping ``.gif`` or an ``.mp4`` (H.264), by the suffix of `path`.

    The heat map is that of all pictures (`SHARED_SCALE_MM`), the background white. GIF counts in
    hundredths of a second, so its rate is the nearest that can be had. Raises `DataError` for another suffix, no
    frames or a rate outside 1 … 120.
    """
    psi = np.asarray(psi, np.float32)
    if path.suffix not in (".gif", ".mp4"):
        raise DataError(path, f"cannot animate to {path.suffix or 'a file without suffix'}", ".gif or .mp4")
    if psi.ndim != 2 or not len(psi) or not 1 <= fps <= 120:
        raise DataError(path, f"{psi.shape} coefficients at {fps} fps", "at least one frame at 1 to 120 fps")
    frames = pictures(face, psi, shot or Shot(480, framing="head"), identity, progress)
    with atomic_file(path) as temporary:
        (write_gif if path.suffix == ".gif" else _write_mp4)(temporary, frames, fps)
    return path


def pictures(
    face: FaceModel,
    psi: np.ndarray,
    shot: Shot,
    identity: np.ndarray | None = None,
    progress: Listener = silent,
) -> Iterator[np.ndarray]:
    """Pictures on white, (H, W, 3) uint8, of (T, E) coefficients; a face that comes again is drawn once, and kept until
    it comes no more."""
    faces, which = np.unique(psi, axis=0, return_inverse=True)
    left, kept = np.bincount(which.ravel()), {}
    for t, k in enumerate(which.ravel().tolist()):
        progress(Progress(task="animation", done=t, total=len(psi)))
        if k not in kept:
            kept[k] = over(render_picture(face, faces[k], SHARED_SCALE_MM, shot, identity), WHITE)
        left[k] -= 1
        yield kept[k] if left[k] else kept.pop(k)
    progress(Progress(task="animation", done=len(psi), total=len(psi)))


def write_gif(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    """One palette for all frames, taken from three of them, so that nothing flickers; dithered, so that the heat map
    has no steps."""
    from PIL import Image

    images = [Image.fromarray(frame) for frame in frames]
    sample = np.hstack([np.asarray(images[at * len(images) // 4]) for at in range(3)])
    palette = Image.fromarray(sample).quantize(255, method=Image.Quantize.MAXCOVERAGE)
    dither = Image.Dither.FLOYDSTEINBERG
    first, *rest = [image.quantize(palette=palette, dither=dither) for image in images]
    first.save(path, "GIF", save_all=True, append_images=rest, loop=0, duration=round(100 / fps) * 10, optimize=False)


def _write_mp4(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    import imageio.v2 as imageio

    writer: Any = imageio.get_writer(  # the FFMPEG plug-in's; imageio's annotation names its base class
        path, format="FFMPEG", fps=fps, codec="libx264", quality=8, macro_block_size=2, ffmpeg_log_level="error"
    )
    with writer:
        for frame in frames:
            writer.append_data(frame)
