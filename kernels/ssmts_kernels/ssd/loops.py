"""The loops over time of the compiled path; every array is flat, a head's state is (N, P)."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import numpy as np

from ssmts_kernels._simd import fill, jit, load, store, total, zeros


@jit
def forward_loop(first, last, layout, x, decay, gain, B, C, states, starts, y, chunk, save):
    """Run tasks `first` to `last`, one row and head each."""
    _, length, heads, groups, modes, width, lanes = layout
    chunks, size = -(-length // chunk), modes * width
    for task in range(first, last):
        row, head = task // heads, task % heads
        group, base = head // (heads // groups), task * size
        for k in range(length):
            if save and k % chunk == 0:
                to = ((row * chunks + k // chunk) * heads + head) * size
                for i in range(0, size, lanes):
                    store(starts, to + i, load(states, base + i))
            at = (row * length + k) * heads + head
            weights = ((row * length + k) * groups + group) * modes
            a, w = fill(decay, at), fill(gain, at)
            for p in range(0, width, lanes):
                out, taken_up = zeros(y), w * load(x, at * width + p)
                for n in range(modes):
                    i = base + n * width + p
                    state = a * load(states, i) + taken_up * fill(B, weights + n)
                    store(states, i, state)
                    out = out + state * fill(C, weights + n)
                store(y, at * width + p, out)


@jit
def backward_loop(
    first, last, layout, x, decay, gain, B, C, starts, grad_y, adjoint,
    grad_x, grad_exponent, grad_gain, grad_B, grad_C, chunk,
):  # fmt: skip
    """Run tasks `first` to `last`; `adjoint` holds the last state's gradient and then the first one's."""
    _, length, heads, groups, modes, width, lanes = layout
    chunks, size = -(-length // chunk), modes * width
    states = np.empty((chunk + 1) * size, grad_y.dtype)
    sums_B, sums_C = np.empty(modes * lanes, grad_y.dtype), np.empty(modes * lanes, grad_y.dtype)
    for task in range(first, last):
        row, head = task // heads, task % heads
        group, base = head // (heads // groups), task * size
        for c in range(chunks - 1, -1, -1):
            start, stop = c * chunk, min((c + 1) * chunk, length)
            origin = ((row * chunks + c) * heads + head) * size
            for i in range(0, size, lanes):
                store(states, i, load(starts, origin + i))
            for k in range(start, stop):
                at = (row * length + k) * heads + head
                weights = ((row * length + k) * groups + group) * modes
                a, w, here = fill(decay, at), fill(gain, at), (k - start) * size
                for p in range(0, width, lanes):
                    taken_up = w * load(x, at * width + p)
                    for n in range(modes):
                        i = here + n * width + p
                        store(states, i + size, a * load(states, i) + taken_up * fill(B, weights + n))
            for k in range(stop - 1, start - 1, -1):
                at = (row * length + k) * heads + head
                weights = ((row * length + k) * groups + group) * modes
                a, w, here = fill(decay, at), fill(gain, at), (k - start) * size
                by_decay, by_gain = zeros(grad_y), zeros(grad_y)
                for n in range(modes):
                    store(sums_B, n * lanes, zeros(grad_y))
                    store(sums_C, n * lanes, zeros(grad_y))
                for p in range(0, width, lanes):
                    signal, g_y = load(x, at * width + p), load(grad_y, at * width + p)
                    taken_up, by_input = w * signal, zeros(grad_y)
                    for n in range(modes):
                        i, j = here + n * width + p, base + n * width + p
                        adj = load(adjoint, j) + g_y * fill(C, weights + n)
                        by_input = by_input + adj * fill(B, weights + n)
                        store(sums_B, n * lanes, load(sums_B, n * lanes) + adj * taken_up)
                        store(sums_C, n * lanes, load(sums_C, n * lanes) + load(states, i + size) * g_y)
                        adj = a * adj
                        by_decay = by_decay + adj * load(states, i)
                        store(adjoint, j, adj)
                    store(grad_x, at * width + p, by_input * w)
                    by_gain = by_gain + by_input * signal
                grad_exponent[at], grad_gain[at] = total(by_decay), total(by_gain)
                for n in range(modes):
                    grad_B[at * modes + n] = total(load(sums_B, n * lanes))
                    grad_C[at * modes + n] = total(load(sums_C, n * lanes))
