"""Regression: numbers in a unit of their own, squared error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import nnls
from torch import Tensor

from ssmts.data.arrays import Float, Rows
from ssmts.errors import InfiniteValueError, NotNumericError
from ssmts.models.whole_series.deep_fit import N_MEMBERS, DeepOutcome
from ssmts.models.whole_series.early_answers import fit_early
from ssmts.models.whole_series.fitted import FittedCases
from ssmts.models.whole_series.gain import Gain
from ssmts.models.whole_series.linear_model import CaseFit
from ssmts.models.whole_series.octave_weights import Loss
from ssmts.models.whole_series.training_cases import TrainingCases
from ssmts.wording import dtype_in_words

__all__ = ["RegressionTask"]


@dataclass(frozen=True)
class RegressionTask:
    """One number a case.

    Parameters
    ----------
    mean, scale : float
        Weighted mean and standard deviation of the training targets.
    """

    mean: float = 0.0
    scale: float = 1.0

    has_classes: ClassVar[bool] = False
    block_weights: ClassVar[tuple[float, ...]] = (1.0, 3.0, 3.0, 0.3)

    @classmethod
    def encode(cls, y: Any) -> tuple[RegressionTask, Float]:
        """Numbers as targets.

        Parameters
        ----------
        y : ndarray, shape (n_cases,)

        Returns
        -------
        task : RegressionTask
        targets : ndarray of float64, shape (n_cases, 1)

        Raises
        ------
        NotNumericError, InfiniteValueError
        """
        if y.dtype.kind in "Mm":
            raise NotNumericError(
                f"y holds {dtype_in_words(y.dtype)}. Give numbers, such as seconds since an instant."
            )
        try:
            numbers = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise NotNumericError(f"y holds something that is no number ({error}). Give numbers.") from error
        if not np.isfinite(numbers).all():
            raise InfiniteValueError("Input y contains infinity. Leave such cases out.")
        return cls(), numbers[:, None]

    def standardise(self, targets: Float, weights: Float) -> tuple[RegressionTask, Float]:
        """Targets with mean 0 and standard deviation 1; constant ones with mean 0."""
        normalised = weights / weights.sum()
        largest = float(np.abs(targets).max())
        # A power of two loses no digit, and squares of what is divided by it do not overflow.
        unit = 2.0 ** np.floor(np.log2(largest)) if largest > 0.0 else 1.0
        numbers = targets / unit
        mean = float(normalised @ numbers[:, 0])
        scale = float(np.sqrt(normalised @ (numbers[:, 0] - mean) ** 2))
        scale = scale if scale > 1e-12 * max(abs(mean), 1e-300) else 1.0 / unit
        return replace(self, mean=mean * unit, scale=scale * unit), (numbers - mean) / scale

    def deep_targets(self, targets: Float) -> tuple[Any, Rows]:
        """Numbers in single precision, and as strata groups of neighbours in rank."""
        strata = np.argsort(np.argsort(targets[:, 0], kind="stable")) // N_MEMBERS
        return targets.astype(np.float32), strata

    @property
    def loss(self) -> Loss:
        """Squared error."""
        return _squared_error

    def combine(
        self, training: TrainingCases, linear: CaseFit, deep: DeepOutcome | str | None
    ) -> FittedCases:
        """Numbers in the unit of y; see `Task.combine`."""
        y, weights = training.targets[:, 0], training.normalised_weights
        rmse = self.scale * float(np.sqrt(linear.record["left_out_mse"]))
        fitted = FittedCases(
            model=linear.model,
            layout=training.layout,
            history={"linear": linear.record | {"left_out_rmse": rmse}},
            scale=self.scale,
            mean=self.mean,
            early=None
            if linear.prefixes is None
            else fit_early(  # towards the mean
                linear.prefixes,
                np.zeros(1),
                lambda values, rows: weights[rows] * (values[:, 0] - y[rows]) ** 2,
            ),
        )
        if deep is None:
            return fitted
        if isinstance(deep, str):
            return fitted.without_deep(deep)
        root = np.sqrt(weights)
        both = np.stack([linear.left_out[:, 0], deep.unseen[:, 0]], axis=1)
        factors = nnls(root[:, None] * both, root * y)[0]
        gain = Gain.of((linear.left_out[:, 0] - y) ** 2 - (both @ factors - y) ** 2, weights)
        alone = nnls(root[:, None] * both[:, 1:], root * y)[0]
        return fitted.with_deep(deep, (float(factors[0]), float(factors[1])), gain, float(alone[0]))


def _squared_error(answers: Tensor, targets: Tensor) -> Tensor:
    return (answers - targets).square()[:, 0]
