"""Fit of a classifier or regressor, stage by stage."""

from __future__ import annotations

from ssmts.data.arrays import Float
from ssmts.data.cases import case_step
from ssmts.data.series import Panel
from ssmts.errors import ParameterError
from ssmts.models.whole_series.deep_fit import DeepFitter
from ssmts.models.whole_series.fitted import FittedCases
from ssmts.models.whole_series.linear_model import CaseFit, CaseReading, distinct_cases, fit_cases, fit_input
from ssmts.models.whole_series.outliers import usual_cases
from ssmts.models.whole_series.preprocessing import LinearOptions, readings
from ssmts.models.whole_series.task import Task
from ssmts.models.whole_series.training_cases import TrainingCases

__all__ = ["fit_whole_series"]


def fit_whole_series(
    panel: Panel, targets: Float, weights: Float, task: Task, options: LinearOptions, deep: DeepFitter | None
) -> FittedCases:
    """Fit both branches and combine them.

    Parameters
    ----------
    panel : Panel
        One series a case.
    targets : ndarray of float64, shape (n_cases, n_targets)
        Encoded by the task.
    weights : ndarray of float64, shape (n_cases,)
        Not negative.
    task : Task
    options : LinearOptions
    deep : DeepFitter or None
        None for estimators without a deep branch.

    Raises
    ------
    ParameterError
        If no weight is positive, or a parameter is malformed.
    """
    if not weights.any():
        raise ParameterError("sample_weight", "0 for every case", "positive for at least one case")
    rows, weights = distinct_cases(panel.series, targets, weights)
    series = [panel.series[row] for row in rows]
    task, targets = task.standardise(targets[rows], weights)
    usual = usual_cases(series)
    model_input = fit_input([one for one, own in zip(series, usual) if own], case_step(panel))
    ways = readings(series, model_input, targets, weights, usual, options)
    fits = [(fit_cases(way, task.block_weights, options.n_readouts, options.seed), way) for way in ways]
    linear, chosen = _best_reading(fits)
    training = TrainingCases(
        layout=panel.layout,
        step=model_input.step,
        cases=chosen.cases,
        targets=chosen.targets,
        weights=chosen.weights,
        of_case=chosen.of_case,
    )
    networks = None if deep is None else deep(training, *task.deep_targets(training.targets), task.loss)
    return task.combine(training, linear, networks)


def _best_reading(fits: list[tuple[CaseFit, CaseReading]]) -> tuple[CaseFit, CaseReading]:
    """The fit of the least leave-one-out error; its record holds the errors compared."""
    errors = [float(fit.record["left_out_mse"]) for fit, _ in fits]
    best, chosen = fits[errors.index(min(errors))]
    if len(fits) > 1:
        best.record["hold"] = dict(zip(("mse_of_lines", "mse_of_expectation"), errors))
    return best, chosen
