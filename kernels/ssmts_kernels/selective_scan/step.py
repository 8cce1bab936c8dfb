"""One observation of the selective recurrence."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssmts_kernels._check import Arguments
from ssmts_kernels._dispatch import requested
from ssmts_kernels.hold import phi1
from ssmts_kernels.precision import without_autocast
from ssmts_kernels.selective_scan import reference
from ssmts_kernels.selective_scan.gates import nonzero
from ssmts_kernels.selective_scan.reference import HOLDS


@without_autocast
def selective_scan_step(
    state: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    *,
    interval: Tensor | float | None = None,
    hold: str = "euler",
) -> tuple[Tensor, Tensor]:
    """Take up one observation: one turn of `selective_scan`.

    Parameters
    ----------
    state : Tensor
        (batch, D, N) state at the previous observation, float32 or float64: the step
        is computed in its dtype. It is not modified.
    u, delta : Tensor
        (batch, D) new observation and its step.
    A, B, C : Tensor
        (D, N), (batch, N) and (batch, N), as in `selective_scan`.
    D : Tensor, optional
        (D,) feed-through.
    z : Tensor, optional
        (batch, D) gate.
    delta_bias : Tensor, optional
        (D,) added to delta before the softplus.
    delta_softplus : bool
        Apply softplus to delta.
    interval : Tensor or float, optional
        Time since the previous observation in units of the reference step: (batch,), or one number for all
        rows; 1 by default.
    hold : {"euler", "zoh"}
        As in `selective_scan`.

    Returns
    -------
    y : Tensor
        (batch, D), of u's dtype.
    state : Tensor
        (batch, D, N), of `state`'s dtype.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, A is complex, or the hold is unknown.

    References
    ----------
    Gu and Dao, "Mamba", 2023, equations (2) and (4).
    """
    arguments = Arguments("selective_scan_step")
    arguments.check("state", state, "batch D N", "real")
    arguments.check("u", u, "batch D", "signal")
    arguments.check("delta", delta, "batch D", "signal")
    arguments.check("A", A, "D N", "real")
    arguments.check("B", B, "batch N", "signal")
    arguments.check("C", C, "batch N", "signal")
    arguments.optional("D", D, "D", "signal")
    arguments.optional("z", z, "batch D", "signal")
    arguments.optional("delta_bias", delta_bias, "D", "signal")
    arguments.choice("hold", hold, HOLDS)
    dtype = state.dtype
    if isinstance(interval, Tensor):
        arguments.check("interval", interval, "batch", "real")
        interval = interval[:, None].to(dtype)
    signal, A, B, C = u.to(dtype), A.to(dtype), B.to(dtype), C.to(dtype)
    if requested() == "reference":
        intervals = None if interval is None else interval * torch.ones_like(state[:, :1, 0])
        y, last_state = reference.selective_scan(
            signal[:, None], delta[:, None], A, B[:, None], C[:, None], D, None if z is None else z[:, None],
            delta_bias, delta_softplus, state, intervals, None, hold,
        )  # fmt: skip
        return y[:, 0].to(u.dtype), last_state.to(dtype)
    step = delta.to(dtype)
    if delta_bias is not None:
        step = step + delta_bias.to(dtype)
    if delta_softplus:
        step = softplus(step)
    if interval is not None:
        step = step * interval
    if hold == "euler":
        decay, weighted = torch.exp(step[..., None] * A), (step * signal)[..., None]
    elif torch.is_grad_enabled() and (step.requires_grad or A.requires_grad):
        exponent = step[..., None] * A
        decay, weighted = torch.exp(exponent), step[..., None] * phi1(exponent) * signal[..., None]
    else:  # this quotient's value is as good as phi1's and cheaper, but its derivative near 0 is not
        A = nonzero(A)
        growth = torch.expm1(step[..., None] * A)
        decay, weighted = growth + 1, growth / A * signal[..., None]
    state = torch.addcmul(weighted * B[:, None], decay, state)
    y = torch.bmm(state, C[..., None])[..., 0]
    if D is not None:
        y = y + D.to(dtype) * signal
    if z is not None:
        y = y * silu(z.to(dtype))
    return y.to(u.dtype), state
