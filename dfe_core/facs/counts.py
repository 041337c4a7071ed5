"""Codeword × column counts of every group, taken in the streaming pass: small, sparse, and enough for every answer.

Letters of the shapes: G groups, K codewords, B intensity bins, C columns, A of them AUs, R rows, Q (group, codeword)
pairs, P drawn shifts.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from dfe_core.facs.shifts import drawn_counts, null_tails, shift_moments
from dfe_core.facs.token_au_stream import Block

_MOST_BINS = 9
_DRAW_BUDGET = 20_000_000  # frames times drawn shifts: many shifts of little data, few of much


def bin_edges(levels: np.ndarray) -> np.ndarray:
    """Lower edges of the intensity bins: one a level (at most 8), and one for what several stages add up to."""
    positive = np.unique(np.asarray(levels, np.float64)[np.asarray(levels) > 0])
    if len(positive) >= _MOST_BINS:
        positive = positive[np.linspace(0, len(positive) - 1, _MOST_BINS - 1).round().astype(int)]
    return np.append(positive, positive[-1] * 1.2)


class CountCollector:
    """Counts of codewords by intensity and column, and their moments under circular shifts.

    frames: of all recordings, by which the number of drawn shifts goes. seed: of the analysis, and the number of the
    group of recordings, each of which draws for itself.
    """

    def __init__(
        self, codewords: int, columns: int, aus: int, edges: np.ndarray, frames: int, seed: tuple[int, int]
    ) -> None:
        self.size, self.columns, self.aus, self.edges = codewords, columns, aus, edges
        self.draws = int(np.clip(_DRAW_BUDGET // max(frames, 1), 8, 200))
        self._rng = np.random.default_rng([seed[0], 17, seed[1]])
        self._null = np.zeros((self.draws, codewords, aus), np.float32)
        self._now: int | None = None
        self._rows: dict[int, tuple[np.ndarray, ...]] = {}
        self._pairs: dict[int, tuple[np.ndarray, ...]] = {}
        self._group: dict[str, list[np.ndarray]] = {}
        self._order: list[int] = []
        self._last: np.ndarray | None = None

    def add(self, block: Block) -> None:
        """Count one block."""
        if block.group != self._now:
            self._flush()
            self._open(block.group)
        present, bins = block.present, len(self.edges)
        x = block.codewords.tocoo()
        key = x.col.astype(np.int64) * bins + np.maximum(np.searchsorted(self.edges, x.data + 1e-6, "right") - 1, 0)
        by_bin = csr_matrix((np.ones(len(key), np.float32), (key, x.row)), (self.size * bins, len(block)))
        uses = np.diff(by_bin.indptr)
        self._uses += uses
        self._measured_uses += np.outer(uses, block.measured).astype(np.float32)
        self._positives += by_bin @ present
        self._shift(block)
        self._totals += present.sum(0, dtype=np.float64)
        before = np.zeros((1, self.columns), np.float32) if block.first or self._last is None else self._last[None]
        self._events += ((present == 1) & (np.concatenate([before, present[:-1]]) == 0)).sum(0)
        self._last = present[-1]
        self._frames += len(block)
        self._column_frames += len(block) * block.measured
        self._seconds += len(block) / block.fps
        self._recordings += block.first

    def _shift(self, block: Block) -> None:
        by_codeword = block.codewords.T.tocsr()
        by_codeword.data = np.ones_like(by_codeword.data)
        used = np.flatnonzero(np.diff(by_codeword.indptr))
        mean, variance = shift_moments(by_codeword[used].toarray().T, block.present)
        self._expected[used] += mean
        self._variance[used] += variance
        self._null[:, used] += drawn_counts(self._rng, by_codeword[used], block.present[:, : self.aus], self.draws)

    def _open(self, group: int) -> None:
        self._now = group
        self._uses = np.zeros(self.size * len(self.edges), np.int64)
        self._positives = np.zeros((self.size * len(self.edges), self.columns))
        self._measured_uses = np.zeros((self.size * len(self.edges), self.columns), np.float32)
        self._expected, self._variance = (np.zeros((self.size, self.columns)) for _ in range(2))
        self._totals, self._events = np.zeros(self.columns), np.zeros(self.columns, np.int64)
        self._column_frames = np.zeros(self.columns, np.int64)
        self._frames, self._seconds, self._recordings = 0, 0.0, 0

    def _flush(self) -> None:
        if self._now is None:
            return
        used = np.flatnonzero(self._uses)
        codewords = np.unique(used // len(self.edges))
        _keep(
            self._rows,
            self._now,
            (
                used.astype(np.int32),
                self._uses[used].astype(np.uint32),
                self._measured_uses[used],
                self._positives[used].astype(np.float32),
            ),
        )
        _keep(
            self._pairs,
            self._now,
            (
                codewords.astype(np.int32),
                self._expected[codewords].astype(np.float32),
                self._variance[codewords].astype(np.float32),
            ),
        )
        self._order.append(self._now)
        for name, value in (
            ("positives", self._totals.astype(np.int64)),
            ("events", self._events),
            ("column_frames", self._column_frames),
            ("frames", np.int64(self._frames)),
            ("seconds", np.float64(self._seconds)),
            ("recordings", np.int64(self._recordings)),
        ):
            self._group.setdefault(name, []).append(np.asarray(value))
        self._now = None

    def merge(self, other: CountCollector, groups: np.ndarray) -> None:
        """Add what was counted in other recordings; groups: the index here of each group there."""
        self._flush()
        other._flush()
        for held, more in ((self._rows, other._rows), (self._pairs, other._pairs)):
            for group, rows in more.items():
                _keep(held, int(groups[group]), rows)
        self._order += [int(groups[group]) for group in other._order]
        for name, parts in other._group.items():
            self._group.setdefault(name, []).extend(parts)
        self._null += other._null

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything counted, by name.

        By group (G): frames, seconds, recordings, and for every column (G, C) positives, events and column_frames
        (frames in which it was measured). By group, codeword and intensity (R): row_group,
        row_key (codeword · B + bin), row_count, and (R, C) row_measured, row_positives: frames with the codeword in
        which the column was measured, and was present. By group and codeword (Q): pair_group, pair_codeword, and
        (Q, C) pair_expected, pair_variance under circular shifts; null_…: their tails (`shifts.NullTails`)."""
        self._flush()
        order = np.array(self._order, np.int64)
        groups = int(order.max()) + 1 if len(order) else 0
        totals = {name: _summed(np.stack(parts), order, groups) for name, parts in self._group.items()}
        rows, pairs = _by_group(self._rows), _by_group(self._pairs)
        names = ("row_group", "row_key", "row_count", "row_measured", "row_positives")
        result = (
            totals
            | dict(zip(names, rows, strict=True))
            | dict(zip(("pair_group", "pair_codeword", "pair_expected", "pair_variance"), pairs, strict=True))
        )
        return result | self._tails(pairs)

    def _tails(self, pairs: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        expected, variance = (np.zeros((self.size, self.aus)) for _ in range(2))
        np.add.at(expected, pairs[1], pairs[2][:, : self.aus])
        np.add.at(variance, pairs[1], pairs[3][:, : self.aus])
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(variance > 0, (self._null - expected) / np.sqrt(variance), np.nan)
        tails = null_tails(z, expected)
        return {f"null_{name}": getattr(tails, name) for name in ("edges", "upper", "lower", "middle", "total")}


def _summed(values: np.ndarray, index: np.ndarray, size: int) -> np.ndarray:
    total = np.zeros((size, *values.shape[1:]), values.dtype)
    np.add.at(total, index, values)
    return total


def _keep(held: dict[int, tuple[np.ndarray, ...]], group: int, rows: tuple[np.ndarray, ...]) -> None:
    """Add rows (key, values…) to those of their group, equal keys added up: what bounds the memory of a long pass."""
    if group not in held:
        held[group] = rows
        return
    old = held[group]
    keys = np.union1d(old[0], rows[0])
    values = [np.zeros((len(keys), *v.shape[1:]), v.dtype) for v in rows[1:]]
    for source in (old, rows):
        at = np.searchsorted(keys, source[0])
        for total, value in zip(values, source[1:], strict=True):
            total[at] += value
    held[group] = (keys, *values)


def _by_group(held: dict[int, tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """(group, key, values…) of all groups, sorted by group and key; what was held is given up on the way."""
    groups = sorted(held)
    sizes = [len(held[g][0]) for g in groups]
    result = [np.empty((sum(sizes), *v.shape[1:]), v.dtype) for v in held[groups[0]]]
    ends = np.cumsum(sizes)
    for g, size, end in zip(groups, sizes, ends, strict=True):
        for column, value in zip(result, held.pop(g), strict=True):
            column[end - size : end] = value
    return (np.repeat(np.array(groups, np.int32), sizes), *result)
