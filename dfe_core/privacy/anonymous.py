"""Bags of codewords of which each stands for at least k people: micro-aggregation by MDAV, within cells of labels.

Domingo-Ferrer & Mateo-Sanz 2002 (IEEE TKDE 14): people are put into groups of k who use codewords alike, and the bag of
each is replaced by the mean of the group. Whoever knows a person's bag can narrow them down to a group, and no further.
Letters of the shapes: n people, D codewords.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError

_FLOOR, _DRAWS = 1e-9, 2000


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share of people with its 95 % interval, people drawn with replacement."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, eq=False, kw_only=True)
class AnonymousBags:
    """Bags of groups, and what they hide and lose.

    Attributes
    ----------
    table: a row a group: anonymous_group, people, the labels of its cell, and a column for each codeword, the mean
        over people.
    k: the least people of a group. people: in the table. left_out: people of cells of fewer than k, by cell.
    information_loss: share of the variance between people, each codeword counting alike, that lies within groups and
        is lost.
    linked_before, linked_after: share of people whom an attacker who knows a bag of theirs from other frames links to
        their own row: to their own bag, and after, to their group, of which they are one of k or more (None where there
        are no other frames). bound: the most that `linked_after` can be, 1 / k.
    """

    table: pd.DataFrame
    k: int
    people: int
    left_out: dict[str, int]
    information_loss: float
    linked_before: Share | None
    linked_after: Share | None
    bound: float

    def to_json(self) -> dict[str, Any]:
        """The facts, without the table."""
        return {
            "k": self.k,
            "people": self.people,
            "groups": len(self.table),
            "left_out": self.left_out,
            "information_loss": self.information_loss,
            "linked_before": asdict(self.linked_before) if self.linked_before else None,
            "linked_after": asdict(self.linked_after) if self.linked_after else None,
            "bound": self.bound,
        }


def anonymous_bags(
    bags: pd.DataFrame, k: int, cells: pd.DataFrame | None = None, known: pd.DataFrame | None = None
) -> AnonymousBags:
    """Groups of at least k people within each cell of labels.

    Parameters
    ----------
    bags: (n, D) one row a person. cells: (n, …) labels of the people that are given out, indexed as `bags`; people of
        different labels are never in one group. known: bags of the same people from other frames, for the attacker.

    Raises
    ------
    DataError
        For k below 2, and where no cell has k people.
    """
    if not 2 <= k <= 10_000:
        raise DataError("--anonymous", str(k), "2 to 10,000 people in a group")
    bags = bags.dropna()
    names = [] if cells is None else list(map(str, cells.columns))
    of = pd.Series("", index=bags.index) if cells is None else _cell_names(cells.reindex(bags.index))
    number = np.full(len(bags), -1)
    left_out: dict[str, int] = {}
    standard = _standard(bags.to_numpy(np.float64))
    for cell, members in of.groupby(of, sort=True).groups.items():
        rows = bags.index.get_indexer(members)
        if len(rows) < k:
            left_out[str(cell)] = len(rows)
            continue
        number[rows] = mdav_groups(standard[rows], k) + int(number.max()) + 1
    group = pd.Series(number, index=bags.index)
    kept = group >= 0
    if not kept.any():
        raise DataError("--anonymous", f"no cell of {k} people", f"fewer people in a group than {k}, or fewer labels")
    used, own = bags[kept], group[kept]
    means = used.groupby(own).mean()
    labels = None if cells is None else cells.reindex(used.index).groupby(own).first()
    table = pd.DataFrame({"anonymous_group": means.index + 1, "people": own.value_counts().sort_index().to_numpy()})
    for name in names:
        table[name] = labels[name].to_numpy() if labels is not None else ""
    table = pd.concat([table, means.reset_index(drop=True)], axis=1)
    before, after = _linked(used, own, means, known)
    return AnonymousBags(
        table=table,
        k=k,
        people=int(kept.sum()),
        left_out=left_out,
        information_loss=_loss(used, own),
        linked_before=before,
        linked_after=after,
        bound=1 / k,
    )


def mdav_groups(points: np.ndarray, k: int) -> np.ndarray:
    """(n,) number of the group of each of (n, D) points, from 0, of k to 2k − 1 points each (n of at least k).

    MDAV: the point farthest from the mean and its k − 1 nearest, then the one farthest from that and its nearest, until
    fewer than 3k are left; of those a group of k if 2k or more are left, and the rest.
    """
    left = np.arange(len(points))
    group, number = np.full(len(points), -1), 0

    def take(around: np.ndarray) -> np.ndarray:
        nonlocal left, number
        near = left[np.argsort(((points[left] - around) ** 2).sum(1), kind="stable")[:k]]
        group[near] = number
        number += 1
        left = left[group[left] < 0]
        return near

    while len(left) >= 3 * k:
        far = points[left[((points[left] - points[left].mean(0)) ** 2).sum(1).argmax()]]
        take(far)
        opposite = points[left[((points[left] - far) ** 2).sum(1).argmax()]]
        take(opposite)
    if len(left) >= 2 * k:
        take(points[left[((points[left] - points[left].mean(0)) ** 2).sum(1).argmax()]])
    group[left] = number
    return group


def _cell_names(cells: pd.DataFrame) -> pd.Series:
    parts = [f"{name} " + cells[name].fillna("none").astype(str) for name in cells.columns]
    out = parts[0]
    for part in parts[1:]:
        out = out + ", " + part
    return out


def _standard(values: np.ndarray) -> np.ndarray:
    """Each codeword with mean 0 and s.d. 1 over people; those that all use alike 0."""
    spread = values.std(0)
    return np.divide(values - values.mean(0), spread, out=np.zeros(values.shape), where=spread > _FLOOR)


def _loss(used: pd.DataFrame, own: pd.Series) -> float:
    standard = pd.DataFrame(_standard(used.to_numpy(np.float64)), index=used.index)
    total = float((standard.to_numpy() ** 2).sum())
    within = standard - standard.groupby(own).transform("mean")
    return float((within.to_numpy() ** 2).sum()) / total if total > 0 else 0.0


def _linked(
    used: pd.DataFrame, own: pd.Series, means: pd.DataFrame, known: pd.DataFrame | None
) -> tuple[Share | None, Share | None]:
    """Shares of people that the nearest row, in s.d. over people, is the right one for: of bags, and of groups, where
    the attacker then guesses among the group's people."""
    if known is None:
        return None, None
    attacker = known.reindex(used.index)
    there = attacker.notna().all(axis=1).to_numpy()
    if not there.any():
        return None, None
    centre, spread = used.mean(), used.std(ddof=0)
    moving = (spread > _FLOOR).to_numpy()
    points, rows, groups = (
        ((frame - centre) / spread).to_numpy(np.float64)[:, moving] for frame in (attacker, used, means)
    )
    before = _nearest(points[there], rows) == np.flatnonzero(there)
    at = _nearest(points[there], groups)
    right = means.index.to_numpy()[at] == own.to_numpy()[there]
    sizes = own.map(own.value_counts()).to_numpy()[there]
    return _share(before.astype(float)), _share(right / sizes)


def _share(values: np.ndarray) -> Share:
    """The mean over people with its 95 % interval, people drawn with replacement."""
    draws = np.random.default_rng(0).integers(0, len(values), (_DRAWS, len(values)))
    low, high = np.quantile(values[draws].mean(1), [0.025, 0.975])
    return Share(share=float(values.mean()), low=float(low), high=float(high))


def _nearest(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n,) the row of (m, D) nearest to each of (n, D) points."""
    return np.array([((rows - one) ** 2).sum(1).argmin() for one in points], int)
