r"""Ridge regression over blocks of features, with every choice made on leave-one-out residuals.

With weighted, centred features F and targets Y, the residual of case i in a fit without it is
:math:`r_i / (1 - h_i)`, r the residual of the fit with it and h its leverage: the whole range of penalties
costs one eigendecomposition, of F Fᵀ or Fᵀ F, whichever is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows

__all__ = ["Block", "RidgeFit", "fit_ridge"]

_PENALTIES = np.geomspace(1e-6, 1e2, 17)  # in units of the mean eigenvalue
_LEAST_DEVIATION = 1e-5  # features are of order 1 and come in single precision
_BOUND = 8.0  # deviations; n cases reach at most the root of n - 1


@dataclass(frozen=True)
class Block:
    """Features of one kind, and how they are standardised.

    Parameters
    ----------
    center, scale : ndarray of float64, shape (n_features,)
        Standardised features are (features - center) * scale; scale is 0 where a feature does not vary.
    lower, upper : ndarray of float64, shape (n_features,)
        Bounds that features are clipped to before.
    """

    center: Float
    scale: Float
    lower: Float
    upper: Float

    @classmethod
    def of(
        cls,
        features: Float,
        weights: Float,
        usual: NDArray[np.bool_] | None = None,
        *,
        least_deviation: float = _LEAST_DEVIATION,
        bound: float = _BOUND,
    ) -> Block:
        """Standardise by weighted mean and deviation; a block as a whole has the total variance 1.

        Parameters
        ----------
        features : ndarray of float64, shape (n_cases, n_features)
        weights : ndarray of float64, shape (n_cases,)
        usual : ndarray of bool, shape (n_cases,), optional
            Cases that set the bounds; all by default.
        least_deviation : float
            A feature that deviates by less, in units of its mean where that exceeds 1, is left out: rounding
            must not be scaled up.
        bound : float
            Features are clipped to as many deviations of the usual cases around their mean.
        """
        trusted = weights if usual is None else weights * usual
        trusted = trusted / trusted.sum()
        middle = trusted @ features
        half = bound * np.sqrt(trusted @ (features - middle) ** 2)
        lower, upper = middle - half, middle + half
        normalised = weights / weights.sum()
        clipped = np.clip(features, lower, upper)
        center = normalised @ clipped
        deviation = np.sqrt(normalised @ (clipped - center) ** 2)
        varies = deviation > least_deviation * np.maximum(np.abs(center), 1.0)
        count = max(1, int(varies.sum()))
        scale = np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0) / np.sqrt(count)
        return cls(center, scale, lower, upper)

    def standardised(self, features: Float) -> Float:
        """Features of any cases in the units of the training cases."""
        return np.asarray((np.clip(features, self.lower, self.upper) - self.center) * self.scale)


@dataclass(frozen=True)
class RidgeFit:
    """A ridge fit and its leave-one-out answers.

    Parameters
    ----------
    weights : tuple of ndarray of float64, one a block, shape (n_features, n_targets)
        Of the raw features.
    intercept : ndarray of float64, shape (n_targets,)
    left_out : ndarray of float64, shape (n_cases, n_targets)
        Leave-one-out predictions.
    error : float
        Weighted mean square of their errors.
    penalty : float
        In units of the mean eigenvalue.
    bounds : tuple of ndarray of float64, one a block, shape (2, n_features)
        Lowest and highest value that each raw feature is clipped to.
    without : LeaveOneOut
        Answers of the fits without one case to anything else.
    """

    weights: tuple[Float, ...]
    intercept: Float
    left_out: Float
    error: float
    penalty: float
    bounds: tuple[Float, ...]
    without: LeaveOneOut


@dataclass(frozen=True)
class LeaveOneOut:
    """Fits without one case each, from the factors of the fit with all of them.

    Without case i the weights are w - A⁻¹ x e, A the penalised moments of all cases, x the features of the
    case and e its leave-one-out error, both times the root of its weight.

    Parameters
    ----------
    blocks : list of Block
    factors : list of float
        On each standardised block.
    mean : ndarray of float64, shape (n_targets,)
        Of the targets.
    solved : ndarray of float64, shape (n_features, n_targets)
        Weights of the standardised features of all blocks.
    right : ndarray of float64, shape (n_features, rank)
        Right singular vectors of the features.
    inverse : ndarray of float64, shape (n_cases, rank)
        A⁻¹ x in these.
    constant : ndarray of float64, shape (n_cases,)
        The same of the intercept.
    errors : ndarray of float64, shape (n_cases, n_targets)
        e of every case.
    copy_pairs : ndarray of int64, shape (n_cases,), or None
        See :func:`fit_ridge`.
    """

    blocks: list[Block]
    factors: list[float]
    mean: Float
    solved: Float
    right: Float
    inverse: Float
    constant: Float
    errors: Float
    copy_pairs: Rows | None

    def __call__(self, features: Sequence[Float], rows: Rows) -> Float:
        """Answers (n, n_targets) to features by block, each made without one of the cases `rows` (n,)."""
        parts = zip(self.factors, self.blocks, features)
        z = np.concatenate([factor * block.standardised(own) for factor, block, own in parts], axis=1)
        out, rotated = self.mean + z @ self.solved, z @ self.right
        pairs = np.zeros(len(rows), dtype=bool) if self.copy_pairs is None else self.copy_pairs[rows] != rows
        for some, cases in (
            (np.arange(len(rows)), rows),
            (np.flatnonzero(pairs), rows[pairs] if self.copy_pairs is None else self.copy_pairs[rows[pairs]]),
        ):
            reached = np.einsum("ik,ik->i", rotated[some], self.inverse[cases]) + self.constant[cases]
            out[some] -= reached[:, None] * self.errors[cases]
        return np.asarray(out)


def fit_ridge(
    features: Sequence[Float],
    block_weights: Sequence[float],
    targets: Float,
    weights: Float,
    copy_pairs: Rows | None = None,
    usual: NDArray[np.bool_] | None = None,
    **standardising: float,
) -> RidgeFit:
    """Fit, and choose the penalty by leave-one-out error.

    Parameters
    ----------
    features : sequence of ndarray of float64, shape (n_cases, n_features)
        Blocks.
    block_weights : sequence of float
        Total variance that each block is standardised to; 0 leaves a block out.
    targets : ndarray of float64, shape (n_cases, n_targets)
    weights : ndarray of float64, shape (n_cases,)
        Positive weight of each case.
    copy_pairs : ndarray of int64, shape (n_cases,), optional
        Number of the case that is left out with each, as it is a copy of it or the reverse; the case itself
        where there is none.
    usual, **standardising
        As for :meth:`Block.of`.

    Returns
    -------
    RidgeFit
    """
    weights = weights / weights.mean()
    root = np.sqrt(weights)[:, None]
    blocks = [Block.of(block, weights, usual, **standardising) for block in features]
    used = [np.sqrt(weight) for weight in block_weights]
    joined = np.concatenate(
        [root * factor * block.standardised(own) for factor, block, own in zip(used, blocks, features)],
        axis=1,
    )
    mean = (weights @ targets) / weights.sum()
    wanted = root * (targets - mean)
    left, eigenvalues, right = _decompose(joined)
    projected = left.T @ wanted
    unit = float(eigenvalues.mean()) if len(eigenvalues) else 1.0
    beyond = wanted - left @ projected  # what no weights can reach
    best: tuple[float, float, Float] | None = None
    squares = left * left
    mean_weights = weights / weights.sum()
    for penalty in _PENALTIES:
        shrunk = penalty * unit / (eigenvalues + penalty * unit)
        residual = beyond + left @ (shrunk[:, None] * projected)
        room = np.maximum(1.0 - mean_weights - squares @ (1.0 - shrunk), 1e-9)
        if copy_pairs is not None:
            # (1 - H) of both of a pair is inverted: they are left out together.
            across = np.sqrt(mean_weights * mean_weights[copy_pairs])
            across += np.einsum("ik,k,ik->i", left, 1.0 - shrunk, left[copy_pairs])
            across = np.where(copy_pairs == np.arange(len(copy_pairs)), 0.0, across)
            residual = residual * room[copy_pairs][:, None] + residual[copy_pairs] * across[:, None]
            # A product of two: what is nothing but rounding is smaller by as much.
            room = np.maximum(room * room[copy_pairs] - across**2, 1e-18)
        errors = residual / root / room[:, None]
        error = float((weights @ errors**2).mean() / weights.sum())
        if best is None or error < best[0]:
            best = error, float(penalty), errors
    assert best is not None
    error, penalty, errors = best
    solved = right @ (projected * (np.sqrt(eigenvalues) / (eigenvalues + penalty * unit))[:, None])
    out, intercept, begin = [], mean.copy(), 0
    for factor, block in zip(used, blocks):
        own = solved[begin : begin + len(block.scale)] * (factor * block.scale)[:, None]
        intercept -= block.center @ own
        out.append(own)
        begin += len(block.scale)
    return RidgeFit(
        weights=tuple(out),
        intercept=intercept,
        left_out=targets - errors,
        error=error,
        penalty=penalty,
        bounds=tuple(np.stack([block.lower, block.upper]) for block in blocks),
        without=LeaveOneOut(
            blocks=blocks,
            factors=used,
            mean=mean,
            solved=solved,
            right=right,
            inverse=left * (np.sqrt(eigenvalues) / (eigenvalues + penalty * unit)),
            constant=root[:, 0] / weights.sum(),
            errors=root * errors,
            copy_pairs=copy_pairs,
        ),
    )


def _decompose(matrix: Float) -> tuple[Float, Float, Float]:
    """Left singular vectors, squared singular values, right singular vectors; those of value 0 left out."""
    wide = matrix.shape[0] <= matrix.shape[1]
    gram = matrix @ matrix.T if wide else matrix.T @ matrix
    eigenvalues, vectors = np.linalg.eigh(gram)
    keep = eigenvalues > 1e-10 * max(float(eigenvalues[-1]), 1e-300)
    eigenvalues, vectors = eigenvalues[keep], vectors[:, keep]
    other = (matrix.T if wide else matrix) @ vectors / np.sqrt(eigenvalues)
    return (vectors, eigenvalues, other) if wide else (other, eigenvalues, vectors)
