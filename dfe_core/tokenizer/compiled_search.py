"""The loops of `kernel`, compiled: the search of `quantizer` and the refinement of `temporal_smoothing`.

Tokens are those of the PyTorch versions. What is left out is work that cannot change one of them:

- No codeword gains more than p²/‖c‖² less its cheapest intensity. These bounds are taken of 64 codewords at once
  (`_bounds`), and only codewords whose bound is above the best gain so far are looked at closely.
- A place is not visited again before something has changed since its last visit. A frame of which every place was
  visited since is *at rest*: a further sweep would change nothing.
- A frame at rest stays so under temporal smoothing where each of its tokens is in a neighbour and none is missing that
  both have.

Letters as in `quantizer`; P is K rounded up to whole blocks of `LANES`. Counting references to arrays is switched off:
it took half of the time, and nothing here makes an array. Numbers that are no numbers choose no token.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 64
NORM, REACH, BASE, WIDTH, SPAN, TOP, STEP, GRAM = range(8)
"""Rows of the reals (GRAM + K, P) f32: ‖c‖²; the factor of p² in the bound, and what is added to it; base step and ‖c‖²
times it; number of intensities; the base step of all; then the Gram matrix."""
STRIDE, PARTNER = range(2)
"""Rows of the wholes (2, P) int64."""
_LEFT, _BOUND, _OFFSET, _BONUS, _KEY, WORK_ROWS = range(6)
"""Rows of the workspace: products without the token that is chosen again; bounds of gains; what is added to p² in them,
−∞ for codewords that are taken; what neighbours in time add to gains; keys of order."""
_ALONE, _PULLED = 1, 2
"""At rest without neighbours, and with those that it had."""
_NEVER = np.float32(-np.inf)
_SLACK = np.float32(0.999999)

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
_njit: Any = njit  # its types know nothing of the last option, and `intrinsic`'s nothing of the first argument
_vectors: Any = intrinsic
_loop, _part = _njit(**_OPTIONS), _njit(**_OPTIONS, forceinline=True)

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_I32 = ir.IntType(32)


def _lanes(context, builder, kind, array, row, start):
    """Pointer to `LANES` numbers of a row of a contiguous array from a column on."""
    view = cgutils.create_struct_proxy(kind)(context, builder, value=array)
    first = builder.add(builder.mul(row, builder.extract_value(view.shape, 1)), start)
    return builder.bitcast(builder.gep(view.data, [first]), _VECTOR.as_pointer())


def _repeated(builder, number):
    empty, zero = ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_I32, 0)
    one = builder.insert_element(empty, number, zero)
    return builder.shuffle_vector(one, empty, ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES))


@_vectors
def _bounds(_, products, row, reals, old, strength, work, start):
    """Products with the token `old` taken out of the frame, and the bounds of gains that they allow.

    Written as vectors, because the compiler finds none in the loop that says the same.
    """

    def generate(context, builder, signature, args):
        def at(which, line):
            line = ir.Constant(ir.IntType(64), line) if isinstance(line, int) else line
            return _lanes(context, builder, signature.args[which], args[which], line, args[6])

        taken = builder.load(at(2, builder.add(args[3], ir.Constant(ir.IntType(64), GRAM))), align=4)
        product = builder.load(at(0, args[1]), align=4)
        product = builder.fadd(product, builder.fmul(_repeated(builder, args[4]), taken))
        zero = ir.Constant(_VECTOR, [0.0] * LANES)
        positive = builder.select(builder.fcmp_ordered(">", product, zero), product, zero)
        reach = builder.fmul(builder.fmul(positive, positive), builder.load(at(2, REACH), align=4))
        bound = builder.fadd(reach, builder.load(at(5, _OFFSET), align=4))
        builder.store(product, at(5, _LEFT), align=4)
        builder.store(bound, at(5, _BOUND), align=4)
        return context.get_dummy_value()

    return types.void(products, types.intp, reals, types.intp, types.float32, work, types.intp), generate


@_vectors
def _above(_, work, start, limit):
    """Bit by bit, which of `LANES` bounds from `start` on are above a limit."""

    def generate(context, builder, signature, args):
        line = ir.Constant(ir.IntType(64), _BOUND)
        bound = builder.load(_lanes(context, builder, signature.args[0], args[0], line, args[1]), align=4)
        return builder.bitcast(builder.fcmp_ordered(">", bound, _repeated(builder, args[2])), ir.IntType(LANES))

    return types.uint64(work, types.intp, types.float32), generate


@_vectors
def _largest(_, work, start):
    """The largest of `LANES` bounds from `start` on."""

    def generate(context, builder, signature, args):
        line = ir.Constant(ir.IntType(64), _BOUND)
        left = builder.load(_lanes(context, builder, signature.args[0], args[0], line, args[1]), align=4)
        count = LANES
        while count > 1:
            count //= 2
            halves = [
                builder.shuffle_vector(
                    left,
                    ir.Constant(left.type, ir.Undefined),
                    ir.Constant(ir.VectorType(_I32, count), list(range(first, first + count))),
                )
                for first in (0, count)
            ]
            left = builder.select(builder.fcmp_ordered(">", *halves), *halves)
        return builder.extract_element(left, ir.Constant(_I32, 0))

    return types.float32(work, types.intp), generate


@_vectors
def _lowest(_, bits):
    """The place of the lowest bit of a number that has one."""

    def generate(_context, builder, _signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.intp(types.uint64), generate


@_part
def _gain(product, k, tables):
    """Gain and base steps of one codeword at its best intensity, as `quantizer.choose_tokens`."""
    reals, whole, cost = tables
    norm, width, top, stride = reals[NORM, k], reals[WIDTH, k], reals[TOP, k], whole[STRIDE, k]
    nearest = np.floor(product / reals[SPAN, k])
    best, level = _NEVER, 0
    for offset in range(-1, 2):
        multiple = nearest + np.float32(offset)
        multiple = multiple if multiple > np.float32(1) else np.float32(1)  # noqa: FURB136 - 1 for what is no number
        multiple = multiple if multiple < top else top  # noqa: FURB136
        strength = multiple * width
        at = np.int64(multiple) * stride
        value = strength * (np.float32(2) * product - strength * norm) - cost[k, at]
        if value > best:
            best, level = value, at
    return best, level


@_part
def _choose(row, old, before, products, tables, work):
    """The codeword and base steps of the largest gain for a place that holds `old` at `before` base steps; codeword 0
    where nothing gains; of equal gains the lower number."""
    reals = tables[0]
    size, strength = reals.shape[1], np.float32(before) * reals[STEP, 0]
    for start in range(0, size, LANES):
        _bounds(products, row, reals, old, strength, work, start)
    best, word, level, first = np.float32(0), 0, 0, old
    if not old:
        top, where = best, 0
        for start in range(0, size, LANES):
            here = _largest(work, start)
            if here > top:
                top, where = here, start
        if top <= best:
            return word, level
        first = where + _lowest(_above(work, where, top * _SLACK))
    gain, at = _gain(work[_LEFT, first], first, tables)
    gain += work[_BONUS, first]
    if gain > best:
        best, word, level = gain, first, at
    for start in range(0, size, LANES):
        bits = _above(work, start, best)
        while bits:
            k = start + _lowest(bits)
            bits &= bits - np.uint64(1)
            if work[_BOUND, k] > best and k != first:
                gain, at = _gain(work[_LEFT, k], k, tables)
                gain += work[_BONUS, k]
                if gain > best or (gain == best and k < word):
                    best, word, level = gain, k, at
    return word, level


@_part
def _mark(word, free, tables, work):
    """Let a codeword and the one of the opposite movement be chosen, or not."""
    reals, whole, _ = tables
    if word:
        work[_OFFSET, word] = reals[BASE, word] + work[_BONUS, word] if free else _NEVER
        other = whole[PARTNER, word]
        if other >= 0:
            work[_OFFSET, other] = reals[BASE, other] + work[_BONUS, other] if free else _NEVER


@_part
def _visit(row, place, frames, tables, work):
    """Choose one token again with the others known; whether it changed."""
    products, tokens, steps = frames[0], frames[1], frames[2]
    reals = tables[0]
    old, before = tokens[row, place], steps[row, place]
    _mark(old, True, tables, work)
    word, level = _choose(row, old, before, products, tables, work)
    _mark(word, False, tables, work)
    if word == old and level == before:
        return False
    tokens[row, place], steps[row, place] = word, level
    strength = np.float32(level) * reals[STEP, 0]
    for k in range(reals.shape[1]):
        products[row, k] = work[_LEFT, k] - strength * reals[GRAM + word, k]
    return True


@_loop
def _sweep(row, rounds, frames, tables, work):
    """Choose every token again so many times, the first of which is the greedy search where there is none yet. Whether
    the frame is at rest, and whether it changed."""
    tokens = frames[1]
    unchanged, full, moved = 0, False, False
    for _ in range(rounds):
        for place in range(tokens.shape[1]):
            if tokens[row, place] or not full:
                changed = _visit(row, place, frames, tables, work)
                moved |= changed
                unchanged = 1 if changed else unchanged + 1
                full = tokens[row, place] == 0 or (full and not changed)
            else:  # nothing was worth adding a moment ago, and nothing has changed since
                unchanged += 1
            if unchanged >= tokens.shape[1]:
                return True, moved
    return False, moved


@_part
def _sort(row, frames, work):
    """Tokens by falling keys; those of equal keys stay in their order."""
    tokens, steps = frames[1], frames[2]
    for last in range(1, tokens.shape[1]):
        key, word, level, place = work[_KEY, last], tokens[row, last], steps[row, last], last
        while place > 0 and work[_KEY, place - 1] < key:
            work[_KEY, place] = work[_KEY, place - 1]
            tokens[row, place], steps[row, place] = tokens[row, place - 1], steps[row, place - 1]
            place -= 1
        work[_KEY, place], tokens[row, place], steps[row, place] = key, word, level


@_part
def _energy(word, level, reals):
    strength = np.float32(level) * reals[STEP, 0]
    return strength * strength * reals[NORM, word] if word else np.float32(0)


@_part
def _strongest_first(row, frames, tables, work):
    """`quantizer.strongest_first`."""
    tokens, steps = frames[1], frames[2]
    for place in range(tokens.shape[1]):
        word = tokens[row, place]
        number = np.float32(word) * np.float32(1e-6) / np.float32(tables[2].shape[0])
        work[_KEY, place] = _energy(word, steps[row, place], tables[0]) - number
    _sort(row, frames, work)


@_part
def _note(row, tokens, present):
    """Write down which codewords a frame has, a bit each."""
    for block in range(present.shape[1]):
        present[row, block] = 0
    for place in range(tokens.shape[1]):
        word = tokens[row, place]
        if word:
            present[row, word // LANES] |= np.uint64(1) << np.uint64(word % LANES)


@_loop
def search_rows(start, end, frames, change, sweeps, tables, work):
    """`quantizer.search` of some frames.

    frames: products (T, P) f32 of the latents, tokens and steps (T, N) int64 and empty, rest and turn (T,) uint8,
    present (T, P / LANES) uint64. change: (T, P) f32, products of the target less those of the latent, or of no rows.
    """
    products, tokens, _, rest, _, present = frames
    for row in range(start, end):
        for k in range(products.shape[1]):
            work[_BONUS, k], work[_OFFSET, k] = 0, tables[0][BASE, k]
        if len(change):
            _sweep(row, 1, frames, tables, work)
            for k in range(products.shape[1]):
                products[row, k] += change[row, k]
            rest[row] = _sweep(row, sweeps, frames, tables, work)[0]
        else:
            rest[row] = _sweep(row, 1 + sweeps, frames, tables, work)[0]
        _strongest_first(row, frames, tables, work)
        _note(row, tokens, present)


@_loop
def note_rows(start, end, frames):
    """Write down which codewords some frames have."""
    for row in range(start, end):
        _note(row, frames[1], frames[5])


@_part
def _agrees(row, before, after, present):
    """Whether each token of a frame is in one of its neighbours, and none is missing that all of them have."""
    for block in range(present.shape[1]):
        own = present[row, block]
        earlier = present[row - 1, block] if before else present[row + 1, block] if after else own
        later = present[row + 1, block] if after else earlier
        if own & ~(earlier | later) or earlier & later & ~own:
            return False
    return True


@_part
def _pull(row, other, strength, frames, work):
    for place in range(frames[1].shape[1]):
        if frames[1][other, place]:
            work[_BONUS, frames[1][other, place]] += strength


@_loop
def smooth_rows(first, end, turn, frames, pull, tables, work):
    """`temporal_smoothing.refine_` of every other frame from `first` on; `turn` counts such passes from 1.

    frames: as in `search_rows`, products of what the tokens leave. pull: (T,) f32, what binds a frame to the one before
    it, 0 where none does.
    """
    products, tokens, _, rest, turned, present = frames
    count = len(tokens)
    for row in range(first, end, 2):
        before = pull[row] if row > 0 else np.float32(0)
        after = pull[row + 1] if row + 1 < count else np.float32(0)
        news = (before and turned[row - 1] + 1 == turn) or (after and turned[row + 1] + 1 == turn)
        if (rest[row] & _PULLED and not news) or (rest[row] & _ALONE and _agrees(row, before, after, present)):
            continue
        for k in range(products.shape[1]):
            work[_BONUS, k] = np.float32(-0.5) * (before + after)
        if before:
            _pull(row, row - 1, before, frames, work)
        if after:
            _pull(row, row + 1, after, frames, work)
        for k in range(products.shape[1]):
            work[_OFFSET, k] = tables[0][BASE, k] + work[_BONUS, k]
        for place in range(tokens.shape[1]):
            _mark(tokens[row, place], False, tables, work)
        still, moved = _sweep(row, 1, frames, tables, work)
        if moved:
            rest[row], turned[row] = 0, turn
            _note(row, tokens, present)
        if still:
            rest[row] |= _PULLED


@_loop
def energy_rows(start, end, frames, tables):
    """Put the energy of each codeword in each frame in the place of the products."""
    products, tokens, steps = frames[0], frames[1], frames[2]
    for row in range(start, end):
        for k in range(products.shape[1]):
            products[row, k] = 0
        for place in range(tokens.shape[1]):
            word = tokens[row, place]
            if word:
                products[row, word] = _energy(word, steps[row, place], tables[0])


@_loop
def order_rows(start, end, frames, half, tables, work):
    """`temporal_smoothing._in_steady_order` over 2 · half + 1 frames, with the energies of `energy_rows`."""
    energy, tokens = frames[0], frames[1]
    for row in range(start, end):
        _strongest_first(row, frames, tables, work)
        low, high = max(row - half, 0), min(row + half + 1, len(tokens))
        for place in range(tokens.shape[1]):
            word, total = tokens[row, place], np.float32(0)
            if word:
                for other in range(low, high):
                    total += energy[other, word]
            work[_KEY, place] = total / np.float32(high - low) if word else np.float32(-1)
        _sort(row, frames, work)


@_njit(**_OPTIONS, fastmath={"reassoc", "contract"})
def _squared(values, size):
    total = np.float32(0)
    for d in range(size):
        total += values[d] * values[d]
    return total


@_loop
def finish_rows(start, end, frames, goal, codewords, found, left):
    """Levels, intensities and error, as `quantizer.finished`, of tokens in their order.

    goal: (T, D), codewords: (K, D). found: levels (T, N) int64, intensities (T, N) f32, error (T,) f32. left: (D + 1,)
    f32, a workspace whose last number is the base step.
    """
    tokens, steps = frames[1], frames[2]
    levels, intensities, error = found
    size = goal.shape[1]
    for row in range(start, end):
        for d in range(size):
            left[d] = goal[row, d]
        for place in range(tokens.shape[1]):
            word, strength = tokens[row, place], np.float32(steps[row, place]) * left[size]
            levels[row, place], intensities[row, place] = max(steps[row, place] - 1, 0), strength
            if word:
                for d in range(size):
                    left[d] -= strength * codewords[word, d]
        error[row] = _squared(left, size)
