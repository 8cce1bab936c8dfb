"""Discretisation of a dense system, and the diagonal one re-exported from the operators."""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts_kernels.hold import HOLDS, Hold, hold_weights, phi1, phi2, start_intervals

__all__ = ["HOLDS", "Hold", "discretize", "hold_weights", "phi1", "phi2", "start_intervals"]


def discretize(A: Tensor, B: Tensor, intervals: Tensor, hold: str) -> tuple[Tensor, Tensor, Tensor]:
    r"""Discretise the dense system :math:`x' = A x + B u`, for matrices that cannot be diagonalised.

    :math:`x_k = \bar A x_{k-1} + \bar B_0 u_{k-1} + \bar B_1 u_k`, where "foh" and "zoh" take one
    exponential of the system augmented with its held input and the two bilinear rules one solve. The
    diagonal counterpart, with the meaning of the holds, is :func:`hold_weights`.

    Parameters
    ----------
    A : Tensor
        (N, N), real or complex.
    B : Tensor
        (N,), of A's dtype.
    intervals : Tensor
        (...), real and >= 0.
    hold : {"foh", "zoh", "bilinear", "bilinear_s4"}
        How the input behaves between observations.

    Returns
    -------
    A_bar, B_previous, B_current : Tensor
        (..., N, N), (..., N), (..., N), of A's dtype.

    Raises
    ------
    ValueError
        If the hold is unknown.

    References
    ----------
    Van Loan, "Computing integrals involving the matrix exponential", IEEE TAC 1978, theorem 1.
    """
    if hold not in HOLDS:
        raise ValueError(f"hold must be one of {', '.join(map(repr, HOLDS))}, got {hold!r}")
    N = A.shape[0]
    step = intervals.to(A.dtype)[..., None, None]
    if hold in ("bilinear", "bilinear_s4"):
        eye = torch.eye(N, dtype=A.dtype, device=A.device)
        moved = torch.cat([eye + 0.5 * step * A, step * B[:, None]], dim=-1)
        solved = torch.linalg.solve(eye - 0.5 * step * A, moved)
        A_bar, B_bar = solved[..., :N], solved[..., N]
        if hold == "bilinear":
            return A_bar, 0.5 * B_bar, 0.5 * B_bar
        return A_bar, torch.zeros_like(B_bar), B_bar
    # The state, the input and the input's rise over one interval: x' = A x + B u, u' = rise, time in
    # intervals.
    system = torch.zeros(*intervals.shape, N + 2, N + 2, dtype=A.dtype, device=A.device)
    system[..., :N, :N] = step * A
    system[..., :N, N : N + 1] = step * B[:, None]
    system[..., N, N + 1] = 1
    moved = torch.linalg.matrix_exp(system)
    A_bar, constant, rise = moved[..., :N, :N], moved[..., :N, N], moved[..., :N, N + 1]
    if hold == "foh":
        return A_bar, constant - rise, rise
    return A_bar, torch.zeros_like(constant), constant
