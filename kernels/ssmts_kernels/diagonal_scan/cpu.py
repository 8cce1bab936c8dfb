"""The scan in chunks of time: weights by GEMM, a short loop of fused multiply-adds, reductions by GEMM.

Only the states at chunk borders are kept; the backward pass computes the others again. Channels whose modes
are much faster than others' are run apart, because their tables are larger. The adjoint is carried
conjugated, μ_k = Ā_{k+1} μ_{k+1} + 2 C g_k, so that no large array is ever conjugated.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts_kernels.diagonal_scan.chunks import Chunk, chunks, modes, planes
from ssmts_kernels.diagonal_scan.weights import channel_groups, interval_rows, mode_gradient


def forward(
    u: Tensor, intervals: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, previous: Tensor, hold: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y (batch, length, D), the last state and, flat, the states before each chunk."""
    groups = channel_groups(A, intervals)
    if len(groups) == 1:
        return _forward(u, intervals, A, B, C, state, previous, hold)
    y, last, kept = torch.empty_like(u), torch.empty_like(state), []
    for g in groups:
        y[..., g], last[:, g], borders = _forward(
            u[..., g], intervals, A[g], B[g], C[g], state[:, g], previous[:, g], hold
        )
        kept.append(borders)
    return y, last, torch.cat(kept)


def backward(
    grad_y: Tensor,
    grad_last: Tensor,
    kept: Tensor,
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    previous: Tensor,
    hold: str,
    with_intervals: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, intervals, A, B, C, the first state and the input before the first."""
    groups = channel_groups(A, intervals)
    if len(groups) == 1:
        return _backward(grad_y, grad_last, kept, u, intervals, A, B, C, previous, hold, with_intervals)[:-1]
    total = tuple(torch.zeros_like(value) for value in (u, intervals, A, B, C, grad_last, previous))
    channel_axes = (2, None, 0, 0, 0, 1, 1)
    for g in groups:
        *part, kept = _backward(
            grad_y[..., g], grad_last[:, g], kept, u[..., g], intervals, A[g], B[g], C[g], previous[:, g],
            hold, with_intervals,
        )  # fmt: skip
        for whole, value, axis in zip(total, part, channel_axes, strict=True):
            if axis is None:
                whole += value
            else:
                whole.index_copy_(axis, g, value)
    return total  # type: ignore[return-value]


def _forward(
    u: Tensor, intervals: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, previous: Tensor, hold: str
) -> tuple[Tensor, Tensor, Tensor]:
    y = torch.empty_like(u, memory_format=torch.contiguous_format)
    last = state.transpose(0, 1).contiguous()
    read_out = planes(_pair(C).conj_physical())[..., None]
    borders = []
    for chunk in chunks(u, intervals, A, B, previous, hold)[1]:
        borders.append(last)
        states = chunk.states(last, chunk.decays(last))
        last = states[:, -1].clone()
        y[:, chunk.start : chunk.stop] = chunk.from_channel(
            torch.bmm(planes(states.flatten(1, 2)), read_out)[..., 0]
        )
    kept = torch.stack(borders) if borders else last.new_empty(0, *last.shape)
    return y, last.transpose(0, 1).clone(memory_format=torch.contiguous_format), kept.flatten()


def _backward(
    grad_y: Tensor,
    grad_last: Tensor,
    kept: Tensor,
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    previous: Tensor,
    hold: str,
    with_intervals: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients and what of `kept` belongs to the groups that follow."""
    grad_u, grad_intervals = torch.zeros_like(u), torch.zeros_like(intervals)
    grad_previous = torch.zeros_like(previous)
    grad_A, grad_B, grad_C = torch.zeros_like(A), torch.zeros_like(B), torch.zeros_like(C)
    adjoint = grad_last.transpose(0, 1).conj_physical().contiguous()
    source = planes(_pair(C))[:, None]
    shared, pieces = chunks(u, intervals, A, B, previous, hold)
    used = len(pieces) * adjoint.numel()
    borders = kept[:used].view(len(pieces), *adjoint.shape)
    by_interval: Tensor | None = None
    shared_rows = A.new_zeros(()) if shared is None else torch.zeros_like(shared.rows)
    for chunk, border in zip(reversed(pieces), reversed(borders.unbind()), strict=True):
        weights = chunk.weights
        decays = chunk.decays(border)
        states = chunk.states(border, decays)
        gradient = chunk.by_channel(grad_y)
        grad_C += modes(torch.bmm(gradient[:, None], planes(states.flatten(1, 2))), C)[:, 0]

        adjoints = modes(torch.bmm(gradient[..., None], source), A).view_as(states)
        adjoints[:, -1] += adjoint
        for k in range(states.shape[1] - 2, -1, -1):
            adjoints[:, k].addcmul_(decays[:, k + 1], adjoints[:, k + 1])
        adjoint = decays[:, 0] * adjoints[:, 0]

        # The conjugate gradients of Ā, and through P those of the table's rows.
        of_decays = torch.empty_like(states)
        torch.mul(states[:, :-1], adjoints[:, 1:], out=of_decays[:, 1:])
        torch.mul(border, adjoints[:, 0], out=of_decays[:, 0])
        of_decays, flat = planes(of_decays.flatten(1, 2)), planes(adjoints.flatten(1, 2))
        of_inputs = modes(torch.bmm(chunk.inputs().mT, flat), A)
        of_inputs = torch.stack(of_inputs.chunk(weights.terms.stop - weights.terms.start, 1))
        grad_B += (weights.rows[weights.terms] * of_inputs).sum((0, 2))
        of_rows = torch.zeros_like(weights.rows)
        of_rows[0] = modes(torch.matmul(chunk.basis.mT, of_decays), A)
        of_rows[weights.terms] = B[:, None] * of_inputs
        if weights is shared:
            shared_rows += of_rows
        else:
            grad_A += mode_gradient(A, weights.table, of_rows.conj_physical(), hold)

        per_input = _per_term(chunk, flat, weights.inputs_conj)
        chunk_grad = chunk.from_channel(per_input[-1])
        grad_u[:, chunk.start : chunk.stop] += chunk_grad
        if len(per_input) == 2:
            before = chunk.from_channel(per_input[0])
            grad_u[:, chunk.start : chunk.stop - 1] += before[:, 1:]
            (grad_previous if chunk.start == 0 else grad_u[:, chunk.start - 1]).add_(before[:, 0])
        if with_intervals:
            if by_interval is None or weights is not shared:
                by_interval = interval_rows(A, weights.table, hold).transpose(1, 2)
            by_inputs = torch.cat((B[:, None] * by_interval[weights.terms]).conj_physical().unbind(), 1)
            total = (torch.bmm(of_decays, planes(by_interval[0].conj_physical()).mT) * chunk.basis).sum(-1)
            for term, signal in zip(_per_term(chunk, flat, planes(by_inputs)), chunk.signals(), strict=True):
                total += term * signal
            grad_intervals[:, chunk.start : chunk.stop] = chunk.from_channel(total).sum(-1)
    if shared is not None:
        grad_A += mode_gradient(A, shared.table, shared_rows.conj_physical(), hold)
    return (
        grad_u,
        grad_intervals,
        grad_A,
        grad_B.conj_physical(),
        _pair(grad_C).conj_physical(),
        adjoint.transpose(0, 1).conj_physical().clone(memory_format=torch.contiguous_format),
        grad_previous,
        kept[used:],
    )


def _pair(value: Tensor) -> Tensor:
    """A complex mode stands for itself and its conjugate."""
    return 2 * value if value.is_complex() else value


def _per_term(chunk: Chunk, flat: Tensor, columns: Tensor) -> list[Tensor]:
    """Reduce the adjoints against each row of P and each term of the hold: a list of (D, time·batch)."""
    products = torch.bmm(flat, columns.mT).chunk(columns.shape[1] // chunk.basis.shape[1], -1)
    return [(product * chunk.basis).sum(-1) for product in products]
