"""What Python writes for the browser, as files that dashboard/web/tests reads: both sides are held to the same bytes.

``python -m tests.dashboard.test_web_golden`` writes them again.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from dashboard import web
from dashboard.data.packs import codebook_pack, pack
from dfe_core.faces.model import FaceModel
from dfe_core.render.recording_pack import quantised
from dfe_core.render.scene import pack_scene
from dfe_core.render.surface import surface_of
from dfe_core.render.viewer import look_of

GOLDEN = Path(web.__file__).parent / "tests" / "golden"
PSI = np.array([[1.0, 0.0], [-0.5, 0.75]], np.float32)


def small_face() -> FaceModel:
    """A square of four vertices and a point before it that coefficient 1 moves outwards and 2 to the left."""
    basis = np.zeros((2, 5, 3), np.float32)
    basis[0, 4] = 0, 0, 0.012
    basis[1, 4], basis[1, 1] = (0.004, 0, 0), (0, 0.002, 0)
    x = 0.05
    return FaceModel(
        id="golden-1",
        title="Golden",
        names=("out", "left"),
        template=np.array([[-x, -x, 0], [x, -x, 0], [x, x, 0], [-x, x, 0], [0, 0, 0.03]], np.float32),
        triangles=np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]], np.int32),
        basis=basis,
        mirror=np.array([1, 0, 3, 2, 4], np.int32),
        regions=np.array([7, 7, 0, 0, 2], np.uint8),
        sides=np.array([2, 1, 1, 2, 0], np.uint8),
        materials=np.zeros(5, np.uint8),
    )


def recording_pack() -> bytes:
    """Four frames of two stages over a codebook of three codewords, the first at rest: as tracks.py writes one."""
    psi = np.array([[0, 0], [0.5, 0.25], [1, -0.5], [0, 0.125]], np.float32)
    steps, scale = quantised(psi.T)
    return pack(
        {},
        time=np.array([0, 0.5, 1, 2], np.float32),
        psi=np.ascontiguousarray(steps.T),
        scale=scale,
        tokens=np.array([[0, 0], [1, 0], [1, 2], [0, 2]], np.uint16),
        levels=np.array([[0, 0], [1, 0], [2, 1], [0, 2]], np.uint8),
        intensities=np.array([0, 0.5, 1], np.float32),
        error=np.array([[0, 0], [0.5, 0.25], [2, 0.5], [1, 0.125]], np.float32),
    )


def golden() -> dict[str, bytes]:
    """Content of each file, by name."""
    face = small_face()
    surface = surface_of(face)
    moved = 1e3 * np.linalg.norm(face.displacement(PSI), axis=2)
    facts = {
        "look": look_of(face) | {"heat": [0, 0, 0, 255, 255, 255], "diverging": [0, 0, 255, 255, 0, 0]},
        "psi": PSI.tolist(),
        "vertices": face.vertices(PSI).round(7).tolist(),
        "displacement_mm": moved.round(4).tolist(),
        "refined": {
            "triangles": surface.triangles.reshape(4, -1, 3).transpose(1, 0, 2).reshape(-1, 3).tolist(),
            "vertices": (surface.refine @ face.vertices(PSI)[0]).round(7).tolist(),
            "displacement_mm": (surface.refine @ moved[0]).round(4).tolist(),
        },
    }
    return {
        "face.bin": pack_scene(face),
        "face.json": (json.dumps(facts, indent=1) + "\n").encode(),
        "codebook.bin": codebook_pack(np.array([[0, 0], [1, 0], [0, -0.5]], np.float32)),
        "recording.bin": recording_pack(),
    }


def test_the_scripts_are_tested_on_what_python_writes():
    for name, content in golden().items():
        stored = (GOLDEN / name).read_bytes()
        if name.endswith(".bin"):
            assert stored == content, f"{name}: write it again with python -m tests.dashboard.test_web_golden"
            continue
        stored_facts, facts = json.loads(stored), json.loads(content)
        np.testing.assert_allclose(stored_facts["vertices"], facts["vertices"], atol=1e-6)
        np.testing.assert_allclose(stored_facts["displacement_mm"], facts["displacement_mm"], atol=1e-3)
        assert stored_facts["look"].keys() == facts["look"].keys()
        assert stored_facts["refined"]["triangles"] == facts["refined"]["triangles"]
        np.testing.assert_allclose(stored_facts["refined"]["vertices"], facts["refined"]["vertices"], atol=1e-6)


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for file, data in golden().items():
        (GOLDEN / file).write_bytes(data)
