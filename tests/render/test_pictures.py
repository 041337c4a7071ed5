"""Pictures of faces: something is drawn, in the right place, the same every time, and kept."""

from __future__ import annotations

import hashlib
import io
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dfe_core.errors import DataError
from dfe_core.faces import FaceModel, open_face
from dfe_core.render import animation
from dfe_core.render.animation import animate, there_and_back
from dfe_core.render.palette import SHARED_SCALE_MM
from dfe_core.render.pictures import (
    ensure_thumbnails,
    heat_scales_mm,
    over,
    peaks_mm,
    ready_thumbnails,
    render_face,
    render_picture,
    thumbnail_path,
    thumbnails_ready,
)
from dfe_core.render.studio import Shot
from dfe_core.store import read_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.workspace.catalogue import artefact_faults, find_artefact

SHOT = Shot(128)


def action(face: FaceModel, **values: float) -> np.ndarray:
    psi = np.zeros(face.coefficients, np.float32)
    for name, value in values.items():
        psi[face.names.index(name)] = value
    return psi


def warmth(picture: np.ndarray) -> np.ndarray:
    """How far a pixel is from grey, 0 where nothing is drawn."""
    colour = picture[..., :3].astype(float)
    return (colour.max(2) - colour.min(2)) * (picture[..., 3] > 200)


def codebook_of(face: FaceModel, psi: np.ndarray) -> Codebook:
    return Codebook(
        model="small",
        psi=psi,
        levels=np.ones(1, np.float32),
        stages=1,
        names=face.names,
        face_id=face.id,
        table=pd.DataFrame(),
    )


def test_a_face_is_drawn_on_a_transparent_ground(face: FaceModel) -> None:
    picture = render_picture(face, np.zeros(face.coefficients), shot=SHOT)
    assert picture.shape == (128, 128, 4)
    alpha = picture[..., 3]
    assert alpha[:, 0].max() == 0  # nothing at the left edge
    assert 0.3 < (alpha > 200).mean() < 0.85
    middle = picture[64, 64]
    assert middle[3] == 255
    assert picture[alpha > 250][:, :3].std() > 15  # light and shade, not a flat patch


def test_a_smile_warms_its_own_side_of_the_picture(anny: FaceModel) -> None:
    """The face's left is on the viewer's right."""
    smile, rest = (warmth(render_picture(anny, action(anny, **v), shot=SHOT)) for v in ({"mouthSmileLeft": 1}, {}))
    gain = np.clip(smile - rest - 10, 0, None)
    assert gain[:, 64:].sum() > 4 * gain[:, :64].sum()
    assert gain.max() > 80


def test_a_brow_warms_above_and_a_jaw_below(anny: FaceModel) -> None:
    rest = warmth(render_picture(anny, action(anny), shot=SHOT))
    rows = np.arange(128)
    centres = {}
    for name in ("browInnerUp", "jawOpen"):
        gain = np.clip(warmth(render_picture(anny, action(anny, **{name: 1}), shot=SHOT)) - rest - 20, 0, None).sum(1)
        centres[name] = (gain * rows).sum() / gain.sum()
    assert centres["browInnerUp"] < 50 < 75 < centres["jawOpen"]


def test_the_scale_tames_the_heat(anny: FaceModel) -> None:
    psi = action(anny, mouthSmileLeft=1)
    own, wide, none = (warmth(render_picture(anny, psi, scale, SHOT)).sum() for scale in (None, 60.0, float("inf")))
    assert own > wide > none


def test_pictures_are_the_same_from_any_thread_and_in_any_order(anny: FaceModel) -> None:
    a, b = action(anny, jawOpen=1), action(anny, browInnerUp=1)
    alone = render_picture(anny, a, shot=SHOT)
    seen: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda p=p: seen.append(render_picture(anny, p, shot=SHOT))) for p in (b, a, b)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(np.array_equal(picture, alone) for picture in seen) == 1
    assert np.array_equal(render_picture(anny, a, shot=SHOT), alone)


def test_views_and_framings_differ(anny: FaceModel) -> None:
    front, left = (render_picture(anny, action(anny), shot=Shot(128, view)) for view in ("front", "left"))
    nose_side = [(p[60:90, :64, 3] > 200).sum() - (p[60:90, 64:, 3] > 200).sum() for p in (front, left)]
    assert abs(nose_side[0]) < 40 < abs(nose_side[1])
    head = render_picture(anny, action(anny), shot=Shot(128, framing="head"))
    assert (head[..., 3] > 200).sum() < (front[..., 3] > 200).sum()
    assert head[0, :, 3].max() == 0


def test_an_unknown_view_is_refused(anny: FaceModel) -> None:
    with pytest.raises(DataError, match="behind: no such view"):
        render_picture(anny, action(anny), shot=Shot(64, "behind"))


def test_identity_changes_the_picture(anny: FaceModel) -> None:
    person = np.zeros(len(anny.identity_names))
    person[anny.identity_names.index("child")] = 1
    a, b = (render_picture(anny, action(anny), shot=SHOT, identity=i) for i in (None, person))
    assert (np.abs(a.astype(int) - b).max(2) > 40).mean() > 0.03


def test_a_face_without_a_mesh_cannot_be_drawn() -> None:
    with pytest.raises(DataError, match="no mesh"):
        render_picture(open_face("flame-50+jaw"), np.zeros(53))


def test_png_bytes_open_as_the_picture(anny: FaceModel) -> None:
    psi = action(anny, mouthPucker=1)
    image = np.array(Image.open(io.BytesIO(render_face(anny, psi, shot=SHOT))))
    assert np.array_equal(image, render_picture(anny, psi, SHARED_SCALE_MM, SHOT))


def test_scales_are_peaks_of_the_skin_in_millimetres(anny: FaceModel) -> None:
    psi = np.stack([action(anny, jawOpen=1), action(anny, jawOpen=0.5), action(anny), action(anny, eyeLookOutLeft=1)])
    jaw, half, rest, gaze = peaks_mm(anny, psi)
    assert jaw == pytest.approx(38.4, abs=0.5)
    assert half == pytest.approx(jaw / 2, rel=1e-5)
    assert rest == 0
    assert 0 < gaze < 4  # the lids, not the eyeball
    assert heat_scales_mm(anny, psi)[2] == 0.5
    shared = heat_scales_mm(anny, psi, shared=True)
    assert shared.tolist() == [SHARED_SCALE_MM] * 4


def test_thumbnails_are_kept_resumed_and_addressed_by_content(anny: FaceModel, cache: Path) -> None:
    psi = np.stack([action(anny), action(anny, jawOpen=1), action(anny, mouthSmileLeft=1)])
    seen: list[int] = []

    def stop_at_two(report) -> None:
        if report.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_thumbnails(codebook_of(anny, psi), anny, size=64, progress=stop_at_two)
    (folder,) = (cache / "renders").iterdir()
    assert not thumbnails_ready(folder)
    first = thumbnail_path(folder, 1).stat().st_mtime_ns
    assert ensure_thumbnails(codebook_of(anny, psi), anny, size=64, progress=lambda r: seen.append(r.done)) == folder
    assert seen == [0, 1, 2, 3]
    assert thumbnail_path(folder, 1).stat().st_mtime_ns == first
    assert thumbnails_ready(folder)
    assert read_json(folder / "manifest.json")["scale_mm"] == [SHARED_SCALE_MM] * 3
    with Image.open(thumbnail_path(folder, 1)) as kept:
        single = render_picture(anny, psi[1], SHARED_SCALE_MM, Shot(64))
        assert np.array_equal(np.asarray(kept.convert("RGBA")), single)
    digests = {hashlib.sha256(thumbnail_path(folder, k).read_bytes()).hexdigest() for k in range(3)}
    assert len(digests) == 3
    seen.clear()
    ensure_thumbnails(codebook_of(anny, psi), anny, size=64, progress=lambda r: seen.append(r.done))
    assert seen == []  # complete: nothing is drawn
    whole = thumbnail_path(folder, 1).read_bytes()
    thumbnail_path(folder, 1).write_bytes(whole[:-20] + bytes([whole[-20] ^ 4]) + whole[-19:])
    assert not thumbnails_ready(folder) and set(ready_thumbnails(folder, range(3))) == {0, 2}
    assert artefact_faults(find_artefact(f"renders/{folder.name}"))
    ensure_thumbnails(codebook_of(anny, psi), anny, size=64)
    assert thumbnail_path(folder, 1).read_bytes() == whole and thumbnails_ready(folder)
    psi[2] *= 0.5
    assert ensure_thumbnails(codebook_of(anny, psi), anny, size=64) != folder


def test_a_face_of_other_coefficients_is_refused(anny: FaceModel, cache: Path) -> None:
    with pytest.raises(DataError, match="52 coefficients"):
        ensure_thumbnails(codebook_of(anny, np.zeros((2, 53), np.float32)), anny)


def test_over_a_background_alpha_decides() -> None:
    picture = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], np.uint8)
    assert over(picture, (0, 0, 100)).tolist() == [[[200, 100, 0], [0, 0, 100], [40, 20, 80]]]


def test_there_and_back_starts_at_rest_peaks_once_and_closes_the_loop() -> None:
    course = there_and_back(np.array([2.0, -1.0]), 40)
    assert course.shape == (40, 2)
    assert np.allclose(course[0], 0)
    assert np.allclose(course[20], [2, -1])
    assert np.linalg.norm(course[-1] - course[0]) < 0.02
    assert np.allclose(course[1:], course[:0:-1], atol=1e-6)


def test_a_face_that_comes_again_is_drawn_once(toy_face, tmp_path, monkeypatch):
    drawn = []

    def picture(face, row, *more):
        drawn.append(float(row[0]))
        return np.full((8, 8, 4), (int(100 * row[0]), 0, 0, 255), np.uint8)

    monkeypatch.setattr(animation, "render_picture", picture)
    course = there_and_back(np.eye(toy_face.coefficients)[0], 8)
    frames = list(animation.pictures(toy_face, course, Shot(8), None, lambda report: None))
    assert len(frames) == 8 and len(drawn) == 5  # rest, three on the way, the apex
    assert [int(frame[0, 0, 0]) for frame in frames] == [int(100 * amount) for amount in course[:, 0]]


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_animations_have_their_frames_and_move(anny: FaceModel, tmp_path: Path, suffix: str) -> None:
    import imageio.v3 as iio

    path = animate(anny, there_and_back(action(anny, jawOpen=1), 8), tmp_path / f"jaw{suffix}", 20, Shot(96))
    frames = [np.asarray(f)[..., :3].astype(int) for f in iio.imiter(path)]
    assert len(frames) == 8
    assert frames[0].shape[:2] == (96, 96)
    assert np.abs(frames[4] - frames[0]).max(2).mean() > 3
    assert np.abs(frames[7] - frames[1]).mean() < np.abs(frames[4] - frames[0]).mean() / 3
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "frames", "fps", "found"),
    [("a.avi", 3, 25, "cannot animate"), ("a.gif", 0, 25, "coefficients"), ("a.gif", 3, 1000, "1000 fps")],
)
def test_an_animation_that_cannot_be_made_is_refused(
    anny: FaceModel, tmp_path: Path, name: str, frames: int, fps: float, found: str
) -> None:
    with pytest.raises(DataError, match=found):
        animate(anny, np.zeros((frames, 52)), tmp_path / name, fps)
    assert list(tmp_path.iterdir()) == []
