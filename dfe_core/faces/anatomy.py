"""Where things are on a face, found from its template and its basis, so that one function serves every topology.

Landmarks come first: the vertex that an action moves most (the lip corner is where smile, dimple, stretch and frown
meet), refined by the profile of the midline. Regions follow: every skin vertex belongs to the nearest of a few seed
points laid between the landmarks, unless it lies farther from them than its region reaches.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from dfe_core.faces.arkit import canonical_name
from dfe_core.faces.eyeball import SKIN
from dfe_core.faces.model import REGIONS

MIRROR_TOLERANCE_M = 1.5e-3
"""The mirrored place of a vertex and the vertex found there may differ by this much on the faces we know."""

CENTRE_M = 1e-3  # nearer to the mid-plane than this is neither left nor right
_FLIP = np.array([-1.0, 1.0, 1.0])


def mirror_map(template: np.ndarray, materials: np.ndarray) -> np.ndarray:
    """(V,) int32: for each vertex the nearest one of the same material to its mirror image in the plane x = 0."""
    mirror = np.empty(len(template), np.int32)
    for material in np.unique(materials):
        members = np.flatnonzero(materials == material)
        _, nearest = cKDTree(template[members]).query(template[members] * _FLIP)
        mirror[members] = members[nearest]
    return mirror


def anatomy(template: np.ndarray, triangles: np.ndarray, basis: np.ndarray, names: tuple[str, ...],
            materials: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, int]]:
    """Mirror map (V,), regions (V,), sides (V,) and landmarks of a face whose coefficients carry ARKit's names.

    Parameters
    ----------
    template: (V, 3) m; triangles: (F, 3); basis: (E, V, 3) m; names: (E,) in any spelling `canonical_name` reads,
    left and right apart or (ICT-FaceKit's browInnerUp) split; materials: (V,).
    """
    template = np.asarray(template, np.float64)
    mirror = mirror_map(template, materials)
    actions = _actions(basis, names)
    skin = materials == SKIN
    marks = _landmarks(template, actions, skin, mirror)
    regions = _regions(template, triangles, marks, skin)
    sides = np.where(np.abs(template[:, 0]) < CENTRE_M, 0, np.where(template[:, 0] > 0, 1, 2)).astype(np.uint8)
    return mirror, regions, sides, marks


def _actions(basis: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """(V,) magnitude by ARKit name; what a face splits into sides that ARKit does not is added up."""
    out: dict[str, np.ndarray] = {}
    for name, field in zip(names, basis, strict=True):
        known = canonical_name(name) or canonical_name(name.removesuffix("_L").removesuffix("_R"))
        if known:
            out[known] = out.get(known, 0) + np.asarray(field, np.float64)
    return out


def _landmarks(template: np.ndarray, actions: dict[str, np.ndarray], skin: np.ndarray, mirror: np.ndarray,
               ) -> dict[str, int]:
    """Vertex by landmark name. Found on the left and on the midline; the right ones are their mirror images."""
    x, y, z = template.T
    left = skin & (x > CENTRE_M)
    middle = skin & (np.abs(x) < CENTRE_M)

    def most(mask: np.ndarray, *stems: str, axis: int | None = None, sign: int = 1) -> int:
        score = sum(_share(actions[s], axis, sign) for s in stems)
        return int(np.argmax(np.where(mask, score, -np.inf)))

    def front(mask: np.ndarray) -> int:
        return int(np.argmax(np.where(mask, z, -np.inf)))

    one: dict[str, int] = {}
    one["mouth corner"] = most(left, "mouthDimpleLeft", "mouthStretchLeft", "mouthFrownLeft", "mouthSmileLeft")
    one["upper lid centre"] = most(left, "eyeBlinkLeft", axis=1, sign=-1)
    lid = template[one["upper lid centre"]]
    one["inner brow"] = most(left & (y > lid[1]), "browInnerUp", axis=1)
    one["outer brow"] = most(left & (y > lid[1]), "browOuterUpLeft", axis=1)
    one["cheek"] = most(left & (y < lid[1]), "cheekPuff")
    blink = _share(actions["eyeBlinkLeft"]) + _share(actions["eyeSquintLeft"])
    lids = left & (blink > 0.25)
    one["lower lid centre"] = _lower_lid(template, lids, lid)
    one["inner eye corner"] = int(np.argmin(np.where(lids, x, np.inf)))
    one["outer eye corner"] = int(np.argmax(np.where(lids, x, -np.inf)))
    corner = template[one["mouth corner"]]
    eyes_y = template[one["inner eye corner"], 1]
    span = eyes_y - corner[1]
    nose = front(middle & (y < eyes_y) & (y > corner[1] + span / 4))
    marks = {"nose tip": nose,
             "nose bridge": int(np.argmin(np.where(middle, np.abs(y - eyes_y) + (z < corner[2]), np.inf)))}
    return marks | _mouth_and_chin(template, actions, middle, marks["nose tip"], corner, span) \
        | {f"{name} left": index for name, index in one.items()} \
        | {f"{name} right": int(mirror[index]) for name, index in one.items()}


def _lower_lid(template: np.ndarray, lids: np.ndarray, upper: np.ndarray) -> int:
    below = lids & (template[:, 1] < upper[1] - 0.004)
    offset = np.abs(template[:, 0] - upper[0]) + np.abs(template[:, 1] - (upper[1] - 0.011))
    return int(np.argmin(np.where(below, offset, np.inf)))


def _mouth_and_chin(template: np.ndarray, actions: dict[str, np.ndarray], middle: np.ndarray, nose: int,
                    corner: np.ndarray, span: float) -> dict[str, int]:
    """Lip centres and chin, from which midline vertices follow the jaw and which bulge."""
    _, y, z = template.T
    drop = -actions["jawOpen"][:, 1]
    near = middle & (np.abs(y - corner[1]) < span / 2) & (z > corner[2] - 0.004) & (y < template[nose, 1])
    follows = drop > 0.4 * drop[near].max()
    upper, lower = near & ~follows & (y > corner[1] - span / 8), near & follows & (y < corner[1] + span / 8)
    upper_lip = int(np.argmax(np.where(upper & (y < corner[1] + span / 4), z, -np.inf)))
    lower_lip = int(np.argmax(np.where(lower & (y > corner[1] - span / 3), z, -np.inf)))
    below = middle & (y < template[lower_lip, 1] - span / 5) & (y > template[lower_lip, 1] - span) & follows
    chin = int(np.argmax(np.where(below, z + 0.25 * -(y - template[lower_lip, 1]), -np.inf)))
    base = middle & (y < template[nose, 1]) & (y > template[upper_lip, 1]) & (z > corner[2])
    under = int(np.argmin(np.where(base, z, np.inf)))
    return {"upper lip centre": upper_lip, "lower lip centre": lower_lip, "chin": chin, "nose base": under}


def _share(field: np.ndarray, axis: int | None = None, sign: int = 1) -> np.ndarray:
    """Displacement (its magnitude, or its signed part along an axis) as a share of the largest."""
    size = np.linalg.norm(field, axis=1) if axis is None else sign * field[:, axis]
    return size / max(size.max(), 1e-12)


def _regions(template: np.ndarray, triangles: np.ndarray, marks: dict[str, int], skin: np.ndarray) -> np.ndarray:
    regions = np.full(len(template), REGIONS.index("other"), np.uint8)
    seeds, codes, reach = _seeds({name: template[index] for name, index in marks.items()})
    folded = template * np.where(template[:, :1] < 0, _FLIP, 1.0)
    distance = np.linalg.norm(folded[:, None] - seeds, axis=2) / reach
    nearest = distance.argmin(1)
    inside = skin & (distance[np.arange(len(template)), nearest] < 1)
    regions[inside] = codes[nearest[inside]]
    return regions


def _seeds(mark: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seed points on the face's left half, the region of each, and how far it reaches (in m; distances are divided
    by it, so that a wide region wins over a narrow one at equal distance)."""
    corner, brow_in, brow_out = (mark[f"{n} left"] for n in ("mouth corner", "inner brow", "outer brow"))
    eye_in, eye_out = mark["inner eye corner left"], mark["outer eye corner left"]
    lids = mark["upper lid centre left"], mark["lower lid centre left"]
    unit = np.linalg.norm(eye_out - eye_in)
    on_middle = np.array([0.0, 1.0, 1.0])
    upper, lower, chin = mark["upper lip centre"], mark["lower lip centre"], mark["chin"]
    ala = mark["nose base"] + np.array([0.5 * unit, 0.1 * unit, -0.1 * unit])
    cheek_high = (eye_out + eye_in) / 2 + np.array([0.35 * unit, -0.9 * unit, 0])
    cheek_low = np.array([corner[0] + 0.9 * unit, corner[1] + 0.5 * unit, corner[2] - 0.8 * unit])
    jaw_side = np.array([corner[0] + 0.5 * unit, chin[1] + 0.3 * unit, corner[2] - 0.7 * unit])
    jaw_back = np.array([corner[0] + 1.1 * unit, corner[1] - 0.3 * unit, corner[2] - 1.8 * unit])
    table = (
        ("brow", 0.9, _line(brow_in * on_middle, brow_in, brow_out, brow_out + np.array([0.3, -0.2, -0.3]) * unit)),
        ("eye", 0.55, [eye_in, eye_out, *lids, (eye_in + lids[0]) / 2, (eye_out + lids[0]) / 2,
                       (eye_in + lids[1]) / 2, (eye_out + lids[1]) / 2]),
        ("nose", 0.6, [*_line(mark["nose bridge"], mark["nose tip"]), ala, mark["nose base"],
                       mark["nose tip"] + np.array([0.3 * unit, 0, -0.2 * unit])]),
        ("cheek", 1.25, _line(cheek_high, cheek_low) + [cheek_high + np.array([0.8, 0, -0.7]) * unit]),
        ("upper lip", 0.55, _line(upper, corner * 0.72 + upper * 0.28)),
        ("lower lip", 0.55, _line(lower, corner * 0.72 + lower * 0.28)),
        ("mouth corner", 0.5, [corner + np.array([0.1 * unit, 0, 0])]),
        ("jaw", 1.1, [*_line(chin, jaw_side, jaw_back), chin + np.array([0, -0.5 * unit, -0.6 * unit])]))
    seeds = np.concatenate([np.asarray(points) for _, _, points in table])
    codes = np.concatenate([np.full(len(points), REGIONS.index(name), np.uint8) for name, _, points in table])
    reach = np.concatenate([np.full(len(points), share * unit) for _, share, points in table])
    return seeds, codes, reach


def _line(*stops: np.ndarray, steps: int = 4) -> list[np.ndarray]:
    """Points along a polyline, its stops included."""
    between = np.linspace(0, 1, steps, endpoint=False)[:, None]
    return [*np.concatenate([a + between * (b - a) for a, b in zip(stops[:-1], stops[1:], strict=True)]), stops[-1]]
