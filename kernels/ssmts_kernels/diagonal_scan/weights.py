r"""Hold weights for many intervals at once, as a GEMM.

Every weight is a smooth function f(a, δ), so that f(a, δ_k) = Σ_j P_kj F_j(a): a small table F over the modes
and a real matrix P over the observations. Where intervals repeat, P picks rows of a table at the distinct
ones; where they spread, P holds Chebyshev polynomials and F the coefficients of f on the range of intervals,
as many as the precision asks for. Exponentials are then evaluated at a few dozen intervals instead of at each
observation, and the gradients of modes and intervals come from the same table, for any hold.

References
----------
Trefethen, "Approximation Theory and Approximation Practice", 2nd edition, SIAM 2019, chapters 3, 4 and 8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ssmts_kernels.hold import hold_weights

_DISTINCT = 32
"""Up to this many distinct intervals get a row each."""
_SMALL = 38.0
"""Largest |a| δ of a table of about 50 columns, which wide gaps may not spoil while they are rare."""
_LARGE = 800.0
"""Largest |a| δ of any table: beyond, its columns cost more than weights of each observation's own."""
_RARE = 1e-3


@dataclass(frozen=True)
class Table:
    """F for Ā, w0 and w1, (3, K, D, N), and how to evaluate P."""

    nodes: Tensor
    """(n,) float64 intervals at which the weights are evaluated."""
    to_rows: Tensor | None
    """(K, n) float64: from values at the nodes to the rows of the table; None where they are the rows."""
    rows: Tensor
    """(3, K, D, N) in the precision of the states."""
    upper: float | None
    """Largest interval that the polynomials cover; None where rows belong to the nodes themselves."""

    def basis(self, intervals: Tensor) -> Tensor:
        """Return P, (..., K), for intervals that the table covers."""
        if self.upper is None:
            hits = intervals.double()[..., None] == self.nodes
            return hits.to(self.rows.real.dtype)
        angle = torch.acos((2 / self.upper * intervals.double() - 1).clamp(-1, 1))
        orders = torch.arange(self.rows.shape[1], dtype=torch.float64, device=intervals.device)
        return torch.cos(angle[..., None] * orders).to(self.rows.real.dtype)

    def covers(self, intervals: Tensor) -> bool:
        """Whether every interval lies in the range of the table."""
        return self.upper is None or float(intervals.max()) <= self.upper


def table_for(A: Tensor, intervals: Tensor, hold: str) -> Table | None:
    """Return the table that serves (nearly) all `intervals`, or None where none is worth its columns."""
    if intervals.numel() == 0:
        return distinct_table(A, intervals.new_zeros(1), hold)
    if len(torch.unique(intervals.flatten()[:256])) <= _DISTINCT:
        distinct = torch.unique(intervals)
        if len(distinct) <= _DISTINCT:
            return distinct_table(A, distinct, hold)
    fastest = max(float(A.abs().max()) if A.numel() else 0.0, 1e-30)
    widest = float(intervals.max())
    upper = min(widest, _SMALL / fastest)
    if float((intervals > upper).double().mean()) > _RARE:
        upper = min(widest, _LARGE / fastest)
    n = _nodes(fastest * upper)
    if n > max(intervals.numel(), 64):
        return None
    angles = (torch.arange(n, dtype=torch.float64, device=A.device) + 0.5) * (math.pi / n)
    nodes = 0.5 * upper * (1 + torch.cos(angles))
    orders = torch.arange(n, dtype=torch.float64, device=A.device)
    to_coefficients = torch.cos(orders[:, None] * angles) * (2 / n)
    to_coefficients[0] *= 0.5
    coefficients = _combine(to_coefficients, _values(A, nodes, hold))
    sizes = coefficients.abs().flatten(2).amax(-1) if A.numel() else coefficients.new_zeros(3, n).abs()
    sizes[1:] /= upper
    tail = sizes.amax(0).flip(0).cumsum(0).flip(0)
    # In double, what lies below is the rounding of the coefficients themselves.
    needed = int((tail > max(torch.finfo(A.dtype).eps, 1e-15 * n)).sum())
    if needed > n - 4:
        return None
    needed = max(needed, 1)
    rows = coefficients[:, :needed].to(A.dtype)
    return Table(nodes, to_coefficients[:needed], rows, upper)


def channel_groups(A: Tensor, intervals: Tensor) -> list[Tensor]:
    """Split the channels by their fastest mode: the columns of a table grow with it."""
    everything = torch.arange(len(A), device=A.device)
    if A.numel() == 0 or intervals.numel() == 0:
        return [everything]
    reach = A.abs().amax(1).double() * intervals.max().double()
    octave = torch.log2(reach / _SMALL).ceil().clamp(0, 5)
    if bool((octave == octave[0]).all()) or len(torch.unique(intervals)) <= _DISTINCT:
        return [everything]
    return [everything[octave == value] for value in torch.unique(octave)]


def _nodes(reach: float) -> int:
    """Points at which e^z is sampled on [0, reach]: Bessel functions J_k(reach / 2) vanish beyond."""
    half = 0.5 * reach
    return math.ceil(half + 8 * math.pow(half, 1 / 3) + 24)


def distinct_table(A: Tensor, nodes: Tensor, hold: str) -> Table:
    """Return the table of distinct intervals."""
    nodes = nodes.double()
    return Table(nodes, None, _values(A, nodes, hold).to(A.dtype), None)


def interval_rows(A: Tensor, table: Table, hold: str) -> Tensor:
    """Return the table of the derivatives of Ā, w0 and w1 by the interval."""
    by_z, values = _derivatives(A, table.nodes, hold)
    by_interval = A.to(by_z.dtype) * by_z
    # w = δ g(aδ), hence dw/dδ = g + a δ g'
    by_interval[1:] = values[1:] + table.nodes[:, None, None] * by_interval[1:]
    return _combine(table.to_rows, by_interval).to(A.dtype)


def mode_gradient(A: Tensor, table: Table, grad_rows: Tensor, hold: str) -> Tensor:
    """Return the gradient of A from the (3, D, K, N) gradient of the table's rows."""
    by_z, _ = _derivatives(A, table.nodes, hold)
    nodes = table.nodes[:, None, None]
    by_mode = nodes * by_z
    by_mode[1:] *= nodes
    grad_values = _combine(
        None if table.to_rows is None else table.to_rows.mT, grad_rows.transpose(1, 2).to(by_mode.dtype)
    )
    return (by_mode.conj_physical() * grad_values).sum((0, 1)).to(A.dtype)


def _values(A: Tensor, nodes: Tensor, hold: str) -> Tensor:
    """Ā, w0 and w1 at the nodes, (3, n, D, N), in double."""
    wide, nodes = _wide(A), nodes[:, None, None]
    if hold in ("bilinear", "bilinear_s4"):
        return torch.stack(hold_weights(wide, nodes, hold))
    exponential, first, second, falling, _ = _phi((wide * nodes).contiguous())
    if hold == "zoh":
        return torch.stack([exponential, torch.zeros_like(first), first.mul_(nodes)])
    return torch.stack([exponential, falling.mul_(nodes), second.mul_(nodes)])


def _derivatives(A: Tensor, nodes: Tensor, hold: str) -> tuple[Tensor, Tensor]:
    """Derivatives of Ā, w0/δ and w1/δ by z = aδ, and their values, (3, n, D, N), in double."""
    z = (_wide(A) * nodes[:, None, None]).contiguous()
    if hold in ("bilinear", "bilinear_s4"):
        inverse = 1 / (1 - z / 2)
        weight, by_z = inverse / 2, inverse**2 / 4
        previous = 1.0 if hold == "bilinear" else 0.0
        share = 1.0 if hold == "bilinear" else 2.0
        return (
            torch.stack([inverse**2, previous * by_z, share * by_z]),
            torch.stack([(1 + z / 2) * inverse, previous * weight, share * weight]),
        )
    exponential, first, second, falling, second_by_z = _phi(z)
    if hold == "zoh":
        zero = torch.zeros_like(z)
        return torch.stack([exponential, zero, falling]), torch.stack([exponential, zero, first])
    return (
        torch.stack([exponential, falling - second_by_z, second_by_z]),
        torch.stack([exponential, falling, second]),
    )


def _wide(A: Tensor) -> Tensor:
    return A.to(torch.complex128 if A.is_complex() else torch.float64)


def _phi(z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """e^z, φ1, φ2, φ1 - φ2 = φ1' and φ2' in double, without autograd.

    The closed forms cancel below |z| = 1; few modes are there, and only those get Taylor series.
    """
    exponential, inverse = torch.exp(z), 1 / z
    first = (exponential - 1).mul_(inverse)
    second = (first - 1).mul_(inverse)
    falling = (exponential - first).mul_(inverse)
    second_by_z = (first - 2 * second).mul_(inverse)
    near = (z.abs() < 1).flatten().nonzero()[:, 0]
    if len(near):
        z = z.flatten()[near]
        value, slope = torch.zeros_like(z), torch.zeros_like(z)
        for n in range(18, -1, -1):  # φ2 = Σ zⁿ / (n + 2)!
            value = value * z + 1 / math.factorial(n + 2)
            slope = slope * z + (n + 1) / math.factorial(n + 3)
        series = (1 + z * value, value, 1 + (z - 1) * value, slope)
        for whole, part in zip((first, second, falling, second_by_z), series, strict=True):
            whole.view(-1)[near] = part
    return exponential, first, second, falling, second_by_z


def _combine(matrix: Tensor | None, values: Tensor) -> Tensor:
    """Apply a real (K, n) matrix, or none, to axis 1 of (3, n, D, N)."""
    if matrix is None:
        return values
    if not values.is_complex():
        return torch.einsum("kn,fndm->fkdm", matrix, values)
    real = torch.einsum("kn,fndmc->fkdmc", matrix, torch.view_as_real(values))
    return torch.view_as_complex(real.contiguous())
