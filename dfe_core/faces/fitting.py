"""Coefficients of any face out of moving landmarks: regularised least squares for pose, identity and expression.

Letters of the shapes: T frames, L landmarks that data and face share, D dimensions (2 or 3), E coefficients, I identity
parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.arkit import canonical_name
from dfe_core.faces.layouts import Layout
from dfe_core.faces.model import FaceModel
from dfe_core.faces.rigid import pose, stable_points

FEWEST = 8
"""Fewer shared landmarks tell no expression from a turn of the head."""
_NOISE_M, _USUAL = 1e-3, 0.3  # of a landmark, and of a coefficient: their ratio weighs the ridge
_IDENTITY_NOISE_M = 4e-3  # landmarks of a tool and of a face lie some mm apart on the same person
_ROUNDS = 4
_SWEEPS, _SWEEPS_AGAIN = 40, 8
_BLOCK = 1024  # frames whose own normal equations are in memory at a time


@dataclass(frozen=True, eq=False, kw_only=True)
class FittingTarget:
    """The landmarks of a face that a layout shares: names (L,), indices (L,) in the layout, rest (L, 3) m, fields
    (E, L, 3), identity (I, L, 3), bounded: whether coefficients run from 0 to 1."""

    names: tuple[str, ...]
    indices: np.ndarray
    rest: np.ndarray
    fields: np.ndarray
    identity: np.ndarray
    bounded: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceFit:
    """psi (T, E) float32; identity (I,); error_mm (T,): root mean square distance of the landmarks from the face, with
    pose, identity and expression fitted; moving_mm (T,): the same without what lies apart in every frame; off_mm (T,):
    the mean distance, of which normalised errors are made. With weights of points, all are weighted means."""

    psi: np.ndarray
    identity: np.ndarray
    error_mm: np.ndarray
    moving_mm: np.ndarray
    off_mm: np.ndarray


def target_of(face: FaceModel, layout: Layout) -> FittingTarget:
    """What of a layout a face knows by the same names. Raises `DataError` for fewer than `FEWEST`."""
    names = tuple(name for name in layout.marks if name in face.landmarks)
    if len(names) < FEWEST:
        raise DataError(face.id, f"{len(names)} landmarks that {layout.name} has as well", f"{FEWEST} or more")
    vertices = [face.landmarks[name] for name in names]
    identity = np.zeros((0, len(names), 3)) if face.identity_basis is None else face.identity_basis[:, vertices]
    bounded = any(canonical_name(name) for name in face.names)
    return FittingTarget(
        names=names,
        indices=np.array([layout.marks[name] for name in names]),
        rest=face.template[vertices].astype(np.float64),
        fields=face.basis[:, vertices].astype(np.float64),
        identity=identity.astype(np.float64),
        bounded=bounded,
    )


def fit_face(points: np.ndarray, calm: np.ndarray, target: FittingTarget, weights: np.ndarray | None = None) -> FaceFit:
    """Fit a face to the landmarks of one person.

    The resting landmarks (the median over `calm`) give identity, ridge-regressed, and the offset of the tool's
    landmarks from the face's, which stays apart from expression. Pose and expression are then found in turn, frame by
    frame: pose by the closed form of `pose`, expression by ridge regression, within 0 and 1 where coefficients are
    activations (cyclic coordinate descent). Of 2-D landmarks, depth is the face's own (scaled orthography).

    Parameters
    ----------
    points: (T, L, D) finite, m, in our axes, in the order of `target`. calm: indices of frames at rest.
    weights: (T, L) of each point's square in pose and expression, 0 or more; None weighs all alike. Points of weight 0
        must have gone through `hidden_points.fill_hidden`: the resting face is the median over all.
    """
    flat = points.shape[2] == 2
    solid = _deepened(points, target.rest, weights) if flat else np.asarray(points, np.float64)
    stable = stable_points((target.fields**2).sum((0, 2)), target.rest)
    placed = pose(solid[:, stable], target.rest[stable], True).apply(solid)
    rest = np.median(placed[calm], axis=0)
    identity = _ridge(target.identity, (rest - target.rest)[None], _IDENTITY_NOISE_M)[0]
    psi = np.zeros((len(points), len(target.fields)))
    sweeps = _SWEEPS
    scale = 1.0 if flat else float(np.median(pose(solid[:, stable], rest[stable], True).scale))
    for _ in range(_ROUNDS):
        shape = rest + np.tensordot(psi, target.fields, 1)
        if flat:
            solid = _deepened(points, shape, weights)
        placed = onto_shapes(solid * scale, shape, flat, weights)
        psi = _expression(target, placed - rest, psi, sweeps, weights)
        sweeps = _SWEEPS_AGAIN
    moved = np.tensordot(psi, target.fields, 1)
    known = target.rest + np.tensordot(identity, target.identity, 1)
    return FaceFit(
        psi=psi.astype(np.float32),
        identity=identity,
        error_mm=_rms_mm(placed - known - moved, weights),
        moving_mm=_rms_mm(placed - rest - moved, weights),
        off_mm=_mean_mm(placed - known - moved, weights),
    )


def _mean_mm(apart: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    distance = 1e3 * np.linalg.norm(apart, axis=2)
    if weights is None:
        return distance.mean(1)
    return (weights * distance).sum(1) / np.maximum(weights.sum(1), 1e-12)


def _rms_mm(apart: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    squares = (apart**2).sum(2)
    if weights is None:
        return 1e3 * np.sqrt(squares.mean(1))
    return 1e3 * np.sqrt((weights * squares).sum(1) / np.maximum(weights.sum(1), 1e-12))


def _ridge(fields: np.ndarray, moved: np.ndarray, noise: float, usual: float = 1.0) -> np.ndarray:
    """(T, N): coefficients of (N, L, 3) fields for (T, L, 3) displacements, their prior spread being `usual`."""
    flat = fields.reshape(len(fields), -1)
    gram = flat @ flat.T + (noise / usual) ** 2 * np.eye(len(flat))
    return np.linalg.solve(gram, flat @ moved.reshape(len(moved), -1).T).T if len(flat) else np.zeros((len(moved), 0))


def _expression(
    target: FittingTarget, moved: np.ndarray, start: np.ndarray, sweeps: int, weights: np.ndarray | None
) -> np.ndarray:
    """(T, E) of displacements (T, L, 3), from where the last round ended; weights (T, L)."""
    if weights is not None:
        blocks = [slice(i, i + _BLOCK) for i in range(0, len(moved), _BLOCK)]
        return np.concatenate([_weighted(target, moved[b], start[b], sweeps, weights[b]) for b in blocks])
    if not target.bounded:
        return _ridge(target.fields, moved, _NOISE_M, _USUAL)
    flat = target.fields.reshape(len(target.fields), -1)
    gram = flat @ flat.T + (_NOISE_M / _USUAL) ** 2 * np.eye(len(flat))
    goal, psi = moved.reshape(len(moved), -1) @ flat.T, start.copy(order="F")
    for _ in range(sweeps):
        for k in range(len(flat)):
            psi[:, k] = np.clip(psi[:, k] + (goal[:, k] - psi @ gram[k]) / gram[k, k], 0, 1)
    return psi


def _weighted(
    target: FittingTarget, moved: np.ndarray, start: np.ndarray, sweeps: int, weights: np.ndarray
) -> np.ndarray:
    """`_expression` where every frame has normal equations of its own, for its points have their own weights."""
    flat = target.fields.reshape(len(target.fields), -1)
    spread = np.repeat(weights, 3, axis=1)
    gram = (flat * spread[:, None]) @ flat.T + (_NOISE_M / _USUAL) ** 2 * np.eye(len(flat))
    goal = (moved.reshape(len(moved), -1) * spread) @ flat.T
    if not target.bounded:
        return np.linalg.solve(gram, goal[..., None])[..., 0]
    psi = start.copy()
    for _ in range(sweeps):
        for k in range(len(flat)):
            left = goal[:, k] - np.einsum("te,te->t", psi, gram[:, k])
            psi[:, k] = np.clip(psi[:, k] + left / gram[:, k, k], 0, 1)
    return psi


def onto_shapes(points: np.ndarray, shapes: np.ndarray, scaled: bool, weights: np.ndarray | None = None) -> np.ndarray:
    """(T, L, D) points with the pose towards each frame's own (T, L, D) shape removed (Umeyama 1991); weights (T, L) of
    each point's square, None for all alike."""
    centre, shift = _centre(points, weights), _centre(shapes, weights)
    a, b = points - centre, shapes - shift
    heavy = a if weights is None else a * weights[..., None]
    u, s, vt = np.linalg.svd(b.transpose(0, 2, 1) @ heavy)
    sign = np.ones_like(s)
    sign[:, -1] = np.sign(np.linalg.det(u @ vt))
    turned = a @ ((u * sign[:, None]) @ vt).transpose(0, 2, 1)
    if scaled:
        turned = turned * ((s * sign).sum(1) / np.maximum((a * heavy).sum((1, 2)), 1e-18))[:, None, None]
    return turned + shift


def _centre(points: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """(T, 1, D) mean of (T, L, D) points."""
    if weights is None:
        return points.mean(1, keepdims=True)
    return (points * weights[..., None]).sum(1, keepdims=True) / np.maximum(weights.sum(1), 1e-12)[:, None, None]


def _deepened(points: np.ndarray, shapes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(T, L, 3): 2-D points with the depth that shapes (L, 3) or (T, L, 3) have in the pose that fits them best
    (scaled orthography: the affine camera's rows, made orthonormal)."""
    shapes = np.broadcast_to(shapes, (len(points), *shapes.shape[-2:]))
    p, x = points - _centre(points, weights), shapes - _centre(shapes, weights)
    heavy = x if weights is None else x * weights[..., None]
    camera = (p.transpose(0, 2, 1) @ heavy) @ np.linalg.pinv(x.transpose(0, 2, 1) @ heavy, rcond=1e-6, hermitian=True)
    u, s, vt = np.linalg.svd(camera, full_matrices=False)
    rows = u @ vt
    depth = (x @ np.cross(rows[:, 0], rows[:, 1])[:, :, None])[..., 0] * s.mean(1)[:, None]
    return np.concatenate([p, depth[..., None]], 2)
