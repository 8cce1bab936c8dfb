"""S5: one diagonal state-space system for all features."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ssmts.nn.hippo import hippo_dplr
from ssmts.nn.layer import (
    SSMLayer,
    SSMState,
    check_delta_range,
    checked_scan,
    complex_parameter,
    latest_inputs,
    log_uniform,
    real_parameter,
)
from ssmts.nn.recurrence import linear_recurrence
from ssmts_kernels import hold_weights
from ssmts_kernels.hold import HOLDS, start_intervals
from ssmts_kernels.precision import without_autocast

__all__ = ["S5"]


class S5(SSMLayer):
    r"""Multi-input, multi-output diagonal system in continuous time, computed by a scan.

    .. math:: x_n' = \Delta_n (a_n x_n + B_n u), \qquad y = 2\,\mathrm{Re}(C x) + D u

    One state of N / 2 complex modes reads all features and writes all features, where S4 and S4D have a
    system for each feature.

    Parameters
    ----------
    d_model : int
        Features.
    d_state : int
        Real state size N of the whole layer: N / 2 complex modes, each standing for a conjugate pair.
    n_blocks : int
        The initial modes are those of `n_blocks` HiPPO systems of size N / n_blocks, which must be even.
    hold : {"foh", "zoh", "bilinear", "bilinear_s4"}
        How the input behaves between observations. "foh" and "zoh" are integrated exactly.
    delta_range : tuple of float
        Range of the initial Δ, log-uniform.

    Attributes
    ----------
    log_delta, log_A_real, A_imag : Parameter
        (d_state / 2,); A = -exp(log_A_real) + i A_imag. Every mode has a step of its own.
    B, C : Parameter
        (d_state / 2, d_model, 2) and (d_model, d_state / 2, 2), real and imaginary parts.
    D : Parameter
        (d_model,).

    Notes
    -----
    Views are :class:`~ssmts.nn.layer.SSMLayer`'s; the state is (batch, d_state / 2), complex. The recurrence
    is a loop over time with a backward pass of its own: `ssmts_kernels.diagonal_scan` has a system for each
    feature and would carry every mode four times here.

    References
    ----------
    Smith, Warrington and Linderman, "Simplified State Space Layers for Sequence Modeling", ICLR 2023, section
    3 and appendix B (block-diagonal initialisation).
    """

    HOLDS = HOLDS
    SYSTEM: ClassVar[frozenset[str]] = frozenset({"log_delta", "log_A_real", "A_imag", "B"})

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        *,
        n_blocks: int = 1,
        hold: str = "foh",
        delta_range: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        super().__init__(d_model, hold)
        check_delta_range(delta_range)
        if n_blocks < 1 or d_state % n_blocks:
            raise ValueError(f"n_blocks must divide d_state, got n_blocks={n_blocks} and d_state={d_state}")
        self.d_state = d_state
        size = d_state // n_blocks
        form = hippo_dplr("legs", size)
        modes = d_state // 2
        self.log_delta = real_parameter(log_uniform(modes, delta_range))
        self.log_A_real = real_parameter((-form.Lambda.real).log().repeat(n_blocks))
        self.A_imag = real_parameter(form.Lambda.imag.repeat(n_blocks))
        B = torch.randn(n_blocks, size, d_model, dtype=torch.float64) / math.sqrt(d_model)
        C = torch.randn(n_blocks, d_model, size, dtype=torch.float64) / math.sqrt(d_state)
        self.B = complex_parameter((form.V.mH @ (B + 0j)).flatten(0, 1))
        self.C = complex_parameter(((C + 0j) @ form.V).transpose(0, 1).flatten(1))
        self.D = real_parameter(torch.randn(d_model))

    @property
    def delta(self) -> Tensor:
        """Δ, (d_state / 2,), in reference steps."""
        return self.log_delta.exp()

    @property
    def A(self) -> Tensor:
        """Modes, (d_state / 2,), complex."""
        return torch.complex(-self.log_A_real.exp(), self.A_imag)

    def initial_state(self, batch: int) -> SSMState:
        """State before the first observation, see :meth:`SSMLayer.initial_state`."""
        x = torch.zeros(batch, len(self.log_delta), dtype=self.A.dtype, device=self.D.device)
        return SSMState(x, self.D.new_zeros(batch, self.d_model))

    @without_autocast
    def scan(
        self,
        u: Tensor,
        intervals: Tensor,
        initial_state: SSMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, SSMState]:
        """Observations at any instants, see :meth:`SSMLayer.scan`."""
        u, intervals, valid = checked_scan(type(self).__name__, self.d_model, u, intervals, lengths)
        start = initial_state or self.initial_state(u.shape[0])
        intervals = start_intervals(intervals, self.hold)
        if valid is not None:
            # Nothing is taken up over an interval of 0, and the state stays.
            intervals = torch.where(valid, intervals, 0)
        signal = u.to(self.D.dtype)
        A_bar, taken_up = self._discretized(torch.cat([start.u[:, None], signal], dim=1), intervals)
        x = linear_recurrence(A_bar, taken_up, start.x)
        y = self._read_out(x, signal)
        if valid is not None:
            y = torch.where(valid[..., None], y, 0)
        last = x[:, -1] if u.shape[1] else start.x
        return y.to(u.dtype), SSMState(last, latest_inputs(start.u[:, None], u, lengths)[:, 0])

    @without_autocast
    def step(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """One observation, see :meth:`SSMLayer.step`."""
        signal = u.to(self.D.dtype)
        interval = start_intervals(interval[:, None], self.hold)
        A_bar, taken_up = self._discretized(torch.stack([state.u.to(signal.dtype), signal], dim=1), interval)
        x = A_bar[:, 0] * state.x + taken_up[:, 0]
        return self._read_out(x, signal).to(u.dtype), SSMState(x, u)

    def _discretized(self, signal: Tensor, intervals: Tensor) -> tuple[Tensor, Tensor]:
        """A_bar and what the modes take up, (batch, L, N/2), of inputs (batch, L + 1, d_model)."""
        B = (self.B * self.delta[:, None, None]).transpose(0, 1).flatten(1)
        v = torch.view_as_complex((signal @ B).view(*signal.shape[:2], len(self.B), 2))
        A_bar, previous, current = hold_weights(self.A * self.delta, intervals[..., None], self.hold)
        return A_bar, previous * v[:, :-1] + current * v[:, 1:]

    def _read_out(self, x: Tensor, signal: Tensor) -> Tensor:
        C = (self.C * self.C.new_tensor([2.0, -2.0])).flatten(1)
        return torch.view_as_real(x).flatten(-2) @ C.T + self.D * signal
