"""A table of a lab's own landmarks: point, region, and side where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.marked_points import points_table, points_text
from dfe_core.faces.model import REGIONS, SIDES
from dfe_core.faces.point_regions import MOST_REGIONS, PointRegions, region_name

EXPECTED = "a table with the columns point and region, and side where points have one"
_SIDES = {"": "centre", "centre": "centre", "center": "centre", "middle": "centre", "midline": "centre"} | {
    word: side for side in ("left", "right") for word in (side, side[0])
}


@dataclass(frozen=True, kw_only=True)
class SaidPoint:
    """One row: the point as the table names it, its region, its side (None without a column of sides), and where."""

    point: str
    region: str
    side: str | None
    where: str


@dataclass(frozen=True, kw_only=True)
class RegionTable:
    """The rows of a table, before it is known which points the recordings have."""

    rows: tuple[SaidPoint, ...]
    source: str

    def of_points(self, names: Sequence[str]) -> PointRegions:
        """The regions and sides of points.

        Parameters
        ----------
        names : V
            The names of the points in the recordings' columns, or their numbers from 0.

        Returns
        -------
        PointRegions
            Points that the table leaves out belong to no region.

        Raises
        ------
        DataError
            For points that the recordings do not have; it names file and row.
        """
        places = {name.lower(): i for i, name in enumerate(names)} | {str(i): i for i in range(len(names))}
        own = list(dict.fromkeys(row.region for row in self.rows if row.region not in REGIONS))
        if len(own) > MOST_REGIONS:
            raise DataError(self.source, f"{len(own)} regions", f"at most {MOST_REGIONS}")
        every = (*REGIONS, *own)
        regions, sides = np.full(len(names), REGIONS.index("other"), np.uint8), np.zeros(len(names), np.uint8)
        said: dict[int, SaidPoint] = {}
        for row in self.rows:
            place = places.get(row.point.lower())
            if place is None:
                named = "" if names[0] == "0" else f", or a name as {names[0]}"
                raise DataError(row.where, f"point {row.point!r}", f"0 to {len(names) - 1}{named}")
            if place in said:
                raise DataError(row.where, f"point {row.point!r} a second time", "each point once")
            said[place] = row
            regions[place] = every.index(row.region)
            sides[place] = SIDES.index(row.side or "centre")
        sided = any(row.side is not None for row in self.rows)
        return PointRegions(regions=regions, names=every, sides=sides if sided else None, source=self.source)


def read_point_regions(path: str | Path) -> RegionTable:
    """Read which region each landmark belongs to.

    Parameters
    ----------
    path
        A table (CSV, TSV) with the columns ``point`` (its number from 0, or its name in the recordings), ``region``
        (one of `REGIONS`, or a name of the lab's own; empty for none) and, where points have one, ``side`` (left or
        right of the face itself, else centre or empty). Other columns, such as ``x`` and ``y`` in a picture, are not
        looked at.

    Returns
    -------
    RegionTable
        Its rows.

    Raises
    ------
    DataError
        For what is no such table, a point twice, an unknown side, and a region's name that cannot be one.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(path, "no such file", EXPECTED)
    header, lines = points_table(path, points_text(path, EXPECTED))
    if not {"point", "region"} <= set(header):
        raise DataError(path, f"the columns {', '.join(header[:8]) or 'none'}", EXPECTED)
    rows = tuple(
        _row(dict(zip(header, cells, strict=False)), "side" in header, f"{path}, row {line}")
        for line, cells in enumerate(lines, 2)
        if any(cell.strip() for cell in cells)
    )
    seen: set[str] = set()
    for row in rows:
        if row.point.lower() in seen:
            raise DataError(row.where, f"point {row.point!r} a second time", "each point once")
        seen.add(row.point.lower())
    if all(row.region == "other" for row in rows):
        raise DataError(path, "no region", EXPECTED)
    return RegionTable(rows=rows, source=str(path))


def says_regions(path: str | Path) -> bool:
    """Whether a file of marked points has a column of regions as well."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file():
        return False
    with open(path, encoding="utf-8-sig", errors="replace") as handle:
        first = handle.readline(1 << 16)
    header, _ = points_table(path, first)
    return {"point", "region"} <= set(header)


def _row(cells: dict[str, str], sided: bool, where: str) -> SaidPoint:
    point = cells.get("point", "").strip()
    if not point:
        raise DataError(where, "no point", "the number of a point from 0, or its name in the recordings")
    said = cells.get("side", "").strip().lower()
    if sided and said not in _SIDES:
        raise DataError(where, f"the side {said[:40]!r}", "left, right or centre")
    region = region_name(cells.get("region", ""), where)
    return SaidPoint(point=point, region=region, side=_SIDES[said] if sided else None, where=where)
