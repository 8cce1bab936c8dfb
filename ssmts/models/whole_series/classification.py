"""Classification: labels to codes, calibrated log-probabilities, cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from torch import Tensor
from torch.nn import functional

from ssmts.data.arrays import Float, Rows
from ssmts.errors import ParameterError, TargetError
from ssmts.models.whole_series.calibration import fit_factors, fit_inverse_temperature, log_losses
from ssmts.models.whole_series.deep_fit import DeepOutcome
from ssmts.models.whole_series.early_answers import EarlyAnswers, fit_early
from ssmts.models.whole_series.fitted import FittedCases
from ssmts.models.whole_series.gain import Gain
from ssmts.models.whole_series.linear_model import CaseFit
from ssmts.models.whole_series.octave_weights import Loss
from ssmts.models.whole_series.training_cases import TrainingCases
from ssmts.wording import kinds_of, listed, shown

__all__ = ["ClassificationTask"]


@dataclass(frozen=True)
class ClassificationTask:
    """Targets +1 for the class of a case and -1 for the others.

    Parameters
    ----------
    classes : ndarray, shape (n_classes,)
        Labels in order.
    class_weights : ndarray of float64, shape (n_classes,), or None
        Costs of missing a case of each class: probabilities are multiplied by them. As weights of cases they
        would do nothing where ridge regression interpolates. None: equal ones.
    """

    classes: Any
    class_weights: Float | None

    has_classes: ClassVar[bool] = True
    block_weights: ClassVar[tuple[float, ...]] = (1.0, 0.03, 0.03, 0.03)

    @classmethod
    def encode(cls, y: Any, class_weight: Any) -> tuple[ClassificationTask, Float]:
        """Labels as targets.

        Parameters
        ----------
        y : ndarray, shape (n_cases,)
        class_weight : dict, "balanced" or None

        Returns
        -------
        task : ClassificationTask
        targets : ndarray of float64, shape (n_cases, n_classes)

        Raises
        ------
        TargetError
            If y holds no labels.
        ParameterError
            If class_weight is malformed or names an unknown label.
        """
        try:
            with np.errstate(invalid="ignore"):  # numbers beyond int64 are compared with their integers
                check_classification_targets(y)
        except ValueError as error:
            raise TargetError(
                f"{error} y holds {kinds_of(y.tolist())}: labels are text, whole numbers, booleans or "
                "datetime64, of one kind; other numbers are for a regressor."
            ) from error
        classes, codes = np.unique(y, return_inverse=True)
        class_weights = None if class_weight is None else _class_weights(class_weight, classes, y)
        return cls(classes, class_weights), 2.0 * np.eye(len(classes))[codes] - 1.0

    def standardise(self, targets: Float, weights: Float) -> tuple[ClassificationTask, Float]:
        """Unchanged: codes have no unit."""
        return self, targets

    def deep_targets(self, targets: Float) -> tuple[Rows, Rows]:
        """Codes, which are the strata as well."""
        codes = targets.argmax(axis=1)
        return codes, codes

    @property
    def loss(self) -> Loss:
        """Cross-entropy with smoothed labels."""
        return _cross_entropy

    def combine(
        self, training: TrainingCases, linear: CaseFit, deep: DeepOutcome | str | None
    ) -> FittedCases:
        """Log-probabilities, calibrated on unseen cases; see `Task.combine`."""
        codes, weights = training.targets.argmax(axis=1), training.normalised_weights
        inverse_temperature = fit_inverse_temperature(linear.left_out, codes, training.weights)
        decisions, judged, offsets = inverse_temperature * linear.left_out, weights, None
        losses = log_losses(decisions, codes)
        if self.class_weights is not None:
            offsets = np.log(np.maximum(self.class_weights, 1e-300))
            decisions = decisions + offsets
            judged = weights * self.class_weights[codes]
            judged = judged / judged.sum()
        record = linear.record | {
            "inverse_temperature": inverse_temperature,
            "temperature": inverse_temperature,  # its name until 0.1, for one release
            "left_out_accuracy": _accuracy(decisions, codes, judged),
            "left_out_log_loss": float(judged @ log_losses(decisions, codes)),
        }
        fitted = FittedCases(
            model=linear.model,
            layout=training.layout,
            history={"linear": record},
            linear_factor=inverse_temperature,
            classes=self.classes,
            class_offsets=offsets,
            early=_early(linear, inverse_temperature, codes, training.weights),
        )
        if deep is None:
            return fitted
        if isinstance(deep, str):
            return fitted.without_deep(deep)
        factors = fit_factors(linear.left_out, deep.unseen, codes, training.weights)
        values = factors[0] * linear.left_out + factors[1] * deep.unseen
        gain = Gain.of(losses - log_losses(values, codes), weights)
        accuracies = {
            "unseen_accuracy": _accuracy(deep.unseen, codes, weights),
            "together_accuracy": _accuracy(values, codes, weights),
        }
        deep = replace(deep, record=deep.record | accuracies)
        alone = fit_inverse_temperature(deep.unseen, codes, training.weights)
        return fitted.with_deep(deep, factors, gain, alone)


def _early(linear: CaseFit, factor: float, codes: Rows, weights: Float) -> EarlyAnswers | None:
    """Answers to cases that have only begun are drawn towards the logarithms of the class frequencies."""
    if linear.prefixes is None:
        return None
    frequencies = np.bincount(codes, weights=weights, minlength=linear.left_out.shape[1]) / weights.sum()
    prefixes = replace(linear.prefixes, answers=factor * linear.prefixes.answers)
    return fit_early(
        prefixes,
        np.log(np.maximum(frequencies, 1e-6)),  # of labels that have no weight as well
        lambda values, rows: weights[rows] * log_losses(values, codes[rows]),
    )


def _class_weights(given: Any, classes: Any, y: Any) -> Float:
    """Weight of every class."""
    if given != "balanced" and not isinstance(given, dict):
        raise ParameterError("class_weight", given, "None, 'balanced' or a dict from labels to weights")
    of_labels = given
    if isinstance(given, dict):
        labels = classes.tolist()
        unknown = [label for label in given if label not in labels]
        if unknown and not set(labels) <= set(given):  # a fold may lack a class, but this is another name
            raise ParameterError(
                "class_weight", given, f"of the labels {listed(labels)}: {shown(unknown[0])} is none"
            )
        of_labels = {label: given.get(label, 1.0) for label in labels}
    weights = np.asarray(compute_class_weight(of_labels, classes=classes, y=y), dtype=np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ParameterError("class_weight", given, "finite, not negative, and positive for a label")
    return weights


def _accuracy(values: Float, codes: Rows, weights: Float) -> float:
    return float(weights @ (values.argmax(axis=1) == codes))


def _cross_entropy(answers: Tensor, codes: Tensor) -> Tensor:
    return functional.cross_entropy(answers, codes, reduction="none", label_smoothing=0.05)
