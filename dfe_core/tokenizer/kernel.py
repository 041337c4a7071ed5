"""The search of `quantizer` and the refinement of `temporal_smoothing` for CPUs, compiled: a frame at a time in the
processor's own cache, where PyTorch would pass whole batches through memory for every place.

The PyTorch versions are the reference and what a GPU runs; tests hold these to the same tokens. Letters as there; the
loops are in `compiled_search`. Threads share out the frames, so that results do not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from dfe_core.tokenizer import compiled_search as compiled
from dfe_core.tokenizer.quantizer import SearchTables

_SMALLEST, _LARGEST = 256, 2048
"""Frames that a thread takes at a time."""
_TO_BE_SAFE = 2e-6
"""Bounds of gains are above them by more than float32 rounds; relative."""

_Rows = Callable[[int, int], object]


@dataclass(frozen=True, kw_only=True)
class KernelRun:
    """How frames are searched.

    places: most tokens of one. sweeps: after the greedy search. threads: at work. weight: the squared error that each
    token not shared with a neighbour costs. smoothings: sweeps given the neighbours. window: frames over which tokens
    are put in order.
    """

    places: int
    sweeps: int
    threads: int
    weight: float = 0.0
    smoothings: int = 0
    window: int = 1


def search_frames(
    proposed: np.ndarray, wanted: np.ndarray, tables: SearchTables, places: int, sweeps: int, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and intensities in base steps, both (T, N) int64, as `quantizer.search` chooses them, strongest first.

    proposed, wanted: (T, K) f32 products of the codewords with the latent and with the target.
    """
    run = KernelRun(places=places, sweeps=sweeps, threads=threads)
    return _searched(proposed, wanted, packed_tables(tables), run)[1:3]


def finish_frames(
    tokens: np.ndarray, steps: np.ndarray, goal: np.ndarray, tables: SearchTables, threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels (T, N) int64, intensities (T, N) f32 and error (T,) f32, as `quantizer.finished` has them.

    tokens, steps: (T, N) int64, in their order. goal: (T, D) f32 that the tokens stand for.
    """
    codewords = np.ascontiguousarray(tables.codewords.numpy())
    frames = _frames(np.empty((len(tokens), 0), np.float32), tokens, steps)
    goal = np.ascontiguousarray(goal)
    found = np.empty_like(tokens), np.empty(tokens.shape, np.float32), np.empty(len(tokens), np.float32)

    def finish(start: int, end: int) -> None:
        left = np.full(goal.shape[1] + 1, tables.step, np.float32)
        compiled.finish_rows(start, end, frames, goal, codewords, found, left)

    with _shared(len(tokens), threads) as share:
        share(finish)
    return found


def search_linked(
    proposed: np.ndarray, wanted: np.ndarray, tables: SearchTables, linked: np.ndarray, run: KernelRun
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and intensities in base steps, both (T, N) int64, of consecutive frames: searched, smoothed over time and
    in steady order, as `temporal_smoothing.smooth` gives what `quantizer.search` finds.

    proposed, wanted: as `search_frames`. linked: (T,) bool, whether a frame follows the one before it.
    """
    packed, half = packed_tables(tables), run.window // 2
    frames = _searched(proposed, wanted, packed, run)
    with _shared(len(proposed), run.threads) as share:
        _smooth(share, frames, packed, _pull(linked, run.weight), run.smoothings)
        share(lambda start, end: compiled.energy_rows(start, end, frames, packed))
        share(lambda start, end: compiled.order_rows(start, end, frames, half, packed, _work(packed, run.places)))
    return frames[1:3]


def smooth_frames(
    tokens: np.ndarray,
    steps: np.ndarray,
    products: np.ndarray,
    tables: SearchTables,
    linked: np.ndarray,
    weight: float,
    sweeps: int,
    threads: int,
) -> None:
    """`temporal_smoothing.refine_` on tokens and steps (T, N) int64, in place. products: (T, K) of what they leave."""
    packed = packed_tables(tables)
    frames = _frames(_padded(products, packed), tokens, steps)
    with _shared(len(tokens), threads) as share:
        share(lambda start, end: compiled.note_rows(start, end, frames))
        _smooth(share, frames, packed, _pull(linked, weight), sweeps)
    products[:] = frames[0][:, : products.shape[1]]


def search_next(
    proposed: np.ndarray,
    wanted: np.ndarray,
    before: np.ndarray | None,
    packed: tuple,
    *,
    places: int,
    sweeps: int,
    weight: float,
    smoothing_sweeps: int = 2,
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and intensities in base steps, both (N,) int64, of the newest frame of a stream.

    It is searched alone, then every token is chosen again given those of the frame before: the half of
    `temporal_smoothing.refine_` that looks back, for what comes after is not known yet.

    proposed, wanted: (K,) f32 products of the codewords with the latent and with the target. before: (N,) tokens of the
    frame before, None where there is none. packed: of `packed_tables`. weight: the squared error that a token not
    shared with the frame before costs.
    """
    two = np.stack([proposed, proposed])
    frames = _frames(_padded(two, packed), *(np.zeros((2, places), np.int64) for _ in range(2)))
    work, change = _work(packed, places), _change(two, np.stack([wanted, wanted]), packed, proposed is wanted)
    compiled.search_rows(1, 2, frames, change, sweeps, packed, work)
    if before is not None and weight:
        frames[1][0] = before
        compiled.note_rows(0, 1, frames)
        pull = np.array([0, weight], np.float32)
        for turn in range(smoothing_sweeps):
            compiled.smooth_rows(1, 2, 2 * turn + 2, frames, pull, packed, work)
    return frames[1][1], frames[2][1]


def plain_tables(tables: SearchTables) -> tuple:
    """Gram matrix, norms, stride, top, cost, refund, partner and step as arrays, which a browser searches with too.

    refund: (K,) f32, what the cheapest intensity of a codeword refunds where its absence is dearer.
    """
    cost = tables.cost.numpy()
    return (
        tables.gram.numpy(),
        tables.norms.numpy(),
        tables.stride.numpy(),
        tables.top.numpy(),
        cost,
        np.maximum(-cost[:, 1:].min(1), 0),
        tables.partner.numpy(),
        np.float32(tables.step),
    )


def packed_tables(tables: SearchTables) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The tables as `compiled_search` takes them: reals, wholes and cost."""
    gram, norms, stride, top, cost, _, partner, step = plain_tables(tables)
    size = len(norms)
    padded = -(-size // compiled.LANES) * compiled.LANES
    width, cheapest = np.maximum(stride, 1).astype(np.float32) * step, cost[:, 1:].min(1)
    usable = (stride > 0) & (np.arange(size) > 0)
    reals = np.zeros((compiled.GRAM + size, padded), np.float32)
    reals[[compiled.NORM, compiled.WIDTH, compiled.SPAN]] = 1
    reals[compiled.BASE] = -np.inf
    reals[compiled.STEP] = step
    rows = {
        compiled.NORM: norms,
        compiled.REACH: np.where(usable, (1 + _TO_BE_SAFE) / norms, 0),
        compiled.BASE: np.where(usable, _TO_BE_SAFE * np.abs(cheapest) - cheapest, -np.inf),
        compiled.WIDTH: width,
        compiled.SPAN: norms * width,
        compiled.TOP: top,
    }
    for row, values in rows.items():
        reals[row, :size] = values
    reals[compiled.GRAM :, :size] = gram
    whole = np.full((2, padded), -1, np.int64)
    whole[compiled.STRIDE, :size], whole[compiled.PARTNER, :size] = stride, partner
    return reals, whole, np.ascontiguousarray(cost)


def _searched(proposed: np.ndarray, wanted: np.ndarray, packed: tuple, run: KernelRun) -> tuple:
    """The frames of `compiled_search` after the search, products those of what the tokens leave."""
    shape = (len(proposed), run.places)
    frames = _frames(_padded(proposed, packed), np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    change = _change(proposed, wanted, packed, proposed is wanted)

    def search(start: int, end: int) -> None:
        compiled.search_rows(start, end, frames, change, run.sweeps, packed, _work(packed, run.places))

    with _shared(len(proposed), run.threads) as share:
        share(search)
    return frames


def _smooth(share: Callable[[_Rows], None], frames: tuple, packed: tuple, pull: np.ndarray, sweeps: int) -> None:
    places = frames[1].shape[1]
    for turn, parity in enumerate((0, 1) * sweeps, start=1):

        def smooth(start: int, end: int, turn: int = turn, parity: int = parity) -> None:
            first = start + (start + parity) % 2
            compiled.smooth_rows(first, end, turn, frames, pull, packed, _work(packed, places))

        share(smooth)


def _pull(linked: np.ndarray, weight: float) -> np.ndarray:
    return np.where(linked, np.float32(weight), np.float32(0))


def _padded(products: np.ndarray, packed: tuple) -> np.ndarray:
    """A copy of (T, K) products with P columns."""
    out = np.zeros((len(products), packed[0].shape[1]), np.float32)
    out[:, : products.shape[1]] = products
    return out


def _change(proposed: np.ndarray, wanted: np.ndarray, packed: tuple, same: bool) -> np.ndarray:
    return _padded(proposed[:0] if same else wanted - proposed, packed)


def _work(packed: tuple, places: int) -> np.ndarray:
    return np.zeros((compiled.WORK_ROWS, max(packed[0].shape[1], places)), np.float32)


def _frames(products: np.ndarray, tokens: np.ndarray, steps: np.ndarray) -> tuple:
    """Frames as `compiled_search` takes them."""
    count = len(products)
    present = np.zeros((count, products.shape[1] // compiled.LANES), np.uint64)
    return products, tokens, steps, np.zeros(count, np.uint8), np.zeros(count, np.uint8), present


@contextmanager
def _shared(count: int, threads: int) -> Iterator[Callable[[_Rows], None]]:
    """What runs a function of the first row and the one after the last over all rows, in so many threads."""
    block = min(max(count // (4 * threads), _SMALLEST), _LARGEST)
    blocks = [(start, min(start + block, count)) for start in range(0, count, block)]
    if threads < 2 or len(blocks) < 2:

        def here(work: _Rows) -> None:
            for start, end in blocks:
                work(start, end)

        yield here
        return
    with ThreadPoolExecutor(threads) as pool:

        def shared(work: _Rows) -> None:
            list(pool.map(lambda rows: work(*rows), blocks))

        yield shared
