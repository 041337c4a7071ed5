"""Recordings in groups: what one task works on. The cut depends on the data alone: every engine makes the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def consecutive_groups(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Cut a sequence into runs of neighbours of at most `most` together; what is larger alone is a run of its own.

    Parameters
    ----------
    sizes
        Of each item, in the order of the items: frames of a recording, bytes of a file.
    most
        The largest sum of a group.

    Yields
    ------
    slice
        Of the items, from the first to the last; together they are all of them.
    """
    first, held = 0, 0
    for i, size in enumerate(sizes):
        if i > first and held + size > most:
            yield slice(first, i)
            first, held = i, 0
        held += size
    if first < len(sizes):
        yield slice(first, len(sizes))
