"""Meshes and landmarks of any layout become a face like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers import mediapipe_landmarks, mesh_sequence
from dfe_core.expressions.readers.mesh_files import read_mesh
from dfe_core.expressions.readers.options import ReadOptions, TimeColumn
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces import open_face
from tests.conftest import make_toy_face
from tests.moving_points import rotations, take, template68

OPTIONS = ReadOptions(fps=25)


@pytest.fixture(scope="module")
def meshes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, V, 3) m of a 225-vertex face with a turning head, its (T, 2) weights and its triangles."""
    face = make_toy_face(("jawOpen", "mouthSmileLeft"))
    rng = np.random.default_rng(0)
    time = np.arange(120) / 25
    moving = np.arange(120)[:, None] % 50 > 12
    weights = np.maximum(0, np.sin(2 * np.pi * time[:, None] * [0.4, 0.7] + [0, 1])) * moving
    turn = rotations(0.2 * np.sin(time[:, None] * rng.uniform(0.5, 2, 3)))
    return face.vertices(weights) @ turn.transpose(0, 2, 1) + [0.1, 0, -0.5], weights, face.triangles


def write_obj(path: Path, vertices: np.ndarray, triangles: np.ndarray) -> None:
    path.write_text(
        "# a face\n"
        + "".join(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in vertices)
        + "vn 0 0 1\n"
        + "".join(f"f {a}//1 {b}//1 {c}//1\n" for a, b, c in triangles + 1)
    )


def write_ply(path: Path, vertices: np.ndarray, triangles: np.ndarray, binary: bool) -> None:
    header = (
        f"ply\nformat {'binary_little_endian' if binary else 'ascii'} 1.0\ncomment a face\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"property uchar red\nelement face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    if binary:
        kind = np.dtype([("p", "<f4", 3), ("red", "u1")])
        table = np.zeros(len(vertices), kind)
        table["p"] = vertices
        faces = np.zeros(len(triangles), np.dtype([("n", "u1"), ("i", "<i4", 3)]))
        faces["n"], faces["i"] = 3, triangles
        path.write_bytes(header.encode() + table.tobytes() + faces.tobytes())
    else:
        path.write_text(
            header
            + "".join(f"{x:.6f} {y:.6f} {z:.6f} 9\n" for x, y, z in vertices)
            + "".join(f"3 {a} {b} {c}\n" for a, b, c in triangles)
        )


@pytest.mark.parametrize("kind", ["obj", "ply", "binary ply"])
def test_every_mesh_format_gives_the_same_vertices_and_triangles(tmp_path, meshes, kind):
    points, _, triangles = meshes
    path = tmp_path / f"a.{kind.split()[-1]}"
    if kind == "obj":
        write_obj(path, points[0], triangles)
    else:
        write_ply(path, points[0], triangles, kind.startswith("binary"))
    vertices, faces = read_mesh(path)
    assert np.allclose(vertices, points[0], atol=1e-6) and (faces == triangles).all()


def test_polygons_are_cut_into_fans_and_negative_indices_count_from_the_end(tmp_path):
    (tmp_path / "q.obj").write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\nf -4 -3 -2\n")
    _, faces = read_mesh(tmp_path / "q.obj")
    assert faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.obj", b"v 0 0 x\n", "line 1.*v and three numbers"),
        ("a.obj", b"# nothing\n", "no vertices"),
        ("a.obj", b"v 0 0 0\nv 0 0 1\nv 1 0 0\nf 1 2 9\n", "a face of vertex 8"),
        ("a.obj", b"v 0 0 0\nv 0 0 1\nv 1 0 0\nf 1 2 " + b"9" * 40, "whose number no integer holds"),
        ("a.ply", b"ply\nformat ascii 1.0\n", "header without its end"),
        (
            "a.ply",
            b"ply\nformat ascii 1.0\nelement vertex 9999999999\nproperty float x\nend_header\n",
            "impossible counts",
        ),
        (
            "a.ply",
            b"ply\nformat binary_little_endian 1.0\nelement vertex 50\nproperty float x\nproperty float y\n"
            b"property float z\nend_header\n\0\0",
            "600: a whole file",
        ),
    ],
)
def test_broken_meshes_are_refused_with_their_place(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_mesh(tmp_path / name)


def test_a_folder_of_meshes_is_one_recording_in_the_order_of_its_numbers(tmp_path, cache, meshes):
    points, weights, triangles = meshes
    folder = tmp_path / "subject1" / "smile"
    folder.mkdir(parents=True)
    for i, frame in enumerate(points):
        write_obj(folder / f"frame{i}.obj", frame * 1000, triangles)  # frame10 sorts before frame2 as text
    report = import_dataset([tmp_path / "subject1"], "meshes", ImportOptions(face="learn", fps=25))
    dataset = Dataset.open("meshes")
    assert dataset.recordings["recording"].tolist() == ["smile"]
    face = open_face(dataset.face_id)
    assert 2 <= len(face.names) <= 4 and (face.triangles == triangles).all()
    moved = face.displacement(dataset.frames("smile").psi)
    truth = make_toy_face(("jawOpen", "mouthSmileLeft")).displacement(weights)
    assert np.corrcoef(np.linalg.norm(moved, axis=2).ravel(), np.linalg.norm(truth, axis=2).ravel())[0, 1] > 0.98
    assert "taken as mm" in str(report)
    extent = np.ptp(face.template, axis=0)
    assert 0.12 < extent[0] < 0.16  # metres again


def test_arrays_need_a_rate_and_folders_meshes_of_one_kind(tmp_path, cache, meshes):
    points, _, triangles = meshes
    np.save(tmp_path / "a.npy", points)
    with pytest.raises(DataError, match="no times and no frame rate.*--fps"):
        import_dataset([tmp_path / "a.npy"], "x", ImportOptions(face="learn"))
    folder = tmp_path / "mixed"
    folder.mkdir()
    write_obj(folder / "1.obj", points[0], triangles)
    write_obj(folder / "2.obj", points[0][:50], triangles[:3])
    with pytest.raises(DataError, match="2.obj: 50 vertices; expected 225 as in 1.obj"):
        import_dataset([folder], "x", ImportOptions(face="learn", fps=25))


def test_an_npz_carries_its_own_times_triangles_and_gaps(tmp_path, meshes):
    points, _, triangles = meshes
    valid = np.arange(len(points)) != 7
    np.savez(tmp_path / "a.npz", vertices=points, faces=triangles, time_s=np.arange(120) / 60, valid=valid)
    reader, _ = find_reader(tmp_path / "a.npz")
    assert reader is mesh_sequence
    (track,) = mesh_sequence.read(tmp_path / "a.npz", ReadOptions())
    assert track.fps == 60 and not track.valid[7] and track.valid.sum() == 119
    assert track.space == "mesh" and (track.triangles == triangles).all() and track.metric


def test_landmarks_of_animals_learn_a_face_of_their_own(tmp_path, cache):
    rng = np.random.default_rng(5)
    half = rng.uniform([0.1, -1, 0], [1, 1, 0], (22, 3))[:, :2]
    cat = np.concatenate([half, half * [-1, 1], np.stack([np.zeros(4), np.linspace(-0.8, 0.5, 4)], 1)])
    weights = np.maximum(0, np.sin(np.arange(90) / 6))
    moving = np.zeros((48, 2))
    moving[44:46, 1] = -0.2
    frames = cat + weights[:, None, None] * moving + rng.normal(0, 1e-3, (90, 48, 2))
    turn = rotations(np.stack([np.zeros(90), np.zeros(90), 0.1 * np.sin(np.arange(90) / 9)], 1))[:, :2, :2]
    image = np.array([300, 200]) + 90 * (frames @ turn.transpose(0, 2, 1)) * [1, -1]
    columns = np.concatenate([np.arange(90)[:, None] / 30, image.reshape(90, -1)], 1)
    header = "time_s," + ",".join(f"{a}{i}" for i in range(48) for a in "xy")
    np.savetxt(tmp_path / "cat.csv", columns, delimiter=",", header=header, comments="")
    report = import_dataset([tmp_path / "cat.csv"], "cat", ImportOptions(face="learn"))
    dataset = Dataset.open("cat")
    face = open_face(dataset.face_id)
    assert len(face.template) == 48 and len(face.triangles) > 40
    assert set(face.regions) == {8}  # nothing is claimed about what the points are
    assert (face.sides[:22] == 1).all() and (face.sides[22:44] == 2).all()
    opening = face.displacement(dataset.frames("cat").psi)[:, 44, 1]
    assert np.corrcoef(opening, weights)[0, 1] < -0.98
    assert "of unknown scale" in str(report)


def test_points_that_an_image_shows_are_told_from_lengths(tmp_path):
    found = take(0, frames=100, turn=0.1)
    np.save(tmp_path / "mm.npy", found.points * 1000)
    np.save(tmp_path / "pixels.npy", found.points * np.linspace(900, 1400, 100)[:, None, None])  # coming closer
    assert mesh_sequence.read(tmp_path / "mm.npy", OPTIONS)[0].metric
    assert not mesh_sequence.read(tmp_path / "pixels.npy", OPTIONS)[0].metric


def test_68_points_in_any_axes_end_upright(tmp_path, cache):
    found = take(0, frames=100, turn=0.1)
    np.save(tmp_path / "a.npy", found.points[..., [0, 2, 1]])  # left-handed, z up
    report = import_dataset([tmp_path / "a.npy"], "a", ImportOptions(face="learn", fps=25))
    face = open_face(Dataset.open("a").face_id)
    assert np.corrcoef(face.template.ravel(), template68().ravel())[0, 1] > 0.99
    assert "mirror image" in str(report)


def mediapipe_points(frames: int = 40, count: int = 478, turn: float = 0.2) -> np.ndarray:
    """(T, V, 3) in image units (x right, y down, z away), of a head that turns before a camera."""
    rng = np.random.default_rng(0)
    points = rng.uniform([-0.07, -0.1, -0.05], [0.07, 0.07, 0], (count, 3))
    points[:, 2] -= 4 * points[:, 0] ** 2
    known = {
        33: (-0.0445, 0.0266, 0),
        263: (0.0445, 0.0266, 0),
        133: (-0.018, 0.0266, 0),
        362: (0.018, 0.0266, 0),
        152: (0, -0.094, 0),
        168: (0, 0.0327, 0.01),
        4: (0, -0.015, 0.05),
        61: (-0.025, -0.045, 0.01),
        291: (0.025, -0.045, 0.01),
        2: (0, -0.025, 0.03),
    }
    for right, left, place in (
        (46, 276, (0.05, 0.045, 0)),
        (55, 285, (0.012, 0.047, 0.01)),
        (159, 386, (0.03, 0.032, 0.01)),
        (145, 374, (0.03, 0.021, 0.01)),
    ):
        known |= {right: (-place[0], *place[1:]), left: place}
    for index, place in known.items():
        points[index] = place
    still = np.repeat(points[None], frames, axis=0)
    still[:, [13, 14, 17]] += np.sin(np.arange(frames) / 4)[:, None, None] * [0, 0.005, 0]
    angles = turn * np.sin(np.arange(frames)[:, None] / [7, 9, 11])
    return (still @ rotations(angles).transpose(0, 2, 1)) * [1, -1, -1] * 3 + [0.5, 0.5, 0]


@pytest.mark.parametrize("style", ["tasks", "javascript", "face mesh", "lines"])
def test_mediapipe_results_are_read_as_its_tools_dump_them(tmp_path, style):
    points = mediapipe_points(12)
    faces = [[{"x": x, "y": y, "z": z} for x, y, z in frame] for frame in points]
    key = {"javascript": "faceLandmarks", "face mesh": "multi_face_landmarks"}.get(style, "face_landmarks")
    frames = [
        {key: [{"landmark": face}] if style == "face mesh" else [face], "timestamp_ms": 40 * i}
        for i, face in enumerate(faces)
    ]
    frames[5][key] = []
    path = tmp_path / "r.json"
    path.write_text(
        "\n".join(map(json.dumps, frames))
        if style == "lines"
        else json.dumps(frames if style == "tasks" else {"frames": frames})
    )
    assert find_reader(path)[0] is mediapipe_landmarks
    (track,) = mediapipe_landmarks.read(path, ReadOptions())
    assert track.fps == 25 and track.points.shape == (12, 478, 3)
    assert not track.valid[5] and track.valid.sum() == 11 and not track.metric


def browser_log(style: str, points: np.ndarray) -> object:
    """Points in pixels as trackers in a browser log them."""
    when = [f"2025-11-11T15:08:{25 + i * 0.05:06.3f}Z" for i in range(len(points))]
    flat = points[..., :2]
    named = [[{"x": x, "y": y, "name": "lips"} for x, y in frame] for frame in flat]
    logs = {
        "webgazer": [
            {"timestamp": t, "landmarks": f.tolist(), "gaze": [4, 3]} for t, f in zip(when, points, strict=True)
        ],
        "keypoints": [{"time": 50 * i, "faces": [{"keypoints": f, "box": {"xMin": 1}}]} for i, f in enumerate(named)],
        "face-api": [
            {"detection": {"_score": 0.9}, "landmarks": {"_shift": {"_x": 0}, "_positions": f}, "timestamp": 50 * i}
            for i, f in enumerate([[{"_x": x, "_y": y} for x, y in frame] for frame in flat])
        ],
        "clmtrackr": {"fps": 20, "frames": [{"positions": frame.tolist()} for frame in flat]},
        "bare": flat.tolist(),
    }
    return logs[style]


@pytest.mark.parametrize(
    ("style", "count"), [("webgazer", 468), ("keypoints", 478), ("face-api", 68), ("clmtrackr", 71), ("bare", 68)]
)
def test_trackers_in_a_browser_log_points_in_pixels(tmp_path, style, count):
    points = np.round(300 + 100 * np.random.default_rng(count).random((15, count, 3)), 3)
    path = tmp_path / "log.json"
    path.write_text(json.dumps(browser_log(style, points), indent=2))
    assert find_reader(path)[0] is mediapipe_landmarks
    (track,) = mediapipe_landmarks.read(path, ReadOptions(fps=20))
    assert track.fps == 20 and track.extractor == ("mediapipe" if count in (468, 478) else "landmarks")
    assert track.raw.shape == (15, count, 3 if style == "webgazer" else 2)
    assert np.allclose(track.raw, points[..., : track.dimensions])


def test_the_time_of_a_log_may_be_stated(tmp_path):
    points = 300 + 100 * np.random.default_rng(0).random((15, 68, 2))
    log = [{"positions": frame.tolist(), "tick": 12 * i} for i, frame in enumerate(points)]
    (tmp_path / "t.json").write_text(json.dumps(log))
    (track,) = mediapipe_landmarks.read(tmp_path / "t.json", ReadOptions(time=TimeColumn("tick", 240)))
    assert track.fps == 20
    with pytest.raises(DataError, match="frames without it"):
        mediapipe_landmarks.read(tmp_path / "t.json", ReadOptions(time=TimeColumn("clock")))


def test_points_of_a_body_are_no_landmarks_of_a_face(tmp_path):
    frames = [
        {"keypoints": [{"x": 1.0 * i, "y": 2, "name": n} for n in ("nose", "left_shoulder") * 8]} for i in range(9)
    ]
    (tmp_path / "b.json").write_text(json.dumps(frames))
    with pytest.raises(DataError, match="points of a body"):
        mediapipe_landmarks.read(tmp_path / "b.json", ReadOptions(fps=30))


@pytest.mark.parametrize(("aspect", "name"), [(16 / 9, "16:9"), (9 / 16, "9:16"), (1, "1:1")])
def test_the_shape_of_the_image_is_told_by_the_face(tmp_path, aspect, name):
    points = mediapipe_points(20)
    stretched = points * [1, aspect, 1]
    frames = [{"face_landmarks": [frame.tolist()]} for frame in stretched]
    (tmp_path / "r.json").write_text(json.dumps(frames))
    (track,) = mediapipe_landmarks.read(tmp_path / "r.json", OPTIONS)
    assert any(name in note for note in track.notes)
    assert np.allclose(track.points, points * [1, -1, -1], atol=1e-5)


def test_a_mediapipe_face_has_regions_a_surface_and_eyes_that_turn(tmp_path, cache):
    np.savez(tmp_path / "m.npz", landmarks=mediapipe_points(60), fps=30)
    import_dataset([tmp_path / "m.npz"], "m", ImportOptions(face="learn"))
    face = open_face(Dataset.open("m").face_id)
    assert len(face.template) == 478 and face.landmarks["chin"] == 152
    assert (face.materials[468:] == 3).all() and len(set(face.regions)) > 5
    assert np.linalg.norm(face.template[33] - face.template[263]) == pytest.approx(0.09, rel=0.02)


def test_a_real_head_gets_its_regions_from_a_known_face(shared, cache, monkeypatch):
    known = open_face(f"ict:{shared / 'data' / 'ict_facekit' / 'ict_narrow_face.npz'}")
    with np.load(shared / "data" / "ict_facekit" / "ict_narrow_face.npz", allow_pickle=False) as ict:
        names = list(ict["expression_names"])
        deltas = ict["expression_deltas"][[names.index(n) for n in ("jawOpen", "mouthSmile_L", "eyeBlink_R")]]
        weights = np.random.default_rng(0).uniform(0, 1, (60, 3)) * (np.arange(60)[:, None] % 5 > 1)
        frames = ict["neutral"] + np.tensordot(weights, deltas.astype(np.float32), 1)
        np.savez(cache.parent / "ict.npz", vertices=frames.astype(np.float32), faces=ict["faces"], fps=25)
    monkeypatch.setattr("dfe_core.expressions.learned.basis.open_face", lambda *_: known)
    report = import_dataset([cache.parent / "ict.npz"], "ict", ImportOptions(face="learn"))
    dataset = Dataset.open("ict")
    monkeypatch.undo()
    face = open_face(dataset.face_id, cache)
    assert "taken as cm" in str(report) and len(face.names) <= 6
    assert (face.regions == known.regions[: len(face.regions)]).mean() > 0.9
