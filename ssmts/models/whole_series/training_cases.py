"""Training cases as both branches read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Layout
from ssmts.models.whole_series.case import Case

__all__ = ["TrainingCases"]


@dataclass(frozen=True)
class TrainingCases:
    """Distinct training cases, in an order that depends on nothing but them.

    Parameters
    ----------
    layout : Layout
    step : int or float
        Reference step in the unit of the clock.
    cases : list of Case
    targets : ndarray of float64, shape (n_cases, n_targets)
        Standardised by the task.
    weights : ndarray of float64, shape (n_cases,)
    of_case : ndarray of int64, shape (n_cases,)
        Number of the case that each is, or is a copy of at another rate.
    """

    layout: Layout
    step: int | float
    cases: list[Case]
    targets: Float
    weights: Float
    of_case: Rows

    @property
    def normalised_weights(self) -> Float:
        """Weights that sum to 1, (n_cases,)."""
        return np.asarray(self.weights / self.weights.sum())
