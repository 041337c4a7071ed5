"""Where things are on a face, found from its template and its basis, so that one function serves every topology.

Landmarks come first: the vertex that an action moves most (the lip corner is where smile, dimple, stretch and frown
meet), refined by the profile of the midline. Regions follow: every skin vertex belongs to the nearest of a few seed
points laid between the landmarks, unless it lies farther from them than its region reaches.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.spatial import cKDTree

from dfe_core.faces.arkit import canonical_name
from dfe_core.faces.eyeball import MOUTH, SKIN, fit_sphere
from dfe_core.faces.model import REGIONS

MIRROR_TOLERANCE_M = 1.5e-3
"""The mirrored place of a vertex and the vertex found there may differ by this much on the faces we know."""

LID_REACH_M = 2e-3  # skin nearer than this to the globe is the rim of a lid
CORNER_REACH_M = 12e-3  # a lip corner this far from the end of the lips' rim would have to move most to be believed
NEEDED = (
    "browInnerUp",
    "browOuterUpLeft",
    "eyeBlinkLeft",
    "jawOpen",
    "mouthDimpleLeft",
    "mouthFrownLeft",
    "mouthSmileLeft",
    "mouthStretchLeft",
)
"""The ARKit actions that `anatomy` reads; a basis may split those of the middle into sides."""

CENTRE_M = 1e-3  # nearer to the mid-plane than this is neither left nor right
_FLIP = np.array([-1.0, 1.0, 1.0])


def mirror_vertices(template: np.ndarray, materials: np.ndarray) -> np.ndarray:
    """(V,) int32: for each vertex the nearest one of the same material to its mirror image in the plane x = 0."""
    mirror = np.empty(len(template), np.int32)
    for material in np.unique(materials):
        members = np.flatnonzero(materials == material)
        _, nearest = cKDTree(template[members]).query(template[members] * _FLIP)
        mirror[members] = members[nearest]
    return mirror


def anatomy(
    template: np.ndarray, triangles: np.ndarray, basis: np.ndarray, names: tuple[str, ...], materials: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, int]]:
    """Mirror map (V,), regions (V,), sides (V,) and landmarks of a face whose coefficients carry ARKit's names.

    Parameters
    ----------
    template: (V, 3) m; triangles: (F, 3); basis: (E, V, 3) m; names: (E,) in any spelling `canonical_name` reads,
    left and right apart or (ICT-FaceKit's browInnerUp) split; materials: (V,).
    """
    template = np.asarray(template, np.float64)
    mirror = mirror_vertices(template, materials)
    actions = _actions(basis, names)
    skin = materials == SKIN
    marks = _landmarks(template, triangles, actions, materials, mirror)
    regions = regions_between(template, marks, skin)
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


def missing_actions(names: tuple[str, ...]) -> list[str]:
    """Which of the actions that `anatomy` needs no coefficient stands for."""
    known = {canonical_name(n) or canonical_name(n.removesuffix("_L").removesuffix("_R")) for n in names}
    return [action for action in NEEDED if action not in known]


def _landmarks(
    template: np.ndarray,
    triangles: np.ndarray,
    actions: dict[str, np.ndarray],
    materials: np.ndarray,
    mirror: np.ndarray,
) -> dict[str, int]:
    """Vertex by landmark name. Found on the left and on the midline; the right ones are their mirror images."""
    x, y, z = template.T
    skin = materials == SKIN
    left, middle = skin & (x > CENTRE_M), skin & (np.abs(x) < CENTRE_M)
    one = _eye_marks(template, left, materials, actions)
    above = left & (y > y[one["upper lid centre"]])
    one["inner brow"] = _most(above, actions["browInnerUp"][:, 1])
    one["outer brow"] = _most(above, actions["browOuterUpLeft"][:, 1])
    one["mouth corner"] = _mouth_corner(template, triangles, left, materials, actions)
    middle_cheek = (template[one["outer eye corner"]] + template[one["mouth corner"]]) / 2
    one["cheek"] = _most(
        left & (z > middle_cheek[2] - 0.02), -np.hypot(x - middle_cheek[0] - 0.006, y - middle_cheek[1])
    )
    corner, eyes_y = template[one["mouth corner"]], y[one["inner eye corner"]]
    span = eyes_y - corner[1]
    nose = _most(middle & (y < eyes_y) & (y > corner[1] + span / 4), z)
    bridge = _most(middle & (z > corner[2]), -np.abs(y - eyes_y))
    return (
        {"nose tip": nose, "nose bridge": bridge}
        | _mouth_and_chin(template, actions, middle, nose, corner, span)
        | {f"{name} left": index for name, index in one.items()}
        | {f"{name} right": int(mirror[index]) for name, index in one.items()}
    )


def _most(mask: np.ndarray, score: np.ndarray) -> int:
    """The vertex of `mask` with the highest score."""
    return int(np.argmax(np.where(mask, score, -np.inf)))


def _eye_marks(
    template: np.ndarray,
    left: np.ndarray,
    materials: np.ndarray,
    actions: dict[str, np.ndarray],
) -> dict[str, int]:
    """Lids and corners of the left eye: the rim of the lids is the skin that touches the front of the globe."""
    globe = template[~np.isin(materials, (SKIN, MOUTH)) & (template[:, 0] > 0)]
    centre, radius = fit_sphere(globe)
    offset = template - centre
    rim = left & (np.linalg.norm(offset, axis=1) < radius + LID_REACH_M) & (offset[:, 2] > 0.1 * radius)
    upper = _most(rim, _share(actions["eyeBlinkLeft"], 1, -1) - np.abs(offset[:, 0]) / radius)
    lower = _most(rim & (offset[:, 1] < 0), -np.abs(offset[:, 0]) / radius + offset[:, 2] / radius)
    return {
        "upper lid centre": upper,
        "lower lid centre": lower,
        "inner eye corner": _most(rim, -template[:, 0]),
        "outer eye corner": _most(rim, template[:, 0]),
    }


def _mouth_corner(
    template: np.ndarray, triangles: np.ndarray, left: np.ndarray, materials: np.ndarray, actions: dict[str, np.ndarray]
) -> int:
    """Where the left end of the lips' inner rim meets the skin that smile, dimple, stretch and frown move most."""
    inside = np.flatnonzero(materials == MOUTH)
    touching = np.zeros(len(template), bool)
    touching[triangles[(materials[triangles] == MOUTH).any(1)]] = True
    touching |= cKDTree(template[inside]).query(template, distance_upper_bound=1e-5)[0] < 1e-5
    end = template[_most(left & touching, template[:, 0])]
    moved = (
        sum(_share(actions[n]) for n in ("mouthSmileLeft", "mouthDimpleLeft", "mouthStretchLeft", "mouthFrownLeft")) / 4
    )
    return _most(left, moved - np.linalg.norm(template - end, axis=1) / CORNER_REACH_M)


def _mouth_and_chin(
    template: np.ndarray, actions: dict[str, np.ndarray], middle: np.ndarray, nose: int, corner: np.ndarray, span: float
) -> dict[str, int]:
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


def regions_between(template: np.ndarray, marks: dict[str, int], skin: np.ndarray) -> np.ndarray:
    """(V,) uint8 regions of the vertices of `skin` (V,) bool from where the landmarks lie."""
    regions = np.full(len(template), REGIONS.index("other"), np.uint8)
    seeds, codes, reach = _seeds({name: template[index] for name, index in marks.items()})
    folded = template * np.where(template[:, :1] < 0, _FLIP, 1.0)
    distance = np.linalg.norm(folded[:, None] - seeds, axis=2) / reach
    nearest = distance.argmin(1)
    inside = skin & (distance[np.arange(len(template)), nearest] < 1)
    regions[inside] = codes[nearest[inside]]
    return regions


def _seeds(mark: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seed points on the face's left half, the region of each, and how far it reaches, m.

    Distances are divided by the reach, so that a wide region wins over a narrow one at equal distance. All lengths
    are in eye widths: they scale with the face.
    """
    corner, brow_in, brow_out = (mark[f"{n} left"] for n in ("mouth corner", "inner brow", "outer brow"))
    eye_in, eye_out, lid_up, lid_low = (
        mark[f"{n} left"] for n in ("inner eye corner", "outer eye corner", "upper lid centre", "lower lid centre")
    )
    unit = np.linalg.norm(eye_out - eye_in)
    upper, lower, chin, base, tip = (
        mark[n] for n in ("upper lip centre", "lower lip centre", "chin", "nose base", "nose tip")
    )

    def at(origin: np.ndarray, *offset: float) -> np.ndarray:
        return origin + unit * np.array(offset)

    table = (
        (
            "brow",
            0.9,
            _line(
                brow_in * [0, 1, 1], at(brow_in, 0, 0.1, 0), at(brow_out, 0, 0.1, 0), at(brow_out, 0.25, -0.2, -0.35)
            ),
        ),
        ("eye", 0.55, _line(eye_in, lid_up, eye_out, lid_low, eye_in, steps=3)),
        ("nose", 0.6, [*_line(mark["nose bridge"], tip), base, at(base, 0.45, 0.2, -0.1), at(tip, 0.3, 0, -0.3)]),
        (
            "cheek",
            1.0,
            [
                at(lid_low, -0.3, -0.75, 0.1),
                at(lid_low, 0.1, -0.85, 0),
                at(lid_low, 0.75, -0.8, -0.5),
                at(corner, 0.7, 0.7, -0.4),
                at(corner, 1.0, 0.1, -1.0),
                at(corner, 1.2, 0.8, -1.1),
            ],
        ),
        ("upper lip", 0.5, [*_line(upper, corner * 0.75 + upper * 0.25), (upper + base) / 2]),
        ("lower lip", 0.45, _line(lower, corner * 0.75 + lower * 0.25)),
        ("mouth corner", 0.5, [corner, at(corner, 0.15, 0, -0.1)]),
        (
            "jaw",
            0.75,
            [
                *_line(chin, at(chin, 0.9, 0.15, -0.5), at(corner, 1.15, -0.75, -1.5)),
                at(chin, 0, -0.4, -0.5),
                at(chin, 0.6, -0.3, -0.8),
                at(corner, 0.5, -0.7, -0.4),
            ],
        ),
    )
    seeds = np.concatenate([np.asarray(points) for _, _, points in table])
    codes = np.concatenate([np.full(len(points), REGIONS.index(name), np.uint8) for name, _, points in table])
    reach = np.concatenate([np.full(len(points), share * unit) for _, share, points in table])
    return seeds, codes, reach


def _line(*stops: np.ndarray, steps: int = 4) -> list[np.ndarray]:
    """Points along a polyline, its stops included."""
    between = np.linspace(0, 1, steps, endpoint=False)[:, None]
    return [*np.concatenate([a + between * (b - a) for a, b in itertools.pairwise(stops)]), stops[-1]]
