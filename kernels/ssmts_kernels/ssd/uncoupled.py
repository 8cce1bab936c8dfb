r"""The dual recurrence with decays and input weights of the caller's own."""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts_kernels._check import Arguments
from ssmts_kernels._dispatch import materialised, requested
from ssmts_kernels.padding import valid_positions
from ssmts_kernels.selective_scan.reference import state_dtype
from ssmts_kernels.ssd import op, reference
from ssmts_kernels.ssd.step import check_groups


def ssd_uncoupled(
    x: Tensor,
    exponent: Tensor,
    gain: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_last_state: bool = False,
    *,
    lengths: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    r"""Run `ssd` with the exponent of each decay and the weight of each input given, not made of one step.

    .. math:: S_k = e^{\alpha_k} S_{k-1} + w_k\, x_k B_k^\top, \qquad y_k = S_k C_k + D x_k

    This is what a discretisation of another kind than `ssd`'s needs: Mamba-3's, whose modes depend on the
    input and whose input has two weights, or any linear attention with a scalar decay.

    Parameters
    ----------
    x : Tensor
        (batch, length, H, P) input: float32, float64, bfloat16 or float16.
    exponent : Tensor
        (batch, length, H) logarithm of each decay, <= 0, float32 or float64.
    gain : Tensor
        (batch, length, H) weight of each input, float32 or float64.
    B, C : Tensor
        (batch, length, G, N), as in `ssd`.
    D : Tensor, optional
        (H,) feed-through.
    initial_state : Tensor, optional
        (batch, H, P, N) state before the first observation; 0 by default.
    return_last_state : bool
        Return the state after the last observation as well.
    lengths : Tensor, optional
        (batch,) integers, as in `ssd`.

    Returns
    -------
    y : Tensor
        (batch, length, H, P), of x's dtype.
    last_state : Tensor
        (batch, H, P, N), of exponent's dtype, double where x is; only with `return_last_state`.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, a length is out of range, or G does not divide H.
    NotImplementedError
        If a second derivative is asked for outside ``backend("reference")``.

    References
    ----------
    Dao and Gu, "Transformers are SSMs", ICML 2024, section 3.2 (1-semiseparable matrices). Lahoti et al.,
    "Mamba-3", ICLR 2026, section 3.1.
    """
    arguments = Arguments("ssd_uncoupled")
    arguments.check("x", x, "batch length H P", "signal")
    arguments.check("exponent", exponent, "batch length H", "real")
    arguments.check("gain", gain, "batch length H", "real")
    arguments.check("B", B, "batch length G N", "signal")
    arguments.check("C", C, "batch length G N", "signal")
    check_groups(arguments)
    arguments.optional("D", D, "H", "signal")
    arguments.optional("initial_state", initial_state, "batch H P N", "real")
    arguments.lengths(lengths)
    if requested() == "reference":
        y, last_state = reference.ssd_uncoupled(x, exponent, gain, B, C, D, initial_state, lengths)
        y = y.to(x.dtype)
    else:
        dtype = state_dtype(x, exponent)
        y, last_state = run(x, exponent.to(dtype), gain.to(dtype), B, C, D, initial_state, lengths)
    return (y, last_state) if return_last_state else y


def run(
    x: Tensor,
    exponent: Tensor,
    gain: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    initial_state: Tensor | None,
    lengths: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Blank the padding and call the operator; `exponent` and `gain` have the states' dtype."""
    if lengths is not None:
        valid = valid_positions(lengths, x.shape[1])[..., None]
        exponent, gain = torch.where(valid, exponent, 0), torch.where(valid, gain, 0)
        x, B, C = (torch.where(valid[..., None], value, 0) for value in (x, B, C))
    optional = (x, exponent, gain, B, C, D, initial_state)
    tensors = [None if value is None else materialised(value) for value in optional]
    save = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    y, last_state, _ = op.forward(*tensors, save, requested())
    return y, last_state
