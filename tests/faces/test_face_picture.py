"""A learned face drawn as a lab's own picture, on simulated cats of 48 landmarks and a drawing made by code."""

from __future__ import annotations

import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dfe_core.errors import DataError
from dfe_core.expressions.import_job import ImportOptions
from dfe_core.expressions.importing import import_dataset
from dfe_core.expressions.marked_points import read_marked_points
from dfe_core.expressions.point_regions import read_point_regions
from dfe_core.faces import open_face, save_face
from dfe_core.faces.drawn import DrawnFace
from dfe_core.faces.face_picture import LONGEST_EDGE, check_picture, open_picture_file
from dfe_core.faces.picture_store import attach_picture, detach_picture
from dfe_core.render.gltf import export_animation
from dfe_core.render.mesh_files import export_mesh
from dfe_core.render.pictures import render_picture
from dfe_core.render.scene import pack_scene, unpack_scene
from dfe_core.render.scene_mesh import scene_mesh
from dfe_core.render.studio import Shot
from dfe_core.render.viewer import look_of
from tests.planted_cats import SIZE, cat_movements, draw_cat, marked_points, write_cats, write_points


@pytest.fixture(scope="module")
def cats(tmp_path_factory):
    """A cache with a face learned from simulated cats, and the drawing beside it; nothing writes to it."""
    folder = tmp_path_factory.mktemp("cats")
    options = ImportOptions(face="learn", subject_pattern=r"(?P<subject>cat\d)_", normaliser="10,18", simulated=True)
    report = import_dataset(write_cats(folder), "cats", options, root=folder / "cache")
    return folder, report.face, open_picture_file(draw_cat(folder / "cat.png"), marked_points())


@pytest.fixture
def face(cats):
    """The face, drawn as the cat."""
    folder, name, picture = cats
    root = folder / "cache"
    attach_picture(name, picture, "cat.csv", root)
    return open_face(name, root)


def test_a_picture_moves_as_the_landmarks_do_and_its_border_stays(face):
    drawn = face.drawn
    assert isinstance(drawn, DrawnFace)
    psi = np.random.default_rng(0).normal(size=face.coefficients)
    own, shown = face.displacement(psi), drawn.displacement(psi)
    np.testing.assert_allclose(shown[:48], own, atol=1e-7)
    edge = (drawn.uv == 0).any(1) | (drawn.uv == 1).any(1)
    assert edge.sum() > 80
    assert not shown[edge].any()
    # nothing moves farther than the landmarks around it, and no triangle of the picture is cut out
    assert np.linalg.norm(shown, axis=1).max() <= np.linalg.norm(own, axis=1).max() * (1 + 1e-6)
    area = np.abs(_areas(drawn.uv * SIZE, drawn.triangles)).sum()
    assert area == pytest.approx(SIZE[0] * SIZE[1], rel=1e-6)
    assert (_areas(drawn.template[:, :2], drawn.triangles) > 0).all()


def _areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, i]].astype(float) for i in range(3))
    return ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2


def test_at_rest_the_picture_lies_undistorted_on_the_resting_landmarks(face):
    drawn = face.drawn
    pixels = drawn.uv * SIZE
    scale = check_picture(face, face.picture, "cat.csv").scale
    lengths = np.linalg.norm(np.diff(drawn.template[:, :2], axis=0), axis=1)
    np.testing.assert_allclose(lengths, scale * np.linalg.norm(np.diff(pixels, axis=0), axis=1), rtol=1e-3, atol=1e-7)
    off = np.linalg.norm(drawn.template[:48, :2] - face.template[:, :2], axis=1)
    assert off.max() < 0.01  # the drawing is one cat, the template the mean of several


def test_neither_the_id_nor_what_is_measured_changes(cats, face):
    folder, name, _ = cats
    bare = open_face(name, folder / "cache")
    detach_picture(name, folder / "cache")
    before = open_face(name, folder / "cache")
    assert before.picture is None
    assert bare.id == before.id
    assert np.array_equal(bare.gram, before.gram)
    assert bare.look_key != before.look_key


def test_a_face_learned_again_keeps_its_picture_and_a_picture_taken_off_can_be_put_back(cats, face):
    folder, name, picture = cats
    root = folder / "cache"
    removed = detach_picture(name, root)
    with pytest.raises(DataError, match="its own surface"):
        detach_picture(name, root)
    attach_picture(name, removed, "cat.csv", root)
    held = open_face(name, root).picture
    assert (held.key, held.source) == (picture.key, "cat.png")
    again = open_face(name, root)
    object.__setattr__(again, "picture", None)
    save_face(again, root)
    assert open_face(name, root).picture.key == picture.key


def test_the_picture_is_what_is_drawn_and_its_movement_is_coloured(face):
    still = render_picture(face, np.zeros(face.coefficients), 10.0, Shot(128))
    shown = still[..., 3] == 255
    rows, columns = (np.flatnonzero(shown.any(axis)) for axis in (1, 0))
    assert (len(columns), len(rows)) == (pytest.approx(125, abs=2), pytest.approx(125 * SIZE[1] / SIZE[0], abs=2))
    part = still[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, :3].astype(float)
    drawn = Image.open(io.BytesIO(face.picture.image)).convert("RGB").resize((part.shape[1], part.shape[0]))
    assert np.abs(part - np.asarray(drawn, float)).mean() < 8
    psi = face.basis.reshape(face.coefficients, -1) @ _metres(face, cat_movements()[0]).ravel()
    psi /= np.abs(psi).max()
    moved = render_picture(face, 3 * psi, 10.0, Shot(128))
    change = np.abs(moved[..., :3].astype(float) - still[..., :3]).mean(2)
    ears, chin = change[15:45], change[85:120]
    assert ears.max() > 80
    assert ears.mean() > 3 * chin.mean()


def _metres(face, pixels: np.ndarray) -> np.ndarray:
    return np.pad(pixels * (1, -1) * 5.8e-4, ((0, 0), (0, 1)))


def test_browsers_and_other_programs_get_the_picture(face, tmp_path):
    header, arrays = unpack_scene(pack_scene(face))
    assert header["picture_kind"] == "image/png"
    assert arrays["picture"].tobytes() == face.picture.image
    assert arrays["uv"].shape == (len(arrays["template"]), 2)
    look = look_of(face)
    assert look["portrait"]["crown"] == look["portrait"]["neck"] == look["portrait"]["pitch"] == 0
    psi = np.zeros((2, face.coefficients), np.float32)
    psi[1, 0] = 1
    document, binary = _glb(export_animation(face, psi, np.array([0, 1.0]), tmp_path / "cat.glb").read_bytes())
    view = document["bufferViews"][document["images"][0]["bufferView"]]
    assert binary[view["byteOffset"] :][: view["byteLength"]] == face.picture.image
    assert "TEXCOORD_0" in document["meshes"][0]["primitives"][0]["attributes"]
    assert len(np.load(export_mesh(face, psi[1], tmp_path / "cat.npy"))) == 48  # what is measured
    mesh = scene_mesh(face, psi[1])
    assert mesh.triangles.max() == len(mesh.points) - 1
    assert mesh.rest_rgb.std(0).min() > 20  # its lines


def _glb(data: bytes) -> tuple[dict, bytes]:
    (size,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + size]), data[28 + size :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:47], "47 points; expected 48"),
        (lambda p: _with(p, 12, (481, 20)), r"cat.csv, point 12: \(481.0, 20.0\), outside"),
        (lambda p: _with(p, 12, p[3]), "point 12: in the place of point 3"),
        (lambda p: p * (-1, 1) + (SIZE[0], 0), "the points in the mirror"),
        (lambda p: p * (1, -1) + (0, SIZE[1]), "the points in the mirror"),
        (lambda p: SIZE - p, "turned by 180 degrees"),
        (lambda p: p[np.random.default_rng(0).permutation(48)], "laid out in another way"),
    ],
)
def test_points_that_are_not_the_faces_are_named(cats, change, message):
    folder, name, _ = cats
    picture = open_picture_file(folder / "cat.png", change(marked_points()))
    with pytest.raises(DataError, match=message):
        attach_picture(name, picture, "cat.csv", folder / "cache")


def _with(points: np.ndarray, row: int, place) -> np.ndarray:
    out = points.copy()
    out[row] = place
    return out


def test_a_face_of_another_kind_takes_no_picture(cats, anny):
    picture = cats[2]
    with pytest.raises(DataError, match="learned from landmarks"):
        check_picture(anny, picture, "cat.csv")
    with pytest.raises(DataError, match="no such face"):
        attach_picture("learned-none", picture, "cat.csv", cats[0] / "cache")


def test_large_pictures_are_kept_small_and_upright_without_what_else_the_file_says(tmp_path):
    image = Image.new("RGB", (3000, 1500), (10, 200, 30))
    exif = image.getexif()
    exif[0x0112], exif[0x010E] = 6, "where the cat lives"
    image.save(tmp_path / "cat.jpg", exif=exif)
    picture = open_picture_file(tmp_path / "cat.jpg", np.array([[1500.0, 3000.0]]))
    assert picture.size == (LONGEST_EDGE // 2, LONGEST_EDGE)
    assert picture.points.tolist() == [[LONGEST_EDGE / 2, LONGEST_EDGE]]
    assert b"lives" not in picture.image
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert (open_picture_file(tmp_path / "clear.png", np.zeros((3, 2))).pixels == 255).all()


def test_what_is_no_picture_or_too_large_is_refused_before_it_is_unfolded(tmp_path):
    def refused(name: str, content: bytes, message: str) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message):
            open_picture_file(tmp_path / name, np.zeros((48, 2)))

    good = io.BytesIO()
    Image.new("RGB", (64, 64)).save(good, "PNG")
    bitmap = io.BytesIO()
    Image.new("RGB", (64, 64)).save(bitmap, "BMP")
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    refused("bomb.png", b"\x89PNG\r\n\x1a\n" + chunk + good.getvalue()[33:], "60,000 x 60,000 pixels|bomb")
    refused("cut.png", good.getvalue()[:60], "not readable as a picture")
    refused("cat.bmp", bitmap.getvalue(), "not readable as a picture")
    refused("cat.png", b"cos\nsystem\n(S'true'\ntR.", "not readable as a picture")
    small = io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, "PNG")
    refused("small.png", small.getvalue(), "8 x 8 pixels")


def test_marked_points_are_a_table_a_list_or_a_frame_of_a_recording(tmp_path):
    wanted = marked_points()
    path = write_points(tmp_path / "cat.csv")
    np.testing.assert_allclose(read_marked_points(path), wanted)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[:0:-1]]))  # numbers say which is which
    np.testing.assert_allclose(read_marked_points(path), wanted)
    (tmp_path / "cat.json").write_text(json.dumps({"points": wanted.tolist()}))
    np.testing.assert_allclose(read_marked_points(tmp_path / "cat.json"), wanted)
    (recording,) = write_cats(tmp_path, 1, 20)
    assert read_marked_points(recording, 3).shape == (48, 2)
    with pytest.raises(DataError, match="--frame N"):
        read_marked_points(recording)
    with pytest.raises(DataError, match="frame 20; expected 0 to 19"):
        read_marked_points(recording, 20)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "the columns a, b"),
        ("x,y\n1,2\n3,left\n", "row 3: .*'left'"),
        ("x,y\n1,nan\n", "row 2: .*finite"),
        ("point,x,y\n0,1,2\n0,3,4\n", "row 3: point 0 a second time"),
        ("point,x,y\n0,1,2\n2,3,4\n", "no point 1 among 2"),
        ("x,y\n1\n", "row 2: 1 cells"),
        ("", "the columns none"),
    ],
)
def test_a_faulty_table_names_its_row(tmp_path, text, message):
    (tmp_path / "points.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_marked_points(tmp_path / "points.csv")


def test_a_damaged_picture_is_named_and_can_be_taken_off(cats, face):
    folder, name, _ = cats
    root = folder / "cache"
    path = root / "faces" / f"{name}.npz"
    with np.load(path) as held:
        arrays = dict(held)
    arrays["picture_points"] = arrays["picture_points"][:40]
    np.savez(path, **arrays)
    with pytest.raises(DataError, match="damaged picture; expected `dfe picture"):
        open_face(name, root)
    assert detach_picture(name, root) is None
    assert open_face(name, root).picture is None


def test_a_table_between_semicolons_is_read_as_the_table_of_its_regions_is(tmp_path):
    path = tmp_path / "cat.csv"
    path.write_text("point;region;x;y\n0;ear;1.5;2\n1;nose;3;4\n")
    np.testing.assert_array_equal(read_marked_points(path), [[1.5, 2], [3, 4]])
    assert [row.region for row in read_point_regions(path).rows] == ["ear", "nose"]
