r"""States of diagonal modes driven by sampled inputs, the one recurrence over hold weights.

:math:`x_k = \bar a_k x_{k-1} + w_{0,k} u_{k-1} + w_{1,k} u_k`, with the weights of an interval from
:func:`ssmts_kernels.hold.hold_weights`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ssmts.data.arrays import Complex, Float
from ssmts_kernels.hold import Hold, hold_weights

__all__ = ["hold_scan", "weights_by_interval"]

_WEIGHTS = 2**18  # hold weights held at once


def hold_scan(
    A: Complex | Float, intervals: Float, inputs: Float, initial: Any, hold: Hold = "foh"
) -> NDArray[Any]:
    """States after every observation.

    Parameters
    ----------
    A : ndarray of complex128 or float64, shape (n_modes,)
        Re A < 0.
    intervals : ndarray of float64, shape (length - 1, ...) or (1, ...)
        Between observations, of as many axes as the inputs and broadcastable with ``inputs[1:]``; one row
        stands for a regular clock.
    inputs : ndarray of float64, shape (length, ...)
    initial : array_like
        State after the first observation, broadcastable to (..., n_modes).
    hold : {"foh", "zoh", "bilinear", "bilinear_s4"}

    Returns
    -------
    ndarray of A's dtype, shape (length, ..., n_modes)
    """
    length, n_modes = len(inputs), len(A)
    series = inputs[..., None]
    states = np.empty((*inputs.shape, n_modes), dtype=A.dtype)
    states[0] = initial
    if length == 1:
        return states
    carried = np.empty_like(states[0])
    regular = len(intervals) == 1
    n_together = max(1, _WEIGHTS // max(carried.size, 1))
    for begin in range(1, length, n_together):
        end = min(begin + n_together, length)
        if begin == 1 or not regular:
            own = intervals if regular else intervals[begin - 1 : end - 1]
            A_bar, previous, current = weights_by_interval(A, own, hold)
        np.multiply(series[begin:end], current, out=states[begin:end])
        states[begin:end] += series[begin - 1 : end - 1] * previous
        for k in range(begin, end):
            np.multiply(states[k - 1], A_bar[0 if regular else k - begin], out=carried)
            states[k] += carried
    return states


def weights_by_interval(
    A: Complex | Float, intervals: Float, hold: Hold
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Weights of the state, the older and the newer input, each (..., n_modes) for intervals (...)."""
    at = torch.from_numpy(np.ascontiguousarray(intervals))[..., None]
    A_bar, previous, current = hold_weights(torch.from_numpy(A), at, hold)
    return A_bar.numpy(), previous.numpy(), current.numpy()
