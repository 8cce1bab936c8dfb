"""One observation of the state-space dual recurrence."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssmts_kernels._check import Arguments
from ssmts_kernels._dispatch import requested
from ssmts_kernels.hold import phi1
from ssmts_kernels.precision import without_autocast
from ssmts_kernels.selective_scan.reference import HOLDS
from ssmts_kernels.ssd import reference


@without_autocast
def ssd_step(
    state: Tensor,
    x: Tensor,
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
    """Take up one observation: one turn of `ssd`.

    Parameters
    ----------
    state : Tensor
        (batch, H, P, N) state at the previous observation, float32 or float64: the step
        is computed in its dtype. It is not modified.
    x : Tensor
        (batch, H, P) new observation.
    delta : Tensor
        (batch, H) its step.
    A : Tensor
        (H,) modes, as in `ssd`.
    B, C : Tensor
        (batch, G, N), as in `ssd`.
    D : Tensor, optional
        (H,) feed-through.
    z : Tensor, optional
        (batch, H, P) gate.
    delta_bias : Tensor, optional
        (H,) added to delta before the softplus.
    delta_softplus : bool
        Apply softplus to delta.
    interval : Tensor or float, optional
        Time since the previous observation in units of the reference step: (batch,), or one number for all
        rows; 1 by default.
    hold : {"euler", "zoh"}
        As in `ssd`.

    Returns
    -------
    y : Tensor
        (batch, H, P), of x's dtype.
    state : Tensor
        (batch, H, P, N), of `state`'s dtype.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, A is complex, G does not divide H, or the hold is
        unknown.

    References
    ----------
    Dao and Gu, "Transformers are SSMs", ICML 2024, equation (1).
    """
    arguments = Arguments("ssd_step")
    arguments.check("state", state, "batch H P N", "real")
    arguments.check("x", x, "batch H P", "signal")
    arguments.check("delta", delta, "batch H", "signal")
    arguments.check("A", A, "H", "real")
    arguments.check("B", B, "batch G N", "signal")
    arguments.check("C", C, "batch G N", "signal")
    check_groups(arguments)
    arguments.optional("D", D, "H", "signal")
    arguments.optional("z", z, "batch H P", "signal")
    arguments.optional("delta_bias", delta_bias, "H", "signal")
    arguments.choice("hold", hold, HOLDS)
    dtype = state.dtype
    if isinstance(interval, Tensor):
        arguments.check("interval", interval, "batch", "real")
        interval = interval[:, None].to(dtype)
    signal, A, B, C = x.to(dtype), A.to(dtype), B.to(dtype), C.to(dtype)
    if requested() == "reference":
        intervals = None if interval is None else interval * torch.ones_like(state[:, :1, 0, 0])
        y, last_state = reference.ssd(
            signal[:, None], delta[:, None], A, B[:, None], C[:, None], D, None if z is None else z[:, None],
            delta_bias, delta_softplus, state, intervals, None, hold,
        )  # fmt: skip
        return y[:, 0].to(x.dtype), last_state.to(dtype)
    batch, heads, head_dim, modes = state.shape
    group = heads // B.shape[1]
    if group > 1:
        B, C = B.repeat_interleave(group, 1), C.repeat_interleave(group, 1)
    step = delta.to(dtype)
    if delta_bias is not None:
        step = step + delta_bias.to(dtype)
    if delta_softplus:
        step = softplus(step)
    if interval is not None:
        step = step * interval
    exponent = step * A
    gain = step * phi1(exponent) if hold == "zoh" else step
    taken_up = (gain[..., None] * signal)[..., None] * B[:, :, None]
    state = torch.addcmul(taken_up, torch.exp(exponent)[..., None, None], state)
    rows = state.reshape(batch * heads, head_dim, modes)
    y = torch.bmm(rows, C.reshape(batch * heads, modes, 1)).view(batch, heads, head_dim)
    if D is not None:
        y = y + D.to(dtype)[:, None] * signal
    if z is not None:
        y = y * silu(z.to(dtype))
    return y.to(x.dtype), state


def check_groups(arguments: Arguments) -> None:
    """Require the number of groups to divide the number of heads."""
    heads, groups = arguments.sizes["H"], arguments.sizes["G"]
    if groups == 0 or heads % groups:
        arguments.fail("B", f"must have a number of groups that divides H={heads}, got G={groups}")
