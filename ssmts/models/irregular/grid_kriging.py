"""Conditional expectation on a regular grid, where the covariance and its inverse serve every window."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, toeplitz

from ssmts.data.arrays import Float, Rows
from ssmts.models.irregular.autocovariance import Autocovariance

__all__ = ["GridConditional"]


class GridConditional:
    """What the observed rows of a grid say of the others, as :func:`conditional` has it.

    The smaller of the two is solved for: the rows observed with their covariance, or the rows missing with
    the inverse covariance of a whole block. A grid longer than a block is filled in overlapping blocks.

    Parameters
    ----------
    covariance : Autocovariance
    n_rows : int
        Of a block.
    margin : int
        Rows on either side of those that a block of a longer grid is asked for.
    """

    def __init__(self, covariance: Autocovariance, n_rows: int, margin: int) -> None:
        self.n_rows, self.margin = n_rows, margin
        self._smooth = toeplitz(covariance(np.arange(n_rows, dtype=np.float64)))
        self._nugget = covariance.nugget

    @cached_property
    def _precision(self) -> Float:
        """Inverse covariance of the rows of a block minus their unknown level."""
        whole = self._smooth.copy()
        whole[np.diag_indices(self.n_rows)] += self._nugget
        factor = cho_factor(whole, lower=True, overwrite_a=True, check_finite=False)
        inverse = cho_solve(factor, np.eye(self.n_rows), overwrite_b=True, check_finite=False)
        of_one = inverse.sum(axis=1)
        return np.asarray(inverse - np.outer(of_one, of_one / of_one.sum()))

    def __call__(self, seen: NDArray[np.bool_], values: Float) -> Float:
        """Fill a grid.

        Parameters
        ----------
        seen : ndarray of bool, shape (length,)
        values : ndarray of float64, shape (n, n_seen)

        Returns
        -------
        ndarray of float64, shape (n, length)
            Observations as they are, the conditional expectation in the other rows.
        """
        if len(seen) <= self.n_rows:
            return self._block(seen, values)
        out, place = np.empty((len(values), len(seen))), np.append(0, np.cumsum(seen))
        step = self.n_rows - 2 * self.margin
        for begin in range(0, len(seen), step):
            low = min(max(begin - self.margin, 0), len(seen) - self.n_rows)
            near, asked = slice(low, low + self.n_rows), slice(begin, min(begin + step, len(seen)))
            block = self._block(seen[near], values[:, place[low] : place[low + self.n_rows]])
            out[:, asked] = block[:, asked.start - low : asked.stop - low]
        return out

    def _block(self, seen: NDArray[np.bool_], values: Float) -> Float:
        known, missing = np.flatnonzero(seen), np.flatnonzero(~seen)
        out = np.zeros((len(values), len(seen)))
        out[:, known] = values
        if len(missing) < len(known) and len(seen) == self.n_rows:
            rows = self._precision.take(missing, axis=0)
            factor = _factor(rows, missing, 0.0)
            out[:, missing] = -cho_solve(factor, rows @ out.T, overwrite_b=True, check_finite=False).T
            return out
        rows = self._smooth[:, : len(seen)].take(known, axis=0)
        right = np.empty((len(known), len(values) + 1), order="F")
        right[:, 0], right[:, 1:] = 1.0, values.T
        factor = _factor(rows, known, self._nugget)
        solved = cho_solve(factor, right, overwrite_b=True, check_finite=False)
        of_one = solved[:, 0]
        level = (values @ of_one) / of_one.sum()
        solved = solved[:, 1:] - of_one[:, None] * level
        out[:] = level[:, None] + solved.T @ rows
        out[:, known] = values
        return out


def _factor(rows: Float, columns: Rows, nugget: float) -> tuple[Float, bool]:
    """Cholesky factor of columns of rows of a symmetric matrix, in the order LAPACK works in place."""
    part = rows.take(columns, axis=1)
    part[np.diag_indices(len(part))] += nugget
    factor, lower = cho_factor(part.T, lower=True, overwrite_a=True, check_finite=False)
    return factor, bool(lower)
