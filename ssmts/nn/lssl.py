"""LSSL: the dense state-space layer, the slower predecessor of S4."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmts.nn.hippo import HIPPO, check_measure
from ssmts.nn.layer import SSMState, real_parameter
from ssmts.nn.lti import LTILayer

__all__ = ["LSSL"]

# Batched LU of larger matrices fails in the oneMKL of torch 2.13 (seen from N = 190 on): one at a time there.
_BATCHED = 128


class LSSL(LTILayer):
    r"""Linear state-space layer with a dense state matrix, discretised by the trapezoidal rule.

    A kernel costs a dense solve for each feature's Δ and the Krylov matrix of :math:`\bar A, \bar B` by
    repeated squaring: O(N² L) operations and O(N L) memory a feature, where S4 needs O(N + L) of both up to
    logarithms. A scan solves an N x N system for every series, feature and interval. This layer is not
    optimised: it is the baseline that S4 is measured against.

    Parameters
    ----------
    d_model : int
        Features, each with a step Δ and an output C of its own; A and B are shared.
    d_state : int
        State size N of each feature.
    init : {"legs", "legt", "lagt", "fourier"}
        Initial A and B, see `ssmts.nn.hippo`.
    hold : {"bilinear", "bilinear_s4"}
        "bilinear" takes up the mean of the two observations around an interval, which is the trapezoidal
        rule; "bilinear_s4" the newer one alone, as the paper's recurrence has it.
    delta_range : tuple of float
        Range of the initial Δ, log-uniform.
    train_A, train_delta : bool
        Whether A and B, and Δ, are trained; both False is the paper's LSSL-f.

    Attributes
    ----------
    A, B : Parameter or buffer
        (d_state, d_state) and (d_state,), real.
    C : Parameter
        (d_model, d_state), real.

    Notes
    -----
    Other parameters, views and shapes are those of :class:`~ssmts.nn.lti.LTILayer`; the state is (batch,
    d_model, d_state), real. A trained A is unconstrained, as published, so the system may become unstable.
    The paper's M output channels per feature are left to the block around the layer.

    References
    ----------
    Gu, Johnson, Goel, Saab, Dao, Rudra and Ré, "Combining Recurrent, Convolutional, and Continuous-time
    Models with Linear State-Space Layers", NeurIPS 2021: section 3 (the views; Krylov matrix) and 5 (LSSL-f).
    """

    HOLDS = ("bilinear", "bilinear_s4")
    A: Tensor
    B: Tensor

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        *,
        init: str = "legs",
        hold: str = "bilinear",
        delta_range: tuple[float, float] = (1e-3, 1e-1),
        train_A: bool = True,
        train_delta: bool = True,
    ) -> None:
        check_measure(init)
        if d_state < 1:
            raise ValueError(f"d_state must be at least 1, got {d_state}")
        super().__init__(d_model, hold, delta_range)
        self.d_state = d_state
        for name, value in zip("AB", HIPPO[init](d_state)):
            parameter = real_parameter(value)
            if train_A:
                self.register_parameter(name, parameter)
            else:
                self.register_buffer(name, parameter.detach())
        self.log_delta.requires_grad_(train_delta)
        self.C = nn.Parameter(torch.randn(d_model, d_state))

    def initial_state(self, batch: int) -> SSMState:
        """State before the first observation, see :meth:`SSMLayer.initial_state`."""
        x = self.D.new_zeros(batch, *self.C.shape)
        return SSMState(x, x.new_zeros(batch, self.d_model))

    def _advance(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        # A_bar x = 2 (I - h A)^-1 x - x: one solve gives both the decay and the input.
        step = (interval[:, None] * self.delta).to(self.D.dtype)[..., None]
        held = 0.5 * (state.u + u) if self.hold == "bilinear" else u
        right = 2 * state.x + step * held[..., None] * self.B
        system = self._implicit(step[..., None])
        if len(self.B) <= _BATCHED:
            solved = torch.linalg.solve(system, right)
        else:
            pairs = zip(system.flatten(0, 1), right.flatten(0, 1))
            solved = torch.stack([torch.linalg.solve(*pair) for pair in pairs]).view_as(right)
        x = solved - state.x
        y = (self.C * x).sum(-1) + self.D * u
        return y.to(u.dtype), SSMState(x, u)

    def _responses(self, length: int, rate: float) -> tuple[Tensor, Tensor]:
        together = self.d_model if len(self.B) <= _BATCHED else 1
        parts = [
            self._of_features(delta, C, length, rate)
            for delta, C in zip(torch.split(self.delta, together), torch.split(self.C, together))
        ]
        kernels, starts = (torch.cat(rows) for rows in zip(*parts))
        return kernels, starts

    def _of_features(self, delta: Tensor, C: Tensor, length: int, rate: float) -> tuple[Tensor, Tensor]:
        """Responses of some features, see `_responses`."""
        step = rate * delta[:, None]
        system = self._implicit(step[..., None])
        eye = torch.eye(len(self.B), dtype=self.D.dtype, device=self.D.device)
        solved = torch.linalg.solve(system, torch.cat([2 * eye - system, (step * self.B)[..., None]], dim=-1))
        A_bar, B_bar = solved[..., :-1], solved[..., -1:]
        if self.hold == "bilinear_s4" and rate != 1:
            # The first observation is held for 1, not for rate.
            unit = delta[:, None]
            first = torch.linalg.solve(self._implicit(unit[..., None]), unit * self.B)
            B_bar = torch.cat([B_bar, first[..., None]], dim=-1)
        responses = (C[:, None] @ _krylov(A_bar, B_bar, length))[:, 0]
        kernels = responses.view(len(C), length, B_bar.shape[-1]).movedim(-1, 0)
        if self.hold == "bilinear_s4":
            return kernels[0], kernels[-1]
        previous = 0.5 * nn.functional.pad(kernels[0], (1, 0))[:, :length]
        return 0.5 * kernels[0] + previous, previous

    def _implicit(self, step: Tensor) -> Tensor:
        """I - step/2 A, (..., N, N), for steps (..., 1, 1)."""
        eye = torch.eye(len(self.B), dtype=self.D.dtype, device=self.D.device)
        return eye - 0.5 * step * self.A


def _krylov(A_bar: Tensor, B_bar: Tensor, length: int) -> Tensor:
    """Columns B, A B, ..., A^(L-1) B, as (D, N, L S) for A (D, N, N) and B (D, N, S), by squaring A."""
    inputs = B_bar.shape[-1]
    columns = B_bar[..., : length * inputs]
    while (missing := length - columns.shape[-1] // inputs) > 0:
        columns = torch.cat([columns, A_bar @ columns[..., : missing * inputs]], dim=-1)
        if columns.shape[-1] < length * inputs:
            A_bar = A_bar @ A_bar
    return columns
