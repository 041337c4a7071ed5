"""Which recording of a dataset a file from another program is of, by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dfe_core.errors import DataError


def find_recording(wanted: Sequence[str], names: Sequence[str], where: Path, dataset: str, near: int = 2) -> str:
    """The one of `names` that a file is of: by equal name whatever its capitals, or by the one name that holds the
    other. The only recording is always meant.

    Parameters
    ----------
    wanted: names that the file may go by, the most telling first. where: the file, for errors. near: how many of them
    may be a part of the recording's name, or hold it.

    Raises `DataError` where none or several would do.
    """
    for key in wanted:
        same = [n for n in names if n.lower() == key.lower()]
        if len(same) == 1:
            return same[0]
    for key in wanted[:near]:
        alike = [n for n in names if n.lower() in key.lower() or key.lower() in n.lower()]
        if len(alike) == 1:
            return alike[0]
        if len(alike) > 1:
            raise DataError(where, f"{key!r} fits {len(alike)} recordings ({', '.join(alike[:3])})", "the name of one")
    if len(names) == 1:
        return names[0]
    raise DataError(
        where,
        f"no recording of dataset {dataset} is named like {' or '.join(wanted[:2])}",
        f"a file named after one ({', '.join(names[:3])}, …), or a table of file and recording",
    )
