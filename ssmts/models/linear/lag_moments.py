"""Moments of all windows of regular sequences without their states: from products of lagged values.

On the reference grid the features of a window are linear in its values (but for its deviation), so that their
second moments follow from those of the values, G = Σ w wᵀ over the windows w with their futures. Windows that
follow each other share all values but one: G[i+1, j+1] is G[i, j] plus the product that comes in, minus the
one that goes out. What is left to do for a value is one Fourier transform, whatever the number of modes
(docs/decisions/081-moments-from-lags.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from ssmts.data.arrays import Float, Rows
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import ModeBank
from ssmts.models.state_space.window_states import final_weights, observation_weights

__all__ = ["are_cheaper", "lag_moments"]

_WIDEST = 4096  # values of a window and its future: G has 128 MiB then
_FAR = 1e4  # squares of values to those of deviations: so many times the rounding goes into the moments


def are_cheaper(stack: SequenceStack, context: float, horizon: int, rows: Rows, n_features: int) -> bool:
    """Whether moments from lags take less than those from states, and are the same to rounding."""
    n, width = len(rows), round(context) + horizon
    if stack.interval != 1.0 or stack.weights is not None or stack.extra is not None or width > _WIDEST:
        return False
    if n < 2 or abs(round(context) - context) > 1e-9 or round(context) < 2 or rows[-1] - rows[0] != n - 1:
        return False
    states = len(stack.values) * n * n_features * (2.0 * n_features + 60.0)
    lags = width**2 * (2.0 * len(stack.values) + 2.0 * n_features) + 200.0 * len(stack.values) * (n + width)
    return lags < states


def lag_moments(
    values: Float,
    rows: Rows,
    context: int,
    horizon: int,
    bank: ModeBank,
    mean: Float,
    constant: Float,
) -> tuple[Float, Float, Float] | None:
    """A, B and c of the windows of some sequences, as `ssmts.models.linear.moments` defines them.

    Parameters
    ----------
    values : ndarray of float64, shape (n_members, length)
        On the reference grid.
    rows : ndarray of int64, shape (n_windows,)
        Origins, one after the other.
    context, horizon : int
        Values of a window and leads after it.
    bank : ModeBank
    mean, constant : ndarray of float64, shape (n_members, n_windows)
        Mean of every window, and the feature that follows from its deviation.

    Returns
    -------
    A : ndarray of float64, shape (n_features + 1, n_features + 1)
    B : ndarray of float64, shape (n_features + 1, horizon + 1)
    c : ndarray of float64, shape (horizon + 1,)
        None where levels are so far from each other, for what the windows deviate, that digits would be lost.
    """
    first, n, width = int(rows[0]) - (context - 1), len(rows), context + horizon
    own = values[:, first : first + n - 1 + width]
    # A level of all leaves no trace, but in the digits.
    offset = own.mean(axis=1, keepdims=True)
    own, mean = own - offset, mean - offset
    energy = float(np.vdot(constant, constant))
    if n * float(np.vdot(own, own)) > _FAR * energy * own.shape[1]:
        return None
    size = next_fast_len(n + width - 1, real=True)
    transformed = rfft(own, size)
    gram = np.empty((width, width))
    gram[0] = _summed_lags(own[:, :n], transformed, size)[:width]
    gone, come = own[:, : width - 1], own[:, n : n + width - 1]
    change = come.T @ come - gone.T @ gone
    for row in range(width - 1):
        gram[row + 1, row + 1 :] = gram[row, row:-1] + change[row, row:]
    of_constant = _summed_lags(constant, transformed, size)[:width]
    weights = final_weights(np.arange(context, dtype=np.float64), bank)
    shares = observation_weights(np.arange(context, dtype=np.float64))
    weights -= np.outer(shares, weights.sum(axis=0))
    past = np.triu(gram[:context, :context])
    past = past + np.triu(past, 1).T
    ahead = gram[:context, context - 1 :].copy()  # lead 0 is the last value of the window
    ahead[:, 0] = past[:, -1]
    level = past @ shares
    A = np.empty((weights.shape[1] + 1,) * 2)
    A[:-1, :-1] = weights.T @ past @ weights
    A[:-1, -1] = A[-1, :-1] = weights.T @ of_constant[:context]
    A[-1, -1] = energy
    B = np.empty((len(A), horizon + 1))
    B[:-1] = weights.T @ (ahead - level[:, None])
    B[-1] = of_constant[context - 1 :] - of_constant[:context] @ shares
    squares = np.diagonal(gram)[context - 1 :]
    return A, B, squares - 2.0 * (shares @ ahead) + shares @ level


def _summed_lags(left: Float, transformed: NDArray[np.complex128], size: int) -> Float:
    """Sum over members and windows k of left[k] * right[k + lag], for every lag."""
    product = (rfft(left, size).conj() * transformed).sum(axis=0)
    return np.asarray(irfft(product, size))
