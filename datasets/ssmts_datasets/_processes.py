"""Processes behind the generators: functions of continuous time, and autoregressions on a grid.

Times are counted in steps of the generated grid (float64), from its first observation.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Process(Protocol):
    """Law of the noise-free values of a generated data set."""

    def evaluate(self, steps: "NDArray[np.float64]", series: int) -> "NDArray[np.float64]":
        """Noise-free values at `steps`, shape (len(steps), n_channels)."""

    def forecast_variance(self, leads: "NDArray[np.int64]") -> "NDArray[np.float64]":
        """Mean squared error of the optimal forecast of the noise-free values, `leads` steps ahead."""


@dataclass(frozen=True, eq=False)
class Modes:
    """Sums of damped modes, y(t) = Σ_k Re(c_k exp(a_k t)).

    Attributes
    ----------
    coefficients : ndarray of complex128, shape (n_series, n_channels, n_components)
        c_k.
    poles : ndarray of complex128, shape (n_series, n_components)
        a_k, per step.
    """

    coefficients: "NDArray[np.complex128]"
    poles: "NDArray[np.complex128]"

    def evaluate(self, steps: "NDArray[np.float64]", series: int) -> "NDArray[np.float64]":
        """See `Process`."""
        modes = np.exp(steps[:, None] * self.poles[series])
        values: NDArray[np.float64] = (modes @ self.coefficients[series].T).real
        return values

    def forecast_variance(self, leads: "NDArray[np.int64]") -> "NDArray[np.float64]":
        """See `Process`: a known function is forecast without error."""
        return np.zeros(leads.shape)


@dataclass(frozen=True, eq=False)
class Autoregression:
    """A realised AR(p), x_k = Σ_i φ_i x_{k-i} + ε_k with ε ~ N(0, σ²), known on its grid only.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (p,)
        φ.
    innovation_std : float
        σ.
    values : ndarray of float64, shape (n_series, length, n_channels)
    """

    coefficients: "NDArray[np.float64]"
    innovation_std: float
    values: "NDArray[np.float64]"

    def evaluate(self, steps: "NDArray[np.float64]", series: int) -> "NDArray[np.float64]":
        """See `Process`. Raises ValueError off the grid: an AR process has no values between its steps."""
        rows = np.rint(steps)
        outside = (np.abs(steps - rows) > 1e-6) | (rows < 0) | (rows >= self.values.shape[1])
        if outside.any():
            raise ValueError(
                f"An AR process exists on its grid only, steps 0 to {self.values.shape[1] - 1}; "
                f"step {steps[outside.argmax()]:g} (entry {outside.argmax()}) is not on it."
            )
        values: NDArray[np.float64] = self.values[series, rows.astype(np.int64)]
        return values

    def forecast_variance(self, leads: "NDArray[np.int64]") -> "NDArray[np.float64]":
        """See `Process`: σ² Σ_{j<h} ψ_j² with ψ the weights of the MA(∞) form."""
        weights = moving_average_weights(self.coefficients, int(leads.max()))
        variances: NDArray[np.float64] = self.innovation_std**2 * np.cumsum(weights**2)[leads - 1]
        return variances


def moving_average_weights(coefficients: "NDArray[np.float64]", count: int) -> "NDArray[np.float64]":
    """First `count` weights ψ_0 = 1, ψ_j = Σ_i φ_i ψ_{j-i} of an AR process' MA(∞) form."""
    weights = np.zeros(count)
    weights[0] = 1.0
    for j in range(1, count):
        past = weights[max(j - len(coefficients), 0) : j][::-1]
        weights[j] = coefficients[: len(past)] @ past
    return weights


def autocovariances(coefficients: "NDArray[np.float64]", count: int) -> "NDArray[np.float64]":
    """Autocovariances γ_0 .. γ_{count-1} of a stationary AR process with unit innovations (Yule-Walker)."""
    p = len(coefficients)
    system = np.eye(p + 1)
    for j in range(p + 1):
        for i, phi in enumerate(coefficients, start=1):
            system[j, abs(j - i)] -= phi
    gamma = np.linalg.solve(system, np.eye(p + 1)[0])
    for _ in range(p + 1, count):
        gamma = np.append(gamma, coefficients @ gamma[: -p - 1 : -1])
    return gamma[:count]
