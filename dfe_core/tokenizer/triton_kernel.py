"""The search of `quantizer` and the refinement of `temporal_smoothing` for GPUs, as one kernel in Triton.

A program encodes a stretch of frames, from the products with the codewords to the tokens. It searches a few frames at a
time: their products stay in registers over all places and sweeps, rows of the Gram matrix (16 kB of 64 codewords) come
from the first cache. Then it passes over every other frame, and over those between, given their neighbours, as
`temporal_smoothing.refine_` does. What a frame becomes depends on the 2 · sweeps frames on either side, so that a
program searches so many more than it gives back, and programs know nothing of each other. A program is one warp: it
waits for no other, and passes over a place once none of its few frames has anything left to put there.

`order_tokens` is the second kernel: a frame's tokens, strongest first over 15 frames.

The PyTorch version is the reference. The arithmetic is that of its operations, one by one and without fused
multiply-adds, so that ties fall as there. Two things are rounded differently: the multiple of a step nearest to a
projection is found with a reciprocal, and smoothing goes on with the residual products of the search, where the
reference forms them anew.

Letters as in `quantizer`; T frames, R of them at a time, S of a stretch, M of its margin. A code is 256 · token +
intensity in base steps. This module needs Triton; `fused` says where it is used.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _gains(products, k, inverse, width, norms, top, cost, first_cost, COSTS: tl.constexpr):
    """`quantizer.choose_tokens`: gain (R, K) of every codeword at its best intensity, and which multiple that is.

    Most products are below one step, where all three multiples are the first: only the others look up their cost.
    """
    nearest = tl.floor(products * inverse)
    far = nearest >= 1
    middle = tl.minimum(tl.maximum(nearest, 0.0), top + 1)
    at = cost + (k[None, :] * COSTS + middle.to(tl.int32))
    best = tl.maximum(middle - 1, 1.0)
    strength = best * width
    gain = strength * (2 * products - strength * norms) - tl.load(at, mask=far, other=first_cost)
    for offset in tl.static_range(1, 3):
        multiple = tl.minimum(tl.maximum(middle + (offset - 1), 1.0), top)
        strength = multiple * width
        spent = tl.load(at + offset, mask=far, other=first_cost)
        value = strength * (2 * products - strength * norms) - spent
        better = value > gain
        gain = tl.where(better, value, gain)
        best = tl.where(better, multiple, best)
    return gain, best


@triton.jit
def _sweep(
    products, bonus, free, code, k, column,
    gram, inverse, width, norms, top, cost, first_cost, stride, partner, step,
    PLACES: tl.constexpr, KP: tl.constexpr, COSTS: tl.constexpr, PAIRED: tl.constexpr,
):  # fmt: skip
    """`quantizer.choose_again_` of every place in turn; from no tokens it is the greedy search.

    free: (R, K) the bonus, and −inf where a codeword or its opposite is in the frame. An empty place is passed over
    where nothing was worth adding a moment ago, for nothing has changed since.
    """
    full = tl.zeros((products.shape[0],), tl.int32)
    for place in range(PLACES):
        old = tl.sum(tl.where(column[None, :] == place, code, 0), 1)
        if tl.max(((old != 0) | (full == 0)).to(tl.int32), 0) > 0:
            word = old >> 8
            strength = (old & 255).to(tl.float32) * step
            products = products + strength[:, None] * tl.load(gram + word[:, None] * KP + k[None, :])
            hers = k[None, :] == word[:, None]
            if PAIRED:
                hers = hers | (partner == word[:, None])
            free = tl.where(hers, bonus, free)
            gain, multiple = _gains(
                products,
                k,
                inverse=inverse,
                width=width,
                norms=norms,
                top=top,
                cost=cost,
                first_cost=first_cost,
                COSTS=COSTS,
            )
            gain = gain + free
            largest = tl.max(gain, 1)
            choice = multiple.to(tl.int32) * stride + k[None, :] * 256
            new = tl.min(tl.where(gain == largest[:, None], choice, 1 << 30), 1)
            new = tl.where(new == 1 << 30, 0, new)  # where products are no numbers
            word = new >> 8
            strength = (new & 255).to(tl.float32) * step
            products = products - strength[:, None] * tl.load(gram + word[:, None] * KP + k[None, :])
            word = tl.where(word == 0, -2, word)  # the null token is never taken
            hers = k[None, :] == word[:, None]
            if PAIRED:
                hers = hers | (partner == word[:, None])
            free = tl.where(hers, float("-inf"), free)
            code = tl.where(column[None, :] == place, new[:, None], code)
            full = (new == 0).to(tl.int32)
    return products, free, code


@triton.jit
def _energy(code, norms, tie, step):
    """(R, N) what `quantizer.strongest_first` sorts by."""
    strength = (code & 255).to(tl.float32) * step
    return strength * strength * tl.load(norms + (code >> 8)) - tl.load(tie + (code >> 8))


@triton.jit
def _rank(first, second, column, PLACES: tl.constexpr):
    """(R, N) place of each token by falling `first`, then by falling `second`, then as they stand."""
    rank = tl.zeros(first.shape, tl.int32)
    for place in range(PLACES):
        here = column[None, :] == place
        one, two = tl.sum(tl.where(here, first, 0.0), 1)[:, None], tl.sum(tl.where(here, second, 0.0), 1)[:, None]
        ahead = (two > second) | ((two == second) & (place < column[None, :]))
        rank += ((one > first) | ((one == first) & ahead)).to(tl.int32)
    return rank


@triton.jit
def encode_stretches(
    proposed, change, linked, codes, held, left,
    gram, vectors, cost, integers, tie, frames, step,
    K: tl.constexpr, KP: tl.constexpr, PLACES: tl.constexpr, NP: tl.constexpr, COSTS: tl.constexpr,
    PAIRED: tl.constexpr, TARGET: tl.constexpr, SWEEPS: tl.constexpr, SMOOTHINGS: tl.constexpr,
    STRETCH: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    """Tokens of one stretch, with a margin of M = 2 · SMOOTHINGS frames on either side.

    proposed: (T, K) f32 products of codewords and latent. change: (T, K) f32 what is added to them after the greedy
    search, with TARGET. linked: (T,) uint8, whether a frame follows the one before it. codes, held, left: written, of
    (programs · (S + 2 M)) frames: codes (N) int32, intensities in base steps (K) int32, residual products (KP) f32.

    gram: (K, KP). vectors: (7, KP) f32: 1 / (‖c‖² width), width, ‖c‖², top, cost of the first multiple, −inf for
    codewords that may not be used, and the weight of `temporal_smoothing.smooth`; the null token gains 0 by them.
    cost: (KP, COSTS) f32, in column j that of multiple j − 1 clamped. integers: (2, KP) int32 stride and partner.
    tie: (K,) f32, what orders tokens of one energy by their number.
    """
    MARGIN: tl.constexpr = 2 * SMOOTHINGS  # noqa: N806
    WHOLE: tl.constexpr = STRETCH + 2 * MARGIN  # noqa: N806
    program = tl.program_id(0)
    start = program.to(tl.int64) * STRETCH - MARGIN
    scratch = program.to(tl.int64) * WHOLE
    k, column, few = tl.arange(0, KP), tl.arange(0, NP), tl.arange(0, R)
    inverse, width = tl.load(vectors + k)[None, :], tl.load(vectors + KP + k)[None, :]
    lengths, top = tl.load(vectors + 2 * KP + k)[None, :], tl.load(vectors + 3 * KP + k)[None, :]
    first_cost, closed = tl.load(vectors + 4 * KP + k)[None, :], tl.load(vectors + 5 * KP + k)[None, :]
    stride, partner = tl.load(integers + k)[None, :], tl.load(integers + KP + k)[None, :]
    norms = vectors + 2 * KP
    codes += scratch * PLACES
    held += scratch * K
    left += scratch * KP
    proposed += start * K
    change += start * K
    linked += start

    for block in range(0, WHOLE, R):
        local = block + few
        there = (local < WHOLE) & (start + local >= 0) & (start + local < frames)
        cells = local[:, None] * K + k[None, :]
        inside = there[:, None] & (k[None, :] < K)
        products = tl.load(proposed + cells, mask=inside, other=0.0)
        bonus = tl.zeros((R, KP), tl.float32) + closed
        free, code = bonus, tl.zeros((R, NP), tl.int32)
        for turn in range(1 + SWEEPS):
            products, free, code = _sweep(
                products, bonus, free, code, k=k, column=column, gram=gram, inverse=inverse, width=width,
                norms=lengths, top=top, cost=cost, first_cost=first_cost, stride=stride, partner=partner, step=step,
                PLACES=PLACES, KP=KP, COSTS=COSTS, PAIRED=PAIRED,
            )  # fmt: skip
            if TARGET and turn == 0:
                products = products + tl.load(change + cells, mask=inside, other=0.0)
        energy = _energy(code, norms, tie, step)
        written = there[:, None] & (column[None, :] < PLACES)
        tl.store(codes + local[:, None] * PLACES + _rank(energy, energy, column, PLACES), code, mask=written)
        tl.store(held + cells, tl.zeros((R, KP), tl.int32), mask=inside)
        tl.store(left + local[:, None] * KP + k[None, :], products, mask=there[:, None])
        tl.debug_barrier()
        tl.store(held + local[:, None] * K + (code >> 8), code & 255, mask=written & (code != 0))

    for turn in range(2 * SMOOTHINGS):
        tl.debug_barrier()
        for block in range(0, WHOLE // 2, R):
            local = 2 * (block + few) + turn % 2
            there = (local < WHOLE) & (start + local >= 0) & (start + local < frames)
            next_there = there & (start + local + 1 < frames)
            cells = local[:, None] * K + k[None, :]
            inside = there[:, None] & (k[None, :] < K)
            before = tl.load(held + cells - K, mask=inside & (local > 0)[:, None], other=0) > 0
            after = tl.load(held + cells + K, mask=inside & (next_there & (local + 1 < WHOLE))[:, None], other=0) > 0
            before_link = tl.load(linked + local, mask=there, other=0).to(tl.float32)[:, None]
            after_link = tl.load(linked + local + 1, mask=next_there, other=0).to(tl.float32)[:, None]
            shared = before_link * (before.to(tl.float32) - 0.5) + after_link * (after.to(tl.float32) - 0.5)
            bonus = tl.load(vectors + 6 * KP + k)[None, :] * shared + closed
            taken = tl.load(held + cells, mask=inside, other=0) > 0
            if PAIRED:
                mates = inside & (partner >= 0)
                taken = taken | (tl.load(held + local[:, None] * K + partner, mask=mates, other=0) > 0)
            free = tl.where(taken, float("-inf"), bonus)
            products = tl.load(left + local[:, None] * KP + k[None, :], mask=there[:, None], other=0.0)
            places = local[:, None] * PLACES + column[None, :]
            written = there[:, None] & (column[None, :] < PLACES)
            code = tl.load(codes + places, mask=written, other=0)
            products, free, code = _sweep(
                products, bonus, free, code, k=k, column=column, gram=gram, inverse=inverse, width=width,
                norms=lengths, top=top, cost=cost, first_cost=first_cost, stride=stride, partner=partner, step=step,
                PLACES=PLACES, KP=KP, COSTS=COSTS, PAIRED=PAIRED,
            )  # fmt: skip
            tl.store(codes + places, code, mask=written)
            tl.store(held + cells, tl.zeros((R, KP), tl.int32), mask=inside)
            tl.store(left + local[:, None] * KP + k[None, :], products, mask=there[:, None])
            tl.debug_barrier()
            tl.store(held + local[:, None] * K + (code >> 8), code & 255, mask=written & (code != 0))


@triton.jit
def order_tokens(
    codes, held, run, norms, tie, tokens, levels, frames, step,
    K: tl.constexpr, PLACES: tl.constexpr, NP: tl.constexpr, REACH: tl.constexpr,
    STRETCH: tl.constexpr, MARGIN: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    """Tokens and levels (T, N) in order: by the energy over REACH frames on either side of the same run (T,) int32, as
    `temporal_smoothing.smooth` has them, then as `quantizer.strongest_first`."""
    row, column = tl.program_id(0) * R + tl.arange(0, R), tl.arange(0, NP)
    there = row < frames
    kept = there[:, None] & (column[None, :] < PLACES)
    place = row.to(tl.int64) + (row // STRETCH * 2 + 1) * MARGIN
    code = tl.load(codes + place[:, None] * PLACES + column[None, :], mask=kept, other=0)
    word = code >> 8
    steady = tl.zeros((R, NP), tl.float32)
    if REACH > 0:
        own = tl.load(run + row, mask=there, other=-1)
        length = tl.load(norms + word)
        count = tl.zeros((R, NP), tl.float32)
        for offset in range(-REACH, REACH + 1):
            other = row + offset
            near = there & (other >= 0) & (other < frames)
            near = near & (tl.load(run + other, mask=near, other=-2) == own)
            place = other.to(tl.int64) + (other // STRETCH * 2 + 1) * MARGIN
            steps = tl.load(held + place[:, None] * K + word, mask=near[:, None] & kept, other=0)
            strength = steps.to(tl.float32) * step
            steady += strength * strength * length
            count += near.to(tl.float32)[:, None]
        steady = tl.where(word > 0, tl.math.div_rn(steady, tl.maximum(count, 1.0)), -1.0)
    rank = _rank(steady, _energy(code, norms, tie, step), column, PLACES)
    place = row.to(tl.int64)[:, None] * PLACES + rank
    tl.store(tokens + place, word.to(tokens.dtype.element_ty), mask=kept)
    tl.store(levels + place, tl.maximum((code & 255) - 1, 0).to(levels.dtype.element_ty), mask=kept)
