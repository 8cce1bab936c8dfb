"""What a fit asks of classification and of regression."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self

from ssmts.data.arrays import Float, Rows
from ssmts.models.whole_series.deep_fit import DeepOutcome
from ssmts.models.whole_series.fitted import FittedCases
from ssmts.models.whole_series.linear_model import CaseFit
from ssmts.models.whole_series.octave_weights import Loss
from ssmts.models.whole_series.training_cases import TrainingCases

__all__ = ["Task"]


class Task(Protocol):
    """Classification or regression: their targets, their loss, and how two branches become one answer.

    Each has a classmethod ``encode`` of its own, from y to targets (n_cases, n_targets).
    """

    block_weights: ClassVar[tuple[float, ...]]
    """Total variance of each block of `features.BLOCKS`, docs/decisions/073-delays-and-thresholds.md."""

    has_classes: ClassVar[bool]

    def standardise(self, targets: Float, weights: Float) -> tuple[Self, Float]:
        """The task with the unit of its targets, and targets (n_cases, n_targets) in this unit."""
        ...

    def deep_targets(self, targets: Float) -> tuple[Any, Rows]:
        """What `loss` compares with, (n_cases, ...), and strata (n_cases,) for folds."""
        ...

    @property
    def loss(self) -> Loss:
        """Loss of the networks, from answers and `deep_targets` to one number a case."""
        ...

    def combine(
        self, training: TrainingCases, linear: CaseFit, deep: DeepOutcome | str | None
    ) -> FittedCases:
        """The fitted model, from the answers of both branches to unseen cases.

        Parameters
        ----------
        training : TrainingCases
        linear : CaseFit
        deep : DeepOutcome, str or None
            Trained networks; why none were trained; None where the estimator has no deep branch.
        """
        ...
