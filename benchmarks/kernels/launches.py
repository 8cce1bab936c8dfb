"""Launches of every Triton kernel on the shapes of usual layers."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.kernels.ahead_of_time import Launch, recorded
from ssmts_kernels.cauchy import triton as cauchy
from ssmts_kernels.diagonal_scan import triton as diagonal_scan
from ssmts_kernels.selective_scan import triton as selective_scan
from ssmts_kernels.ssd import triton as ssd
from ssmts_kernels.vandermonde import triton as vandermonde

__all__ = ["OPERATORS", "launches_of"]

# d_model 128 and length 512 as in a training step; a batch of 2, as kernels do not depend on its size.
BATCH, LENGTH, CHANNELS, MODES, HEADS = 2, 512, 128, 32, 2


def launches_of(operator: str, dtype: torch.dtype = torch.float32) -> list[Launch]:
    """Forward and backward launches of an operator, in every configuration.

    Parameters
    ----------
    operator : str
        Of `OPERATORS`.
    dtype : torch.dtype
        Of the inputs; bfloat16 for `selective_scan` and `ssd` only.
    """
    with recorded() as launches:
        OPERATORS[operator](dtype)
    return launches


def _vandermonde(dtype: torch.dtype) -> None:
    C = torch.ones(CHANNELS, MODES, dtype=torch.complex64)
    vandermonde.forward(C, -C, LENGTH)
    vandermonde.backward(torch.ones(CHANNELS, LENGTH), C, -C)


def _cauchy(dtype: torch.dtype) -> None:
    A = -torch.ones(CHANNELS, MODES, dtype=torch.complex64)
    v = torch.ones(4, CHANNELS, MODES, dtype=torch.complex64)
    omega = torch.exp(2j * torch.pi * torch.arange(LENGTH // 2 + 1) / LENGTH).to(torch.complex64)
    out = cauchy.forward(v, omega, A)
    cauchy.backward(out, v, omega, A)


def _diagonal_scan(dtype: torch.dtype) -> None:
    A = -torch.ones(CHANNELS, MODES, dtype=torch.complex64)
    u, intervals = torch.ones(BATCH, LENGTH, CHANNELS), torch.ones(BATCH, LENGTH)
    state = torch.zeros(BATCH, CHANNELS, MODES, dtype=torch.complex64)
    for hold in ("foh", "zoh"):
        y, last, kept = diagonal_scan.forward(u, intervals, A, A, A, state, u[:, 0], hold)
        diagonal_scan.backward(y, last, kept, u, intervals, A, A, A, u[:, 0], hold, True)


def _selective_scan(dtype: torch.dtype) -> None:
    u = torch.ones(BATCH, LENGTH, CHANNELS, dtype=dtype)
    A = -torch.ones(CHANNELS, 16)
    B = torch.ones(BATCH, LENGTH, 16, dtype=dtype)
    D, bias = torch.ones(CHANNELS), torch.ones(CHANNELS)
    y, last, starts = selective_scan.forward(
        u, u, A, B, B, D, u, bias, None, None, None, delta_softplus=True, zoh=False, save=True
    )
    selective_scan.backward(
        y, last, starts, u, u, A, B, B, D, u, bias, None, None, delta_softplus=True, zoh=False
    )


def _ssd(dtype: torch.dtype) -> None:
    x = torch.ones(BATCH, LENGTH, HEADS, 64, dtype=dtype)
    exponent, gain = -torch.ones(BATCH, LENGTH, HEADS), torch.ones(BATCH, LENGTH, HEADS)
    B = torch.ones(BATCH, LENGTH, 1, 64, dtype=dtype)
    D = torch.ones(HEADS)
    y, last, starts = ssd.forward(x, exponent, gain, B, B, D, None, save=True)
    ssd.backward(y, last, starts, x, exponent, gain, B, B, D)


OPERATORS: dict[str, Callable[[torch.dtype], None]] = {
    "vandermonde": _vandermonde,
    "cauchy": _cauchy,
    "diagonal_scan": _diagonal_scan,
    "selective_scan": _selective_scan,
    "ssd": _ssd,
}
