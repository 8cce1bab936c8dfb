r"""The state-space dual recurrence of Mamba-2, with real time between its observations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssmts_kernels._check import Arguments
from ssmts_kernels._dispatch import requested
from ssmts_kernels.hold import phi1
from ssmts_kernels.padding import valid_positions
from ssmts_kernels.selective_scan.reference import HOLDS, state_dtype
from ssmts_kernels.ssd import reference
from ssmts_kernels.ssd.step import check_groups, ssd_step
from ssmts_kernels.ssd.uncoupled import run, ssd_uncoupled

__all__ = ["ssd", "ssd_step", "ssd_uncoupled"]


def ssd(
    x: Tensor,
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
    r"""Run H heads, each with one real mode and a (P, N) state of outer products.

    With the step :math:`s_k = \Delta_k\,\delta t_k`, where :math:`\Delta` is ``softplus(delta + delta_bias)``
    or the argument itself and :math:`\delta t` are the intervals (1 without them), a head computes

    .. math:: S_k = e^{s_k A} S_{k-1} + w_k\, x_k B_k^\top, \qquad y_k = (S_k C_k + D x_k)\,\mathrm{silu}(z_k)

    where :math:`w_k = s_k` for ``hold="euler"`` and :math:`w_k = (e^{s_k A} - 1)/A` for ``hold="zoh"``. It is
    `ssmts_kernels.selective_scan` with one mode for the N states of a head, which turns chunks of it into
    matrix products. `ssd_uncoupled` takes :math:`s_k A` and :math:`w_k` themselves.

    Parameters
    ----------
    x : Tensor
        (batch, length, H, P) input: float32, float64, bfloat16 or float16.
    delta : Tensor
        (batch, length, H) discretisation step, in units of the reference step, >= 0 after softplus.
    A : Tensor
        (H,) real continuous-time mode of each head, A <= 0, float32 or float64.
    B, C : Tensor
        (batch, length, G, N) input and output weights of each observation; G divides H, and head h belongs to
        group h // (H / G).
    D : Tensor, optional
        (H,) feed-through.
    z : Tensor, optional
        (batch, length, H, P) gate.
    delta_bias : Tensor, optional
        (H,) added to delta before the softplus.
    delta_softplus : bool
        Apply softplus to delta.
    initial_state : Tensor, optional
        (batch, H, P, N) state before the first observation; 0 by default.
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
        "euler" is the Mamba code's simplified input weight, for published weights; "zoh" is exact for an
        input held over each interval. See `ssmts_kernels.selective_scan`.

    Returns
    -------
    y : Tensor
        (batch, length, H, P), of x's dtype.
    last_state : Tensor
        (batch, H, P, N), of A's dtype, double where x is; only with `return_last_state`.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, a length is out of range, A is complex, G does not
        divide H, or the hold is unknown.
    NotImplementedError
        If a second derivative is asked for outside ``backend("reference")``.

    Notes
    -----
    States, decays and sums are float32 (float64 where x or A is) whatever the dtype of the inputs. The
    backward pass recomputes each chunk from the state at its start; its sums have a fixed order, so that
    gradients are the same bits every time.

    References
    ----------
    Dao and Gu, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State
    Space Duality", ICML 2024: equation (1) and section 6.
    """
    arguments = Arguments("ssd")
    arguments.check("x", x, "batch length H P", "signal")
    arguments.check("delta", delta, "batch length H", "signal")
    arguments.check("A", A, "H", "real")
    arguments.check("B", B, "batch length G N", "signal")
    arguments.check("C", C, "batch length G N", "signal")
    check_groups(arguments)
    arguments.optional("D", D, "H", "signal")
    arguments.optional("z", z, "batch length H P", "signal")
    arguments.optional("delta_bias", delta_bias, "H", "signal")
    arguments.optional("initial_state", initial_state, "batch H P N", "real")
    arguments.optional("intervals", intervals, "batch length", "real")
    arguments.lengths(lengths)
    arguments.choice("hold", hold, HOLDS)
    if requested() == "reference":
        y, last_state = reference.ssd(
            x, delta, A, B, C, D, z, delta_bias, delta_softplus, initial_state, intervals, lengths, hold
        )  # fmt: skip
        return (y, last_state) if return_last_state else y

    # The step is 1/P of the input's size: torch's own operators see to it and to its gradient.
    dtype = state_dtype(x, A)
    if lengths is not None:
        valid = valid_positions(lengths, x.shape[1])[..., None]
        delta = torch.where(valid, delta, 0)
        intervals = None if intervals is None else torch.where(valid[..., 0], intervals, 0)
        z = None if z is None else torch.where(valid[..., None], z, 0)
    step = delta.to(dtype)
    if delta_bias is not None:
        step = step + delta_bias
    if delta_softplus:
        step = softplus(step)
    if intervals is not None:
        step = step * intervals[..., None]
    exponent = (step * A).to(dtype)
    gain = (step * phi1(exponent) if hold == "zoh" else step).to(dtype)
    y, last_state = run(x, exponent, gain, B, C, D, initial_state, lengths)
    if z is not None:
        y = (y * silu(z.to(dtype))).to(x.dtype)
    return (y, last_state) if return_last_state else y
