"""The dual form in blocks of 16 steps as a compiled loop; every array is flat, a head's state is (N, P).

Decays within a block are products of at most 16 factors: no exponentials, no differences. The rest are
products of small matrices whose sums stay in registers.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import numpy as np

from ssmts_kernels._simd import BYTES, fill, jit, load, store
from ssmts_kernels._tiles import ask, ask_to_write, lines, multiply, scale_rows, transpose, update

STEPS = 16
CHUNK = 64
"""Steps from one state that is kept for the backward pass to the next."""


@jit
def forward_loop(first, last, layout, x, decay, gain, B, C, D, states, starts, y, save):
    """Run tasks `first` to `last`: one row, one group and a part of its heads each."""
    _, length, heads, groups, modes, width, _ = layout
    lanes, size, chunks = BYTES // y.itemsize, modes * width, -(-length // CHUNK)
    unit, one = np.eye(STEPS, dtype=y.dtype).ravel(), np.ones(1, y.dtype)
    b, c, weights = np.empty((3, STEPS * modes), y.dtype)
    signal, out = np.empty((2, STEPS * width), y.dtype)
    between, scores, mixed = np.empty((3, STEPS * STEPS), y.dtype)
    gains, since, scale = np.empty((3, STEPS), y.dtype)
    for task in range(first, last):
        row, group, begin, end = share(task, layout)
        for start in range(0, length, STEPS):
            count = min(STEPS, length - start)
            here = ((row * length + start) * groups + group) * modes
            lines(count, STEPS, modes, B, here, groups * modes, b, 0)
            lines(count, STEPS, modes, C, here, groups * modes, c, 0)
            transpose(STEPS, modes, b, 0, weights, 0)
            multiply(STEPS, modes, STEPS, c, 0, modes, 1, weights, 0, scores, 0)
            for head in range(begin, end):
                base, at = (row * heads + head) * size, (row * length + start) * heads + head
                if save and start % CHUNK == 0:
                    to = ((row * chunks + start // CHUNK) * heads + head) * size
                    for i in range(0, size, lanes):
                        store(starts, to + i, load(states, base + i))
                # x is asked for a block ahead, y before it is written, a quarter between two products.
                coming, there = min(STEPS, length - start - STEPS), (at + STEPS * heads) * width
                ask(0, coming, width, x, there, heads * width)
                decays(count, decay, gain, at, heads, unit, between, gains, since, scale, 0)
                lines(count, STEPS, width, x, at * width, heads * width, signal, 0)
                ask_to_write(0, count, width, y, at * width, heads * width)
                ask_to_write(1, count, width, y, at * width, heads * width)
                # From steps of the block, feed-through on the diagonal, and from the state before it.
                for i in range(0, STEPS * STEPS, lanes):
                    store(mixed, i, load(between, i) * load(scores, i) * load(gains, i % STEPS))
                for i in range(STEPS):
                    mixed[i * STEPS + i] += D[head]
                scale_rows(STEPS, modes, since, 0, c, 0, weights, 0)
                ask_to_write(2, count, width, y, at * width, heads * width)
                ask_to_write(3, count, width, y, at * width, heads * width)
                multiply(STEPS, modes, width, weights, 0, modes, 1, states, base, out, 0)
                ask(1, coming, width, x, there, heads * width)
                update(STEPS, STEPS, width, mixed, 0, STEPS, 1, signal, 0, one, 0, out, 0, out, 0)
                ask(2, coming, width, x, there, heads * width)
                for i in range(count):
                    for p in range(0, width, lanes):
                        store(y, (at + i * heads) * width + p, load(out, i * width + p))
                scale_rows(STEPS, width, scale, 0, signal, 0, signal, 0)
                ask(3, coming, width, x, there, heads * width)
                update(
                    modes, STEPS, width, b, 0, 1, modes, signal, 0,
                    since, STEPS - 1, states, base, states, base,
                )  # fmt: skip


@jit
def share(task, layout):
    """Return the row, the group and the first and last + 1 head of a task."""
    _, _, heads, groups, _, _, parts = layout
    row, group, part, each = task // (groups * parts), task // parts % groups, task % parts, heads // groups
    return row, group, group * each + each * part // parts, group * each + each * (part + 1) // parts


@jit
def decays(count, decay, gain, at, row, unit, between, gains, since, scale, block):
    """Multiply the decays of one block up, steps from `count` on neither decaying nor taking anything up.

    Element (i, j) of `between` is the decay from step j to i >= j, `since` that from the block's start,
    `scale` what of each step's input is left at its end. What is handed on from block to block is multiplied
    in double: float32 products of decays near 1 are all rounded the same way, and the states would drift.
    """
    lanes, i0, square = BYTES // between.itemsize, block * STEPS, block * STEPS * STEPS
    for j in range(0, STEPS, lanes):
        store(between, square + j, load(unit, j))
    whole = 1.0
    for i in range(STEPS):
        here = at + i * row
        gains[i0 + i] = gain[here] if i < count else 0
        whole *= decay[here] if i < count else 1.0
        since[i0 + i] = whole
        scale[i0 + i] = decay[here] if i < count else 1
        if i > 0:
            for j in range(square + i * STEPS, square + (i + 1) * STEPS, lanes):
                store(between, j, load(between, j - STEPS) * fill(scale, i0 + i) + load(unit, j - square))
    left = 1.0
    for i in range(STEPS - 1, -1, -1):
        scale[i0 + i] = left * gains[i0 + i]
        left *= decay[at + i * row] if i < count else 1.0
