"""What every path shares of a chunk: its size, the states saved at its start, its cumulative decays."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

CHUNK = 64


def checkpoints(x: Tensor, B: Tensor) -> tuple[int, ...]:
    """Return the shape of the saved states."""
    batch, length, heads, head_dim = x.shape
    groups, modes = B.shape[2:]
    return batch, -(-length // CHUNK), groups, modes, heads // groups, head_dim


def cumulative(exponent: Tensor) -> tuple[Tensor, Tensor]:
    """Sum the (batch, length, H) exponents within each chunk; return the sums as a high and a low part.

    The last chunk is filled up with exponents of 0.

    Decays are exponentials of differences of these sums. A float32 sum near -1e6 would leave no digits for
    the steps that follow in its chunk; the differences of both parts have them.
    """
    batch, length, heads = exponent.shape
    chunks = -(-length // CHUNK)
    padded = pad(exponent.double(), (0, 0, 0, chunks * CHUNK - length))
    total = padded.view(batch, chunks, CHUNK, heads).cumsum(2).view(padded.shape)
    high = total.to(exponent.dtype)
    return high, (total - high.double()).to(exponent.dtype)


def decay_matrix(high: Tensor, low: Tensor) -> Tensor:
    """Return exp of the sum of exponents j + 1 to i as a (..., Q, Q) matrix; 0 above the diagonal."""
    difference = high[..., :, None] - high[..., None, :]
    difference.add_(low[..., :, None]).sub_(low[..., None, :])
    upper = torch.full(difference.shape[-2:], -torch.inf, dtype=high.dtype, device=high.device).triu_(1)
    return difference.add_(upper).clamp_(max=0).exp_()
