"""The selective recurrence in torch ops on cache-sized blocks of time, with a backward that recomputes them.

A block holds CHUNK steps of a few rows, the channels innermost: (rows, CHUNK, N, D). Everything that does not
recur (decays, inputs, read-out, gradients) is one op a block; only the state's own line is a loop over time.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssmts_kernels.selective_scan.gates import finish, gate_gradient, nonzero, prepare, step_gradient, ungate
from ssmts_kernels.selective_scan.reference import state_dtype

CHUNK = 32
# Elements of one block, about: three blocks of them stay within the second-level caches.
_BLOCK = 1 << 19


def forward(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    initial_state: Tensor | None,
    intervals: Tensor | None,
    lengths: Tensor | None,
    delta_softplus: bool,
    zoh: bool,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, the last state (batch, D, N) and, if `save`, the states at the start of each chunk."""
    dtype = state_dtype(u, A)
    inputs = prepare(u, delta, B, C, z, delta_bias, intervals, lengths, delta_softplus, dtype)
    batch, length, channels = u.shape
    A_t = nonzero(A.to(dtype)).t().contiguous()
    states = A_t.new_zeros(batch, *A_t.shape)
    if initial_state is not None:
        states.copy_(initial_state.transpose(1, 2))
    y = torch.empty_like(inputs.u, memory_format=torch.contiguous_format)
    starts = states.new_empty(checkpoints(batch, length, channels, A.shape[1]) if save else (0,))

    rows = _rows(A_t)
    decay, x = A_t.new_empty(2, min(rows, batch), min(CHUNK, length), *A_t.shape).unbind()
    for row in range(0, batch, rows):
        r = slice(row, row + rows)
        for chunk, k in enumerate(range(0, length, CHUNK)):
            t = slice(k, k + CHUNK)
            step = inputs.step[r, t]
            if save:
                starts[r, chunk] = states[r]
            a, state = decay[: step.shape[0], : step.shape[1]], x[: step.shape[0], : step.shape[1]]
            _discretise(step, inputs.u[r, t], inputs.B[r, t], A_t, zoh, a, state)
            _recur(a, state, states[r])
            y[r, t] = torch.matmul(inputs.C[r, t, None], state)[:, :, 0]
            states[r] = state[:, -1]
    last_state = states.transpose(1, 2).contiguous()
    return finish(y, inputs, D).to(u.dtype), last_state, starts


def backward(
    grad_y: Tensor,
    grad_last: Tensor,
    starts: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    intervals: Tensor | None,
    lengths: Tensor | None,
    delta_softplus: bool,
    zoh: bool,
) -> tuple[Tensor, ...]:
    """Return the gradients of u, delta, A, B, C, D, z, delta_bias, initial_state and intervals.

    They have the states' dtype; one whose argument is None is empty.
    """
    dtype = state_dtype(u, A)
    inputs = prepare(u, delta, B, C, z, delta_bias, intervals, lengths, delta_softplus, dtype)
    grad_y = grad_y.to(dtype)
    inner = ungate(grad_y, inputs)
    A_t = nonzero(A.to(dtype)).t().contiguous()
    batch, length, _ = u.shape
    grad_u, grad_step, y = (torch.empty_like(inputs.u) for _ in range(3))
    grad_B, grad_C = torch.empty_like(inputs.B), torch.empty_like(inputs.C)
    grad_A = torch.zeros_like(A_t)
    adjoint = grad_last.to(dtype).transpose(1, 2).clone(memory_format=torch.contiguous_format)

    rows = _rows(A_t)
    blocks = A_t.new_empty(4 if zoh else 3, min(rows, batch), min(CHUNK, length), *A_t.shape)
    for row in range(0, batch, rows):
        r = slice(row, row + rows)
        for chunk in reversed(range(starts.shape[1])):
            t = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
            step, u_t, B_t, g_t = inputs.step[r, t], inputs.u[r, t], inputs.B[r, t], inner[r, t]
            a, x, g, *spare = blocks[:, : step.shape[0], : step.shape[1]].unbind()
            gain = spare[0] if zoh else None
            _discretise(step, u_t, B_t, A_t, zoh, a, x, gain)
            _recur(a, x, starts[r, chunk])
            if z is not None:
                y[r, t] = torch.matmul(inputs.C[r, t, None], x)[:, :, 0]
            grad_C[r, t] = torch.matmul(x, g_t[..., None])[..., 0]
            torch.mul(inputs.C[r, t, :, None], g_t[:, :, None], out=g)
            _recur_back(a, g, adjoint[r])
            torch.mul(a[:, 0], g[:, 0], out=adjoint[r])
            _input_gradients(
                (grad_u[r, t], grad_step[r, t], grad_A, grad_B[r, t]),
                (step, u_t, B_t, A_t), a, x, g, gain, starts[r, chunk],
            )  # fmt: skip
    grad_z = gate_gradient(grad_y, y, inputs, D) if z is not None else u.new_empty(0)
    grad_D = u.new_empty(0)
    if D is not None:
        grad_D = (inner * inputs.u).sum((0, 1))
        grad_u.addcmul_(inner, D.to(dtype))
    grad_raw, grad_intervals = step_gradient(grad_step, inputs, delta_softplus)
    grad_bias = grad_raw.sum((0, 1)) if delta_bias is not None else u.new_empty(0)
    grad_A, grad_state = grad_A.t(), adjoint.transpose(1, 2)
    return grad_u, grad_raw, grad_A, grad_B, grad_C, grad_D, grad_z, grad_bias, grad_state, grad_intervals


def checkpoints(batch: int, length: int, channels: int, modes: int) -> tuple[int, ...]:
    """Return the shape of the saved states."""
    return batch, -(-length // CHUNK), modes, channels


def _rows(A_t: Tensor) -> int:
    return max(1, _BLOCK // max(1, CHUNK * A_t.numel()))


def _discretise(
    step: Tensor,
    u: Tensor,
    B: Tensor,
    A_t: Tensor,
    zoh: bool,
    a: Tensor,
    x: Tensor,
    gain: Tensor | None = None,
) -> None:
    """Fill a with exp(step A), x with what the state takes up and, for zoh, gain with expm1(step A) / A."""
    torch.mul(step[:, :, None], A_t, out=a)
    if not zoh:
        a.exp_()
        torch.mul((step * u)[:, :, None], B[..., None], out=x)
        return
    gain = torch.div(a.expm1_(), A_t, out=x if gain is None else gain)
    torch.mul(gain, u[:, :, None], out=x).mul_(B[..., None])
    a.add_(1)


def _recur(a: Tensor, x: Tensor, state: Tensor) -> None:
    """Run x_k <- a_k x_{k-1} + x_k from `state`."""
    for a_k, x_k in zip(a.unbind(1), x.unbind(1), strict=True):
        x_k.addcmul_(a_k, state)
        state = x_k


def _recur_back(a: Tensor, g: Tensor, adjoint: Tensor) -> None:
    """Run g_k <- g_k + a_{k+1} g_{k+1}; `adjoint` is what the next chunk hands over."""
    steps = g.unbind(1)
    steps[-1].add_(adjoint)
    for g_k, a_next, g_next in zip(steps[-2::-1], a.unbind(1)[:0:-1], steps[:0:-1], strict=True):
        g_k.addcmul_(a_next, g_next)


def _input_gradients(
    grads: tuple[Tensor, Tensor, Tensor, Tensor],
    inputs: tuple[Tensor, Tensor, Tensor, Tensor],
    a: Tensor,
    x: Tensor,
    g: Tensor,
    gain: Tensor | None,
    start: Tensor,
) -> None:
    """Fill the gradients of u, step and B, add to that of A; x and g, the adjoint states, are overwritten."""
    grad_u, grad_step, grad_A, grad_B = grads
    step, u, B, A_t = inputs
    taken_up = g if gain is None else g * gain
    weighted = step * u if gain is None else u
    grad_B.copy_(torch.matmul(taken_up, weighted[..., None])[..., 0])
    grad_weighted = torch.matmul(B[:, :, None], taken_up)[:, :, 0]
    if gain is None:
        torch.mul(grad_weighted, step, out=grad_u)
        torch.mul(grad_weighted, u, out=grad_step)
    else:
        grad_u.copy_(grad_weighted)
        held = g * u[:, :, None] * B[..., None]
        torch.sum(held * a, 2, out=grad_step)
        grad_A.add_((held * _gain_slope(step[:, :, None], A_t, a, gain)).sum((0, 1)))
    g.mul_(a)
    g[:, 1:].mul_(x[:, :-1])
    g[:, 0].mul_(start)
    grad_step.add_(torch.mul(g, A_t, out=x).sum(2))
    grad_A.add_(g.mul_(step[:, :, None]).sum((0, 1)))


def _gain_slope(step: Tensor, A: Tensor, a: Tensor, gain: Tensor) -> Tensor:
    """Return the derivative of expm1(step A) / A with respect to A, by its Taylor series near 0."""
    exponent = step * A
    terms = 12 if a.dtype == torch.float64 else 6
    series = torch.full_like(exponent, terms / math.factorial(terms + 1))
    for n in range(terms - 1, 0, -1):
        series.mul_(exponent).add_(n / math.factorial(n + 1))
    return torch.where(exponent.abs() < 0.25, step * step * series, (step * a - gain) / A)
