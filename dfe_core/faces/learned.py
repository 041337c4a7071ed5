"""A face model learned from moving points: a linear basis, and the anatomy of the points it moves.

Letters of the shapes: N frames, V points, E components.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dfe_core.faces.anatomy import CENTRE_M, regions_between
from dfe_core.faces.eyeball import IRIS
from dfe_core.faces.frontal import mirror_map
from dfe_core.faces.layouts import Layout
from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.faces.point_regions import PointRegions
from dfe_core.faces.triangulation import triangulate
from dfe_core.store import content_key

KEPT = 0.99
"""Share of the variance that the components hold together."""
MOST = 100
"""Components at most, however little of the variance they hold."""
SYMMETRIC = 0.05
"""Faces whose mirrored points lie within this share of their extent learn from mirrored frames too."""
STILL_M = 1e-6
"""Points that move less, root mean square, m, do not move: it is the rounding of the file."""
_EXACT = 1536  # coordinates up to which second moments are summed over every frame
_SAMPLE = 1000  # frames, evenly spread, that a basis of a larger mesh is learned on
_FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Basis:
    """Components of expression.

    fields: (E, V, 3) float64 m, the displacement at coefficient 1, which is one standard deviation of the training
    frames; directions: (E, V·3) float64, ψ = displacement @ directions.T; share: (E,) of the variance, decreasing;
    frames: how many it was learned on; symmetric: whether mirrored frames were learned too.
    """

    fields: np.ndarray
    directions: np.ndarray
    share: np.ndarray
    frames: int
    symmetric: bool

    def project(self, displacement: np.ndarray) -> np.ndarray:
        """(N, V, 3) displacement to (N, E) float32 coefficients, by least squares."""
        return (displacement.reshape(len(displacement), -1) @ self.directions.T).astype(np.float32)


def learn_basis(
    blocks: Iterable[np.ndarray], mirror: np.ndarray | None = None, kept: float = KEPT, most: int = MOST
) -> Basis:
    """Principal components about neutral (Hotelling 1933): neutral is ψ = 0, so nothing is centred.

    Parameters
    ----------
    blocks: (n, V, 3) displacements from neutral in the face's axes, one array at a time.
    mirror: (V,) twin of every point; with it each frame counts a second time as seen in a mirror, so that components
        are even or odd and a mirrored expression is as well described as the one seen.
    kept, most: share of the variance to hold, and components at most.

    Small sets of points sum second moments over all frames; of large meshes a few thousand frames, evenly spread, are
    enough for so few components. Raises `ValueError` where nothing moves.
    """
    moment, sample, frames, stride = None, [], 0, 1
    for block in blocks:
        count, points = len(block), block.shape[1]
        rows = np.asarray(block, np.float64).reshape(count, -1)
        frames += count
        if rows.shape[1] <= _EXACT:
            moment = rows.T @ rows if moment is None else moment + rows.T @ rows
        else:
            sample.append(rows[::stride].astype(np.float32))
            if sum(map(len, sample)) > 2 * _SAMPLE:
                sample, stride = [np.concatenate(sample)[::2]], 2 * stride
    if moment is None and not sample:
        raise ValueError("no frames")
    fields, energy, total = (
        _from_moment(moment, frames, points, mirror)
        if moment is not None
        else _from_sample(np.concatenate(sample), points, mirror)
    )
    if total <= points * STILL_M**2:
        raise ValueError("nothing moves")
    share = energy / total
    count = min(int(np.searchsorted(np.cumsum(share), kept - 1e-12) + 1), most, len(share))
    spread = np.sqrt(energy[:count])
    return Basis(
        fields=(fields[:count] * spread[:, None]).reshape(count, points, 3),
        directions=fields[:count] / spread[:, None],
        share=share[:count],
        frames=frames,
        symmetric=mirror is not None,
    )


def _mirrored(rows: np.ndarray, points: int, mirror: np.ndarray) -> np.ndarray:
    return (rows.reshape(len(rows), points, 3)[:, mirror] * _FLIP).reshape(len(rows), -1)


def _from_moment(
    moment: np.ndarray,
    frames: int,
    points: int,
    mirror: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Unit directions (R, V·3), their energy (R,) and the total energy, strongest first."""
    moment = moment / frames
    if mirror is not None:
        moment = (moment + _mirrored(_mirrored(moment, points, mirror).T, points, mirror)) / 2
    energy, vectors = np.linalg.eigh(moment)
    fields = vectors.T[::-1]
    fields[:, np.diag(moment) == 0] = 0
    return fields, energy[::-1].clip(1e-30), float(np.trace(moment))


def _from_sample(rows: np.ndarray, points: int, mirror: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, float]:
    """The same by way of the (N, N) products of frames. With a mirror, frames d and their images d' have the moment
    (dd + d'd')/2 = ee + oo of their even and odd halves, which are orthogonal."""
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).round().astype(int))]
    parts = [rows]
    if mirror is not None:
        image = _mirrored(rows, points, mirror).astype(np.float32)
        parts = [(rows + image) / 2, (rows - image) / 2]
    found = [_by_frames(part) for part in parts]
    fields, energy = (np.concatenate(values) for values in zip(*found, strict=True))
    order = np.argsort(-energy, kind="stable")
    return fields[order], energy[order], float(energy.sum())


def _by_frames(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wide = rows.astype(np.float64)
    energy, vectors = np.linalg.eigh(wide @ wide.T / len(rows))
    kept = energy > 1e-9 * max(energy[-1], 1e-30)
    return (vectors[:, kept].T @ wide) / np.sqrt(energy[kept] * len(rows))[:, None], energy[kept]


def basis_of(face: FaceModel) -> Basis:
    """The basis of a face learned before, for more recordings on the same coefficients."""
    flat = face.basis.reshape(face.coefficients, -1).astype(np.float64)
    energy = (flat**2).sum(1)
    return Basis(
        fields=face.basis.astype(np.float64),
        directions=np.linalg.pinv(flat).T,
        share=energy / energy.sum(),
        frames=0,
        symmetric=False,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class LearnedPoints:
    """The points whose movement was learned.

    template: (V, 3) m in our axes (`face_forward`). triangles: of the mesh; laid over the points where there are none.
    stable: (S,) the points that pose was measured on. layout: names the points; `reference`: a head whose regions are
    carried over to a mesh of no known layout; `regions`: what the lab says of them. With none, every region is
    ``other``: nothing is claimed about what the points are.
    """

    template: np.ndarray
    layout: Layout | None = None
    triangles: np.ndarray | None = None
    reference: FaceModel | None = None
    stable: np.ndarray | None = None
    regions: PointRegions | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class PoseMovement:
    """What goes with head pose and was corrected: field, patterns and columns as `FaceModel` has them."""

    field: np.ndarray
    patterns: np.ndarray | None
    columns: tuple[str, ...]


def learned_face(
    points: LearnedPoints,
    basis: Basis,
    title: str,
    pose: PoseMovement | None = None,
    licence: str = "learned from the user's own recordings",
) -> FaceModel:
    """The face model of a learned basis; its id is ``learned-`` and a hash of its geometry, and of what the lab says of
    its points. pose: None where none was corrected."""
    template, layout = np.asarray(points.template, np.float32), points.layout
    triangles = triangulate(template, layout) if points.triangles is None else points.triangles
    mirror, _ = mirror_map(template, layout)
    regions, sides, marks = _anatomy(template, mirror, layout)
    if layout is None and points.reference is not None:
        from dfe_core.faces.transfer import transfer_anatomy

        mirror, regions, sides, _, marks = transfer_anatomy(template, points.reference)
    own = points.regions
    if own is not None:
        regions, said = own.regions, own.checked_sides(template[:, 0])
        sides = sides if said is None else said
    materials = np.zeros(len(template), np.uint8)
    if layout is not None:
        materials[list(layout.irises)] = IRIS
    names = tuple(f"pc_{i:03d}" for i in range(len(basis.fields)))
    fields = basis.fields.astype(np.float32)
    key = content_key(
        [
            template.tobytes().hex(),
            fields.tobytes().hex(),
            np.asarray(triangles).tolist(),
            None if points.stable is None else points.stable.tolist(),
            *(
                []
                if pose is None or pose.patterns is None
                else [pose.field.tobytes().hex(), pose.patterns.tobytes().hex(), pose.columns]
            ),
            *([] if own is None else [own.names, regions.tolist(), sides.tolist()]),
        ],
        10,
    )
    return FaceModel(
        id=f"learned-{key}",
        title=title,
        names=names,
        template=template,
        triangles=np.asarray(triangles, np.int32),
        basis=fields,
        mirror=mirror,
        regions=regions,
        region_names=REGIONS if own is None else own.names,
        sides=sides,
        materials=materials,
        landmarks=marks,
        licence=licence,
        stable=points.stable,
        pose_field=pose.field if pose else None,
        pose_patterns=pose.patterns if pose else None,
        pose_columns=pose.columns if pose else (),
    )


def _anatomy(
    template: np.ndarray,
    mirror: np.ndarray,
    layout: Layout | None,
) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Regions, sides and landmarks of points that have names; "other" and geometry for those that have none."""
    own = np.arange(len(template))
    x = template[:, 0]
    sides = np.where(
        (mirror == own) & (np.abs(x) < 10 * CENTRE_M), 0, np.where(np.abs(x) < CENTRE_M, 0, np.where(x > 0, 1, 2))
    ).astype(np.uint8)
    if layout is None:
        return np.full(len(template), REGIONS.index("other"), np.uint8), sides, {}
    regions = layout.region_codes
    if regions is None:
        regions = regions_between(template.astype(np.float64), layout.marks, np.ones(len(template), bool))
        regions[list(layout.irises)] = REGIONS.index("eye")
    if layout.pairs is not None:
        sides = _paired_sides(layout)
    return regions, sides, dict(layout.marks) if "chin" in layout.marks else {}


def _paired_sides(layout: Layout) -> np.ndarray:
    """(V,) uint8 by the markup: of each pair the first lies on the right."""
    sides = np.zeros(layout.count, np.uint8)
    for first, second in layout.pairs or ():
        sides[first], sides[second] = 2, 1
    return sides
