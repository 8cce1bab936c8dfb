r"""Short transforms in registers, emitted as vector code for compiled loops.

A complex number is two vectors side by side, re and im, of as many channels as there are lanes. The numbers
of one call lie `stride` complex numbers apart; `table` holds the powers 1 to radix - 1 of a root
:math:`\rho` from index `w` on, re and im in turn.

`split` turns the residue of a polynomial modulo :math:`z^{rn} - \rho^r` into those modulo
:math:`z^n - \rho e^{2\pi i q / r}`, in place; `join` goes back, times r. `enter` is `split` of a real signal
that ends at `length`, and `leave` the real part of `join`.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call, misc"

from __future__ import annotations

import math

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ssmts_kernels._simd import BYTES, FUSED, Vector


@intrinsic(prefer_literal=True)
def split(typing, radix, x, at, stride, table, w):
    """Split the residue at x[at] in place."""

    def emit(context, builder, signature, arguments):
        code = _Code(context, builder, signature.args[1])
        _, whole, start, step, _, _ = arguments
        points = code.pointers(whole, start, code.times(step, 2 * code.lanes), radix.literal_value)
        numbers = [code.load_complex(point) for point in points]
        roots = code.roots(signature.args[4], arguments[4], arguments[5], radix.literal_value)
        for point, number in zip(points, code.dft(code.twiddled(numbers, roots), 1), strict=True):
            code.store_complex(point, number)
        return context.get_dummy_value()

    return types.none(radix, x, types.intp, types.intp, table, types.intp), emit


@intrinsic(prefer_literal=True)
def join(typing, radix, x, at, stride, table, w):
    """Undo `split`, but for a factor of the radix."""

    def emit(context, builder, signature, arguments):
        code = _Code(context, builder, signature.args[1])
        _, whole, start, step, _, _ = arguments
        points = code.pointers(whole, start, code.times(step, 2 * code.lanes), radix.literal_value)
        numbers = code.dft([code.load_complex(point) for point in points], -1)
        roots = code.roots(signature.args[4], arguments[4], arguments[5], radix.literal_value)
        inverse = [(re, code.minus(im)) for re, im in roots]
        for point, number in zip(points, code.twiddled(numbers, inverse), strict=True):
            code.store_complex(point, number)
        return context.get_dummy_value()

    return types.none(radix, x, types.intp, types.intp, table, types.intp), emit


@intrinsic(prefer_literal=True)
def enter(typing, radix, u, start, step, position, length, x, at, stride, table, w, empty):
    """Read u[start + step * (position + p * stride)], and zeros from x[empty] on beyond the length."""

    def emit(context, builder, signature, arguments):
        _, signal, start, step, position, length, whole, at, stride, table, w, empty = arguments
        code = _Code(context, builder, signature.args[6])
        sources = code.rows(
            signature.args[1], signal, start, step, position, length, stride, whole, empty, radix
        )
        roots = code.roots(signature.args[9], table, w, radix.literal_value)
        reals = [code.load(source) for source in sources]
        numbers = [(reals[0], code.constant(0.0))]
        numbers += [(code.mul(r, re), code.mul(r, im)) for r, (re, im) in zip(reals[1:], roots, strict=True)]
        points = code.pointers(whole, at, code.times(stride, 2 * code.lanes), radix.literal_value)
        for point, number in zip(points, code.dft(numbers, 1), strict=True):
            code.store_complex(point, number)
        return context.get_dummy_value()

    i = types.intp
    return types.none(radix, u, i, i, i, i, x, i, i, table, i, i), emit


@intrinsic(prefer_literal=True)
def leave(typing, radix, y, start, step, position, length, x, at, stride, table, w, empty):
    """Write y[start + step * (position + p * stride)], and to x[empty] on beyond the length."""

    def emit(context, builder, signature, arguments):
        _, signal, start, step, position, length, whole, at, stride, table, w, empty = arguments
        code = _Code(context, builder, signature.args[6])
        points = code.pointers(whole, at, code.times(stride, 2 * code.lanes), radix.literal_value)
        numbers = code.dft([code.load_complex(point) for point in points], -1)
        roots = code.roots(signature.args[9], table, w, radix.literal_value)
        reals = [numbers[0][0]]
        for (re, im), (root_re, root_im) in zip(numbers[1:], roots, strict=True):
            reals.append(code.add(code.mul(re, root_re), code.mul(im, root_im)))
        targets = code.rows(
            signature.args[1], signal, start, step, position, length, stride, whole, empty, radix
        )
        for target, real in zip(targets, reals, strict=True):
            code.store(target, real)
        return context.get_dummy_value()

    i = types.intp
    return types.none(radix, y, i, i, i, i, x, i, i, table, i, i), emit


class _Code:
    """Vector instructions for arrays of one dtype."""

    def __init__(self, context, builder, array) -> None:
        self.context, self.builder, self.array = context, builder, array
        self.vector = context.get_value_type(Vector(array.dtype))
        self.lanes = self.vector.count
        self.align = BYTES // self.lanes

    def data(self, kind, array):
        return self.context.make_array(kind)(self.context, self.builder, array).data

    def index(self, value):
        return ir.Constant(ir.IntType(64), value)

    def times(self, value, factor):
        return self.builder.mul(value, self.index(factor))

    def pointers(self, array, start, step, count):
        """Pointers to array[start], array[start + step] and so on."""
        data = self.data(self.array, array)
        offsets = [self.builder.add(start, self.times(step, p)) for p in range(count)]
        return [self.builder.gep(data, [offset]) for offset in offsets]

    def rows(self, kind, array, start, step, position, length, stride, spare, empty, radix):
        """Pointers to rows of a signal, or to the spare place beyond its length."""
        data, beyond = self.data(kind, array), self.builder.gep(self.data(self.array, spare), [empty])
        found = []
        for p in range(radix.literal_value):
            at = self.builder.add(position, self.times(stride, p))
            row = self.builder.gep(data, [self.builder.add(start, self.builder.mul(at, step))])
            inside = self.builder.icmp_signed("<", at, length)
            found.append(self.builder.select(inside, row, beyond))
        return found

    def roots(self, kind, table, w, radix):
        data, found = self.data(kind, table), []
        for p in range(radix - 1):
            pair = []
            for part in range(2):
                where = self.builder.add(w, self.index(2 * p + part))
                value = self.builder.load(self.builder.gep(data, [where]))
                whole = ir.Constant(self.vector, ir.Undefined)
                whole = self.builder.insert_element(whole, value, ir.Constant(ir.IntType(32), 0))
                lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
                pair.append(self.builder.shuffle_vector(whole, whole, lanes))
            found.append(tuple(pair))
        return found

    def constant(self, value):
        return ir.Constant(self.vector, [value] * self.lanes)

    def load(self, pointer):
        return self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.align)

    def store(self, pointer, value):
        self.builder.store(value, self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.align)

    def load_complex(self, pointer):
        return self.load(pointer), self.load(self.builder.gep(pointer, [self.index(self.lanes)]))

    def store_complex(self, pointer, number):
        self.store(pointer, number[0])
        self.store(self.builder.gep(pointer, [self.index(self.lanes)]), number[1])

    def add(self, a, b):
        return self.builder.fadd(a, b, flags=FUSED)

    def sub(self, a, b):
        return self.builder.fsub(a, b, flags=FUSED)

    def mul(self, a, b):
        return self.builder.fmul(a, b, flags=FUSED)

    def minus(self, a):
        return self.builder.fneg(a)

    def plus(self, a, b):
        """Sum of complex numbers."""
        return self.add(a[0], b[0]), self.add(a[1], b[1])

    def less(self, a, b):
        """Difference of complex numbers."""
        return self.sub(a[0], b[0]), self.sub(a[1], b[1])

    def turned(self, a, sign):
        """Product with i, or -i."""
        return (self.minus(a[1]), a[0]) if sign > 0 else (a[1], self.minus(a[0]))

    def twiddled(self, numbers, roots):
        product = [numbers[0]]
        for (re, im), (root_re, root_im) in zip(numbers[1:], roots, strict=True):
            product.append(
                (
                    self.sub(self.mul(re, root_re), self.mul(im, root_im)),
                    self.add(self.mul(re, root_im), self.mul(im, root_re)),
                )
            )
        return product

    def dft(self, z, sign):
        """Sum z_p e^(sign 2πi p q / r) over p, for each q."""
        if len(z) == 2:
            return [self.plus(*z), self.less(*z)]
        if len(z) == 3:
            total, difference = self.plus(z[1], z[2]), self.less(z[1], z[2])
            half, side = self.constant(0.5), self.constant(sign * math.sqrt(0.75))
            middle = tuple(self.sub(a, self.mul(half, b)) for a, b in zip(z[0], total, strict=True))
            turn = self.turned(tuple(self.mul(side, a) for a in difference), 1)
            return [self.plus(z[0], total), self.plus(middle, turn), self.less(middle, turn)]
        even, odd = self.dft(z[::2], sign), self.dft(z[1::2], sign)
        if len(z) == 8:
            root = self.constant(math.sqrt(0.5))
            for q in (1, 3):
                mixed = self.plus(odd[q], self.turned(odd[q], sign))  # times 1 ± i
                odd[q] = tuple(self.mul(root, part) for part in mixed)
            odd[3] = self.turned(odd[3], sign)
            odd[2] = self.turned(odd[2], sign)
        else:
            odd[1] = self.turned(odd[1], sign)
        return [self.plus(a, b) for a, b in zip(even, odd, strict=True)] + [
            self.less(a, b) for a, b in zip(even, odd, strict=True)
        ]
