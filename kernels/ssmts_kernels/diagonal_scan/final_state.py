r"""The last state alone, without the states on the way.

Rows on one clock: every observation has a fixed weight in every mode, and the states are one real GEMM.

Rows on clocks of their own, "foh" in float32: the state takes up ∫ exp(A τ) u dτ, τ counted back from the end
of a few observations. With exp(A τ) = Σ_j c_j(A) T_j(τ) the integral falls into the moments ∫ T_j u dτ, which
know nothing of the modes, and a GEMM with the c_j. Integrated by parts twice, the moments of a piecewise
linear u are sums over its kinks. All other cases run the scan and keep the last state.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np
import torch
from torch import Tensor

from ssmts_kernels.diagonal_scan.chunks import chunks, modes, planes
from ssmts_kernels.hold import hold_weights

_SPANS = (8, 4, 2)
"""Observations taken up at a time, the most for which the expansion converges."""
_NODES = 48
_CLOSEST = 1e-3
"""Integration by parts divides by intervals: below this fraction of a span it loses too many digits."""
_MEMORABLE = 1 << 20
"""Weights of a clock that are kept for the next call: 8 MB in complex64, a few times."""
_REMEMBERED = 4
_seen: dict[Hashable, tuple[Tensor, Tensor, Tensor]] = {}


def forward(
    u: Tensor, intervals: Tensor, A: Tensor, B: Tensor, state: Tensor, previous: Tensor, hold: str
) -> Tensor:
    """Return the (batch, D, N) last state."""
    if u.numel() == 0 or A.numel() == 0:
        return state.clone(memory_format=torch.contiguous_format)
    if _shared(intervals):
        return _one_clock(u, intervals[0], A, B, state, previous, hold)
    if hold == "foh" and A.dtype == torch.complex64:
        if bool((intervals[:, 0] == 0).all()):
            # Nothing happens before the first observation: it is where the first interval starts.
            previous, u, intervals = u[:, 0], u[:, 1:], intervals[:, 1:]
        for span in _SPANS:
            expansion = _Expansion.of(A, intervals, span)
            if expansion is not None:
                return expansion.run(u, intervals, B, state, previous, span)
    last = state.transpose(0, 1).contiguous()
    for chunk in chunks(u, intervals, A, B, previous, hold)[1]:
        last = chunk.states(last, chunk.decays(last))[:, -1].clone()
    return last.transpose(0, 1).clone(memory_format=torch.contiguous_format)


def _one_clock(
    u: Tensor, intervals: Tensor, A: Tensor, B: Tensor, state: Tensor, previous: Tensor, hold: str
) -> Tensor:
    columns, decay, first = _remembered(intervals, A, B, hold)
    last = modes(torch.bmm(u.permute(2, 0, 1), columns), A).transpose(0, 1)
    if not _nothing(state):
        last = last.add(decay * state)
    if not _nothing(previous):
        last = last.add(first * previous[..., None])
    return last.contiguous()


def _shared(intervals: Tensor) -> bool:
    """Whether all rows have the same intervals."""
    if intervals.stride(0) == 0 or len(intervals) == 1:
        return True
    if not torch.equal(intervals[0], intervals[-1]):
        return False
    if intervals.device.type != "cpu" or not intervals.is_contiguous():
        return torch.equal(intervals.amin(0), intervals.amax(0))
    # Each row against the one before it, in whole words: half the time of a minimum and a maximum.
    bits = intervals.detach().numpy()
    words = bits.reshape(-1).view(np.int64 if bits[0].nbytes % 8 == 0 else np.int32)
    row = len(words) // len(bits)
    return bool((words[row:] == words[:-row]).all())


def _nothing(value: Tensor) -> bool:
    """Whether this is one zero, expanded: what stands for an argument that was not given."""
    apart = any(stride for stride, size in zip(value.stride(), value.shape, strict=True) if size > 1)
    return not apart and not bool(value[(0,) * value.ndim])


def _remembered(intervals: Tensor, A: Tensor, B: Tensor, hold: str) -> tuple[Tensor, Tensor, Tensor]:
    """`_weights`, from memory where this clock and these modes came lately; values are compared, not ids."""
    if A.device.type != "cpu" or len(intervals) * A.numel() > _MEMORABLE:
        return _weights(intervals, A, B, hold)
    key = *((v.dtype, v.shape, v.contiguous().numpy().tobytes()) for v in (intervals, A, B)), hold
    weights = _seen.get(key)
    if weights is None:
        weights = _seen[key] = _weights(intervals, A, B, hold)
        while len(_seen) > _REMEMBERED:
            # Another thread may have taken the oldest out already.
            _seen.pop(next(iter(_seen), None), None)
    return weights


def _weights(intervals: Tensor, A: Tensor, B: Tensor, hold: str) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of the observations (D, length, 2 N), of the first state and of the input before the first."""
    wide = A.to(torch.complex128 if A.is_complex() else torch.float64)
    nodes, which = torch.unique(intervals.double(), return_inverse=True)
    A_bar, before, current = (w[which] for w in hold_weights(wide, nodes[:, None, None], hold))
    # What is left at the end of the state before observation k.
    remaining = A_bar.flip(0).cumprod(0).flip(0)
    after = torch.cat([remaining[1:], torch.ones_like(remaining[:1])])
    weights = after * current
    weights[:-1] += after[1:] * before[1:]
    columns = planes((B * weights).transpose(0, 1).to(A.dtype))
    return columns.contiguous(), remaining[0].to(A.dtype), (B * after[0] * before[0]).to(A.dtype)


class _Expansion:
    """exp(A τ) on [0, width] in Chebyshev polynomials."""

    def __init__(self, coefficients: Tensor, width: float) -> None:
        self.coefficients = coefficients
        """(D, K, 2 N) float32"""
        self.width = width

    @classmethod
    def of(cls, A: Tensor, intervals: Tensor, span: int) -> _Expansion | None:
        """Return the expansion for `span` observations, or None where it does not converge."""
        times = torch.nn.functional.pad(intervals.double().cumsum(1), (1, 0))
        ends = times[:, min(span, times.shape[1] - 1) :]
        width = float((ends - times[:, : ends.shape[1]]).max())
        if not float(intervals.min()) > _CLOSEST * width:
            return None
        if float(A.abs().max()) * width > 2 * 0.8 * _NODES:
            return None
        angles = (torch.arange(_NODES, dtype=torch.float64, device=A.device) + 0.5) * (math.pi / _NODES)
        values = torch.exp(A.to(torch.complex128) * (0.5 * width * (1 + torch.cos(angles)))[:, None, None])
        orders = torch.arange(_NODES, dtype=torch.float64, device=A.device)
        to_coefficients = torch.cos(orders[:, None] * angles) * (2 / _NODES)
        to_coefficients[0] *= 0.5
        series = planes(values).permute(1, 0, 2)
        series = to_coefficients @ series
        tail = series.abs().amax((0, 2)).flip(0).cumsum(0).flip(0)
        needed = int((tail > 0.5 * torch.finfo(A.dtype).eps).sum())
        if needed > _NODES - 4:
            return None
        return cls(series[:, : max(needed, 2)].float().contiguous(), width)

    def run(
        self, u: Tensor, intervals: Tensor, B: Tensor, state: Tensor, previous: Tensor, span: int
    ) -> Tensor:
        """Take up `span` observations at a time."""
        orders = self.coefficients.shape[1]
        once, twice = _integration(orders, u.device)
        signs = (-1.0) ** torch.arange(orders + 2, dtype=torch.float64, device=u.device)[:, None, None]
        series = modes(self.coefficients, B)
        decaying, taking_up = planes(series), planes(B[:, None] * (0.5 * self.width * series))
        last, held = state.transpose(0, 1).contiguous(), previous.double()[:, None]
        for start in range(0, u.shape[1], span):
            step = intervals[:, start : start + span].double()
            values = torch.cat([held, u[:, start : start + span].double()], 1)
            held = values[:, -1:]
            # x runs over [-1, 1] as τ does over [0, width]: the newest observation is at -1.
            elapsed = torch.nn.functional.pad(step.flip(1).cumsum(1).flip(1), (0, 1))
            slopes = (values[:, :-1] - values[:, 1:]) / (step * (2 / self.width))[..., None]
            kinks = torch.cat([-slopes[:, :1], slopes[:, :-1] - slopes[:, 1:], slopes[:, -1:]], 1)
            basis = _chebyshev(elapsed * (2 / self.width) - 1, orders + 2)
            # ∫ T u dx = [F u] - Σ slope [G], where F' = T and G' = F.
            ends = basis[:, :, :1] * values[:, 0] - signs * values[:, -1]
            of_kinks = (basis[..., None] * kinks).sum(2)
            moments = torch.tensordot(once, ends, 1) + torch.tensordot(twice, of_kinks, 1)
            decay = modes(torch.matmul(basis[:orders, :, 0].T.float(), decaying), B)
            last = modes(torch.bmm(moments.permute(2, 1, 0).float(), taking_up), B).addcmul_(decay, last)
        return last.transpose(0, 1).clone(memory_format=torch.contiguous_format)


def _chebyshev(x: Tensor, orders: int) -> Tensor:
    """T_0 .. T_{orders - 1} of x, (orders, *x.shape)."""
    basis = x.new_empty(orders, *x.shape)
    basis[0], basis[1], twice = 1, x, 2 * x
    for order in range(2, orders):
        torch.mul(twice, basis[order - 1], out=basis[order]).sub_(basis[order - 2])
    return basis


def _integration(orders: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the matrices (orders, orders + 2) of one and of two integrals, in terms of the polynomials."""
    integral = torch.zeros(orders + 1, orders + 2, dtype=torch.float64)
    integral[0, 1], integral[1, 2] = 1, 0.25
    for order in range(2, orders + 1):
        integral[order, order + 1] = 0.5 / (order + 1)
        integral[order, order - 1] = -0.5 / (order - 1)
    once = integral[:orders]
    return once.to(device), (once[:, :-1] @ integral).to(device)
