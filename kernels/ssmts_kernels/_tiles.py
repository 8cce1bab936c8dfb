"""Matrix products for compiled loops: sums of several rows stay in registers.

Matrices lie in flat arrays and are whole vectors wide; element (i, j) of one is ``array[at + i * row + j]``.
Rows come in multiples of 16. `multiply` and `update` are products, `transpose` turns a matrix round and
`lines` copies rows that lie apart.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call, misc"

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from ssmts_kernels._simd import (
    BYTES,
    FUSED,
    Vector,
    fill,
    jit,
    load,
    pointer,
    prefetch,
    prefetch_to_write,
    splat,
    store,
    zeros,
)

_FEATURES = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
ROWS = 16 if "+avx512f" in _FEATURES else 4
"""Vectors of sums that fit into registers: 32 of them hold 64 bytes each, or 16 hold 32 bytes."""


@intrinsic
def _blank(typing, like):
    """Return ROWS vectors of zeros."""
    kind = types.UniTuple(Vector(like.dtype), ROWS)

    def emit(context, builder, signature, arguments):
        zero = ir.Constant(context.get_value_type(kind.dtype), None)
        return context.make_tuple(builder, kind, [zero] * ROWS)

    return kind(like), emit


@intrinsic
def _grow(typing, sums, a, at, row, vector):
    """Add a[at + r * row] times the vector to sum r."""

    def emit(context, builder, signature, arguments):
        _, array, start, step, value = arguments
        total = []
        for r in range(ROWS):
            factor = builder.load(pointer(context, builder, a, array, _index(builder, start, step, r)))
            product = builder.fmul(splat(builder, value.type, factor), value, flags=FUSED)
            total.append(builder.fadd(builder.extract_value(arguments[0], r), product, flags=FUSED))
        return context.make_tuple(builder, sums, total)

    return sums(sums, a, types.intp, types.intp, vector), emit


@intrinsic
def _put(typing, sums, c, at, row):
    """Store sum r at c[at + r * row]."""

    def emit(context, builder, signature, arguments):
        total, target, start, step = arguments
        for r in range(ROWS):
            value = builder.extract_value(total, r)
            to = pointer(context, builder, c, target, _index(builder, start, step, r), value.type)
            builder.store(value, to, align=c.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(sums, c, types.intp, types.intp), emit


@intrinsic
def _plus(typing, sums, keep, base, at, row):
    """Add `keep` times base[at + r * row] to sum r."""

    def emit(context, builder, signature, arguments):
        sums_, factor, source, start, step = arguments
        total = []
        for r in range(ROWS):
            where = _index(builder, start, step, r)
            there = pointer(context, builder, base, source, where, factor.type)
            there = builder.load(there, align=base.dtype.bitwidth // 8)
            kept = builder.fmul(there, factor, flags=FUSED)
            total.append(builder.fadd(builder.extract_value(sums_, r), kept, flags=FUSED))
        return context.make_tuple(builder, sums, total)

    return sums(sums, keep, base, types.intp, types.intp), emit


@intrinsic
def _turn(typing, source, at, row, target, to, column):
    """Transpose one block of as many rows as there are lanes."""

    def emit(context, builder, signature, arguments):
        array, start, step, out, begin, stride = arguments
        kind = context.get_value_type(Vector(source.dtype))
        lanes, align = kind.count, source.dtype.bitwidth // 8
        rows = []
        for r in range(lanes):
            where = _index(builder, start, step, r)
            rows.append(builder.load(pointer(context, builder, source, array, where, kind), align=align))
        half = lanes // 2
        while half:  # swap the off-diagonal quarters of every square of 2 * half rows
            low = _mask([i if i & half == 0 else lanes + i - half for i in range(lanes)])
            high = _mask([i + half if i & half == 0 else lanes + i for i in range(lanes)])
            for r in range(lanes):
                if r & half == 0:
                    a, b = rows[r], rows[r + half]
                    rows[r] = builder.shuffle_vector(a, b, low)
                    rows[r + half] = builder.shuffle_vector(a, b, high)
            half //= 2
        for r in range(lanes):
            where = _index(builder, begin, stride, r)
            builder.store(rows[r], pointer(context, builder, target, out, where, kind), align=align)
        return context.get_dummy_value()

    return types.none(source, types.intp, types.intp, target, types.intp, types.intp), emit


def _index(builder, start, step, r):
    return builder.add(start, builder.mul(step, ir.Constant(step.type, r)))


def _mask(lanes):
    word = ir.IntType(32)
    return ir.Constant(ir.VectorType(word, len(lanes)), [ir.Constant(word, i) for i in lanes])


@jit
def multiply(rows, depth, width, a, at, a_row, a_column, b, bt, c, ct):
    """Set c to a b; a is (rows, depth) with strides of its own, b and c are contiguous and `width` wide."""
    for i in range(0, rows, ROWS):
        for j in range(0, width, BYTES // c.itemsize):
            sums = _blank(c)
            for d in range(depth):
                sums = _grow(sums, a, at + i * a_row + d * a_column, a_row, load(b, bt + d * width + j))
            _put(sums, c, ct + i * width + j, width)


@jit
def update(rows, depth, width, a, at, a_row, a_column, b, bt, keep, k, base, from_, c, ct):
    """Set c to keep[k] base + a b; base and c may be the same."""
    factor = fill(keep, k)
    for i in range(0, rows, ROWS):
        for j in range(0, width, BYTES // c.itemsize):
            sums = _blank(c)
            for d in range(depth):
                sums = _grow(sums, a, at + i * a_row + d * a_column, a_row, load(b, bt + d * width + j))
            sums = _plus(sums, factor, base, from_ + i * width + j, width)
            _put(sums, c, ct + i * width + j, width)


@jit
def transpose(rows, width, source, at, target, to):
    """Write a contiguous (rows, width) matrix as a (width, rows) one; both are multiples of the lanes."""
    lanes = BYTES // target.itemsize
    for i in range(0, rows, lanes):
        for j in range(0, width, lanes):
            _turn(source, at + i * width + j, width, target, to + j * rows + i, rows)


@jit
def lines(count, rows, width, source, at, row, target, to):
    """Copy `count` rows one after the other and fill up to `rows` of them with zeros."""
    lanes = BYTES // target.itemsize
    for i in range(count):
        for j in range(0, width, lanes):
            store(target, to + i * width + j, load(source, at + i * row + j))
    for j in range(count * width, rows * width, lanes):
        store(target, to + j, zeros(target))


@jit
def ask(part, count, width, source, at, row):
    """Have a quarter of up to 16 rows come to the cache before they are read; there are `count` of them.

    Hardware does not foresee short rows that lie apart. All of them at once would wait for each other.
    """
    for i in range(4 * part, min(4 * part + 4, count)):
        for j in range(0, width, BYTES // source.itemsize):
            prefetch(source, at + i * row + j)


@jit
def ask_to_write(part, count, width, target, at, row):
    """Have a quarter of up to 16 rows come to the cache before they are written."""
    for i in range(4 * part, min(4 * part + 4, count)):
        for j in range(0, width, BYTES // target.itemsize):
            prefetch_to_write(target, at + i * row + j)


@jit
def scale_rows(rows, width, factors, f, source, at, target, to):
    """Set row i of the target to factors[f + i] times row i of the source; the two may be the same."""
    lanes = BYTES // target.itemsize
    for i in range(rows):
        factor = fill(factors, f + i)
        for j in range(i * width, (i + 1) * width, lanes):
            store(target, to + j, factor * load(source, at + j))
