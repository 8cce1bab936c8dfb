"""Loops over signals as polynomials: down the tree of residues, times the kernel's, and up again.

A signal is a row and a tile of channels, one channel in each lane. The tree is walked depth first, so that
all but its widest levels stay in the first-level cache. A row of `levels` holds the radix of a level, the
size of its blocks and where its roots begin in `table`, whose last entry is 1 / size.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import numpy as np

from ssmts_kernels._simd import BYTES, fill, jit, load, store
from ssmts_kernels.fft_conv.codelets import enter, join, leave, split


@jit
def spectrum_loop(first, last, layout, levels, table, kernel, spectra):
    """Transform tiles `first` to `last` of a (taps, channels) kernel, over the size of the transform."""
    length, channels, size, lanes = layout
    wide, scale = 2 * lanes, len(table) - 1
    x = _scratch(kernel, (size + 1) * wide)
    for tile in range(first, last):
        _down(levels, table, kernel, tile * lanes, channels, length, x, wide)
        for i in range(0, size * wide, lanes):
            store(spectra, tile * size * wide + i, load(x, i) * fill(table, scale))


@jit
def forward_loop(first, last, layout, levels, table, u, spectra, y):
    """Convolve signals `first` to `last`."""
    length, channels, size, lanes = layout
    wide, tiles = 2 * lanes, channels // lanes
    leaf = levels[-1, 0]
    x = _scratch(u, (size + 1) * wide)
    for task in range(first, last):
        start = task // tiles * length * channels + task % tiles * lanes
        _enter_all(levels, table, u, start, channels, length, x, wide)
        for at in range(0, size, leaf):
            _descend(at, levels, table, x, wide)
            for i in range(at * wide, (at + leaf) * wide, wide):
                _multiply(x, i, spectra, task % tiles * size * wide + i, lanes)
            _ascend(at, levels, table, x, wide)
        _leave_all(levels, table, y, start, channels, length, x, wide)


@jit
def backward_loop(first, last, layout, levels, table, grad, u, spectra, grad_u, grad_kernel, groups):
    """Gradients of tiles and groups of rows, `first` to `last`; the groups' kernels are left to be summed.

    With time reversed, the gradients are convolutions of `grad` with the kernel and with u.
    """
    length, channels, size, lanes = layout
    wide, tiles, rows = 2 * lanes, channels // lanes, len(u) // (length * channels)
    leaf = levels[-1, 0]
    x, g = _scratch(u, (size + 1) * wide), _scratch(u, (size + 1) * wide)
    total = _scratch(u, (size + 1) * wide)
    end = (length - 1) * channels
    for task in range(first, last):
        group, offset = task // tiles, task % tiles * lanes
        total[:] = 0
        for row in range(rows * group // groups, rows * (group + 1) // groups):
            start = row * length * channels + offset
            _down(levels, table, u, start, channels, length, x, wide)
            _enter_all(levels, table, grad, start + end, -channels, length, g, wide)
            for at in range(0, size, leaf):
                _descend(at, levels, table, g, wide)
                for i in range(at * wide, (at + leaf) * wide, wide):
                    _multiply(x, i, g, i, lanes)
                    store(total, i, load(total, i) + load(x, i))
                    store(total, i + lanes, load(total, i + lanes) + load(x, i + lanes))
                    _multiply(g, i, spectra, task % tiles * size * wide + i, lanes)
                _ascend(at, levels, table, g, wide)
            _leave_all(levels, table, grad_u, start + end, -channels, length, g, wide)
        for i in range(0, size * wide, lanes):
            store(total, i, load(total, i) * fill(table, len(table) - 1))
        for at in range(0, size, leaf):
            _ascend(at, levels, table, total, wide)
        start = group * length * channels + offset + end
        _leave_all(levels, table, grad_kernel, start, -channels, length, total, wide)


@jit
def _scratch(like, elements):
    """Zeros that begin at a cache line."""
    x = np.zeros(elements + BYTES // like.itemsize, like.dtype)
    return x[-x.ctypes.data % BYTES // like.itemsize :][:elements]


@jit
def _multiply(x, i, by, j, lanes):
    re, im = load(x, i), load(x, i + lanes)
    by_re, by_im = load(by, j), load(by, j + lanes)
    store(x, i, re * by_re - im * by_im)
    store(x, i + lanes, re * by_im + im * by_re)


@jit
def _down(levels, table, u, start, step, length, x, wide):
    """All the way to the spectrum."""
    _enter_all(levels, table, u, start, step, length, x, wide)
    for at in range(0, levels[0, 1], levels[-1, 0]):
        _descend(at, levels, table, x, wide)


@jit
def _descend(at, levels, table, x, wide):
    """Split every block that begins here, the widest first; level 0 is done."""
    for level in range(1, len(levels)):
        radix, size, w = levels[level]
        if at % size == 0:
            _split_all(radix, x, at * wide, size // radix, wide, table, w + at // size * 2 * (radix - 1))


@jit
def _ascend(at, levels, table, x, wide):
    """Join every block that ends with the leaf that begins here, the narrowest first; level 0 stays."""
    end = at + levels[-1, 0]
    for level in range(len(levels) - 1, 0, -1):
        radix, size, w = levels[level]
        if end % size == 0:
            block = end // size - 1
            _join_all(radix, x, block * size * wide, size // radix, wide, table, w + block * 2 * (radix - 1))


@jit
def _split_all(radix, x, at, stride, wide, table, w):
    if radix == 8:
        for j in range(stride):
            split(8, x, at + j * wide, stride, table, w)
    elif radix == 4:
        for j in range(stride):
            split(4, x, at + j * wide, stride, table, w)
    else:
        for j in range(stride):
            split(3, x, at + j * wide, stride, table, w)


@jit
def _join_all(radix, x, at, stride, wide, table, w):
    if radix == 8:
        for j in range(stride):
            join(8, x, at + j * wide, stride, table, w)
    elif radix == 4:
        for j in range(stride):
            join(4, x, at + j * wide, stride, table, w)
    else:
        for j in range(stride):
            join(3, x, at + j * wide, stride, table, w)


@jit
def _enter_all(levels, table, u, start, step, length, x, wide):
    radix, size, _ = levels[0]
    stride, empty = size // radix, size * wide
    for i in range(empty, empty + wide):
        x[i] = 0
    if radix == 8:
        for j in range(stride):
            enter(8, u, start, step, j, length, x, j * wide, stride, table, 0, empty)
    elif radix == 4:
        for j in range(stride):
            enter(4, u, start, step, j, length, x, j * wide, stride, table, 0, empty)
    else:
        for j in range(stride):
            enter(3, u, start, step, j, length, x, j * wide, stride, table, 0, empty)


@jit
def _leave_all(levels, table, y, start, step, length, x, wide):
    radix, size, _ = levels[0]
    stride, empty = size // radix, size * wide
    if radix == 8:
        for j in range(stride):
            leave(8, y, start, step, j, length, x, j * wide, stride, table, 0, empty)
    elif radix == 4:
        for j in range(stride):
            leave(4, y, start, step, j, length, x, j * wide, stride, table, 0, empty)
    else:
        for j in range(stride):
            leave(3, y, start, step, j, length, x, j * wide, stride, table, 0, empty)
