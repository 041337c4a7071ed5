"""Where the points of a map lie close together: clusters of places, and lines that enclose shares of all frames."""

from __future__ import annotations

import numpy as np

from dfe_core.embedding.extend import Density

SHARES = (0.5, 0.8, 0.95)
"""Shares of all frames that the lines of a density enclose."""
_BLUR, _MARGIN = 1.6, 6
"""Cells that counts are smoothed over, and empty cells around the map, in which outer lines close."""


def cluster_places(places: np.ndarray) -> np.ndarray:
    """(n,) int: the cluster of every point of a map, −1 for those between clusters; larger clusters have lower numbers.

    places: (n, 2) or (n, 3). HDBSCAN (Campello, Moulavi & Sander 2013) with clusters of a hundredth of the points at
    least, and of three.
    """
    from sklearn.cluster import HDBSCAN

    count = len(places)
    if count < 10:
        return np.full(count, -1)
    found = HDBSCAN(min_cluster_size=max(3, count // 100), min_samples=min(15, max(2, count // 30)), copy=True)
    label = found.fit_predict(places)
    names, sizes = np.unique(label[label >= 0], return_counts=True)
    rank = {name: i for i, name in enumerate(names[np.argsort(-sizes, kind="stable")])} | {-1: -1}
    return np.array([rank[name] for name in label], int)


def middle_points(places: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """(clusters,) int: the point of each cluster that is nearest to the median of its places."""
    rows = [np.flatnonzero(cluster == name) for name in range(cluster.max(initial=-1) + 1)]
    return np.array([of[((places[of] - np.median(places[of], axis=0)) ** 2).sum(1).argmin()] for of in rows], int)


def density_lines(density: Density | dict[str, np.ndarray]) -> list[tuple[float, np.ndarray]]:
    """Lines (n, 2) on a plane, x and y, that enclose `SHARES` of all frames where they are densest (highest density
    regions, Hyndman 1996), each with its share. The counts are smoothed by a few cells before."""
    counts, x, y = _plane(density)
    if counts is None or not counts.any():
        return []
    from contourpy import contour_generator
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(np.pad(counts.astype(np.float64), _MARGIN), _BLUR)
    falling = np.sort(smooth.ravel())[::-1]
    held = np.cumsum(falling) / falling.sum()
    middles = [
        edges[0] + (np.arange(-_MARGIN, len(edges) - 1 + _MARGIN) + 0.5) * (edges[1] - edges[0]) for edges in (x, y)
    ]
    draw = contour_generator(x=middles[0], y=middles[1], z=smooth)
    return [(share, np.asarray(line)) for share in SHARES for line in draw.lines(falling[np.searchsorted(held, share)])]


def _plane(density: Density | dict[str, np.ndarray]) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Counts (ny, nx) and edges of x and y; no counts in space."""
    if isinstance(density, Density):
        counts, edges = density.counts, density.edges
    else:
        counts, edges = density["counts"], (density["x_edges"], density["y_edges"])
    return (counts if counts.ndim == 2 else None), edges[0], edges[1]
