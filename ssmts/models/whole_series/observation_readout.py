"""From statistics of sparse cases of one age to answers: a linear readout of normal scores, and trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls

from ssmts.data.arrays import Float
from ssmts.models.whole_series.calibration import fit_factors, softmax
from ssmts.models.whole_series.logistic import fit_logistic
from ssmts.models.whole_series.loo_ridge import fit_ridge
from ssmts.models.whole_series.normal_scores import NormalScores, fit_normal_scores
from ssmts.models.whole_series.observation_statistics import MEAN, N_STATISTICS
from ssmts.models.whole_series.random_trees import RandomTrees, fit_trees

__all__ = ["ObservationReadout", "ReadoutFit", "fit_readout"]

_N_TREES = 200
_SCORES = ("columns", "knots", "scores", "present", "center", "scale")
_TREES = ("roots", "children", "feature", "threshold", "value")


@dataclass(frozen=True)
class ObservationReadout:
    """The sum of both answers, each with the factor that suits cases it has not seen.

    Parameters
    ----------
    scores : NormalScores
    weights : ndarray of float64, shape (n_scores, n_targets)
        With the factor of the linear readout.
    intercept : ndarray of float64, shape (n_targets,)
    trees : RandomTrees or None
        None where no statistic varies.
    factor : float
        On the trees.
    """

    scores: NormalScores
    weights: Float
    intercept: Float
    trees: RandomTrees | None
    factor: float

    def __call__(self, features: Float) -> Float:
        """Answers (n_cases, n_targets) to features (n_cases, n_features)."""
        scores = self.scores(features)
        # A sum a case: its rounding then does not depend on the company.
        answers = self.intercept + np.stack([(scores * own).sum(axis=1) for own in self.weights.T], axis=1)
        if self.trees is not None:
            answers = answers + self.factor * self.trees(scores)
        return np.asarray(answers)

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """All that the readout is."""
        arrays: dict[str, Any] = {f"scores.{name}": getattr(self.scores, name) for name in _SCORES}
        arrays |= {"weights": self.weights, "intercept": self.intercept, "factor": np.array(self.factor)}
        if self.trees is not None:
            arrays |= {f"trees.{name}": getattr(self.trees, name) for name in _TREES}
            arrays["trees.classes"] = np.array(self.trees.classes)
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, torch.Tensor]) -> ObservationReadout:
        """Inverse of :meth:`to_tensors`."""
        arrays = {name: np.array(tensor.numpy()) for name, tensor in tensors.items()}
        trees = None
        if "trees.roots" in arrays:
            own = {name: arrays[f"trees.{name}"] for name in _TREES}
            trees = RandomTrees(**own, classes=bool(arrays["trees.classes"].item()))
        scores = NormalScores(**{name: arrays[f"scores.{name}"] for name in _SCORES})
        return cls(
            scores=scores,
            weights=arrays["weights"],
            intercept=arrays["intercept"],
            trees=trees,
            factor=arrays["factor"].item(),
        )


@dataclass(frozen=True)
class ReadoutFit:
    """A readout, what it says of training cases without having seen them, and what was chosen.

    Parameters
    ----------
    readout : ObservationReadout
    left_out : ndarray of float64, shape (n_cases, n_targets)
    record : dict
    penalties : tuple of float
        Of the linear readout.
    """

    readout: ObservationReadout
    left_out: Float
    record: dict[str, Any]
    penalties: tuple[float, ...]


def fit_readout(
    features: Float,
    targets: Float,
    weights: Float,
    seed: int,
    classes: bool,
    *,
    like: ReadoutFit | None = None,
) -> ReadoutFit:
    """Fit to training cases of one age.

    Parameters
    ----------
    features : ndarray of float64, shape (n_cases, n_features)
        NaN where a channel says nothing.
    targets : ndarray of float64, shape (n_cases, n_targets)
    weights : ndarray of float64, shape (n_cases,)
        Of mean 1.
    seed, classes
        As of :func:`ssmts.models.whole_series.observation_model.fit_observations`.
    like : ReadoutFit, optional
        That of whole cases, whose penalty a younger age takes over, with half as many trees.
    """
    scores = fit_normal_scores(features, range(MEAN, features.shape[1], N_STATISTICS))
    inputs = scores(features)
    if classes:
        fit: Any = fit_logistic(inputs, targets, weights, None if like is None else like.penalties)
        penalties = fit.factors
        own, intercept = fit.weights, fit.intercept
    elif inputs.shape[1]:
        fit = fit_ridge([inputs], [1.0], targets, weights)
        penalties, (own,), intercept = (fit.penalty,), fit.weights, fit.intercept
    if not inputs.shape[1]:
        mean = weights @ targets / weights.sum()
        constant = np.broadcast_to(fit.intercept if classes else mean, targets.shape)
        readout = ObservationReadout(
            scores=scores,
            weights=np.zeros((0, targets.shape[1])),
            intercept=constant[0].copy(),
            trees=None,
            factor=0.0,
        )
        record: dict[str, Any] = {
            "n_features": 0,
            "left_out_mse": _error(constant, targets, weights, classes),
        }
        return ReadoutFit(readout, constant.copy(), record, fit.factors if classes else (1.0,))
    n_trees = _N_TREES if like is None else _N_TREES // 2
    trees, of_trees = fit_trees(inputs, targets, weights, n_trees, seed, classes=classes)
    if classes:
        factors = fit_factors(fit.left_out, of_trees, targets.argmax(axis=1), weights)
    else:
        root = np.sqrt(weights)
        both = np.stack([fit.left_out[:, 0], of_trees[:, 0]], axis=1)
        solved = nnls(root[:, None] * both, root * targets[:, 0])[0]
        factors = float(solved[0]), float(solved[1])
    left_out = factors[0] * fit.left_out + factors[1] * of_trees
    record = {
        "n_features": inputs.shape[1],
        "penalty": list(penalties),
        "factor_of_linear": factors[0],
        "factor_of_trees": factors[1],
        "left_out_mse": _error(left_out, targets, weights, classes),
        "left_out_mse_of_linear": _error(fit.left_out, targets, weights, classes),
        "left_out_mse_of_trees": _error(of_trees, targets, weights, classes),
    }
    readout = ObservationReadout(
        scores=scores,
        weights=factors[0] * own,
        intercept=factors[0] * intercept,
        trees=trees,
        factor=factors[1],
    )
    return ReadoutFit(readout, left_out, record, penalties)


def _error(answers: Float, targets: Float, weights: Float, classes: bool) -> float:
    """Weighted mean square of errors, of classes as expected targets."""
    expected = 2.0 * softmax(answers) - 1.0 if classes else answers
    return float((weights @ (targets - expected) ** 2).mean() / weights.sum())
