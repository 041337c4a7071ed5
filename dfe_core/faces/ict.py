"""ICT-FaceKit (ICT Face Model Light, MIT) as a face: from its folder of OBJ files or from a compact npz of them.

The model's unit is the centimetre; its axes are ours. The origin is moved midway between the eyeballs. ψ keeps the
model's own coefficient names (``browInnerUp_L`` …); `dfe_core.faces.names` maps ARKit's onto them. A file that ends
at the neck gets eyeballs and a mouth (see `fillings`); they follow the file's own vertices, whose numbers stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.anatomy import anatomy, missing_actions
from dfe_core.faces.arkit import canonical_name
from dfe_core.faces.eyeball import EYE, MOUTH, carry_affine, eyeball, fit_sphere
from dfe_core.faces.fillings import Filling, append, eyes_behind_lids, mouth_bag, openings, skin_only
from dfe_core.faces.model import FaceModel, mirrored_name
from dfe_core.npz_file import npz_texts, read_npz
from dfe_core.progress import Listener, Progress, silent

METRES = 0.01
_ARRAYS = ("neutral", "faces", "expression_deltas", "identity_deltas")
_NAMES = "expression_names"
IDENTITIES = 50  # of the model's 100 modes; the rest move less than the scanner's noise
NEUTRAL = "generic_neutral_mesh.obj"
FULL, SKIN_END, TEETH_END = 26719, 11248, 21451
"""Vertex counts of the README's table: everything; face with head and neck; up to mouth socket, gums and teeth."""
SOCKETS, LEFT_EYE = slice(13294, 14062), slice(21451, 23021)
_FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Source:
    """What the files say, in metres: neutral (V, 3), triangles (F, 3), names (E,), deltas (E, V, 3),
    identities (I, V, 3)."""

    neutral: np.ndarray
    triangles: np.ndarray
    names: tuple[str, ...]
    deltas: np.ndarray
    identities: np.ndarray


def convert_ict(path: Path, face_id: str, progress: Listener = silent) -> FaceModel:
    """Convert ICT-FaceKit's files to a `FaceModel`. Raises `DataError` for anything that is not such a model."""
    source = _read_npz(path) if path.is_file() else _read_folder(path, progress)
    stems = tuple(canonical_name(name) or name for name in source.names)
    missing = missing_actions(source.names)
    if missing:
        raise DataError(path, f"no expression called {', '.join(missing)}", "the expressions of ICT-FaceKit")
    parts = _whole(source, stems) if len(source.neutral) == FULL else _filled(source, stems, path)
    eyes = parts["materials"] >= EYE
    eyes &= parts["materials"] != MOUTH
    origin = np.array([0, *parts["template"][eyes].mean(0)[1:]])
    arrays = {name: parts[name].astype(np.float32) for name in ("basis", "identity")}
    arrays["template"] = (parts["template"] - origin).astype(np.float32)
    triangles = parts["triangles"].astype(np.int32)
    mirror, regions, sides, marks = anatomy(
        arrays["template"], triangles, arrays["basis"], source.names, parts["materials"]
    )
    return FaceModel(
        id=face_id,
        title=f"ICT-FaceKit head ({len(source.neutral):,} vertices)",
        names=source.names,
        template=arrays["template"],
        triangles=triangles,
        basis=arrays["basis"],
        mirror=mirror,
        regions=regions,
        sides=sides,
        materials=parts["materials"],
        landmarks=marks,
        identity_names=tuple(f"identity{i:03d}" for i in range(len(arrays["identity"]))),
        identity_basis=arrays["identity"],
        licence="ICT-FaceKit: MIT, Copyright (c) 2020 USC Institute for Creative Technologies",
    )


def _filled(source: Source, stems: tuple[str, ...], path: Path) -> dict[str, np.ndarray]:
    """A skin without eyes: fill the openings that blink and the one that the jaw opens."""
    parts = {
        "template": source.neutral,
        "triangles": source.triangles,
        "basis": source.deltas,
        "identity": source.identities,
        "materials": skin_only(len(source.neutral)),
    }
    holes = openings(source.triangles)
    blink, jaw = (np.linalg.norm(source.deltas[stems.index(n)], axis=1) for n in ("eyeBlinkLeft", "jawOpen"))
    lids, lips = (
        max(holes, key=lambda h: blink[h].max(), default=None),
        max(holes, key=lambda h: jaw[h].max(), default=None),
    )
    if lids is None or lips is None or blink[lids].max() < 1e-3 or jaw[lips].max() < 1e-2 or lids is lips:
        raise DataError(path, "no openings for eyes and mouth in the mesh", "ICT-FaceKit's face, narrow or whole")
    fields = source.neutral, source.deltas, source.identities
    return append(parts, *eyes_behind_lids(*fields, stems, lids), mouth_bag(*fields, lips))


def _whole(source: Source, stems: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The whole model: skin, mouth, gums and teeth as they are, our eyeballs in the place of its scleras and irises;
    sockets, lacrimal fluid, occlusion shells and lashes are helpers for a game engine and are left out."""
    keep = np.zeros(FULL, bool)
    keep[:TEETH_END] = True
    keep[SOCKETS] = False
    number = np.cumsum(keep) - 1
    triangles = number[source.triangles[keep[source.triangles].all(1)]]
    materials = skin_only(FULL)
    materials[SKIN_END:] = MOUTH
    parts = {
        "template": source.neutral[keep],
        "triangles": triangles,
        "basis": source.deltas[:, keep],
        "identity": source.identities[:, keep],
        "materials": materials[keep],
    }
    eye = source.neutral[LEFT_EYE]
    centre, radius = fit_sphere(eye)
    points, globe, codes = eyeball(centre, radius)
    basis, identity = (carry_affine(eye, f[:, LEFT_EYE], points) for f in (source.deltas, source.identities))
    swap = [source.names.index(mirrored_name(name, source.names)) for name in source.names]
    return append(
        parts,
        Filling(vertices=points, triangles=globe, basis=basis, identity=identity, materials=codes),
        Filling(
            vertices=points * _FLIP,
            triangles=globe[:, ::-1],
            basis=basis[swap] * _FLIP,
            identity=identity * _FLIP,
            materials=codes,
        ),
    )


def _read_npz(path: Path) -> Source:
    arrays, names = read_npz(path, _ARRAYS), npz_texts(path, _NAMES)
    missing = [name for name in _ARRAYS[:-1] if name not in arrays] + ([] if names else [_NAMES])
    if missing or not names:
        raise DataError(path, f"no array {', '.join(missing)}", f"{', '.join(_ARRAYS[:-1])} and {_NAMES}")
    identity = arrays.get("identity_deltas")
    neutral, deltas = (np.asarray(arrays[n], np.float64) * METRES for n in ("neutral", "expression_deltas"))
    identity = np.zeros((0, *neutral.shape)) if identity is None else np.asarray(identity, np.float64) * METRES
    return _checked(
        path,
        Source(
            neutral=neutral,
            triangles=np.asarray(arrays["faces"], np.int64),
            names=tuple(names),
            deltas=deltas,
            identities=identity,
        ),
    )


def _read_folder(path: Path, progress: Listener) -> Source:
    if not (path / NEUTRAL).is_file():
        raise DataError(path, f"no {NEUTRAL}", "ICT-FaceKit's folder FaceXModel")
    neutral, triangles = _read_obj(path / NEUTRAL)
    files = sorted(p for p in path.glob("*.obj") if p.name != NEUTRAL)
    expressions = [
        p for p in files if canonical_name(p.stem) or canonical_name(p.stem[:-2]) or p.stem.startswith("cheekRaiser")
    ]
    identities = [p for p in files if p.stem.startswith("identity")][:IDENTITIES]
    shapes = []
    for done, file in enumerate([*expressions, *identities]):
        progress(Progress(task="face", done=done, total=len(expressions) + len(identities), detail=file.stem))
        vertices, _ = _read_obj(file)
        if vertices.shape != neutral.shape:
            raise DataError(file, f"{len(vertices)} vertices", f"{len(neutral)}, as in {NEUTRAL}")
        shapes.append(vertices - neutral)
    deltas = np.stack(shapes) if shapes else np.zeros((0, *neutral.shape))
    return _checked(
        path,
        Source(
            neutral=neutral,
            triangles=triangles,
            names=tuple(p.stem for p in expressions),
            deltas=deltas[: len(expressions)],
            identities=deltas[len(expressions) :],
        ),
    )


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in metres and fan triangles (F, 3) of an OBJ file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        vertices = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], np.float64)
        polygons = [
            [int(corner.split("/")[0]) - 1 for corner in line.split()[1:]] for line in lines if line.startswith("f ")
        ]
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise DataError(path, f"not readable as OBJ ({error})", "one of ICT-FaceKit's OBJ files") from None
    triangles = [(p[0], p[i], p[i + 1]) for p in polygons for i in range(1, len(p) - 1)]
    if vertices.ndim != 2 or not triangles:
        raise DataError(path, f"{len(vertices)} vertices and {len(triangles)} triangles", "a mesh")
    return vertices * METRES, np.array(triangles, np.int64)


def _checked(path: Path, source: Source) -> Source:
    vertices = len(source.neutral)
    for name, array, shape in (
        ("neutral", source.neutral, (vertices, 3)),
        ("faces", source.triangles, (len(source.triangles), 3)),
        ("expression_deltas", source.deltas, (len(source.names), vertices, 3)),
        ("identity_deltas", source.identities, (len(source.identities), vertices, 3)),
    ):
        if array.shape != shape:
            raise DataError(path, f"{name} has shape {array.shape}", str(shape))
        if not np.isfinite(array).all():
            raise DataError(path, f"NaN or infinite numbers in {name}", "finite numbers")
    if not source.triangles.size or not 0 <= source.triangles.min() <= source.triangles.max() < vertices:
        raise DataError(path, "triangles point outside the vertices", f"indices 0 to {vertices - 1}")
    return source
