"""The guard around the full scene: too slow, dead or failing exporters give a reason, never a wait or an exception."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from streamlit.errors import StreamlitAPIException

from dashboard.views import scene, scene_worker
from dashboard.views.scene import Exporter, SceneOptions
from dfe_core.faces.model import FaceModel
from dfe_core.render.scene_mesh import SceneMesh, lines_of_equal_mm, scene_mesh

TRIANGLE = SceneMesh(
    points=np.eye(3, dtype=np.float32),
    rest=np.eye(3, dtype=np.float32) * 0.9,
    triangles=np.array([[0, 1, 2]], np.int32),
    rgb=np.full((3, 3), 200, np.uint8),
    rest_rgb=np.full((3, 3), 220, np.uint8),
    moved_mm=np.array([0.0, 1.0, 2.0], np.float32),
    skin=np.ones(3, np.float32),
)
READY = (
    "import sys; from multiprocessing.connection import Connection; pipe = Connection(int(sys.argv[1])); "
    "pipe.send(None)\n"
)


@pytest.fixture
def exporter():
    made = []

    def make(script: str | None = None, limit_s: float = 60.0) -> Exporter:
        made.append(Exporter([sys.executable, "-c", script] if script else None, limit_s))
        return made[-1]

    yield make
    for each in made:
        each.close()


def export(exporter: Exporter):
    return exporter.export(TRIANGLE, SceneOptions(), "#FFFFFF")


def test_a_scene_is_a_whole_page_of_html(exporter):
    made = export(exporter())
    assert made.fault == ""
    assert "<html" in made.html.lower() and "vtk" in made.html.lower()


@pytest.fixture(scope="module")
def bump() -> SceneMesh:
    """A plane of 21 × 21 points, 2 mm apart, whose middle comes 6 mm forward."""
    x, y = np.meshgrid(np.arange(-20, 21, 2), np.arange(-20, 21, 2))
    number = np.arange(x.size).reshape(x.shape)
    corners = [number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]]
    a, b, c, d = (corner.ravel() for corner in corners)
    mm = (6 * np.exp(-(x**2 + y**2) / 60)).ravel().astype(np.float32)
    rest = np.stack([x.ravel(), y.ravel(), 0 * mm], 1).astype(np.float32)
    return SceneMesh(
        points=rest + np.outer(mm, [0, 0, 1]).astype(np.float32),
        rest=rest,
        triangles=np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32),
        rgb=np.full((x.size, 3), 200, np.uint8),
        rest_rgb=np.full((x.size, 3), 220, np.uint8),
        moved_mm=mm,
        skin=np.ones(x.size, np.float32),
    )


def drawn(mesh: SceneMesh, **options):
    """Whether views are linked, and for each view the bounds of its actors."""
    import pyvista

    pyvista.OFF_SCREEN = True
    asked = SceneOptions(**options).written(float(mesh.moved_mm.max())) | {"background": "#FFFFFF"}
    plotter = scene_worker.scene(pyvista, vars(mesh), asked)
    try:
        cameras = {id(one.camera) for one in plotter.renderers}
        return len(cameras) == 1, [[actor.bounds for actor in one.actors.values()] for one in plotter.renderers]
    finally:
        plotter.close()


def test_both_faces_turn_together_and_lines_lie_on_the_one_that_moved(bump):
    linked, (rest, moved) = drawn(bump)
    assert linked and (len(rest), len(moved)) == (1, 2)
    face, lines = moved
    assert rest[0].z_max < 0.01 and face.z_max == pytest.approx(6, abs=0.01)
    assert lines.x_max < 12 and lines.z_min > 0.9  # from the first line on, which is at 1 mm


def test_a_cut_leaves_what_lies_behind_it_and_draws_both_outlines(bump):
    _, (rest, moved) = drawn(bump, axis="x", at_mm=3.0, lines=False)
    assert rest[0].x_max == pytest.approx(3, abs=0.01) and len(rest) == 1
    face, before, after = moved
    assert face.x_max == pytest.approx(3, abs=0.01)
    for outline, height in ((before, 0.0), (after, 6 * np.exp(-9 / 60))):
        assert outline.x_min == pytest.approx(outline.x_max) and outline.x_min == pytest.approx(3.3, abs=0.11)
        assert outline.z_max == pytest.approx(height, abs=0.3)


def test_the_moved_face_may_stand_alone(bump):
    assert [len(one) for one in drawn(bump, beside=False, lines=False)[1]] == [1]


@pytest.mark.parametrize(
    ("most", "count", "step"), [(0.05, 0, None), (0.6, 6, 0.1), (6.0, 6, 1.0), (19.9, 7, 2.5), (70, 7, 10)]
)
def test_lines_of_equal_displacement_are_even_and_few(most, count, step):
    found = lines_of_equal_mm(most)
    assert len(found) == count and (count == 0 or (np.allclose(np.diff(found), step) and found[0] == step))


def test_the_mesh_of_a_scene_is_the_face_in_millimetres_in_the_colours_of_all_pictures(toy_face: FaceModel):
    psi = np.zeros(toy_face.coefficients, np.float32)
    psi[0] = 1
    mesh = scene_mesh(toy_face, psi)
    size = 1e3 * np.linalg.norm(toy_face.displacement(psi), axis=1)
    assert mesh.moved_mm.max() == pytest.approx(size.max(), rel=0.3) and mesh.triangles.max() == len(mesh.points) - 1
    assert np.linalg.norm(mesh.points - mesh.rest, axis=1).max() > 0.5 * size.max()
    still = mesh.moved_mm < 1e-4
    assert np.array_equal(mesh.rgb[still], mesh.rest_rgb[still])
    assert not np.array_equal(mesh.rgb, mesh.rest_rgb)


def test_an_export_that_takes_too_long_is_given_up_and_the_helper_ended(exporter):
    slow = exporter(READY + "import threading; pipe.recv(); pipe.send('no'); pipe.recv(); threading.Event().wait(600)")
    assert "no" in export(slow).fault, "it has started, which may take longer than the limit"
    slow._limit_s = 0.3
    assert "took over" in export(slow).fault
    assert slow._process is None


def test_a_helper_that_never_starts_does_not_hold_the_page(exporter):
    assert "starting" in export(exporter("import threading; threading.Event().wait(60)", limit_s=0.5)).fault


def test_a_helper_that_dies_gives_a_reason_and_the_next_call_starts_another(exporter):
    dying = exporter(READY + "pipe.recv(); sys.exit(1)")
    first = export(dying)
    assert first.html is None and "ended" in first.fault
    assert export(dying).html is None


def test_an_export_that_raises_says_so_and_the_helper_lives(exporter):
    failing = exporter(READY + "while pipe.recv(): pipe.send('ValueError: no')")
    assert "ValueError: no" in export(failing).fault
    assert failing._process.poll() is None


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch):
    """What is shown, as (means, key or height, HTML), with and without stpyvista's viewer."""
    shown = []

    def component(name: str, **_):
        assert name == "stpyvista.simple"
        return lambda key, data: shown.append(("viewer", key, data["_html"]))

    scene._viewer.cache_clear()
    monkeypatch.setattr(scene.st.components.v2, "component", component)
    monkeypatch.setattr(scene.st, "iframe", lambda html, height: shown.append(("frame", height, html)))
    yield shown
    scene._viewer.cache_clear()


def test_a_finished_scene_is_shown_in_stpyvistas_viewer_with_its_script(viewer):
    scene.show("<html></html>", "key")
    ((means, key, html),) = viewer
    assert (means, key) == ("viewer", "key") and html.startswith("<html></html><script>")


def test_without_stpyvista_a_scene_is_shown_in_a_plain_frame(viewer, monkeypatch: pytest.MonkeyPatch):
    def missing(name: str, **_):
        raise StreamlitAPIException(f"Component '{name}' must be declared")

    monkeypatch.setattr(scene.st.components.v2, "component", missing)
    scene.show("<html></html>", "key")
    ((means, _, html),) = viewer
    assert means == "frame" and html.startswith("<html></html><script>")
