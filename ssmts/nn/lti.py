"""Base classes of the linear time-invariant layers: a step per feature, a kernel and a convolution."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from ssmts.nn.layer import (
    SSMLayer,
    SSMState,
    check_delta_range,
    check_rate,
    checked_scan,
    complex_parameter,
    log_uniform,
    real_parameter,
)
from ssmts_kernels import fft_conv
from ssmts_kernels.hold import start_intervals
from ssmts_kernels.precision import without_autocast

__all__ = ["LTILayer", "ModalLayer"]


class LTILayer(SSMLayer):
    r"""d_model independent linear systems :math:`x' = \Delta (A x + B u),\ y = C x + D u`, one per feature.

    Parameters
    ----------
    d_model, hold
        As :class:`~ssmts.nn.layer.SSMLayer`'s.
    delta_range : tuple of float
        Range of the initial Δ of each feature, log-uniform. The memory of a feature is about 1 / (Δ |A|)
        reference steps.

    Attributes
    ----------
    log_delta, D : Parameter
        (d_model,).

    Raises
    ------
    ValueError
        If the hold is not in HOLDS or delta_range is not 0 < low <= high.
    """

    SYSTEM: ClassVar[frozenset[str]] = frozenset({"log_delta", "A", "B"})

    def __init__(self, d_model: int, hold: str, delta_range: tuple[float, float]) -> None:
        super().__init__(d_model, hold)
        check_delta_range(delta_range)
        self.log_delta = real_parameter(log_uniform(d_model, delta_range))
        self.D = real_parameter(torch.randn(d_model))

    @property
    def delta(self) -> Tensor:
        """Δ, (d_model,), in reference steps."""
        return self.log_delta.exp()

    @without_autocast
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
        check_rate(rate)
        return self._responses(length, rate)[0]

    @without_autocast
    def forward(self, u: Tensor, rate: float = 1.0) -> Tensor:
        """Convolution view, see :meth:`SSMLayer.forward`."""
        check_rate(rate)
        kernel, start = self._responses(u.shape[1], rate)
        y = torch.addcmul(fft_conv(u, kernel), self.D.to(u.dtype), u)
        return y if start is kernel else y + u[:, :1] * (start - kernel).T.to(u.dtype)

    @without_autocast
    def scan(
        self,
        u: Tensor,
        intervals: Tensor,
        initial_state: SSMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, SSMState]:
        """Observations at any instants, see :meth:`SSMLayer.scan`; a loop over time."""
        u, intervals, valid = checked_scan(type(self).__name__, self.d_model, u, intervals, lengths)
        state = initial_state or self.initial_state(u.shape[0])
        return self._loop(self._advance, u, start_intervals(intervals, self.hold), state, valid)

    @without_autocast
    def step(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """One observation, see :meth:`SSMLayer.step`."""
        return self._advance(u, start_intervals(interval[:, None], self.hold)[:, 0], state)

    @abstractmethod
    def _advance(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """Take up u (batch, d_model) after an interval (batch,) from `start_intervals`."""

    @abstractmethod
    def _responses(self, length: int, rate: float) -> tuple[Tensor, Tensor]:
        """Responses to a later observation and to the first one, (d_model, length) each.

        Both are the same tensor unless the hold treats the first observation differently at this rate.
        """


class ModalLayer(LTILayer):
    """A time-invariant layer whose state is a set of complex modes, each standing for a conjugate pair.

    Parameters
    ----------
    d_model, hold, delta_range
        As :class:`LTILayer`'s.
    A, B : Tensor
        (d_state / 2,) complex initial modes and input weights, of every feature alike. Re A < 0.

    Attributes
    ----------
    log_A_real, A_imag : Parameter
        (d_model, d_state / 2); A = -exp(log_A_real) + i A_imag decays whatever the parameters are.
    B, C : Parameter
        (d_model, d_state / 2, 2), real and imaginary parts.
    """

    SYSTEM: ClassVar[frozenset[str]] = frozenset({"log_delta", "log_A_real", "A_imag", "B", "P"})

    def __init__(
        self, d_model: int, A: Tensor, B: Tensor, hold: str, delta_range: tuple[float, float]
    ) -> None:
        super().__init__(d_model, hold, delta_range)
        self.d_state = 2 * len(A)
        # LegT and Fourier modes do not decay, but the logarithm needs a positive number.
        decay = (-A.real).clamp_min(1e-4)
        self.log_A_real = real_parameter(decay.log().repeat(d_model, 1))
        self.A_imag = real_parameter(A.imag.repeat(d_model, 1))
        self.B = complex_parameter(B.repeat(d_model, 1))
        self.C = complex_parameter(torch.randn(d_model, len(A), dtype=torch.complex128))

    @property
    def A(self) -> Tensor:
        """Modes, (d_model, d_state / 2), complex."""
        return torch.complex(-self.log_A_real.exp(), self.A_imag)

    def initial_state(self, batch: int) -> SSMState:
        """State before the first observation, see :meth:`SSMLayer.initial_state`."""
        x = torch.zeros(batch, *self.A_imag.shape, dtype=self.A.dtype, device=self.D.device)
        return SSMState(x, self.D.new_zeros(batch, self.d_model))
