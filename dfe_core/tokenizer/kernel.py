"""The search of `quantizer` and the settling of `steady` for CPUs, compiled: a frame at a time in the processor's own
cache, where PyTorch would pass whole batches through memory for every stage.

The PyTorch versions are the reference and what a GPU runs; tests hold these to the same tokens. Letters as there.
Threads share out the frames, so that results do not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

_NEVER = np.float32(-1e30)
_TAKEN = np.float32(-3e38)
_TWIN = np.float32(1e-6)  # quantizer.TWIN
_BLOCK = 512
_LANES = 64
_MATH = {"nnan", "nsz", "contract", "reassoc"}


def search_frames(proposed: np.ndarray, wanted: np.ndarray, energy: np.ndarray, gram: np.ndarray, blocked: np.ndarray,
                  levels: np.ndarray, beam: int, rest_gain: float, sweeps: int, threads: int,
                  sort: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and levels (T, N) int64, as `quantizer.search` finds them.

    proposed, wanted: (T, K) f32 products of the codewords with the latent and with the target. energy: (T,) f32
    squared length of the latent. gram: (K, K) f32. blocked: (N, K) f32, 0 for the codewords a stage may use, else
    `_NEVER`. sort: put a beam's tokens in order before the sweeps, as one codebook for all stages allows.
    """
    tokens, chosen = (np.zeros((len(proposed), len(blocked)), np.int64) for _ in range(2))

    def work(start: int, end: int) -> None:
        _search_block(proposed[start:end], wanted[start:end], energy[start:end], gram, blocked, levels, beam,
                      np.float32(rest_gain), sweeps, sort and beam > 1, tokens[start:end], chosen[start:end])
    _share(work, len(proposed), threads)
    return tokens, chosen


def settle_frames(tokens: np.ndarray, chosen: np.ndarray, products: np.ndarray, gram: np.ndarray, blocked: np.ndarray,
                  levels: np.ndarray, linked: np.ndarray, weight: float, rest_gain: float, sweeps: int,
                  threads: int) -> None:
    """`steady.settle` on tokens and levels (T, N) int64, in place. products: (T, K) of what the tokens leave over."""
    for parity in (0, 1) * sweeps:
        def work(start: int, end: int, parity: int = parity) -> None:
            _settle_block(start, end, parity, tokens, chosen, products, gram, blocked, levels, linked,
                          np.float32(weight), np.float32(rest_gain))
        _share(work, len(tokens), threads)


def _share(work: Callable[[int, int], None], count: int, threads: int) -> None:
    blocks = [(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK)]
    if threads < 2 or len(blocks) < 2:
        for block in blocks:
            work(*block)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda block: work(*block), blocks))


@njit(cache=True, nogil=True, fastmath=_MATH)
def _gains(products, norms, blocked, levels, rest_gain, out):
    """Gain of every codeword at its best level; the best of all levels is the nearest to the projection."""
    weakest = levels[0]
    for k in range(len(norms)):
        out[k] = weakest * (np.float32(2) * products[k] - weakest * norms[k])
    for j in range(1, len(levels)):
        strength = levels[j]
        for k in range(len(norms)):
            gain = strength * (np.float32(2) * products[k] - strength * norms[k])
            out[k] = max(out[k], gain)
    for k in range(len(norms)):
        out[k] = out[k] + blocked[k] - rest_gain
    out[0] = np.float32(0)


@njit(cache=True, nogil=True)
def _level(product, norm, levels):
    best = 0
    for j in range(len(levels) - 1):
        if product / norm > (levels[j] + levels[j + 1]) / np.float32(2):
            best = j + 1
    return best


@njit(cache=True, nogil=True)
def _best(gains):
    """The first of the largest. Floats above zero are in order as integers, too, whose maximum the compiler finds with
    vector instructions; a gain below zero is the largest only where rest is taken."""
    keys, size, at = gains.view(np.int32), len(gains), 0
    top = keys[0]
    for k in range(size):
        top = max(top, keys[k])
    if top < 0:
        return _best_of_losses(gains)
    while at + _LANES <= size:
        peak = keys[at]
        for k in range(_LANES):
            peak = max(peak, keys[at + k])
        if peak == top:
            break
        at += _LANES
    while keys[at] != top:
        at += 1
    return at


@njit(cache=True, nogil=True)
def _best_of_losses(gains):
    best = 0
    for k in range(1, len(gains)):
        if gains[k] > gains[best]:
            best = k
    return best


@njit(cache=True, nogil=True, fastmath=_MATH)
def _take(products, strength, row):
    for k in range(len(row)):
        products[k] -= strength * row[k]


@njit(cache=True, nogil=True)
def _search_block(proposed, wanted, energy, gram, blocked, levels, beam, rest_gain, sweeps, sort, tokens, chosen):
    size = len(gram)
    norms, gains = np.maximum(np.diag(gram), np.float32(1e-12)), np.empty(size, np.float32)
    paths, spare = np.empty((beam, size), np.float32), np.empty((beam, size), np.float32)
    for row in range(len(proposed)):
        products = paths[0]
        products[:] = proposed[row]
        if beam == 1:
            _sweep(products, norms, blocked, levels, rest_gain, gains, gram, tokens[row], chosen[row])
        else:
            _beam_search(paths, spare, energy[row], norms, blocked, levels, rest_gain, gains, gram, tokens[row],
                         chosen[row])
        if sort:
            _strongest_first(tokens[row], chosen[row], norms, levels)
        for k in range(size if sweeps else 0):
            products[k] += wanted[row, k] - proposed[row, k]
        for _ in range(sweeps):
            _sweep(products, norms, blocked, levels, rest_gain, gains, gram, tokens[row], chosen[row])


@njit(cache=True, nogil=True)
def _beam_search(paths, spare, energy, norms, blocked, levels, rest_gain, gains, gram, tokens, chosen):
    """The best of `len(paths)` paths, from the products in the first of them; its own products are left there."""
    beam, stages, size = len(paths), len(tokens), len(norms)
    picked, old = np.zeros((beam, stages, 2), np.int64), np.zeros((beam, stages, 2), np.int64)
    errors, costs = np.empty(beam, np.float32), np.empty(beam * beam, np.float32)
    parents, words = np.empty(beam * beam, np.int64), np.empty(beam * beam, np.int64)
    order, kept = np.empty(beam * beam, np.int64), np.empty(beam, np.int64)
    errors[0], width, alike = energy, 1, _TWIN * energy
    for stage in range(stages):
        count = 0
        for path in range(width):
            _gains(paths[path], norms, blocked[stage], levels, rest_gain, gains)
            for _ in range(min(beam, size)):
                best = _best(gains)
                costs[count], parents[count], words[count] = errors[path] - gains[best], path, best
                gains[best] = _TAKEN
                count += 1
        width = _survivors(costs, count, beam, alike, order, kept)
        spare[:], old[:] = paths, picked
        for path in range(width):
            source, word = parents[kept[path]], words[kept[path]]
            picked[path], paths[path] = old[source], spare[source]
            errors[path] = costs[kept[path]]
            _place(paths[path], word, norms, levels, gram, picked[path, :, 0], picked[path, :, 1], stage)
    tokens[:], chosen[:] = picked[0, :, 0], picked[0, :, 1]


@njit(cache=True, nogil=True)
def _sweep(products, norms, blocked, levels, rest_gain, gains, gram, tokens, chosen):
    """Choose every token again with the others known; from all at rest it is the greedy search."""
    for place in range(len(tokens)):
        if tokens[place]:
            _take(products, -levels[chosen[place]], gram[tokens[place]])
        _gains(products, norms, blocked[place], levels, rest_gain, gains)
        _place(products, _best(gains), norms, levels, gram, tokens, chosen, place)


@njit(cache=True, nogil=True)
def _place(products, word, norms, levels, gram, tokens, chosen, place):
    tokens[place] = word
    chosen[place] = _level(products[word], norms[word], levels) if word else 0
    if word:
        _take(products, levels[chosen[place]], gram[word])


@njit(cache=True, nogil=True)
def _strongest_first(tokens, chosen, norms, levels):
    for i in range(1, len(tokens)):
        word, level, at = tokens[i], chosen[i], i
        while at > 0 and _key(word, level, norms, levels) > _key(tokens[at - 1], chosen[at - 1], norms, levels):
            tokens[at], chosen[at] = tokens[at - 1], chosen[at - 1]
            at -= 1
        tokens[at], chosen[at] = word, level


@njit(cache=True, nogil=True)
def _key(word, level, norms, levels):
    """As in `quantizer.strongest_first`; where two are as strong the lower number comes first."""
    energy = levels[level] * levels[level] * norms[word] if word else np.float32(0)
    return energy - np.float32(1e-6) * np.float32(word) / np.float32(len(norms))


@njit(cache=True, nogil=True)
def _survivors(costs, count, beam, alike, order, kept):
    """The `beam` cheapest candidates; of twins, which cost the same to rounding, the later ones come last."""
    for i in range(count):
        at = i
        while at > 0 and costs[order[at - 1]] > costs[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
    width = 0
    for twins in range(2):
        for i in range(count):
            twin = i > 0 and costs[order[i]] - costs[order[i - 1]] <= alike
            if twin == (twins == 1) and width < beam:
                kept[width] = order[i]
                width += 1
    return width


@njit(cache=True, nogil=True)
def _settle_block(start, end, parity, tokens, chosen, products, gram, blocked, levels, linked, weight, rest_gain):
    stages, size = blocked.shape
    norms = np.maximum(np.diag(gram), np.float32(1e-12))
    gains, counts = np.empty(size, np.float32), np.zeros((3, size), np.int64)
    for row in range(start + (start + parity) % 2, end, 2):
        sides = ((row - 1, row > 0 and linked[row]), (row + 1, row + 1 < len(tokens) and linked[row + 1]))
        for place in range(stages):
            counts[2, tokens[row, place]] += 1
            for side in range(2):
                if sides[side][1]:
                    counts[side, tokens[sides[side][0], place]] += 1
        base = np.float32(-0.5) * weight * (np.float32(sides[0][1]) + np.float32(sides[1][1]))
        for place in range(stages):
            counts[2, tokens[row, place]] -= 1
            if tokens[row, place]:
                _take(products[row], -levels[chosen[row, place]], gram[tokens[row, place]])
            _gains(products[row], norms, blocked[place], levels, rest_gain - base, gains)
            for side in range(2):
                if sides[side][1]:
                    _favour(gains, tokens[sides[side][0]], counts[side], counts[2], weight)
            gains[0] = np.float32(0)
            _place(products[row], _best(gains), norms, levels, gram, tokens[row], chosen[row], place)
            counts[2, tokens[row, place]] += 1
        counts[:] = 0


@njit(cache=True, nogil=True)
def _favour(gains, beside, theirs, own, weight):
    """Add `weight` once to each codeword that a neighbour has more often than the frame so far."""
    for i in range(len(beside)):
        word, seen = beside[i], False
        for j in range(i):
            seen = seen or beside[j] == word
        if not seen and theirs[word] > own[word]:
            gains[word] += weight
