"""What an action does to a real face, and where the face's parts are, on both topologies."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.faces.anatomy import MIRROR_TOLERANCE_M
from dfe_core.faces.eyeball import EYE, IRIS, PUPIL, SKIN
from dfe_core.faces.model import REGIONS, SIDES, FaceModel, mirrored_name
from dfe_core.faces.names import coefficient_map
from dfe_core.faces.transfer import transfer_anatomy

BASIS_TOLERANCE_M = 1e-4


def move(face: FaceModel, **actions: float) -> np.ndarray:
    """(V, 3) displacement of actions given by ARKit names, in mm."""
    matrix, missing = coefficient_map(list(actions), face)
    assert not missing
    return face.displacement(np.array(list(actions.values()), np.float32) @ matrix) * 1e3


def at(face: FaceModel, field: np.ndarray, landmark: str) -> np.ndarray:
    return field[face.landmarks[landmark]]


def height(face: FaceModel, landmark: str) -> float:
    return float(face.template[face.landmarks[landmark], 1])


def test_jaw_open_lowers_the_chin_and_leaves_the_brows(face: FaceModel) -> None:
    field = move(face, jawOpen=1)
    assert at(face, field, "chin")[1] < -20
    assert np.linalg.norm(at(face, field, "inner brow left")) < 0.5
    assert at(face, field, "lower lip centre")[1] < -10
    assert abs(at(face, field, "nose tip")[1]) < 2


@pytest.mark.parametrize(("one", "other"), [("left", "right"), ("right", "left")])
def test_a_smile_raises_the_corner_of_its_own_side_alone(face: FaceModel, one: str, other: str) -> None:
    field = move(face, **{f"mouthSmile{one.title()}": 1})
    corner, still = at(face, field, f"mouth corner {one}"), at(face, field, f"mouth corner {other}")
    assert corner[1] > 4
    assert np.sign(corner[0]) == (1 if one == "left" else -1)
    assert np.linalg.norm(still) < 0.1 * np.linalg.norm(corner)


def test_actions_move_their_landmarks_the_way_their_names_say(face: FaceModel) -> None:
    assert at(face, move(face, browInnerUp=1), "inner brow left")[1] > 2
    assert at(face, move(face, browOuterUpRight=1), "outer brow right")[1] > 2
    assert at(face, move(face, eyeBlinkLeft=1), "upper lid centre left")[1] < -4
    assert np.linalg.norm(at(face, move(face, eyeBlinkLeft=1), "upper lid centre right")) < 0.1
    assert at(face, move(face, mouthFrownLeft=1), "mouth corner left")[1] < -2
    assert at(face, move(face, mouthUpperUpLeft=1), "upper lip centre")[1] > -0.5
    assert at(face, move(face, jawLeft=1), "chin")[0] > 2
    assert at(face, move(face, jawForward=1), "chin")[2] > 2
    assert np.linalg.norm(at(face, move(face, cheekPuff=1), "cheek left")) > 1


@pytest.mark.parametrize(
    ("action", "axis", "sign"),
    [
        ("eyeLookUpLeft", 1, 1),
        ("eyeLookDownLeft", 1, -1),
        ("eyeLookOutLeft", 0, 1),
        ("eyeLookInLeft", 0, -1),
        ("eyeLookOutRight", 0, -1),
        ("eyeLookInRight", 0, 1),
    ],
)
def test_gaze_turns_the_pupil_of_its_own_eye(face: FaceModel, action: str, axis: int, sign: int) -> None:
    field = move(face, **{action: 1})
    own = (face.template[:, 0] > 0) == action.endswith("Left")
    pupil = face.materials == PUPIL
    assert sign * field[pupil & own, axis].mean() > 2
    assert np.abs(field[pupil & ~own]).max() == 0


def test_the_mirror_map_is_an_involution_within_its_stated_tolerance(face: FaceModel) -> None:
    mirrored = face.template[face.mirror] * [-1, 1, 1]
    assert np.linalg.norm(mirrored - face.template, axis=1).max() < MIRROR_TOLERANCE_M
    assert np.array_equal(face.mirror[face.mirror], np.arange(len(face.mirror)))
    assert np.array_equal(face.materials[face.mirror], face.materials)


def test_mirroring_every_left_action_gives_its_right(face: FaceModel) -> None:
    for i, name in enumerate(face.names):
        partner = face.names.index(mirrored_name(name, face.names))
        mirrored = face.basis[i][face.mirror] * [-1, 1, 1]
        worst = np.linalg.norm(mirrored - face.basis[partner], axis=1).max()
        assert worst < (BASIS_TOLERANCE_M if face.id.startswith("anny") else 1.5e-3), name


def test_the_mirrored_coefficients_swap_sides(face: FaceModel) -> None:
    psi = np.zeros(face.coefficients)
    left = next(i for i, n in enumerate(face.names) if n in ("mouthSmileLeft", "mouthSmile_L"))
    psi[left] = 1
    right = face.names.index(mirrored_name(face.names[left], face.names))
    seen = psi @ face.mirror_coefficients
    assert seen[right] == pytest.approx(1, abs=0.02)
    assert abs(seen[left]) < 0.02


def test_every_region_has_vertices_on_both_sides_in_equal_number(face: FaceModel) -> None:
    for code, region in enumerate(REGIONS):
        left, right = (((face.regions == code) & (face.sides == SIDES.index(s))).sum() for s in ("left", "right"))
        assert left >= 20, region
        assert abs(int(left) - int(right)) <= 2, region


def test_regions_lie_in_anatomical_order(face: FaceModel) -> None:
    mean = {r: face.template[face.regions == i].mean(0) for i, r in enumerate(REGIONS)}
    assert (
        mean["brow"][1]
        > mean["eye"][1]
        > mean["nose"][1]
        > mean["upper lip"][1]
        > mean["lower lip"][1]
        > mean["jaw"][1]
    )
    assert mean["nose"][2] > mean["cheek"][2]
    left = face.sides == SIDES.index("left")
    across = {r: face.template[(face.regions == i) & left, 0].mean() for i, r in enumerate(REGIONS)}
    assert across["cheek"] > across["nose"]
    assert across["mouth corner"] > across["upper lip"]
    assert 0.02 < across["eye"] < 0.045


@pytest.mark.parametrize(
    ("action", "region"),
    [
        ("browInnerUp", "brow"),
        ("browDownLeft", "brow"),
        ("eyeBlinkLeft", "eye"),
        ("eyeWideRight", "eye"),
        ("noseSneerLeft", "nose"),
        ("cheekSquintRight", "cheek"),
        ("mouthUpperUpLeft", "upper lip"),
        ("mouthLowerDownLeft", "lower lip"),
        ("mouthDimpleLeft", "mouth corner"),
        ("jawForward", "jaw"),
    ],
)
def test_an_action_moves_its_own_region_among_the_most(face: FaceModel, action: str, region: str) -> None:
    """By mean displacement of the region's vertices; noseSneer and the lips pull their neighbours along."""
    size = np.linalg.norm(move(face, **{action: 1}), axis=1)
    by_region = {r: size[face.regions == i].mean() for i, r in enumerate(REGIONS[:-1])}
    assert region in sorted(by_region, key=by_region.get)[-4:], by_region


def test_landmarks_are_ordered_as_on_a_face(face: FaceModel) -> None:
    order = [
        "inner brow left",
        "upper lid centre left",
        "lower lid centre left",
        "nose tip",
        "nose base",
        "upper lip centre",
        "lower lip centre",
        "chin",
    ]
    heights = [height(face, name) for name in order]
    assert heights == sorted(heights, reverse=True)
    for name in face.landmarks:
        if name.endswith("left"):
            assert face.template[face.landmarks[name], 0] > 0.01
            assert face.mirror[face.landmarks[name]] == face.landmarks[name.replace("left", "right")]
    for name in ("nose tip", "chin", "upper lip centre", "lower lip centre"):
        assert abs(face.template[face.landmarks[name], 0]) < 1e-3


def test_landmarks_agree_with_the_published_indices_of_ict(ict: FaceModel, ict_source) -> None:
    """Multi-PIE's 68 points, from the model's README; point 8 lies under the chin, ours in front of it."""
    published = np.load(ict_source)["landmarks68"]
    pairs = {
        "nose tip": 30,
        "mouth corner right": 48,
        "mouth corner left": 54,
        "outer eye corner right": 36,
        "inner eye corner right": 39,
        "inner eye corner left": 42,
        "outer eye corner left": 45,
        "chin": 8,
    }
    for name, point in pairs.items():
        distance = np.linalg.norm(ict.template[ict.landmarks[name]] - ict.template[published[point]])
        assert distance < (0.015 if name == "chin" else 0.005), name


def test_displacement_is_linear_and_zero_at_rest(face: FaceModel) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 3, face.coefficients)).astype(np.float32)
    assert np.abs(face.displacement(np.zeros(face.coefficients))).max() == 0
    assert face.displacement(a).shape == (3, len(face.template), 3)
    assert np.allclose(face.displacement(2 * a - b), 2 * face.displacement(a) - face.displacement(b), atol=1e-6)
    assert np.allclose(face.vertices(a), face.template + face.displacement(a))


def test_gram_is_the_mean_squared_displacement(face: FaceModel) -> None:
    psi = np.random.default_rng(1).random(face.coefficients)
    direct = (face.displacement(psi).astype(np.float64) ** 2).sum(1).mean()
    assert psi @ face.gram @ psi == pytest.approx(direct, rel=1e-5)


def test_the_face_is_upright_in_metres_and_looks_forward(face: FaceModel) -> None:
    eyes = np.isin(face.materials, (EYE, IRIS, PUPIL))
    assert np.abs(face.template[eyes].mean(0)[:2]).max() < 1e-3
    spread = np.abs(face.template[face.materials == PUPIL][:, 0]).mean()
    assert 0.028 < spread < 0.036  # half the distance between the pupils
    assert face.template[face.landmarks["nose tip"], 2] > face.template[face.materials == PUPIL][:, 2].max()
    assert height(face, "chin") < height(face, "inner brow left")


def test_surfaces_are_wound_outwards(face: FaceModel) -> None:
    points = face.template[face.triangles].astype(np.float64)
    normals = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    skin = (face.materials[face.triangles] == SKIN).all(1) & (points.mean(1)[:, 2] > 0)
    assert (normals[skin, 2] > 0).mean() > 0.8
    iris = np.isin(face.materials[face.triangles], (IRIS, PUPIL)).all(1)
    assert (normals[iris, 2] > 0).all()


def test_nothing_shows_where_a_face_has_no_hole(face: FaceModel) -> None:
    """Seen from the front, every ray into the box of the eyes and the mouth, open, meets a surface before the scalp's
    back: no hole behind lids or lips."""
    vertices = face.vertices(coefficient_map(["jawOpen"], face)[0][0]).astype(np.float64)
    corners = [face.template[face.landmarks[f"outer eye corner {side}"], 0] for side in ("right", "left")]
    x, y = np.meshgrid(np.linspace(*corners, 16), np.linspace(height(face, "chin"), 0.015, 24))
    depth = np.array([foremost(vertices[face.triangles], point) for point in np.stack([x.ravel(), y.ravel()], 1)])
    assert depth.min() > -0.09


def foremost(triangles: np.ndarray, point: np.ndarray) -> float:
    """z of the first surface that a ray along −z through a point of the xy-plane meets; −1 for none."""
    a, b, c = (triangles[:, i, :2] - point for i in range(3))
    weights = np.stack([cross(b, c), cross(c, a), cross(a, b)], 1)
    total = weights.sum(1, keepdims=True)
    share = np.divide(weights, total, out=np.full_like(weights, -1), where=np.abs(total) > 1e-14)
    inside = (share >= 0).all(1)
    return float((share * triangles[:, :, 2]).sum(1)[inside].max(initial=-1))


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def test_anatomy_carried_to_the_other_topology_agrees_with_its_own(anny: FaceModel, ict: FaceModel) -> None:
    skin = ict.materials == SKIN
    _, regions, _, _, marks = transfer_anatomy(ict.template[skin], anny)
    assert (regions == ict.regions[skin]).mean() > 0.88
    for name in ("nose tip", "chin", "mouth corner left", "upper lip centre"):
        assert np.linalg.norm(ict.template[skin][marks[name]] - ict.template[ict.landmarks[name]]) < 0.006
