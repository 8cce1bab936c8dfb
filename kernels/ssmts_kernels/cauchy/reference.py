"""The Cauchy kernel of a DPLR SSM on the unit circle, term by term."""

from __future__ import annotations

from torch import Tensor


def cauchy(v: Tensor, omega: Tensor, A: Tensor) -> Tensor:
    """Sum the two conjugate fractions over the modes: the (..., H, N, L) array is formed."""
    zero, one = 2 * (1 - omega), 1 + omega
    pair = v[..., None] / (zero - one * A[..., None]) + v.conj()[..., None] / (
        zero - one * A.conj()[..., None]
    )
    return 2 * pair.sum(-2)
