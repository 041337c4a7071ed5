"""What Python writes for the browser, as files that dashboard/web/tests reads: both sides are held to the same bytes.

``python -m tests.dashboard.test_web_golden`` writes them again.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from dashboard import web
from dashboard.data.packs import codebook_pack, pack
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.model import FaceModel
from dfe_core.live.encoder import ALONE, LiveEncoder
from dfe_core.live.pack import pack_tokenizer
from dfe_core.live.rest import coefficient_sizes, rest_of
from dfe_core.render.recording_pack import quantised
from dfe_core.render.scene import pack_scene, unpack_scene
from dfe_core.render.surface import surface_of
from dfe_core.render.viewer import look_of
from tests.conftest import make_toy_face
from tests.tiny_tokenizer import moving_face, tiny_tokenizer

FRAMES = 90
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


@cache
def live_world(encoder: str) -> tuple[bytes, bytes]:
    """A tokenizer with this encoder as a browser gets it, and frames with the tokens that Python finds in them: at a
    camera's rate with a gap and a lost face, with a resting face taken off after a third."""
    face = make_toy_face(ARKIT_NAMES)
    model, values = tiny_tokenizer(face, encoder), moving_face(FRAMES)
    live, time = LiveEncoder(model, face), np.arange(FRAMES) / 30 + (np.arange(FRAMES) > 40)
    rest, found, lost = rest_of(values[:30], coefficient_sizes(face, live.matrix)), [], np.zeros(FRAMES, np.uint8)
    lost[60] = 1
    for i, row in enumerate(values):
        if i == FRAMES // 3:
            live.rest = rest
        if lost[i]:
            live.lose()
        found.append(live.encode(row, float(time[i].astype(np.float32))))
    tokens, levels = np.array([f.tokens for f in found]), np.array([f.levels for f in found])
    frames = pack(
        {"rest_from": FRAMES // 3, "calm": 30},
        values=values,
        time=time.astype(np.float32),
        lost=lost,
        rest=rest,
        tokens=tokens.astype(np.uint16),
        steps=np.where(tokens > 0, levels + 1, 0).astype(np.uint8),
    )
    return pack_tokenizer(model, face), frames


def golden() -> dict[str, bytes]:
    """Content of each file, by name."""
    live = {f"live-{kind}-{part}.bin": data for kind in ALONE for part, data in zip(
        ("tokenizer", "frames"), live_world(kind), strict=True)}  # fmt: skip
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
        **live,
    }


def assert_close(stored: bytes, content: bytes, name: str) -> None:
    """Whether packs hold the same to float32's precision: sums of torch differ between machines in the last bit."""
    (head, arrays), (other_head, others) = unpack_scene(stored), unpack_scene(content)
    assert {k: v for k, v in head.items() if k != "arrays"} == {k: v for k, v in other_head.items() if k != "arrays"}
    assert arrays.keys() == others.keys(), name
    for key, array in arrays.items():
        if key in ("tokens", "steps"):
            assert (array == others[key]).all(1).mean() >= 0.98, name
        else:
            np.testing.assert_allclose(array, others[key], rtol=1e-5, atol=1e-6, err_msg=f"{name}: {key}")


def test_the_scripts_are_tested_on_what_python_writes():
    for name, content in golden().items():
        stored = (GOLDEN / name).read_bytes()
        if name.startswith("live-"):
            assert_close(stored, content, name)
            continue
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
