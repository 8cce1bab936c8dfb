r"""Causal long convolution."""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts_kernels._check import Arguments
from ssmts_kernels._dispatch import materialised, requested
from ssmts_kernels.fft_conv import op, reference
from ssmts_kernels.padding import valid_positions

__all__ = ["fft_conv"]


def fft_conv(u: Tensor, kernel: Tensor, *, lengths: Tensor | None = None) -> Tensor:
    r"""Convolve each channel with its own kernel, :math:`y_{bld} = \sum_{j \le l} K_{dj} u_{b,l-j,d}`.

    Parameters
    ----------
    u : Tensor
        (batch, length, D) signal, channels last: float32, float64, bfloat16 or float16.
    kernel : Tensor
        (D, taps) one kernel a channel, float32 or float64; taps beyond the length are never reached.
    lengths : Tensor, optional
        (batch,) integers, observations of each row; the rest is padding, ignored in u and 0 in y.

    Returns
    -------
    Tensor
        (batch, length, D), of u's dtype; computed in float32 at least.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, or a length is out of range.

    References
    ----------
    Gu, Goel and Ré, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022, equation
    (5).
    """
    arguments = Arguments("fft_conv")
    arguments.check("u", u, "batch length D", "signal")
    arguments.check("kernel", kernel, "D taps", "real")
    arguments.lengths(lengths)
    if lengths is not None:
        padding = ~valid_positions(lengths, u.shape[1])[..., None]
        u = u.masked_fill(padding, 0)
    if (name := requested()) == "reference":
        y = reference.fft_conv(u, kernel)
    else:
        dtype = torch.promote_types(torch.promote_types(u.dtype, kernel.dtype), torch.float32)
        y = op.fft_conv(materialised(u.to(dtype)), materialised(kernel.to(dtype)), name).to(u.dtype)
    return y if lengths is None else y.masked_fill(padding, 0)
