"""How far a map can be believed: which neighbours on the map are neighbours in the data, and the reverse."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

NEIGHBOURS = 15
FEWEST = 5


@dataclass(frozen=True, kw_only=True)
class MapQuality:
    """Quality of a map over its `neighbours` nearest points, NaN where there are too few points or no two differ.

    trustworthiness: 1 when every neighbour on the map is a neighbour in the data, falling with the rank of intruders
        (Venna & Kaski 2001; sklearn.manifold.trustworthiness). continuity: the same with map and data exchanged.
    neighbour_preservation: mean share of a point's neighbours in the data that are its neighbours on the map; `chance`
        is what a random map would have. points: how many points it was measured on.
    """

    trustworthiness: float
    continuity: float
    neighbour_preservation: float
    chance: float
    neighbours: int
    points: int

    def as_json(self) -> dict[str, float | int | None]:
        """The figures with None in place of NaN, which JSON has not."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def map_quality(
    data: np.ndarray,
    places: np.ndarray,
    metric: str = "euclidean",
    neighbours: int = NEIGHBOURS,
    most: int = 2000,
    seed: int = 0,
) -> MapQuality:
    """Measure a map.

    Parameters
    ----------
    data: (n, D) what was mapped. places: (n, 2 or 3) where it was put. metric: ``euclidean`` or ``cosine``, of `data`.
    most: measured on this many points drawn at random when there are more (distances of all pairs are formed).
    """
    if len(data) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(data), most, replace=False))
        data, places = data[chosen], places[chosen]
    count = len(data)
    neighbours = min(neighbours, (count - 1) // 2)
    far, near = _distances(data, metric), _distances(places, "euclidean")
    if count < FEWEST or far.max(initial=0) <= 1e-12:
        nan = float("nan")
        return MapQuality(
            trustworthiness=nan,
            continuity=nan,
            neighbour_preservation=nan,
            chance=nan,
            neighbours=max(neighbours, 0),
            points=count,
        )
    from sklearn.manifold import trustworthiness

    trust = trustworthiness(far, places, n_neighbors=neighbours, metric="precomputed")
    continuity = trustworthiness(near, _classical(far, data, metric), n_neighbors=neighbours, metric="precomputed")
    return MapQuality(
        trustworthiness=float(trust),
        continuity=float(continuity),
        neighbour_preservation=neighbour_preservation(far, near, neighbours),
        chance=neighbours / (count - 1),
        neighbours=neighbours,
        points=count,
    )


def neighbour_preservation(far: np.ndarray, near: np.ndarray, neighbours: int) -> float:
    """Mean share of the `neighbours` nearest on the map that are among the nearest in the data.

    far, near: (n, n) distances in the data and on the map. A point as close in the data as the last neighbour counts
    as one: where many frames are alike, which of them is listed is an accident.
    """
    far, near = (_without_self(d) for d in (far, near))
    reach = np.partition(far, neighbours - 1, axis=1)[:, neighbours - 1, None]
    nearest = np.argpartition(near, neighbours - 1, axis=1)[:, :neighbours]
    return float((np.take_along_axis(far, nearest, 1) <= reach + 1e-9 * (1 + reach)).mean())


def _without_self(distances: np.ndarray) -> np.ndarray:
    distances = distances.copy()
    np.fill_diagonal(distances, np.inf)
    return distances


def _distances(points: np.ndarray, metric: str) -> np.ndarray:
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(points, metric=metric)
    np.fill_diagonal(distances, 0)
    return np.maximum(distances, 0)


def _classical(far: np.ndarray, data: np.ndarray, metric: str) -> np.ndarray:
    """Points whose Euclidean distances order as the data's own: unit vectors for the cosine."""
    if metric == "euclidean":
        return data
    from dfe_core.tokenizer.mesh_inner_product import unit

    return unit(np.asarray(data, np.float64))
