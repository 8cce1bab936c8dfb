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

from ssmts_kernels.hold import hold_weights, phi1, phi2

_DISTINCT = 32
"""Up to this many distinct intervals get a row each."""
_NODES = 48
"""Points at which a weight is sampled; it has converged when the last coefficients vanish."""


@dataclass(frozen=True)
class Table:
    """F for Ā, w0 and w1, (3, K, D, N), and how to evaluate P."""

    nodes: Tensor
    """(n,) float64 intervals at which the weights are evaluated."""
    to_rows: Tensor
    """(K, n) float64: from values at the nodes to the rows of the table."""
    rows: Tensor
    """(3, K, D, N) in the precision of the states."""
    upper: float
    """Largest interval the table covers; the smallest is 0 or the first node."""
    distinct: bool

    def basis(self, intervals: Tensor) -> Tensor:
        """Return P, (..., K), for intervals that the table covers."""
        if self.distinct:
            hits = intervals.double()[..., None] == self.nodes
            return hits.to(self.rows.real.dtype)
        angle = torch.acos((2 / self.upper * intervals.double() - 1).clamp(-1, 1))
        orders = torch.arange(len(self.to_rows), dtype=torch.float64, device=intervals.device)
        return torch.cos(angle[..., None] * orders).to(self.rows.real.dtype)

    def covers(self, intervals: Tensor) -> bool:
        """Whether every interval lies in the range of the table."""
        return self.distinct or float(intervals.max()) <= self.upper


def table_for(A: Tensor, intervals: Tensor, hold: str) -> Table | None:
    """Return the table that serves (nearly) all `intervals`, or None where none is worth its columns."""
    if intervals.numel() == 0:
        return distinct_table(A, intervals.new_zeros(1), hold)
    if len(torch.unique(intervals.flatten()[:256])) <= _DISTINCT:
        distinct = torch.unique(intervals)
        if len(distinct) <= _DISTINCT:
            return distinct_table(A, distinct, hold)
    # |a| δ / 2 bounds the number of coefficients from below: a few wide gaps must not spoil the table.
    fastest = float(A.abs().max()) if A.numel() else 0.0
    upper = min(float(intervals.max()), 0.8 * _NODES / max(fastest, 1e-30))
    angles = (torch.arange(_NODES, dtype=torch.float64, device=A.device) + 0.5) * (math.pi / _NODES)
    nodes = 0.5 * upper * (1 + torch.cos(angles))
    orders = torch.arange(_NODES, dtype=torch.float64, device=A.device)
    to_coefficients = torch.cos(orders[:, None] * angles) * (2 / _NODES)
    to_coefficients[0] *= 0.5
    coefficients = _combine(to_coefficients, _values(A, nodes, hold))
    sizes = coefficients.abs().flatten(2).amax(-1) if A.numel() else coefficients.new_zeros(3, _NODES).abs()
    sizes[1:] /= upper
    tail = sizes.amax(0).flip(0).cumsum(0).flip(0)
    needed = int((tail > torch.finfo(A.dtype).eps).sum())
    if needed > _NODES - 4:
        return None
    needed = max(needed, 1)
    rows = coefficients[:, :needed].to(A.dtype)
    return Table(nodes, to_coefficients[:needed], rows, upper, distinct=False)


def distinct_table(A: Tensor, nodes: Tensor, hold: str) -> Table:
    """Return the table of distinct intervals."""
    nodes = nodes.double()
    identity = torch.eye(len(nodes), dtype=torch.float64, device=A.device)
    rows = _values(A, nodes, hold).to(A.dtype)
    return Table(nodes, identity, rows, math.inf, distinct=True)


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
    grad_values = _combine(table.to_rows.mT, grad_rows.transpose(1, 2).to(by_mode.dtype))
    return (by_mode.conj_physical() * grad_values).sum((0, 1)).to(A.dtype)


def _values(A: Tensor, nodes: Tensor, hold: str) -> Tensor:
    """Ā, w0 and w1 at the nodes, (3, n, D, N), in double."""
    wide = A.to(torch.complex128 if A.is_complex() else torch.float64)
    return torch.stack(hold_weights(wide, nodes[:, None, None], hold))


def _derivatives(A: Tensor, nodes: Tensor, hold: str) -> tuple[Tensor, Tensor]:
    """Derivatives of Ā, w0/δ and w1/δ by z = aδ, and their values, (3, n, D, N), in double."""
    z = A.to(torch.complex128 if A.is_complex() else torch.float64) * nodes[:, None, None]
    if hold in ("bilinear", "bilinear_s4"):
        inverse = 1 / (1 - z / 2)
        weight, by_z = inverse / 2, inverse**2 / 4
        previous = 1.0 if hold == "bilinear" else 0.0
        share = 1.0 if hold == "bilinear" else 2.0
        return (
            torch.stack([inverse**2, previous * by_z, share * by_z]),
            torch.stack([(1 + z / 2) * inverse, previous * weight, share * weight]),
        )
    exponential, first, second = torch.exp(z), phi1(z), phi2(z)
    first_by_z = first - second
    if hold == "zoh":
        zero = torch.zeros_like(z)
        return torch.stack([exponential, zero, first_by_z]), torch.stack([exponential, zero, first])
    second_by_z = _phi2_by_z(z, first, second)
    return (
        torch.stack([exponential, first_by_z - second_by_z, second_by_z]),
        torch.stack([exponential, first - second, second]),
    )


def _phi2_by_z(z: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """φ2'(z) = (φ1 - 2 φ2)/z, by its Taylor series Σ (n + 1) zⁿ / (n + 3)! where that cancels."""
    near = z.abs() < 1
    z_near, z_far = torch.where(near, z, 0), torch.where(near, 1, z)
    series = torch.zeros_like(z)
    for n in range(18, -1, -1):
        series = series * z_near + (n + 1) / math.factorial(n + 3)
    return torch.where(near, series, (first - 2 * second) / z_far)


def _combine(matrix: Tensor, values: Tensor) -> Tensor:
    """Apply a real (K, n) matrix to axis 1 of (3, n, D, N)."""
    if not values.is_complex():
        return torch.einsum("kn,fndm->fkdm", matrix, values)
    real = torch.einsum("kn,fndmc->fkdmc", matrix, torch.view_as_real(values))
    return torch.view_as_complex(real.contiguous())
