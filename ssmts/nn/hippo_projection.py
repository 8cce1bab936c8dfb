"""Online approximation of a function: its projection on a HiPPO basis, updated with every observation."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ssmts.nn.discretization import discretize
from ssmts.nn.hippo import HIPPO, check_measure

__all__ = ["HiPPOProjection"]


class HiPPOProjection:
    r"""Coefficients of a function's past in an orthonormal basis, kept up to date from irregular samples.

    ========= ============================================ ===========================================
    measure   what is remembered                           basis
    ========= ============================================ ===========================================
    "legs"    all of [0, t], evenly                        Legendre, stretched as t grows
    "legt"    the last `window`, evenly                    Legendre
    "lagt"    all of (-∞, t], by exp(-age / `window`)      Laguerre
    "fourier" the last `window`, evenly                    1, √2 cos, √2 sin
    ========= ============================================ ===========================================

    Parameters
    ----------
    measure : {"legs", "legt", "lagt", "fourier"}
        What is remembered.
    d_state : int
        Number of coefficients N.
    window : float
        Length of the window θ in the unit of the intervals; "legs" has none and ignores it.
    hold : {"foh", "zoh"}
        The function between observations: linear, or the newer value.

    Attributes
    ----------
    coefficients : Tensor
        (..., N) float64; the leading shape is that of the values.
    time : float
        Time since the first observation.

    Raises
    ------
    ValueError
        If the measure or the hold is unknown, d_state is below 1 or window is not positive.

    Notes
    -----
    The update integrates the held function exactly. For "legs" it is timescale-free (another unit of time
    gives the same coefficients): the old coefficients describe a function on [0, t_0], whose projection on
    the basis of [0, t_1] is a Gauss-Legendre sum, exact and without the rounding of a matrix exponential; the
    new piece is a line, whose coefficients over [0, t_1] are known. What precedes the first observation is 0
    for the other measures.

    References
    ----------
    Gu, Dao, Ermon, Rudra and Ré, "HiPPO: Recurrent Memory with Optimal Polynomial Projections", NeurIPS 2020:
    theorems 1 and 2, proposition 3 (timescale robustness).
    """

    def __init__(self, measure: str, d_state: int, *, window: float = 1.0, hold: str = "foh") -> None:
        check_measure(measure)
        if hold not in ("foh", "zoh"):
            raise ValueError(f"hold must be one of 'foh', 'zoh', got {hold!r}")
        if d_state < 1:
            raise ValueError(f"d_state must be at least 1, got {d_state}")
        if not 0 < window < math.inf:
            raise ValueError(f"window must be positive and finite, got {window}")
        self.measure, self.d_state, self.window, self.hold = measure, d_state, window, hold
        self.time = 0.0
        self.coefficients = torch.zeros(d_state, dtype=torch.float64)
        self._value: Tensor | None = None
        nodes, weights = np.polynomial.legendre.leggauss(d_state)
        self._quadrature = torch.from_numpy(nodes), torch.from_numpy(weights)
        self._interval = math.nan
        self._weights: tuple[Tensor, Tensor, Tensor] | None = None

    def update(self, value: Tensor | float, interval: float = 0.0) -> HiPPOProjection:
        """Take up one observation.

        Parameters
        ----------
        value : Tensor or float
            Of any shape, which stays the same from then on: one function each.
        interval : float
            Time since the previous observation; 0 for the first one.

        Returns
        -------
        HiPPOProjection
            Itself.

        Raises
        ------
        ValueError
            If the interval is negative or not finite, or the shape changes.
        """
        if not 0 <= interval < math.inf:
            raise ValueError(f"interval must be at least 0 and finite, got {interval}")
        new = torch.as_tensor(value, dtype=torch.float64)
        if self._value is None:
            self._value = new
            self.coefficients = torch.zeros(*new.shape, self.d_state, dtype=torch.float64)
            self.coefficients[..., 0] = new if self.measure == "legs" else 0
            return self
        if new.shape != self._value.shape:
            raise ValueError(f"value must keep its shape {tuple(self._value.shape)}, got {tuple(new.shape)}")
        old = new if self.hold == "zoh" else self._value
        if interval > 0:
            advance = self._advance_scaled if self.measure == "legs" else self._advance_window
            self.coefficients = advance(old[..., None], new[..., None], interval)
        self._value, self.time = new, self.time + interval
        return self

    def reconstruct(self, times: Tensor) -> Tensor:
        """Evaluate what is remembered.

        Parameters
        ----------
        times : Tensor
            (n,), time since the first observation, within what the measure remembers: [0, time] for "legs",
            [time - window, time] for "legt" and "fourier", up to time for "lagt".

        Returns
        -------
        Tensor
            (..., n) float64.
        """
        times = torch.as_tensor(times, dtype=torch.float64)
        if self.measure == "legs":
            position = 2 * times / self.time - 1 if self.time else torch.ones_like(times)
            return self.coefficients @ _legendre(position, self.d_state)
        age = (self.time - times) / self.window
        if self.measure == "legt":
            return self.coefficients @ _legendre(1 - 2 * age, self.d_state)
        if self.measure == "lagt":
            values = np.polynomial.laguerre.lagvander(age.numpy(), self.d_state - 1)
            return self.coefficients @ torch.from_numpy(values).T
        return self.coefficients @ _fourier(age, self.d_state)

    def _advance_scaled(self, old: Tensor, new: Tensor, interval: float) -> Tensor:
        """LegS: subtract the new piece's line from the old function, stretch, add the line."""
        before, after = self.time, self.time + interval
        slope = (new - old) / interval
        if before == 0:
            return self._line(old, slope, after)
        # On [0, before] the line's value at 0 is old - slope * before.
        origin = old - slope * before
        rest = self.coefficients - self._line(origin, slope, before)
        nodes, weights = self._quadrature
        ratio = before / after
        stretched = _legendre(ratio * (nodes + 1) - 1, self.d_state)
        moved = 0.5 * ratio * (_legendre(nodes, self.d_state) * weights) @ stretched.T
        return rest @ moved + self._line(origin, slope, after)

    def _line(self, origin: Tensor, slope: Tensor, end: float) -> Tensor:
        """Legendre coefficients of origin + slope * s over [0, end]."""
        line = torch.cat([origin + 0.5 * end * slope, end * slope / math.sqrt(12)], dim=-1)
        padded = torch.nn.functional.pad(line, (0, max(0, self.d_state - 2)))
        return padded[..., : self.d_state]

    def _advance_window(self, old: Tensor, new: Tensor, interval: float) -> Tensor:
        if self._weights is None or interval != self._interval:
            A, B = HIPPO[self.measure](self.d_state)
            step = torch.tensor(interval / self.window, dtype=torch.float64)
            self._interval, self._weights = interval, discretize(A, B, step, "foh")
        A_bar, previous, current = self._weights
        return self.coefficients @ A_bar.T + old * previous + new * current


def _legendre(position: Tensor, d_state: int) -> Tensor:
    """Orthonormal Legendre polynomials at positions in [-1, 1]: (n,) -> (d_state, n)."""
    values = torch.from_numpy(np.polynomial.legendre.legvander(position.numpy(), d_state - 1)).T
    return values * torch.sqrt(2 * torch.arange(d_state, dtype=torch.float64) + 1)[:, None]


def _fourier(age: Tensor, d_state: int) -> Tensor:
    """The basis of `hippo_fourier` at ages in [0, 1]: (n,) -> (d_state, n)."""
    n = torch.arange(d_state)
    angle = 2 * math.pi * ((n + 1) // 2)[:, None] * age
    basis = math.sqrt(2) * torch.where((n % 2 == 1)[:, None], torch.cos(angle), torch.sin(angle))
    basis[0] = 1
    return basis
