"""The loops over time of the compiled path; every array is flat."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import numpy as np

from ssmts_kernels._simd import exp, fill, jit, load, phi1, phi1_slope, store, total, zeros


@jit
def forward_loop(first, last, layout, step, u, B, C, A, states, starts, y, chunk, zoh, save):
    """Run tasks `first` to `last`."""
    _, length, channels, modes, lanes, tile = layout
    tiles, chunks = channels // tile, -(-length // chunk)
    x = np.empty(modes * tile, y.dtype)
    for task in range(first, last):
        row, offset = task // tiles, task % tiles * tile
        for n in range(modes):
            for v in range(0, tile, lanes):
                store(x, n * tile + v, load(states, (row * modes + n) * channels + offset + v))
        for k in range(length):
            if save and k % chunk == 0:
                for n in range(modes):
                    for v in range(0, tile, lanes):
                        at = ((row * chunks + k // chunk) * modes + n) * channels + offset + v
                        store(starts, at, load(x, n * tile + v))
            time = row * length + k
            for v in range(0, tile, lanes):
                at = time * channels + offset + v
                s, u_k, out = load(step, at), load(u, at), zeros(y)
                weighted = s * u_k
                for n in range(modes):
                    z = s * load(A, n * channels + offset + v)
                    a = exp(z)
                    taken_up = weighted * fill(B, time * modes + n)
                    if zoh:
                        taken_up = taken_up * phi1(z, a)
                    state = a * load(x, n * tile + v) + taken_up
                    store(x, n * tile + v, state)
                    out = out + state * fill(C, time * modes + n)
                store(y, at, out)
        for n in range(modes):
            for v in range(0, tile, lanes):
                store(states, (row * modes + n) * channels + offset + v, load(x, n * tile + v))


@jit
def backward_loop(
    first, last, layout, step, u, B, C, A, starts, inner, adjoint,
    grad_u, grad_step, grad_A, grad_B, grad_C, y, chunk, zoh,
):  # fmt: skip
    """Run tasks `first` to `last`; `adjoint` holds the last state's gradient and then the first one's."""
    batch, length, channels, modes, lanes, tile = layout
    tiles, chunks = channels // tile, -(-length // chunk)
    size = modes * tile
    x, a = np.empty((chunk + 1) * size, y.dtype), np.empty(chunk * size, y.dtype)
    g, slope = np.empty(size, y.dtype), np.empty(size, y.dtype)
    sums_B, sums_C = np.empty(modes * lanes, y.dtype), np.empty(modes * lanes, y.dtype)
    for task in range(first, last):
        row, offset = task // tiles, task % tiles * tile
        partial = (task % tiles * batch + row) * length
        for n in range(modes):
            for v in range(0, tile, lanes):
                store(g, n * tile + v, load(adjoint, (row * modes + n) * channels + offset + v))
        for c in range(chunks - 1, -1, -1):
            start, stop = c * chunk, min((c + 1) * chunk, length)
            for n in range(modes):
                for v in range(0, tile, lanes):
                    at = ((row * chunks + c) * modes + n) * channels + offset + v
                    store(x, n * tile + v, load(starts, at))
                    store(slope, n * tile + v, zeros(y))
            for k in range(start, stop):
                time, here = row * length + k, (k - start) * size
                for v in range(0, tile, lanes):
                    at = time * channels + offset + v
                    s, out = load(step, at), zeros(y)
                    weighted = s * load(u, at)
                    for n in range(modes):
                        i = here + n * tile + v
                        z = s * load(A, n * channels + offset + v)
                        decay = exp(z)
                        taken_up = weighted * fill(B, time * modes + n)
                        if zoh:
                            taken_up = taken_up * phi1(z, decay)
                        state = decay * load(x, i) + taken_up
                        store(a, i, decay)
                        store(x, i + size, state)
                        out = out + state * fill(C, time * modes + n)
                    store(y, at, out)
            for k in range(stop - 1, start - 1, -1):
                time, here = row * length + k, (k - start) * size
                for n in range(modes):
                    store(sums_B, n * lanes, zeros(y))
                    store(sums_C, n * lanes, zeros(y))
                for v in range(0, tile, lanes):
                    at = time * channels + offset + v
                    s, u_k, g_y = load(step, at), load(u, at), load(inner, at)
                    weighted, by_gain, by_step = s * u_k, zeros(y), zeros(y)
                    for n in range(modes):
                        i, j = here + n * tile + v, n * tile + v
                        decay, mode = load(a, i), load(A, n * channels + offset + v)
                        adj = load(g, j) + g_y * fill(C, time * modes + n)
                        by_exponent = adj * decay
                        store(g, j, by_exponent)
                        by_exponent = by_exponent * load(x, i)
                        share = adj
                        if zoh:
                            z = s * mode
                            value = phi1(z, decay)
                            by_phi = adj * weighted * fill(B, time * modes + n)
                            by_exponent = by_exponent + by_phi * phi1_slope(z, decay, value)
                            share = adj * value
                        by_gain = by_gain + share * fill(B, time * modes + n)
                        by_step = by_step + by_exponent * mode
                        store(slope, j, load(slope, j) + by_exponent * s)
                        store(sums_B, n * lanes, load(sums_B, n * lanes) + share * weighted)
                        store(sums_C, n * lanes, load(sums_C, n * lanes) + load(x, i + size) * g_y)
                    store(grad_u, at, by_gain * s)
                    store(grad_step, at, by_step + by_gain * u_k)
                for n in range(modes):
                    grad_B[(partial + k) * modes + n] = total(load(sums_B, n * lanes))
                    grad_C[(partial + k) * modes + n] = total(load(sums_C, n * lanes))
            for n in range(modes):
                for v in range(0, tile, lanes):
                    at = (row * modes + n) * channels + offset + v
                    store(grad_A, at, load(grad_A, at) + load(slope, n * tile + v))
        for n in range(modes):
            for v in range(0, tile, lanes):
                store(adjoint, (row * modes + n) * channels + offset + v, load(g, n * tile + v))
