"""Make a rating study: its items drawn, the faces they show rendered, written as one artefact.

Faces are meshes without their heat map: raters see what moves by themselves, not by colour. Recorded moments are shown
on the face model's own identity, never as video.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from dfe_core.artefact import ArtefactId, source_labels, sources_of_tokens
from dfe_core.artefact_names import ANALYSES, MANIFEST, MODELS, ratings_name
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.recording_table import find_frames
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.ratings.design import COMPANION_INTENSITY, MOST_CODEWORDS, Foils, RatingSettings, Stimulus, make_items
from dfe_core.ratings.store import ITEMS_FILE, PICTURES, SCHEMA_VERSION, RatingStudy, require_new_ratings
from dfe_core.render.animation import there_and_back
from dfe_core.render.pictures import over, png, render_picture
from dfe_core.render.studio import Shot
from dfe_core.store import atomic_directory, write_json
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokenizer.mesh_inner_product import displacement_cosine
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.describe import codeword_descriptions
from dfe_core.tokens.intervals import build_runs, open_runs
from dfe_core.tokens.peak_frames import strongest_moments
from dfe_core.tokens.phrasing import plain_name

MOMENTS = 8
"""Recorded moments of a codeword that items are made of, the strongest."""
EDGE = 320
"""Of a picture, pixels."""
CLIP_FRAMES, CLIP_FPS, CLIP_LOOPS = 20, 12.5, 2
"""Of a clip: it comes to rest by itself within five seconds, so that it needs no control to stop it."""
CLIP_S = 1.6
"""Seconds of a recorded moment around its peak."""
BACKGROUND = (240, 242, 246)


@audited("make a rating study", ANALYSES, lambda given: ratings_name(given["name"]))
def make_ratings(
    settings: RatingSettings, name: str, *, root: Path | None = None, progress: Listener = silent
) -> RatingStudy:
    """Make the rating study `name`.

    Raises `DataError` where the name is taken, the model or its tokens on the dataset are not there, the face has no
    mesh, or too few codewords of different names are left to ask for.
    """
    path = require_new_ratings(name, root)
    codebook = Codebook.open(settings.model, root)
    face = codebook.face
    if not face.has_mesh:
        raise DataError(face.id, "no mesh to show raters", "a codebook on a face with a mesh")
    names = [plain_name(d) for d in codeword_descriptions(codebook.psi, face)]
    faces = _Faces(codebook, settings, root)
    likeness = displacement_cosine(codebook.psi, codebook.psi, face.gram) if settings.foils is Foils.NEAR else None
    items = make_items(settings, faces.codewords, names, faces.moments, faces.shows, likeness)
    if not any(not item.check for item in items):
        raise DataError(settings.model, "no item could be made", "more codewords, or another task")
    rest = Stimulus(codeword=REST)
    stimuli = sorted({rest, *(s for item in items for s in item.stimuli)})
    ending = "gif" if settings.clips else "png"
    files = {s: f"{_opaque(name, settings.seed, s)}.{ending}" for s in stimuli}
    with atomic_directory(path) as folder:
        (folder / PICTURES).mkdir()
        for i, stimulus in enumerate(stimuli):
            progress(Progress(task="faces for raters", done=i, total=len(stimuli)))
            _render(face, faces.psi(stimulus), folder / PICTURES / files[stimulus])
        progress(Progress(task="faces for raters", done=len(stimuli), total=len(stimuli)))
        write_json(
            folder / ITEMS_FILE,
            {
                "items": [item.to_json() for item in items],
                "pictures": [[files[s] for s in item.stimuli] for item in items],
                "rest": files[rest],
                "names": names,
            },
        )
        sources = sources_of_tokens(settings.model, settings.dataset) if settings.dataset else ()
        write_json(
            folder / MANIFEST,
            {
                "schema_version": SCHEMA_VERSION,
                **source_labels(*(sources or (ArtefactId(MODELS, settings.model),))),
                "name": name,
                "model": settings.model,
                "dataset": settings.dataset,
                "face": face.id,
                "items": len(items),
                "settings": asdict(settings),
                "recordings": sorted({s.recording for s in stimuli} - {""}),
                "made": time.time(),
            },
        )
    return RatingStudy.open(name, root)


class _Faces:
    """The faces that stand for codewords, and which codewords are asked for."""

    def __init__(self, codebook: Codebook, settings: RatingSettings, root: Path | None) -> None:
        self.codebook, self.clips = codebook, settings.clips
        self.data = self.tokens = None
        self.moments: Mapping[int, Sequence[Stimulus]] | None = None
        order = self._chosen(settings.codewords)
        if settings.dataset:
            self.data = Dataset.open(settings.dataset, root)
            self.tokens = TokenCache.open(settings.model, settings.dataset, root)
            index = open_runs(self.tokens) or build_runs(self.tokens)
            found = {}
            for k in order:
                table = strongest_moments(index, k, self.data.recordings, limit=MOMENTS, per_subject=1)
                rows = zip(table["recording"].astype(str), table["peak_frame"], table["peak"], strict=True)
                found[k] = [Stimulus(codeword=k, intensity=float(p), recording=r, frame=int(f)) for r, f, p in rows]
            self.moments = found
        self.codewords = order

    def _chosen(self, codewords: Sequence[int]) -> list[int]:
        """The codewords to ask for: as named, else those used most."""
        if unknown := [k for k in codewords if not 0 < k < self.codebook.size]:
            raise DataError(f"codeword {unknown[0]}", "not one to ask for", f"1 to {self.codebook.size - 1}")
        table = self.codebook.table
        uses = table["uses"].to_numpy() if "uses" in table.columns else np.ones(self.codebook.size)
        moves = np.abs(self.codebook.psi).sum(1) > 0
        used = [k for k in np.argsort(-uses, kind="stable").tolist() if k != REST and uses[k] > 0 and moves[k]]
        return (list(codewords) or used)[:MOST_CODEWORDS]

    def shows(self, moment: Stimulus, codeword: int) -> bool:
        """Whether a picture shows a codeword: of a recorded moment, whether one of its tokens does."""
        if not moment.recording or self.tokens is None:
            return codeword in (moment.codeword, moment.companion)
        held = self.tokens.recording(moment.recording)
        row, there = find_frames(held.frame, moment.frame)
        return bool(there) and bool((held.tokens[row] == codeword).any())

    def psi(self, stimulus: Stimulus) -> np.ndarray:
        """(T, E) what a picture shows, one frame where it is still."""
        if stimulus.recording and self.data is not None:
            return self._recorded(stimulus)
        own = stimulus.intensity * self.codebook.psi[stimulus.codeword]
        if stimulus.companion != REST:
            own = own + COMPANION_INTENSITY * self.codebook.psi[stimulus.companion]
        return there_and_back(own, CLIP_FRAMES) if self.clips else own[None]

    def _recorded(self, stimulus: Stimulus) -> np.ndarray:
        assert self.data is not None
        frames = self.data.frames(stimulus.recording)
        at = int(frames.rows(np.array([stimulus.frame]))[0])
        if not self.clips:
            return frames.psi[[at]]
        wanted = frames.time_s[at] + np.linspace(-CLIP_S / 2, CLIP_S / 2, CLIP_FRAMES)
        valid = np.flatnonzero(frames.valid)
        near = np.abs(frames.time_s[valid][:, None] - wanted).argmin(0)
        return frames.psi[valid[near]]


def _render(face: FaceModel, psi: np.ndarray, path: Path) -> None:
    """A still face with a transparent background, or a clip that plays `CLIP_LOOPS` times and rests."""
    shot: Callable[[np.ndarray], np.ndarray] = lambda row: render_picture(face, row, np.inf, Shot(EDGE))  # noqa: E731
    if path.suffix == ".png":
        path.write_bytes(png(shot(psi[0])))
        return
    from PIL import Image

    rows, again = np.unique(psi, axis=0, return_inverse=True)  # the way back is the way there
    drawn = [Image.fromarray(over(shot(row), BACKGROUND)) for row in rows]
    images = [drawn[i] for i in again.ravel()]
    palette = images[len(images) // 2].quantize(64)
    first, *rest = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    duration = round(100 / CLIP_FPS) * 10
    first.save(path, "GIF", save_all=True, append_images=rest, loop=CLIP_LOOPS - 1, duration=duration, optimize=False)


def _opaque(name: str, seed: int, stimulus: Stimulus) -> str:
    """A name for a picture that says nothing of what it shows and cannot be computed without knowing it."""
    return hashlib.sha256(repr((name, seed, stimulus)).encode()).hexdigest()[:32]
