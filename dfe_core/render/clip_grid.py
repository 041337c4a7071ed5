"""Clips of moments, playing beside each other as one film: as filmed, with the faces blurred, or as meshes instead.

Blurring needs to know where the face is: in every frame of the recording, as `dfe extract` notes it. Where that is not
known, or the face was lost during the clip, the mesh stands in the place of the whole picture: nothing of it is shown.
Letters: C clips, N frames of a clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.artefact import source_labels
from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.render.palette import SHARED_SCALE_MM
from dfe_core.render.pictures import over, render_picture
from dfe_core.render.studio import Shot
from dfe_core.store import atomic_file, content_key, read_json, write_json
from dfe_core.text_enum import StrEnum
from dfe_core.video.ffmpeg import convert_video, encode_video, run_ffmpeg
from dfe_core.video.film import Film, recording_film
from dfe_core.video.links import Box, Link, links
from dfe_core.video.stills import stills_folder

COLUMNS, ROWS = 6, 4
MOST = COLUMNS * ROWS
"""Clips in a grid."""
CELL, GAP = 200, 4
"""Pixels of a clip's edge, and between clips."""
FPS, BEFORE_S, AFTER_S = 15.0, 0.8, 1.2
MESH_EVERY = 2
"""Frames for which a mesh is drawn once, which takes a tenth of a second."""
VERSION = 2
"""Of what a kept grid looks like."""
FRAMES = round((BEFORE_S + AFTER_S) * FPS)
BLUR_MARGIN, CUT_MARGIN, BLOCKS = 0.25, 0.6, 6
"""Shares of the face's box that are blurred beyond it and shown around it, on each side, and blocks across a blurred
face."""
_GROUND = 24
_PATIENCE_S = 30.0
_WHITE = (255, 255, 255)


class Cover(StrEnum):
    """What stands for the faces."""

    FILMED = "filmed"
    BLURRED = "blurred"
    MESH = "mesh"


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A moment to show: the second of its peak in a recording, and whose it is."""

    recording: str
    subject: str
    peak_s: float


@dataclass(frozen=True, eq=False, kw_only=True)
class ClipGrid:
    """film: a WebM of all clips beside each other, row by row. covers: (C) what each shows: a mesh also where blurring
    was asked for and the place of the face is not known."""

    film: Path
    clips: tuple[Clip, ...]
    covers: tuple[Cover, ...]

    def export(self, path: Path) -> None:
        """Write the film as ``.webm``, ``.mp4`` or ``.gif``, by the ending of `path`. Raises `DataError` for others."""
        if path.suffix == ".webm":
            path.write_bytes(self.film.read_bytes())
        else:
            convert_video(self.film, path)


def clip_grid(
    dataset: Dataset,
    face: FaceModel,
    clips: Sequence[Clip],
    cover: Cover,
    progress: Listener = silent,
) -> ClipGrid | None:
    """The first `MOST` clips beside each other, `BEFORE_S` before and `AFTER_S` after their peaks, without sound.

    Of clips that are to be filmed or blurred, those without a readable video are left out; None where none is left.
    The film is kept beside the stills, and gone with them. Raises `DataError` without ffmpeg and for a face without a
    mesh.
    """
    known = links(dataset)
    if cover is not Cover.MESH:
        clips = [clip for clip in clips if clip.recording in known and recording_film(dataset, clip.recording)]
    clips = tuple(clips[:MOST])
    if not clips:
        return None
    folder, key = stills_folder(dataset), _key(dataset, face, clips, cover, known)
    covers = _kept_covers(folder / f"{key}.json", folder / f"{key}.webm", len(clips))
    if covers is None:
        frames, covers = clip_frames(dataset, face, clips, cover, progress)
        _keep(dataset, folder, key, frames, covers)
    return ClipGrid(film=folder / f"{key}.webm", clips=clips, covers=covers)


def clip_frames(
    dataset: Dataset, face: FaceModel, clips: Sequence[Clip], cover: Cover, progress: Listener = silent
) -> tuple[np.ndarray, tuple[Cover, ...]]:
    """(N, H, W, 3) uint8 of clips beside each other, and what each shows (C)."""
    made, known = [], links(dataset)
    for done, clip in enumerate(clips):
        progress(Progress(task="clips", done=done, total=len(clips), detail=clip.recording))
        made.append(_cell(dataset, face, clip, cover, known))
    return _beside([cell for cell, _ in made]), tuple(what for _, what in made)


def _kept_covers(facts: Path, film: Path, count: int) -> tuple[Cover, ...] | None:
    try:
        covers = tuple(Cover(one) for one in read_json(facts)["covers"])
    except (DataError, KeyError, TypeError, ValueError):  # not made yet, or broken
        return None
    return covers if film.is_file() and len(covers) == count else None


def _key(dataset: Dataset, face: FaceModel, clips: tuple[Clip, ...], cover: Cover, known: dict[str, Link]) -> str:
    videos = [
        (str(one.video), one.reach, one.video.stat().st_mtime_ns if one.video.is_file() else 0)
        for one in (known.get(clip.recording) for clip in clips)
        if one is not None
    ]
    shown = [(clip.recording, round(clip.peak_s, 3)) for clip in clips]
    return content_key(["clips", VERSION, dataset.key, face.look_key, shown, cover.value, videos])


def _keep(dataset: Dataset, folder: Path, key: str, frames: np.ndarray, covers: tuple[Cover, ...]) -> None:
    if not (folder / MANIFEST).is_file():
        write_json(folder / MANIFEST, {**source_labels(dataset.id), "kind": "stills", "dataset": dataset.name})
    with atomic_file(folder / f"{key}.webm") as temporary:
        encode_video(temporary, frames, FPS)
    write_json(folder / f"{key}.json", {"covers": [cover.value for cover in covers]})


def _cell(
    dataset: Dataset, face: FaceModel, clip: Clip, cover: Cover, known: dict[str, Link]
) -> tuple[np.ndarray, Cover]:
    """(N, CELL, CELL, 3) of one clip, and what it shows."""
    frames = dataset.frames(clip.recording)
    if cover is Cover.MESH:
        return _meshes(face, frames, clip), Cover.MESH
    link, film = known[clip.recording], recording_film(dataset, clip.recording)
    if cover is Cover.BLURRED and not _may_blur(frames, clip, link):
        return _meshes(face, frames, clip), Cover.MESH
    cut = _around(link.reach, CUT_MARGIN) if link.reach is not None else None
    pictures = _filmed(film, frames, clip, cut) if film is not None else None
    if pictures is None:
        return _meshes(face, frames, clip), Cover.MESH
    if cover is Cover.FILMED:
        return _fitted(pictures), Cover.FILMED
    everybody = [other.reach for other in known.values() if other.video == link.video and other.reach is not None]
    return _fitted(_blurred(pictures, [_within(box, cut) for box in everybody])), Cover.BLURRED


def _may_blur(frames: Frames, clip: Clip, link: Link) -> bool:
    """Whether the face's place is known in every frame of a clip."""
    inside = (frames.time_s >= clip.peak_s - BEFORE_S - 0.5) & (frames.time_s <= clip.peak_s + AFTER_S + 0.5)
    return link.reach is not None and bool(frames.valid[inside].all())


def _around(box: Box, margin: float) -> Box:
    """A box with a margin, within the picture."""
    left, top, right, bottom = box
    wide, high = margin * (right - left), margin * (bottom - top)
    return max(0.0, left - wide), max(0.0, top - high), min(1.0, right + wide), min(1.0, bottom + high)


def _within(box: Box, cut: Box | None) -> Box:
    """A box of the whole picture with the margin of blurring, in shares of a cut of it."""
    left, top, right, bottom = cut or (0.0, 0.0, 1.0, 1.0)
    wide, high = max(right - left, 1e-6), max(bottom - top, 1e-6)
    x0, y0, x1, y1 = _around(box, BLUR_MARGIN)
    return (x0 - left) / wide, (y0 - top) / high, (x1 - left) / wide, (y1 - top) / high


def _filmed(film: Film, frames: Frames, clip: Clip, cut: Box | None) -> np.ndarray | None:
    """(N, h, w, 3) of a clip at `FPS`, no longer than `CELL` on its longer side; None where it cannot be decoded."""
    peak = film.frame_of(frames)[int(np.abs(frames.time_s - clip.peak_s).argmin())]
    if peak < 0:
        return None
    start = float(film.shown_s[peak]) - BEFORE_S
    crop = (
        []
        if cut is None
        else [f"crop=iw*{cut[2] - cut[0]:.4f}:ih*{cut[3] - cut[1]:.4f}:iw*{cut[0]:.4f}:ih*{cut[1]:.4f}"]
    )
    fit = f"scale={CELL}:{CELL}:force_original_aspect_ratio=decrease,setsar=1"
    lead = [f"tpad=start_mode=clone:start_duration={-start:.3f}"] if start < 0 else []
    shape = ("-f", "image2pipe", "-c:v", "ppm", "-frames:v", str(FRAMES), "pipe:1")
    chain = ",".join([f"fps={FPS:g}:start_time=0", *lead, *crop, fit])
    after = ("-map", "0:v:0", "-an", "-vf", chain, *shape)
    data = run_ffmpeg(film.video, ("-ss", f"{max(0.0, start):.6f}"), after, _PATIENCE_S)
    pictures = _ppm(data or b"")
    if not len(pictures):
        return None
    last = np.repeat(pictures[-1:], FRAMES - len(pictures), 0)  # a clip at the end of its video rests there
    return np.concatenate([pictures, last])


def _ppm(data: bytes) -> np.ndarray:
    """(N, h, w, 3) of PPM pictures of one size, one after the other."""
    head = data[:40].split(maxsplit=4)
    if len(head) < 4 or head[0] != b"P6":
        return np.empty((0, 1, 1, 3), np.uint8)
    width, height = int(head[1]), int(head[2])
    prefix = b"P6\n%d %d\n255\n" % (width, height)
    one = len(prefix) + 3 * width * height
    whole = np.frombuffer(data[: len(data) // one * one], np.uint8).reshape(-1, one)
    return whole[:, len(prefix) :].reshape(-1, height, width, 3)


def _blurred(pictures: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """Pictures whose boxes, in shares of them, are a few blocks of mean colour."""
    from PIL import Image

    out = pictures.copy()
    height, width = pictures.shape[1:3]
    for left, top, right, bottom in boxes:
        x0, x1 = max(0, int(left * width)), min(width, int(np.ceil(right * width)))
        y0, y1 = max(0, int(top * height)), min(height, int(np.ceil(bottom * height)))
        if x1 <= x0 or y1 <= y0:
            continue
        for picture in out:
            part = Image.fromarray(picture[y0:y1, x0:x1])
            blocks = part.resize((BLOCKS, BLOCKS), Image.Resampling.BOX)
            picture[y0:y1, x0:x1] = np.asarray(blocks.resize(part.size, Image.Resampling.NEAREST))
    return out


def _meshes(face: FaceModel, frames: Frames, clip: Clip) -> np.ndarray:
    """(N, CELL, CELL, 3) of the recorded face; where it was lost, as it was before."""
    time = clip.peak_s - BEFORE_S + np.arange(FRAMES) // MESH_EVERY * MESH_EVERY / FPS
    known = np.flatnonzero(frames.valid)
    rows = known[np.maximum(np.searchsorted(frames.time_s[known], time + 1e-6, side="right") - 1, 0)]
    shot, drawn = Shot(CELL, framing="head"), {}
    for row in dict.fromkeys(rows.tolist()):
        drawn[row] = over(render_picture(face, frames.psi[row], SHARED_SCALE_MM, shot), _WHITE)
    return np.stack([drawn[row] for row in rows.tolist()])


def _fitted(pictures: np.ndarray) -> np.ndarray:
    """Pictures in the middle of a square cell."""
    count, height, width, _ = pictures.shape
    out = np.full((count, CELL, CELL, 3), _GROUND, np.uint8)
    y, x = (CELL - height) // 2, (CELL - width) // 2
    out[:, y : y + height, x : x + width] = pictures
    return out


def _beside(cells: Sequence[np.ndarray]) -> np.ndarray:
    """Cells row by row; fewer than a row make a narrower film."""
    columns = max(1, min(COLUMNS, len(cells)))
    rows = max(1, -(-len(cells) // columns))
    step = CELL + GAP
    out = np.full((FRAMES, rows * step - GAP, columns * step - GAP, 3), _GROUND, np.uint8)
    for i, cell in enumerate(cells):
        y, x = i // columns * step, i % columns * step
        out[:, y : y + CELL, x : x + CELL] = cell
    return out
