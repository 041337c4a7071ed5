"""What a bare skin lacks to be read as a face: eyeballs behind the lids and a mouth that is dark inside.

Both are built from the openings of the skin and appended after its vertices, so that the skin keeps its own vertex
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.faces.eyeball import MOUTH, SKIN, eyeball

GAZE_DEG = {"eyeLookUp": 25.0, "eyeLookDown": 30.0, "eyeLookIn": 30.0, "eyeLookOut": 30.0}
"""How far a fitted eyeball turns at coefficient 1; the faces we know lie between 20° and 35°."""

EYE_RADIUS_M = 0.0125
LID_GAP_M = 4e-4  # the margin of the lid runs this far in front of the globe
_BAG_DEPTH_M = (0.004, 0.012, 0.024, 0.034)
_BAG_WIDTH = (1.1, 1.25, 1.15, 0.6)
_FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Filling:
    """Geometry to append: vertices (N, 3), triangles (F, 3) among them, basis (E, N, 3), identity (I, N, 3),
    materials (N,)."""

    vertices: np.ndarray
    triangles: np.ndarray
    basis: np.ndarray
    identity: np.ndarray
    materials: np.ndarray


def openings(triangles: np.ndarray) -> list[np.ndarray]:
    """The holes of a surface: for each, its boundary vertices in order along the surface's own orientation."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(np.int64)
    size = int(triangles.max()) + 1
    twin = np.isin(edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0])
    onward = {int(a): int(b) for a, b in edges[~twin]}
    loops = []
    while onward:
        start, current = next(iter(onward.items()))
        loop = [start]
        del onward[start]
        while current != start and current in onward:
            loop.append(current)
            current = onward.pop(current)
        loops.append(np.array(loop))
    return loops


def eyes_behind_lids(
    template: np.ndarray, basis: np.ndarray, identity: np.ndarray, stems: tuple[str, ...], lids: np.ndarray
) -> tuple[Filling, Filling]:
    """A left and a right eyeball behind the rims of the lids.

    Parameters
    ----------
    template (V, 3) m, basis (E, V, 3), identity (I, V, 3); stems: (E,) ARKit names, which say what turns an eye;
    lids: vertices on the rim of the left eye's opening.

    The centre is where a globe of `EYE_RADIUS_M` just touches the rim, open and closed: a blinking lid slides on it.
    Identity carries the globe by the mean motion of the rim.
    """
    closed = template[lids] + basis[stems.index("eyeBlinkLeft"), lids]
    centre = _touching_centre(np.concatenate([template[lids], closed]), EYE_RADIUS_M + LID_GAP_M)
    points, triangles, materials = eyeball(centre, EYE_RADIUS_M)
    carried = np.repeat(identity[:, lids].mean(1)[:, None], len(points), 1)
    left = Filling(
        vertices=points,
        triangles=triangles,
        basis=_gaze(points - centre, stems, "Left"),
        identity=carried,
        materials=materials,
    )
    right = Filling(
        vertices=points * _FLIP,
        triangles=triangles[:, ::-1],
        basis=_gaze(points - centre, stems, "Right") * _FLIP,
        identity=carried * _FLIP,
        materials=materials,
    )
    return left, right


def mouth_bag(template: np.ndarray, basis: np.ndarray, identity: np.ndarray, rim: np.ndarray) -> Filling:
    """A pocket behind the rim of the lips: it hangs on the rim and follows it less the deeper it lies.

    Its first ring lies on the rim itself, doubled, so that the shading of the lips stays their own.
    """
    edge, centre = template[rim], template[rim].mean(0)
    levels = [
        (0.0, 1.0, 1.0),
        *((d, w, 1 - 0.6 * d / _BAG_DEPTH_M[-1]) for d, w in zip(_BAG_DEPTH_M, _BAG_WIDTH, strict=True)),
    ]
    rings = [
        centre + (edge - centre) * np.array([w, 1 + 6 * d / _BAG_DEPTH_M[-1], 1]) - np.array([0, 0, d])
        for d, w, _ in levels
    ]
    apex = rings[-1].mean(0, keepdims=True) - np.array([[0, 0, 0.004]])
    follow = np.array([f for _, _, f in levels])

    def hang(fields: np.ndarray) -> np.ndarray:
        moved = fields[:, rim]
        body = np.concatenate([moved * f for f in follow], axis=1)
        return np.concatenate([body, moved.mean(1, keepdims=True) * follow[-1]], axis=1)

    vertices = np.concatenate([*rings, apex])
    return Filling(
        vertices=vertices,
        triangles=_bag_triangles(len(rim), len(levels)),
        basis=hang(basis),
        identity=hang(identity),
        materials=np.full(len(vertices), MOUTH, np.uint8),
    )


def append(parts: dict[str, np.ndarray], *fillings: Filling) -> dict[str, np.ndarray]:
    """Skin arrays (template, triangles, basis, identity, materials) with fillings after them."""
    out = dict(parts)
    for filling in fillings:
        count = len(out["template"])
        out["template"] = np.concatenate([out["template"], filling.vertices])
        out["triangles"] = np.concatenate([out["triangles"], filling.triangles + count])
        out["materials"] = np.concatenate([out["materials"], filling.materials])
        for name in ("basis", "identity"):
            out[name] = np.concatenate([out[name], getattr(filling, name)], axis=1)
    return out


def skin_only(count: int) -> np.ndarray:
    """(V,) materials of a bare skin."""
    return np.full(count, SKIN, np.uint8)


def _touching_centre(rim: np.ndarray, radius: float) -> np.ndarray:
    """The point behind the rim at `radius` from all its points, by Gauss-Newton from straight behind."""
    centre = rim.mean(0) - np.array([0, 0, 0.9 * radius])
    for _ in range(30):
        offset = rim - centre
        distance = np.linalg.norm(offset, axis=1)
        centre = centre - np.linalg.lstsq(offset / distance[:, None], radius - distance, rcond=None)[0]
    return centre


def _gaze(offset: np.ndarray, stems: tuple[str, ...], side: str) -> np.ndarray:
    """(E, N, 3) displacement of a left eye's points when a coefficient turns it; the right one is its mirror."""
    out = np.zeros((len(stems), *offset.shape))
    axes = {"eyeLookUp": (0, -1), "eyeLookDown": (0, 1), "eyeLookIn": (1, -1), "eyeLookOut": (1, 1)}
    for i, stem in enumerate(stems):
        action = stem.removesuffix(side)
        if action in axes and stem.endswith(side):
            axis, sign = axes[action]
            out[i] = offset @ _turn(axis, sign * np.radians(GAZE_DEG[action])).T - offset
    return out


def _turn(axis: int, angle: float) -> np.ndarray:
    """Rotation about x (0) or y (1), right-handed."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) if axis == 0 else np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _bag_triangles(around: int, rings: int) -> np.ndarray:
    """The rim runs along the skin's boundary edges; the bag's faces look back at the opening."""
    index = np.arange(around * rings).reshape(rings, around)
    onward = np.roll(index, -1, axis=1)
    a, b, c, d = (x.ravel() for x in (index[:-1], onward[:-1], onward[1:], index[1:]))
    end = np.stack([index[-1], np.full(around, around * rings), onward[-1]], 1)
    return np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1), end]).astype(np.int32)
