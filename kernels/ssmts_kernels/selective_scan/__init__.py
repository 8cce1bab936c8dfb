r"""The selective state-space recurrence of Mamba, with real time between its observations."""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts_kernels._check import Arguments
from ssmts_kernels._dispatch import materialised, requested
from ssmts_kernels.selective_scan import op, reference
from ssmts_kernels.selective_scan.reference import HOLDS
from ssmts_kernels.selective_scan.step import selective_scan_step

__all__ = ["selective_scan", "selective_scan_step"]


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    initial_state: Tensor | None = None,
    return_last_state: bool = False,
    *,
    intervals: Tensor | None = None,
    lengths: Tensor | None = None,
    hold: str = "euler",
) -> Tensor | tuple[Tensor, Tensor]:
    r"""Run N real modes a channel whose step, input and output weights change with every observation.

    With the step :math:`s_k = \Delta_k\,\delta t_k`, where :math:`\Delta` is ``softplus(delta + delta_bias)``
    or the argument itself and :math:`\delta t` are the intervals (1 without them),

    .. math:: x_k = e^{s_k A} x_{k-1} + w_k B_k u_k, \qquad y_k = (C_k \cdot x_k + D u_k)\,\mathrm{silu}(z_k)

    where :math:`w_k = s_k` for ``hold="euler"`` and :math:`w_k = (e^{s_k A} - 1)/A` for ``hold="zoh"``.

    Parameters
    ----------
    u : Tensor
        (batch, length, D) input: float32, float64, bfloat16 or float16.
    delta : Tensor
        (batch, length, D) discretisation step, in units of the reference step, positive after softplus.
    A : Tensor
        (D, N) real continuous-time modes, A <= 0, float32 or float64. For complex modes see
        `ssmts_kernels.diagonal_scan`.
    B, C : Tensor
        (batch, length, N) input and output weights of each observation, shared by the channels.
    D : Tensor, optional
        (D,) feed-through.
    z : Tensor, optional
        (batch, length, D) gate.
    delta_bias : Tensor, optional
        (D,) added to delta before the softplus.
    delta_softplus : bool
        Apply softplus to delta.
    initial_state : Tensor, optional
        (batch, D, N) state before the first observation; 0 by default.
    return_last_state : bool
        Return the state after the last observation as well.
    intervals : Tensor, optional
        (batch, length) time from observation k - 1 to k, >= 0, in units of the reference step, float32 or
        float64; 1 by default. They are used as they stand: `ssmts_kernels.hold.start_intervals` has the rule
        for a series' first one.
    lengths : Tensor, optional
        (batch,) integers, observations of each row; the rest is padding. Padding is ignored in every input
        and is 0 in y; the last state is that after the row's last observation.
    hold : {"euler", "zoh"}
        "euler" is the Mamba code's simplified input weight, for published weights; its stationary gain is off
        by 5% at s|A| = 0.1 and twofold at 1.6. "zoh" is exact for an input held over each interval.

    Returns
    -------
    y : Tensor
        (batch, length, D), of u's dtype.
    last_state : Tensor
        (batch, D, N), of A's dtype, double where u is; only with `return_last_state`.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, a length is out of range, A is complex, or the hold
        is unknown.
    NotImplementedError
        If a second derivative is asked for outside ``backend("reference")``.

    Notes
    -----
    States and sums are float32 (float64 where u or A is) whatever the dtype of the inputs. The backward pass
    recomputes the states from those that the forward pass saves at the start of every chunk; its sums have a
    fixed order, so that gradients are the same bits every time.

    References
    ----------
    Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023: equations (2) to (4)
    and algorithm 2; section 3.3.2 for recomputation.
    """
    arguments = Arguments("selective_scan")
    arguments.check("u", u, "batch length D", "signal")
    arguments.check("delta", delta, "batch length D", "signal")
    arguments.check("A", A, "D N", "real")
    arguments.check("B", B, "batch length N", "signal")
    arguments.check("C", C, "batch length N", "signal")
    arguments.optional("D", D, "D", "signal")
    arguments.optional("z", z, "batch length D", "signal")
    arguments.optional("delta_bias", delta_bias, "D", "signal")
    arguments.optional("initial_state", initial_state, "batch D N", "real")
    arguments.optional("intervals", intervals, "batch length", "real")
    arguments.lengths(lengths)
    arguments.choice("hold", hold, HOLDS)
    if requested() == "reference":
        y, last_state = reference.selective_scan(
            u, delta, A, B, C, D, z, delta_bias, delta_softplus, initial_state, intervals, lengths, hold
        )  # fmt: skip
    else:
        optional = (u, delta, A, B, C, D, z, delta_bias, initial_state, intervals)
        tensors = [None if value is None else materialised(value) for value in optional]
        save = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
        zoh = hold == "zoh"
        y, last_state, _ = op.forward(*tensors, lengths, delta_softplus, zoh, save, requested())
    return (y, last_state) if return_last_state else y
