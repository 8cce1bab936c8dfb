"""What any model must beat: the last value, the last season, ridge regression on the raw window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from benchmarks.windows import Errors

__all__ = ["RidgeOnLags", "last_value", "seasonal_naive", "window_moments"]

Array = NDArray[np.float64]

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # in units of the mean diagonal
_ROWS = 2048


def _windows(values: Array, context: int, horizon: int) -> Array:
    """All windows of one channel as a view, (n_windows, context + horizon)."""
    return np.lib.stride_tricks.sliding_window_view(values, context + horizon)


def last_value(judged: Array, context: int, horizon: int) -> dict[str, float]:
    """Errors of repeating the last value; `judged` is (length, n_channels)."""
    return seasonal_naive(judged, context, horizon, 1)


def seasonal_naive(judged: Array, context: int, horizon: int, season: int) -> dict[str, float]:
    """Errors of repeating the last `season` rows."""
    lags = context - season + np.arange(horizon) % season
    errors = Errors()
    for channel in judged.T:
        windows = _windows(channel, context, horizon)
        errors.add(windows[:, lags] - windows[:, context:])
    return errors.figures


def window_moments(values: Array, width: int) -> Array:
    r"""Sum over all windows and channels of :math:`w w^T`, without building the windows.

    Entry (i, j) is :math:`\sum_t x_{t+i} x_{t+j}` over the n windows; the next one on its diagonal adds
    :math:`x_{n+i} x_{n+j}` and loses :math:`x_i x_j`.

    Parameters
    ----------
    values : ndarray of float64, shape (length, n_channels)
    width : int

    Returns
    -------
    ndarray of float64, shape (width, width)
    """
    n = len(values) - width + 1
    total = np.zeros((width, width))
    for x in values.T:
        row = np.array([x[:n] @ x[j : j + n] for j in range(width)])
        total[0] += row
        for i in range(1, width):
            head, tail = x[i - 1 : width - 1], x[n + i - 1 : n + width - 1]
            row = row[:-1] + tail[0] * tail - head[0] * head
            total[i, i:] += row
    return np.asarray(np.triu(total) + np.triu(total, 1).T)


@dataclass
class RidgeOnLags:
    """Future minus the window's mean as a linear map of the window minus its mean, shared by all channels.

    Parameters
    ----------
    context, horizon : int
        In rows.
    """

    context: int
    horizon: int

    def fit(self, train: Array, validation: Array) -> RidgeOnLags:
        """Choose the penalty on validation, then solve on all rows of both.

        Parameters
        ----------
        train, validation : ndarray of float64, shape (length, n_channels)
            `validation` follows `train` directly.
        """
        held = self._moments(np.concatenate([train[-self.context :], validation]))
        A, B = self._moments(train)
        errors = [self._excess(self._solve(A, B, penalty), *held) for penalty in _PENALTIES]
        self.penalty_ = _PENALTIES[int(np.argmin(errors))]
        self.weights_ = self._solve(*self._moments(np.concatenate([train, validation])), self.penalty_)
        return self

    def _moments(self, values: Array) -> tuple[Array, Array]:
        moments = window_moments(values, self.context + self.horizon)
        past, cross = moments[: self.context, : self.context], moments[: self.context, self.context :]
        cross = cross - past.mean(axis=1, keepdims=True)  # the future minus the window's mean
        return _centred(_centred(past).T), _centred(cross)

    @staticmethod
    def _solve(A: Array, B: Array, penalty: float) -> Array:
        regular = A + penalty * np.trace(A) / len(A) * np.eye(len(A))
        return np.asarray(cho_solve(cho_factor(regular, overwrite_a=True), B))

    @staticmethod
    def _excess(W: Array, A: Array, B: Array) -> float:
        """Squared error on a span with moments A, B, up to a constant."""
        return float(np.sum(W * (A @ W - 2.0 * B)))

    def evaluate(self, judged: Array) -> dict[str, float]:
        """MSE and MAE over every window of `judged`, (length, n_channels)."""
        errors = Errors()
        for channel in judged.T:
            windows = _windows(channel, self.context, self.horizon)
            for begin in range(0, len(windows), _ROWS):
                part = windows[begin : begin + _ROWS]
                past = part[:, : self.context]
                mean = past.mean(axis=1, keepdims=True)
                errors.add((past - mean) @ self.weights_ + mean - part[:, self.context :])
        return errors.figures


def _centred(moments: Array) -> Array:
    """Moments of windows minus their mean, along the first axis."""
    return np.asarray(moments - moments.mean(axis=0))
