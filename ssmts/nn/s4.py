"""S4: the diagonal-plus-low-rank state-space layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ssmts.nn.hippo import hippo_dplr
from ssmts.nn.layer import SSMState, complex_parameter
from ssmts.nn.lti import ModalLayer
from ssmts_kernels import cauchy

__all__ = ["S4"]

# The kernel is computed on a grid of twice its length, damped to this share at the grid's end: what wraps
# around is below it, and undoing the damping magnifies the rounding of doubles to about as much.
_WRAPPED = 1e-11
# Features times (length + N/2). Above the first, kernels are made in blocks of the second: the memory of a
# training step falls to a tenth, its time grows by a third (H = N = 512, L = 1,024).
_WHOLE = 1 << 18
_BLOCK = 1 << 14


class S4(ModalLayer):
    r"""Diagonal-plus-low-rank state-space layer in continuous time, discretised by the trapezoidal rule.

    The state matrix is :math:`\Lambda - P P^*` with Re Λ < 0: stable whatever the parameters are. In this
    form the HiPPO systems, which have no stable diagonalisation, cost O(N) an interval (Woodbury's formula)
    and a kernel is a Cauchy product and one FFT.

    Parameters
    ----------
    d_model : int
        Features, each with a system of its own.
    d_state : int
        Real state size N of each system, even: N / 2 complex modes, each standing for a conjugate pair.
    init : {"legs", "legt", "lagt", "fourier"}
        Initial system, see `ssmts.nn.hippo.hippo_dplr`.
    hold : {"bilinear", "bilinear_s4"}
        "bilinear" takes up the mean of the two observations around an interval, which is the trapezoidal
        rule; "bilinear_s4" the newer one alone, as the paper's recurrence has it.
    delta_range : tuple of float
        Range of the initial Δ, log-uniform.

    Attributes
    ----------
    P : Parameter
        (d_model, d_state / 2, rank, 2), real and imaginary parts. The rank is 2 for "legt" and 1 for the
        others.

    Notes
    -----
    Other parameters, views and shapes are those of :class:`~ssmts.nn.lti.ModalLayer`, its A being Λ. The
    kernel, of any length and rate, comes from the same C that scan and step use: instead of the paper's
    truncation :math:`C (I - \bar A^L)`, which needs a power of a dense matrix, the generating function is
    evaluated inside the unit circle, where the kernel's infinite tail has decayed.

    References
    ----------
    Gu, Goel and Ré, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022, section 3
    and appendix C; Goel, Gu, Donahue and Ré, "It's Raw!", ICML 2022, section 4.1 (P P* for stability).
    """

    HOLDS = ("bilinear", "bilinear_s4")

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        *,
        init: str = "legs",
        hold: str = "bilinear",
        delta_range: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        form = hippo_dplr(init, d_state)
        super().__init__(d_model, form.Lambda, form.B, hold, delta_range)
        self.P = complex_parameter(form.P.repeat(d_model, 1, 1))

    def _advance(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """Move the state over one interval; A_bar x = 2 (I - A/2)^-1 x - x needs a single solve."""
        step = (interval[:, None] * self.delta).to(self.D.dtype)
        held = 0.5 * (state.u + u) if self.hold == "bilinear" else u
        source = (step * held).to(step.dtype)[..., None] * torch.view_as_complex(self.B)
        x = _resolve(self.A, torch.view_as_complex(self.P), step, 2 * state.x + source) - state.x
        y = 2 * (torch.view_as_complex(self.C) * x).sum(-1).real + self.D * u
        return y.to(u.dtype), SSMState(x, u)

    def _responses(self, length: int, rate: float) -> tuple[Tensor, Tensor]:
        parameters = (self.log_delta, self.A, *map(torch.view_as_complex, (self.B, self.C, self.P)))
        a_feature = length + self.B.shape[1]
        if self.d_model * a_feature <= _WHOLE:
            kernels = self._of_features(length, rate, *parameters)
        else:
            # The intermediate arrays are much larger than the kernels: compute a few features at a time, and
            # again for the gradient.
            split = (torch.split(parameter, max(1, _BLOCK // a_feature)) for parameter in parameters)
            blocks = [
                checkpoint(self._of_features, length, rate, *block, use_reentrant=False)
                for block in zip(*split)
            ]
            kernels = torch.cat(blocks, dim=1)
        if self.hold == "bilinear_s4":
            kernel = kernels[0]
            return kernel, kernel if len(kernels) == 1 else kernels[1]
        previous = 0.5 * torch.nn.functional.pad(kernels[0], (1, 0))[:, :length]
        return 0.5 * kernels[0] + previous, previous

    def _of_features(self, length: int, rate: float, log_delta: Tensor, *system: Tensor) -> Tensor:
        """Responses of some features to an observation held for rate, or for 1: (1 or 2, D, length)."""
        # All in double: the generating function sums as many terms as the kernel has samples.
        A, B, C, P = (value.to(torch.complex128) for value in system)
        delta = log_delta.exp().to(torch.float64)
        inputs = [rate * delta[:, None] * B]
        if self.hold == "bilinear_s4" and rate != 1:
            # The first observation is held for 1, not for rate. The kernel begins with the solve for a step
            # of rate, which is cancelled here: I - rate h A = rate (I - h A) + (1 - rate) I.
            inputs.append(rate * delta[:, None] * B + (1 - rate) * _resolve(A, P, delta, delta[:, None] * B))
        return _generating_kernels(A, P, torch.stack(inputs), C, rate * delta, length).to(self.D.dtype)


def _resolve(A: Tensor, P: Tensor, step: Tensor, x: Tensor) -> Tensor:
    """Solve (I - step/2 (A - P P*)) result = x by Woodbury's formula: step (..., D), x (..., D, N/2)."""
    half = 0.5 * step[..., None]
    inverse = 1 / (1 - half * A)
    solved = inverse * x
    RP = inverse[..., None] * P
    core = 2 * (P.conj()[..., :, None] * RP[..., None, :]).sum(-3).real
    projected = 2 * (P.conj() * solved[..., None]).sum(-2).real
    q = _solve_identity_plus(half[..., None] * core, (half * projected)[..., None])
    return solved - (RP * q[..., None, :, 0]).sum(-1)


def _generating_kernels(A: Tensor, P: Tensor, inputs: Tensor, C: Tensor, step: Tensor, length: int) -> Tensor:
    r"""Kernels :math:`C \bar A^k (I - hA)^{-1} b`, h = step / 2, of inputs b (S, D, N/2): (S, D, length).

    The generating function at z is C M(z)^-1 b with M = (1 - z) I - (1 + z) h (A - P P*), which is not
    singular at z = -1. On the circle of radius r < 1 the diagonal part becomes a system on the unit circle
    again: with z = r ω, (1 - z) - (1 + z) h a = κ ((1 - ω) - (1 + ω) h a').
    """
    # All that depends on the length is a float or a tensor: a compiler may have a symbol in its place.
    points = 2 * max(length, 1)
    log_radius = math.log(_WRAPPED) / points
    radius = math.exp(log_radius)
    ha = 0.5 * step[:, None] * A
    ends, starts = 1 - ha, radius * (1 + ha)
    kappa = 0.5 * (ends + starts)
    angle = (-2 * math.pi / points) * torch.arange(length + 1, dtype=torch.float64, device=A.device)
    omega = torch.polar(torch.ones_like(angle), angle)

    columns = torch.cat([inputs, P.movedim(-1, 0)])
    rows = torch.cat([C[None], P.conj().movedim(-1, 0)])
    products = cauchy(rows[:, None] * columns / kappa, omega, (starts - ends) / kappa)
    n_inputs = len(inputs)
    k_CB, k_CP = products[0, :n_inputs], products[0, n_inputs:]
    k_PB, k_PP = products[1:, :n_inputs], products[1:, n_inputs:]
    s = 0.5 * (1 + radius * omega) * step[:, None]
    q = _solve_identity_plus((s * k_PP).movedim((0, 1), (-2, -1)), (s * k_PB).movedim((0, 1), (-2, -1)))
    spectrum = k_CB - (k_CP[:, None] * q.movedim((-2, -1), (0, 1))).sum(0)

    damped: Tensor = torch.fft.irfft(spectrum, n=points)[..., :length]
    samples = torch.arange(length, dtype=torch.float64, device=A.device)
    return damped * torch.exp(-log_radius * samples)


def _solve_identity_plus(matrix: Tensor, right: Tensor) -> Tensor:
    """Solve (I + matrix) result = right for tiny matrices, (..., r, r) and (..., r, c); r is mostly 1."""
    rank = matrix.shape[-1]
    if rank == 1:
        return right / (1 + matrix)
    solved: Tensor = torch.linalg.solve(torch.eye(rank, device=matrix.device) + matrix, right)
    return solved
