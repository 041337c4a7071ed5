"""The search of `quantizer` and the refinement of `temporal_smoothing` for CPUs, compiled: a frame at a time in the
processor's own cache, where PyTorch would pass whole batches through memory for every place.

The PyTorch versions are the reference and what a GPU runs; tests hold these to the same tokens. Letters as there.
Threads share out the frames, so that results do not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from dfe_core.tokenizer.quantizer import SearchTables

_BLOCK = 512


def search_frames(
    proposed: np.ndarray, wanted: np.ndarray, tables: SearchTables, places: int, sweeps: int, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and intensities in base steps, both (T, N) int64, as `quantizer.search` chooses them.

    proposed, wanted: (T, K) f32 products of the codewords with the latent and with the target.
    """
    tokens, steps = (np.zeros((len(proposed), places), np.int64) for _ in range(2))
    plain = plain_tables(tables)

    def work(start: int, end: int) -> None:
        _search_block(proposed[start:end], wanted[start:end], plain, sweeps, tokens[start:end], steps[start:end])

    _share(work, len(proposed), threads)
    return tokens, steps


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
    plain, pull = plain_tables(tables), np.where(linked, np.float32(weight), np.float32(0))
    for parity in (0, 1) * sweeps:

        def work(start: int, end: int, parity: int = parity) -> None:
            _smooth_block(start + (start + parity) % 2, end, tokens, steps, products, plain, pull)

        _share(work, len(tokens), threads)


def plain_tables(tables: SearchTables) -> tuple:
    """The tables as arrays, in the order that the compiled functions take them."""
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


def search_next(
    proposed: np.ndarray,
    wanted: np.ndarray,
    before: np.ndarray | None,
    plain: tuple,
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
    frame before, None where there is none. plain: of `plain_tables`. weight: the squared error that a token not shared
    with the frame before costs.
    """
    tokens, steps = (np.zeros((1, places), np.int64) for _ in range(2))
    _search_block(proposed[None], wanted[None], plain, sweeps, tokens, steps)
    tokens, steps = _strongest_first(tokens[0], steps[0], plain)
    if before is not None and weight:
        _smooth_next(tokens, steps, wanted.copy(), before, np.float32(weight), smoothing_sweeps, plain)
    return tokens, steps


def _strongest_first(tokens: np.ndarray, steps: np.ndarray, plain: tuple) -> tuple[np.ndarray, np.ndarray]:
    """`quantizer.strongest_first` of one frame."""
    norms, step = plain[1], plain[7]
    strength = steps.astype(np.float32) * step
    carried = np.where(tokens != 0, strength * strength * norms[tokens], np.float32(0))
    energy = carried - tokens.astype(np.float32) * np.float32(1e-6) / np.float32(len(norms))
    order = np.argsort(-energy, kind="stable")
    return tokens[order], steps[order]


def _share(work: Callable[[int, int], None], count: int, threads: int) -> None:
    blocks = [(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK)]
    if threads < 2 or len(blocks) < 2:
        for block in blocks:
            work(*block)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda block: work(*block), blocks))


@njit(cache=True, nogil=True)
def _gain(product, norm, stride, top, cost, step):
    """Gain and base steps of one codeword at its best intensity, as `quantizer.choose`."""
    width = np.float32(stride) * step
    nearest = np.floor(product / (norm * width))
    best, level = np.float32(-np.inf), 0
    for offset in range(-1, 2):
        multiple = min(max(nearest + np.float32(offset), np.float32(1)), np.float32(top))
        strength = multiple * width
        at = int(multiple) * stride
        value = strength * (np.float32(2) * product - strength * norm) - cost[at]
        if value > best:
            best, level = value, at
    return best, level


@njit(cache=True, nogil=True)
def _choose(products, bonus, free, book):
    """The codeword and base steps of the largest gain; codeword 0 where nothing gains.

    No gain is larger than p²/‖c‖², the bonus and what the cheapest intensity refunds: a codeword of nearly every frame
    costs less than its absence. That spares most codewords the closer look.
    """
    _, norms, stride, top, cost, refund, _, step = book
    best, word, level = np.float32(0), 0, 0
    for k in range(1, len(norms)):
        product = max(products[k], np.float32(0))
        if not free[k] or product * product / norms[k] + bonus[k] + refund[k] <= best:
            continue
        value, at = _gain(products[k], norms[k], stride[k], top[k], cost[k], step)
        value += bonus[k]
        if value > best:
            best, word, level = value, k, at
    return word, level


@njit(cache=True, nogil=True)
def _add(products, strength, row):
    for k in range(len(row)):
        products[k] += strength * row[k]


@njit(cache=True, nogil=True)
def _mark(free, word, partner, stride, value):
    if word:
        free[word] = value and stride[word] > 0
        if partner[word] >= 0:
            free[partner[word]] = value and stride[partner[word]] > 0


@njit(cache=True, nogil=True)
def _sweep(products, bonus, free, tokens, steps, book):
    """Choose every token again with the others known; from none it is the greedy search."""
    gram, stride, partner, step = book[0], book[2], book[6], book[7]
    full = False
    for place in range(len(tokens)):
        old = tokens[place]
        if not old and full:
            continue  # nothing was worth adding a moment ago, and nothing has changed since
        if old:
            _mark(free, old, partner, stride, True)
            _add(products, np.float32(steps[place]) * step, gram[old])
        word, level = _choose(products, bonus, free, book)
        full = word == 0
        tokens[place], steps[place] = word, level
        if word:
            _mark(free, word, partner, stride, False)
            _add(products, -np.float32(level) * step, gram[word])


@njit(cache=True, nogil=True)
def _search_block(proposed, wanted, book, sweeps, tokens, steps):
    stride = book[2]
    size = len(stride)
    products, bonus, free = np.empty(size, np.float32), np.zeros(size, np.float32), np.empty(size, np.bool_)
    for row in range(len(proposed)):
        free[:] = stride > 0
        products[:] = proposed[row]
        _sweep(products, bonus, free, tokens[row], steps[row], book)
        for k in range(size if sweeps else 0):
            products[k] += wanted[row, k] - proposed[row, k]
        for _ in range(sweeps):
            _sweep(products, bonus, free, tokens[row], steps[row], book)


@njit(cache=True, nogil=True)
def _smooth_block(first, end, tokens, steps, products, book, pull):
    """Every other frame from `first` on. pull: (T,) f32, what binds a frame to the one before it, 0 where none does."""
    stride, partner = book[2], book[6]
    size = len(stride)
    bonus, free = np.empty(size, np.float32), np.empty(size, np.bool_)
    for row in range(first, end, 2):
        before = pull[row] if row > 0 else np.float32(0)
        after = pull[row + 1] if row + 1 < len(tokens) else np.float32(0)
        bonus[:] = np.float32(-0.5) * (before + after)
        for place in range(tokens.shape[1]):
            if before and tokens[row - 1, place]:
                bonus[tokens[row - 1, place]] += before
            if after and tokens[row + 1, place]:
                bonus[tokens[row + 1, place]] += after
        free[:] = stride > 0
        for place in range(tokens.shape[1]):
            _mark(free, tokens[row, place], partner, stride, False)
        _sweep(products[row], bonus, free, tokens[row], steps[row], book)


@njit(cache=True, nogil=True)
def _smooth_next(tokens, steps, products, before, pull, sweeps, book):
    """The tokens of one frame chosen again given those of the frame before it, in place.

    products: (K,) f32 of the frame itself; they become those of what its tokens leave over.
    """
    gram, stride, partner, step = book[0], book[2], book[6], book[7]
    bonus, free = np.empty(len(stride), np.float32), np.empty(len(stride), np.bool_)
    bonus[:] = np.float32(-0.5) * pull
    for word in before:
        if word:
            bonus[word] += pull
    free[:] = stride > 0
    for place in range(len(tokens)):
        if tokens[place]:
            _add(products, -np.float32(steps[place]) * step, gram[tokens[place]])
            _mark(free, tokens[place], partner, stride, False)
    for _ in range(sweeps):
        _sweep(products, bonus, free, tokens, steps, book)
