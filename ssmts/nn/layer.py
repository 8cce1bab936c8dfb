"""What the linear time-invariant layers share: parameters, state and the three views."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ssmts_kernels import fft_conv

__all__ = ["SSMLayer", "SSMState"]


class SSMState(NamedTuple):
    """Everything a layer remembers between two observations.

    Attributes
    ----------
    x : Tensor
        (batch, d_model, d_state / 2) complex, the modes.
    u : Tensor
        (batch, d_model), the latest input: a hold that is linear between observations starts from it.
    """

    x: Tensor
    u: Tensor


class SSMLayer(nn.Module, ABC):
    r"""d_model independent linear systems :math:`x' = \Delta (A x + B u),\ y = C x + D u`, one per feature.

    The three views agree: `forward` on a regular grid, `scan` over any intervals, `step` one observation at
    a time. All times are in units of the reference step. What lies before the first observation, whose
    interval is 0, is `ssmts.nn.discretization.start_intervals`' rule for the hold.

    Parameters
    ----------
    d_model : int
        Features, each with a system of its own.
    A, B : Tensor
        (d_state / 2,) complex initial modes and input weights, of every feature alike. Re A < 0.
    hold : str
        How the input behaves between observations, one of the class's `HOLDS`.
    delta_range : tuple of float
        The initial step Δ of each feature is drawn log-uniformly from this range: a feature's memory is about
        1 / (Δ |A|) reference steps.

    Attributes
    ----------
    log_delta, D : Parameter
        (d_model,).
    log_A_real, A_imag : Parameter
        (d_model, d_state / 2); A = -exp(log_A_real) + i A_imag decays whatever the parameters are.
    B, C : Parameter
        (d_model, d_state / 2, 2), real and imaginary parts, so that casts, optimisers and files see real
        numbers.

    Raises
    ------
    ValueError
        If the hold is not admitted or delta_range is not 0 < low <= high.
    """

    HOLDS: ClassVar[tuple[str, ...]]

    def __init__(
        self, d_model: int, A: Tensor, B: Tensor, hold: str, delta_range: tuple[float, float]
    ) -> None:
        super().__init__()
        if hold not in self.HOLDS:
            admitted = ", ".join(map(repr, self.HOLDS))
            raise ValueError(f"hold of {type(self).__name__} must be one of {admitted}, got {hold!r}")
        low, high = delta_range
        if not 0 < low <= high:
            raise ValueError(f"delta_range must be 0 < low <= high, got {delta_range}")
        self.d_model = d_model
        self.hold = hold
        # LegT and Fourier modes have no decay of their own: a logarithm needs a little of it.
        decay = (-A.real).clamp_min(1e-4)
        self.log_delta = _parameter(math.log(low) + torch.rand(d_model) * math.log(high / low))
        self.log_A_real = _parameter(decay.log().repeat(d_model, 1))
        self.A_imag = _parameter(A.imag.repeat(d_model, 1))
        self.B = complex_parameter(B.repeat(d_model, 1))
        self.C = complex_parameter(torch.randn(d_model, len(A), dtype=torch.complex128))
        self.D = _parameter(torch.randn(d_model))

    @property
    def delta(self) -> Tensor:
        """Δ, (d_model,), in reference steps."""
        return self.log_delta.exp()

    @property
    def A(self) -> Tensor:
        """Modes, (d_model, d_state / 2), complex."""
        return torch.complex(-self.log_A_real.exp(), self.A_imag)

    def initial_state(self, batch: int) -> SSMState:
        """State before the first observation: zero.

        Parameters
        ----------
        batch : int
            Number of series.

        Returns
        -------
        SSMState
            In the layer's dtype, on its device.
        """
        x = torch.zeros(batch, *self.A_imag.shape, dtype=self.A.dtype, device=self.D.device)
        return SSMState(x, self.D.new_zeros(batch, self.d_model))

    def kernel(self, length: int, rate: float = 1.0) -> Tensor:
        """Response of y, without D, to a unit observation, the other observations being 0.

        Parameters
        ----------
        length : int
            Number of samples.
        rate : float
            Interval of the grid in reference steps.

        Returns
        -------
        Tensor
            (d_model, length).

        Raises
        ------
        ValueError
            If rate is not positive.
        """
        _check_rate(rate)
        return self._responses(length, rate)[0]

    def forward(self, u: Tensor, rate: float = 1.0) -> Tensor:
        """Convolution view: observations on a regular grid.

        Parameters
        ----------
        u : Tensor
            (batch, length, d_model).
        rate : float
            Interval of the grid in reference steps: 2.0 is sampled half as often.

        Returns
        -------
        Tensor
            (batch, length, d_model), the same as `scan` over the intervals 0, rate, rate, ...

        Raises
        ------
        ValueError
            If rate is not positive.
        """
        _check_rate(rate)
        kernel, start = self._responses(u.shape[1], rate)
        y = fft_conv(u, kernel) + self.D.to(u.dtype) * u
        return y + u[:, :1] * (start - kernel).T.to(u.dtype)

    @abstractmethod
    def scan(
        self,
        u: Tensor,
        intervals: Tensor,
        initial_state: SSMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, SSMState]:
        """Recurrent view: observations at any instants.

        Parameters
        ----------
        u : Tensor
            (batch, length, d_model).
        intervals : Tensor
            (batch, length), time since the previous observation, >= 0; 0 for the first one of a series.
        initial_state : SSMState, optional
            Where an earlier scan or step ended; the first interval is then the time since its last
            observation.
        lengths : Tensor, optional
            (batch,) integers: what lies at and beyond is right padding, ignored in u and 0 in y.

        Returns
        -------
        y : Tensor
            (batch, length, d_model).
        state : SSMState
            After each row's last observation.

        Raises
        ------
        ValueError
            If a shape or dtype is wrong.
        """

    @abstractmethod
    def step(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """Streaming view: one observation.

        Parameters
        ----------
        u : Tensor
            (batch, d_model).
        interval : Tensor
            (batch,), time since the previous observation; 0 for the first one.
        state : SSMState
            Of the previous step, scan or `initial_state`; not modified.

        Returns
        -------
        y : Tensor
            (batch, d_model).
        state : SSMState
            After the observation.
        """

    @abstractmethod
    def _responses(self, length: int, rate: float) -> tuple[Tensor, Tensor]:
        """Responses to any later observation and to the first one, (d_model, length) each.

        They differ because nothing is known before the first observation, or its interval is not the rate.
        """

    def _latest(self, u: Tensor, state: SSMState, lengths: Tensor | None) -> Tensor:
        """Last valid input of each row, the state's own where the row is empty: (batch, d_model)."""
        if lengths is None:
            return u[:, -1] if u.shape[1] else state.u
        with_state = torch.cat([state.u.to(u.dtype)[:, None], u], dim=1)
        return with_state[torch.arange(u.shape[0], device=u.device), lengths]


def complex_parameter(value: Tensor) -> nn.Parameter:
    """Store a complex tensor as a real parameter with a last axis of 2, in the default dtype."""
    return _parameter(torch.view_as_real(value.resolve_conj()))


def _check_rate(rate: float) -> None:
    if not 0 < rate < math.inf:
        raise ValueError(f"rate must be positive and finite, got {rate}")


def _parameter(value: Tensor) -> nn.Parameter:
    return nn.Parameter(value.to(torch.get_default_dtype()).contiguous())
