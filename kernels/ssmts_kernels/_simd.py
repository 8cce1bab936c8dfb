"""Explicit vectors for compiled loops: LLVM's own vectoriser gives up where many arrays might overlap.

A vector holds 64 bytes, 16 float32 or 8 float64; LLVM splits it where registers are narrower. Inside `jit`
functions, with i an index into a flat contiguous array (it is not checked): `load(array, i)`,
`store(array, i, v)`, `fill(array, i)`, which repeats one element, `zeros(array)` of the array's dtype,
`total(v)`, the sum of the lanes in a fixed order, `prefetch(array, i)` and `prefetch_to_write(array, i)`,
which ask for the cache line of an element that is needed soon, `+`, `-` and `*`, and the functions `exp`,
`phi1` = (e^z - 1) / z and its slope.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call, misc"

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import PrimitiveModel, register_default
from numba.extending import intrinsic, overload

BYTES = 64
FUSED = ("contract",)


def jit(function: Callable[..., Any]) -> Any:
    """Compile at the first call, without the interpreter's lock; keep the result on disk if it can."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True)(function)


class Vector(types.Type):
    def __init__(self, dtype) -> None:
        self.dtype = dtype
        super().__init__(f"vector({dtype})")


@register_default(Vector)
class _VectorModel(PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        scalar = ir.FloatType() if kind.dtype == types.float32 else ir.DoubleType()
        super().__init__(manager, kind, ir.VectorType(scalar, BYTES * 8 // kind.dtype.bitwidth))


def pointer(context, builder, kind, array, index, vector=None):
    """Emit the address of one element, or of the vector that begins with it."""
    address = builder.gep(context.make_array(kind)(context, builder, array).data, [index])
    return address if vector is None else builder.bitcast(address, vector.as_pointer())


@intrinsic
def load(typing, array, i):
    kind = Vector(array.dtype)

    def emit(context, builder, signature, arguments):
        vector = context.get_value_type(kind)
        whole, index = arguments
        address = pointer(context, builder, array, whole, index, vector)
        return builder.load(address, align=array.dtype.bitwidth // 8)

    return kind(array, types.intp), emit


@intrinsic
def store(typing, array, i, vector):
    def emit(context, builder, signature, arguments):
        whole, index, value = arguments
        address = pointer(context, builder, array, whole, index, value.type)
        builder.store(value, address, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(array, types.intp, vector), emit


@intrinsic
def prefetch(typing, array, i):
    return types.none(array, types.intp), _emit_prefetch(write=False)


@intrinsic
def prefetch_to_write(typing, array, i):
    return types.none(array, types.intp), _emit_prefetch(write=True)


@intrinsic
def fill(typing, array, i):
    kind = Vector(array.dtype)

    def emit(context, builder, signature, arguments):
        whole, index = arguments
        value = builder.load(pointer(context, builder, array, whole, index))
        return splat(builder, context.get_value_type(kind), value)

    return kind(array, types.intp), emit


@intrinsic
def zeros(typing, array):
    kind = Vector(array.dtype)
    return kind(array), lambda context, *_: _constant(context.get_value_type(kind), 0.0)


@intrinsic
def total(typing, vector):
    def emit(context, builder, signature, arguments):
        value, width = arguments[0], arguments[0].type.count
        while width > 1:
            width //= 2
            lanes = [ir.Constant(ir.IntType(32), i) for i in range(2 * width)]
            half = ir.VectorType(ir.IntType(32), width)
            low = builder.shuffle_vector(value, value, ir.Constant(half, lanes[:width]))
            high = builder.shuffle_vector(value, value, ir.Constant(half, lanes[width:]))
            value = builder.fadd(low, high)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return vector.dtype(vector), emit


def _lanewise(emit: Callable[..., Any]) -> Any:
    """Make an intrinsic on vectors of one kind from what it emits."""

    def typed(typing, *vectors):
        kind = vectors[0]
        if not all(isinstance(v, Vector) and v == kind for v in vectors):
            return None
        return kind(*vectors), lambda context, builder, signature, arguments: emit(builder, *arguments)

    return typed


@intrinsic
def _add(typing, a, b):
    return _lanewise(lambda builder, a, b: builder.fadd(a, b, flags=FUSED))(typing, a, b)


@intrinsic
def _sub(typing, a, b):
    return _lanewise(lambda builder, a, b: builder.fsub(a, b, flags=FUSED))(typing, a, b)


@intrinsic
def _mul(typing, a, b):
    return _lanewise(lambda builder, a, b: builder.fmul(a, b, flags=FUSED))(typing, a, b)


@intrinsic
def exp(typing, z):
    return _lanewise(_emit_exp)(typing, z)


@intrinsic
def phi1(typing, z, exponential):
    return _lanewise(_emit_phi1)(typing, z, exponential)


@intrinsic
def phi1_slope(typing, z, exponential, value):
    return _lanewise(_emit_phi1_slope)(typing, z, exponential, value)


for _symbol, _function in ((operator.add, _add), (operator.sub, _sub), (operator.mul, _mul)):

    def _overload(symbol, function):
        @overload(symbol, inline="always")
        def _(a, b):
            if isinstance(a, Vector) and isinstance(b, Vector):
                return lambda a, b: function(a, b)
            return None

    _overload(_symbol, _function)


def _emit_prefetch(write):
    def emit(context, builder, signature, arguments):
        address = pointer(context, builder, signature.args[0], *arguments)
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # the second word asks to keep it in the first-level cache, the third is for data
        builder.call(ask, [address, *(ir.Constant(word, value) for value in (int(write), 3, 1))])
        return context.get_dummy_value()

    return emit


def _emit_exp(builder, z):
    """2^n times a Taylor series on [-ln 2 / 2, ln 2 / 2]; 0 and inf beyond the range of normal numbers."""
    double = isinstance(z.type.element, ir.DoubleType)
    terms, low, high, mantissa = (13, -708.0, 709.0, 52) if double else (7, -87.3, 88.3, 23)
    # Adding 1.5 * 2^mantissa rounds to an integer and leaves it in the lowest bits.
    shift = _constant(z.type, 1.5 * 2.0**mantissa)
    shifted = builder.fadd(builder.fmul(z, _constant(z.type, 1 / math.log(2))), shift)
    n = builder.fsub(shifted, shift)
    # ln 2 in two parts, the first short enough for exact products with n
    first = 0.693145751953125 if not double else float.fromhex("0x1.62e42fee00000p-1")
    second = 1.42860682030941723212e-6 if not double else float.fromhex("0x1.a39ef35793c76p-33")
    rest = builder.fsub(z, builder.fmul(n, _constant(z.type, first)), flags=FUSED)
    rest = builder.fsub(rest, builder.fmul(n, _constant(z.type, second), flags=FUSED), flags=FUSED)
    value = _series(builder, rest, [1 / math.factorial(k) for k in range(terms + 1)])
    bits = ir.VectorType(ir.IntType(64 if double else 32), z.type.count)
    exponent = builder.shl(builder.bitcast(shifted, bits), _constant(bits, mantissa))
    one = builder.bitcast(_constant(z.type, 1.0), bits)
    value = builder.fmul(value, builder.bitcast(builder.add(exponent, one), z.type))
    value = builder.select(_compare(builder, "<", z, low), _constant(z.type, 0.0), value)
    return builder.select(_compare(builder, ">", z, high), _constant(z.type, math.inf), value)


def _emit_phi1(builder, z, exponential):
    double = isinstance(z.type.element, ir.DoubleType)
    near = _series(builder, z, [1 / math.factorial(k + 1) for k in range(14 if double else 8)])
    far = builder.fdiv(builder.fsub(exponential, _constant(z.type, 1.0)), z)
    return builder.select(_small(builder, z), near, far)


def _emit_phi1_slope(builder, z, exponential, value):
    double = isinstance(z.type.element, ir.DoubleType)
    series = [(k + 1) / math.factorial(k + 2) for k in range(14 if double else 8)]
    near, far = _series(builder, z, series), builder.fdiv(builder.fsub(exponential, value), z)
    return builder.select(_small(builder, z), near, far)


def _series(builder, z, coefficients):
    value = _constant(z.type, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        product = builder.fmul(value, z, flags=FUSED)
        value = builder.fadd(product, _constant(z.type, coefficient), flags=FUSED)
    return value


def _small(builder, z):
    return _compare(builder, "<", builder.fmul(z, z), 0.25)


def _compare(builder, symbol, z, bound):
    return builder.fcmp_ordered(symbol, z, _constant(z.type, bound))


def _constant(kind, value):
    return ir.Constant(kind, [value] * kind.count)


def splat(builder, kind, value):
    """Emit a vector that repeats one value."""
    zero = ir.Constant(ir.IntType(32), 0)
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, zero)
    return builder.shuffle_vector(
        single, single, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None)
    )
