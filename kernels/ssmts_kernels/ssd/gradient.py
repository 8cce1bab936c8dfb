"""The gradients of the dual form in blocks of 16 steps, as a compiled loop."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import numpy as np

from ssmts_kernels._simd import BYTES, fill, jit, load, store, total, zeros
from ssmts_kernels._tiles import ask, ask_to_write, lines, multiply, scale_rows, transpose, update
from ssmts_kernels.ssd.loops import CHUNK, STEPS, decays, share


@jit
def backward_loop(
    first, last, layout, x, decay, gain, B, C, D, starts, grad_y, adjoint,
    grad_x, grad_exponent, grad_gain, grad_B, grad_C, grad_D,
):  # fmt: skip
    """Run tasks `first` to `last`; `adjoint` holds the last state's gradient and then the first one's.

    Each part of a group's heads has its own `grad_B` and `grad_C`.
    """
    batch, length, heads, groups, modes, width, parts = layout
    kind, square, size, chunks = grad_y.dtype, STEPS * STEPS, modes * width, -(-length // CHUNK)
    lanes = BYTES // grad_y.itemsize
    unit, below = np.eye(STEPS, dtype=kind).ravel(), np.tri(STEPS, STEPS, -1).astype(kind).ravel()
    one = np.ones(1, kind)
    b, c, b_flipped, c_flipped, sums_B, sums_C = np.empty((6, CHUNK * modes), kind)
    weights, of_B, of_C = np.empty((3, STEPS * modes), kind)
    signal, taken_up, outer = np.empty((3, CHUNK * width), kind)
    flipped, from_start, by_input = np.empty((3, STEPS * width), kind)
    between, scores, pairs = np.empty((3, CHUNK * STEPS), kind)
    products, mixed = np.empty((2, square), kind)
    gains, since, scale = np.empty((3, CHUNK), kind)
    crossing, carried, kept = np.empty((3, STEPS), kind)
    before = np.empty(CHUNK // STEPS * size, kind)
    for task in range(first, last):
        row, group, begin, end = share(task, layout)
        for chunk in range(chunks - 1, -1, -1):
            start = chunk * CHUNK
            steps = min(CHUNK, length - start)
            blocks = -(-steps // STEPS)
            here = ((row * length + start) * groups + group) * modes
            lines(steps, blocks * STEPS, modes, B, here, groups * modes, b, 0)
            lines(steps, blocks * STEPS, modes, C, here, groups * modes, c, 0)
            for s in range(blocks):
                n = s * STEPS * modes
                transpose(STEPS, modes, b, n, b_flipped, n)
                transpose(STEPS, modes, c, n, c_flipped, n)
                multiply(STEPS, modes, STEPS, c, n, modes, 1, b_flipped, n, scores, s * square)
            sums_B[:] = 0
            sums_C[:] = 0
            pairs[:] = 0
            for head in range(begin, end):
                base, at = (row * heads + head) * size, (row * length + start) * heads + head
                # What comes after this head: the next one, or the first one of the chunk before.
                coming, after_this = steps, at + 1
                if head + 1 == end:
                    coming, after_this = min(start, CHUNK), at + 1 - CHUNK * heads - (end - begin)
                lines(steps, blocks * STEPS, width, x, at * width, heads * width, signal, 0)
                lines(steps, blocks * STEPS, width, grad_y, at * width, heads * width, outer, 0)
                # The states at the start of every block.
                lines(1, 1, size, starts, ((row * chunks + chunk) * heads + head) * size, 0, before, 0)
                for s in range(blocks):
                    count, here = min(STEPS, steps - s * STEPS), at + s * STEPS * heads
                    k, n, p = s * STEPS, s * STEPS * modes, s * STEPS * width
                    decays(count, decay, gain, here, heads, unit, between, gains, since, scale, s)
                    scale_rows(STEPS, width, scale, k, signal, p, taken_up, p)
                    if s + 1 < blocks:
                        update(
                            modes, STEPS, width, b, n, 1, modes, taken_up, p,
                            since, k + STEPS - 1, before, s * size, before, (s + 1) * size,
                        )  # fmt: skip
                for s in range(blocks - 1, -1, -1):
                    count, here = min(STEPS, steps - s * STEPS), at + s * STEPS * heads
                    k, n, p = s * STEPS, s * STEPS * modes, s * STEPS * width
                    there, rows = (after_this + s * STEPS * heads) * width, min(STEPS, coming - s * STEPS)

                    # Within the block: how y_i depends on each x_j.
                    ask(0, rows, width, x, there, heads * width)
                    transpose(STEPS, width, signal, p, flipped, 0)
                    multiply(STEPS, width, STEPS, outer, p, width, 1, flipped, 0, products, 0)
                    ask(1, rows, width, x, there, heads * width)
                    trace = products[0]
                    for i in range(1, STEPS):
                        trace += products[i * STEPS + i]
                    grad_D[row * heads + head] += trace
                    for i in range(0, square, lanes):
                        decayed, score = load(between, s * square + i), load(scores, s * square + i)
                        pair = decayed * load(gains, k + i % STEPS) * load(products, i)
                        store(pairs, s * square + i, load(pairs, s * square + i) + pair)
                        store(products, i, pair * score)
                        store(mixed, i, decayed * score)
                    ask(2, rows, width, x, there, heads * width)
                    _cross(products, below, crossing)

                    # What the block takes up, later in it and beyond its end.
                    for j in range(STEPS):
                        left = fill(between, s * square + square - STEPS + j)
                        for i in range(j * modes, (j + 1) * modes, lanes):
                            store(weights, i, left * load(b, n + i))
                    ask(3, rows, width, x, there, heads * width)
                    multiply(STEPS, modes, width, weights, 0, modes, 1, adjoint, base, by_input, 0)
                    ask(0, rows, width, grad_y, there, heads * width)
                    update(
                        STEPS, STEPS, width, mixed, 0, 1, STEPS, outer, p, one, 0, by_input, 0, by_input, 0
                    )
                    ask(1, rows, width, grad_y, there, heads * width)
                    ask_to_write(0, count, width, grad_x, here * width, heads * width)
                    transpose(STEPS, width, taken_up, p, flipped, 0)
                    ask(2, rows, width, grad_y, there, heads * width)
                    multiply(modes, width, STEPS, adjoint, base, width, 1, flipped, 0, of_B, 0)
                    ask(3, rows, width, grad_y, there, heads * width)
                    _add(of_B, b_flipped, n, modes, sums_B, kept)

                    # What the state before the block contributes, and its gradient.
                    scale_rows(STEPS, width, since, k, outer, p, from_start, 0)
                    ask_to_write(1, count, width, grad_x, here * width, heads * width)
                    transpose(STEPS, width, from_start, 0, flipped, 0)
                    multiply(modes, width, STEPS, before, s * size, width, 1, flipped, 0, of_C, 0)
                    ask_to_write(2, count, width, grad_x, here * width, heads * width)
                    _add(of_C, c_flipped, n, modes, sums_C, carried)
                    through = _dot(size, before, s * size, adjoint, base)
                    ask_to_write(3, count, width, grad_x, here * width, heads * width)
                    update(
                        modes, STEPS, width, c, n, 1, modes, from_start, 0,
                        since, k + STEPS - 1, adjoint, base, adjoint, base,
                    )  # fmt: skip

                    for j in range(count):
                        by_gain, w = zeros(grad_y), fill(gains, k + j)
                        for i in range(0, width, lanes):
                            g = load(by_input, j * width + i)
                            by_gain = by_gain + g * load(signal, p + j * width + i)
                            direct = fill(D, head) * load(outer, p + j * width + i)
                            store(grad_x, (here + j * heads) * width + i, w * g + direct)
                        grad_gain[here + j * heads] = total(by_gain)
                    # Exponent j scales every path across step j: within the block, from before it, beyond
                    # its end, and through all of it.
                    for j in range(STEPS - 2, -1, -1):
                        carried[j] += carried[j + 1]
                    ahead = through * since[k + STEPS - 1]
                    for j in range(count):
                        grad_exponent[here + j * heads] = crossing[j] + carried[j] + ahead
                        ahead += kept[j]
            for s in range(blocks):
                n, at = s * STEPS * modes, s * square
                transpose(modes, STEPS, sums_C, n, of_C, 0)
                update(STEPS, STEPS, modes, pairs, at, STEPS, 1, b, n, one, 0, of_C, 0, sums_C, n)
                transpose(modes, STEPS, sums_B, n, of_B, 0)
                update(STEPS, STEPS, modes, pairs, at, 1, STEPS, c, n, one, 0, of_B, 0, sums_B, n)
            part = (task % parts * batch + row) * length + start
            for i in range(steps):
                to = ((part + i) * groups + group) * modes
                for n in range(0, modes, lanes):
                    store(grad_B, to + n, load(sums_B, i * modes + n))
                    store(grad_C, to + n, load(sums_C, i * modes + n))


@jit
def _cross(flow, below, crossing):
    """Sum flow (i, j) over i >= k > j, for every k."""
    lanes = BYTES // flow.itemsize
    for k in range(STEPS - 1, -1, -1):
        across = zeros(flow)
        for j in range(k * STEPS, (k + 1) * STEPS, lanes):
            if k < STEPS - 1:
                store(flow, j, load(flow, j) + load(flow, j + STEPS))
            across = across + load(flow, j) * load(below, j)
        crossing[k] = total(across)


@jit
def _add(gradient, weights, at, modes, sums, products):
    """Add a block's gradient to the sums; return its products with the weights, step by step.

    All are (N, steps) here: sums over N need no sums of lanes.
    """
    for i in range(0, STEPS, BYTES // sums.itemsize):
        product = zeros(sums)
        for j in range(i, modes * STEPS, STEPS):
            value = load(gradient, j)
            product = product + value * load(weights, at + j)
            store(sums, at + j, load(sums, at + j) + value)
        store(products, i, product)


@jit
def _dot(size, a, at, b, bt):
    """Return the sum of all products, in four sums at a time: one would wait for itself."""
    lanes = BYTES // a.itemsize
    p, q, r, s = zeros(a), zeros(a), zeros(a), zeros(a)
    for i in range(0, size, 4 * lanes):
        p = p + load(a, at + i) * load(b, bt + i)
        q = q + load(a, at + i + lanes) * load(b, bt + i + lanes)
        r = r + load(a, at + i + 2 * lanes) * load(b, bt + i + 2 * lanes)
        s = s + load(a, at + i + 3 * lanes) * load(b, bt + i + 3 * lanes)
    return total(p + q + (r + s))
