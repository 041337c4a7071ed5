"""Displays: what a face shows at one moment, as its two strongest codewords or AUs; how many there are, and how many
would be found in fewer frames. Two, because whole sets of tokens hardly ever repeat and single ones are no display."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from dfe_core.facs.token_au_stream import Block

KINDS = ("tokens", "AUs")
MINUTE_S = 60.0
_WHOLE_MINUTE = 0.95
_COMPACT = 1 << 20


@dataclass(kw_only=True)
class _Recording:
    """What is held of the recording that is being streamed."""

    group: int
    fps: float
    time_s: list[np.ndarray]
    keys: dict[str, list[np.ndarray]]


class DisplayCollector:
    """Counts of displays in every group, and of distinct displays in every full minute.

    A display counts while it is held for `hold_s`; `sizes` (K,) is the displacement of a codeword at intensity 1, and a
    codeword whose displacement in a frame is below `still` shows nothing.
    """

    def __init__(self, sizes: np.ndarray, aus: int, still: float, hold_s: float) -> None:
        self._sizes, self._aus, self._still, self._hold = sizes, aus, still, hold_s
        self._now: _Recording | None = None
        self._held: dict[str, list[tuple[np.ndarray, ...]]] = {kind: [] for kind in KINDS}
        self._pending = 0
        self._minutes: dict[int, np.ndarray] = {}

    def add(self, block: Block) -> None:
        """Take one block in; a recording is counted when the next one begins."""
        if block.first or self._now is None:
            self._finish()
            self._now = _Recording(group=block.group, fps=block.fps, time_s=[], keys={kind: [] for kind in KINDS})
        sizes = block.codewords.multiply(self._sizes[None]).tocsr()
        shown = csr_matrix(np.where(block.present[:, : self._aus] > 0, 1 + block.features, 0))
        self._now.time_s.append(block.time_s)
        self._now.keys["tokens"].append(two_strongest(sizes, self._still))
        self._now.keys["AUs"].append(two_strongest(shown, 0))

    def _finish(self) -> None:
        if self._now is None:
            return
        now, self._now = self._now, None
        time = np.concatenate(now.time_s)
        minute = ((time - time[0]) // MINUTE_S).astype(np.int64)
        full = np.bincount(minute) >= _WHOLE_MINUTE * MINUTE_S * now.fps
        tally = self._minutes.setdefault(now.group, np.zeros(1 + len(KINDS)))
        tally[0] += full.sum()
        hold = max(1, int(round(self._hold * now.fps)))
        for i, kind in enumerate(KINDS):
            key = np.concatenate(now.keys[kind])
            lasting = (key > 0) & (run_lengths(key) >= hold)
            pairs = np.unique(np.stack([minute[lasting], key[lasting]]), axis=1)[0]
            tally[1 + i] += np.bincount(pairs, minlength=len(full))[: len(full)][full].sum()
            found, count = np.unique(np.where(lasting, key, 0), return_counts=True)
            self._held[kind].append((np.full(len(found), now.group, np.int32), found, count))
            self._pending += len(found)
        if self._pending > _COMPACT:
            self._compact()

    def merge(self, other: DisplayCollector, groups: np.ndarray) -> None:
        """Add what was counted in other recordings; groups: the index here of each group there."""
        self._finish()
        other._finish()
        for group, tally in other._minutes.items():
            here = int(groups[group])
            self._minutes[here] = self._minutes[here] + tally if here in self._minutes else tally
        for kind, parts in other._held.items():
            self._held[kind] += [(groups[of].astype(np.int32), found, count) for of, found, count in parts]
        self._pending += other._pending
        if self._pending > _COMPACT:
            self._compact()

    def _compact(self) -> None:
        self._held = {kind: [_merged(parts)] for kind, parts in self._held.items()}
        self._pending = 0

    def arrays(self) -> dict[str, np.ndarray]:
        """minutes (G, 3): full minutes and distinct displays summed over them, of tokens and of AUs; and for tokens and
        AUs <kind>_group, <kind>_display, <kind>_count, where display 0 is nothing (or nothing held)."""
        self._finish()
        self._compact()
        result = {"minutes": np.stack([self._minutes[g] for g in range(len(self._minutes))])}
        for kind, parts in self._held.items():
            result |= dict(zip((f"{kind}_group", f"{kind}_display", f"{kind}_count"), parts[0], strict=True))
        return result


def two_strongest(values: csr_matrix, least: float) -> np.ndarray:
    """(T, n) sparse to (T,) int64: a key of the (unordered) one or two largest entries above `least`; 0 for none.

    The key is (a + 1)·2³² + (b + 1) for columns a > b, and b + 1 for one alone.
    """
    x = values.tocoo()
    keep = x.data > least
    row, col, data = x.row[keep], x.col[keep].astype(np.int64), x.data[keep]
    order = np.lexsort((col, -data, row))
    row, col = row[order], col[order]
    start = np.searchsorted(row, np.arange(values.shape[0]))
    count = np.bincount(row, minlength=values.shape[0])
    first, second = (
        np.where(count > i, col[np.minimum(start + i, max(len(col) - 1, 0))] + 1 if len(col) else 0, 0) for i in (0, 1)
    )
    return np.where(second > 0, np.maximum(first, second) * (1 << 32) + np.minimum(first, second), first)


def run_lengths(key: np.ndarray) -> np.ndarray:
    """(T,) to (T,): the length of the run of equal values that every entry is in."""
    if not len(key):
        return np.empty(0, np.int64)
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    length = np.diff(np.r_[first, len(key)])
    return np.repeat(length, length)


def _merged(parts: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    if not parts:
        return np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64)
    group, key, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((key, group))
    group, key, count = group[order], key[order], count[order]
    first = np.flatnonzero(np.r_[True, (np.diff(group) != 0) | (np.diff(key) != 0)])
    return group[first], key[first], np.add.reduceat(count, first)
