"""Fit of a classifier or regressor, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmts.data.arrays import Float
from ssmts.data.cases import case_step
from ssmts.data.series import Layout, Panel, Series
from ssmts.errors import ParameterError
from ssmts.models.whole_series.deep_fit import DeepFitter
from ssmts.models.whole_series.fitted import FittedCases
from ssmts.models.whole_series.linear_model import CaseFit, CaseReading, distinct_cases, fit_cases, fit_input
from ssmts.models.whole_series.observation_model import fit_observations
from ssmts.models.whole_series.outliers import usual_cases
from ssmts.models.whole_series.preprocessing import HOLDS, LinearOptions, readings
from ssmts.models.whole_series.task import Task
from ssmts.models.whole_series.training_cases import TrainingCases
from ssmts.progress import stage, tracked
from ssmts.wording import Described

__all__ = ["fit_whole_series"]

_SPARSE = 0.5  # fraction of instants by channels below which the observations alone are tried
_MOST_CELLS = 1_000_000  # instants by channels of sparse cases that are tried with a hold as well: a minute


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
        raise ParameterError("sample_weight", Described("0 for every case"), "positive for at least one case")
    rows, weights = distinct_cases(panel.series, targets, weights)
    series = [panel.series[row] for row in rows]
    task, targets = task.standardise(targets[rows], weights)
    end = 1.0 if deep is None else 0.25  # networks take most of the time
    step, (held, sparse) = case_step(panel), _what_to_try(series, panel.layout, options)
    fits = []
    if held:
        with stage("linear branch", 0.0, end / 2 if sparse else end):
            fits.append(_fit_held(series, step, targets, weights, task, options))
    if sparse:
        with stage("observations", end / 2 if held else 0.0, end):
            fits.append(_fit_sparse(series, step, targets, weights, task, options, filled=deep is not None))
    linear, chosen = min(fits, key=lambda pair: float(pair[0].record["left_out_mse"]))
    if len(fits) > 1:
        errors = [float(fit.record["left_out_mse"]) for fit, _ in fits]
        linear.record["observations"] = dict(zip(("mse_of_held", "mse_of_observations"), errors))
    training = TrainingCases(
        layout=panel.layout,
        step=step,
        cases=chosen.cases,
        targets=chosen.targets,
        weights=chosen.weights,
        of_case=chosen.of_case,
    )
    with stage("deep branch", end, 1.0):
        networks = None if deep is None else deep(training, *task.deep_targets(training.targets), task.loss)
    return task.combine(training, linear, networks)


def _what_to_try(series: Sequence[Series], layout: Layout, options: LinearOptions) -> tuple[bool, bool]:
    """Whether to read cases as held between observations, and whether as the observations alone."""
    if not isinstance(options.hold, str) or options.hold not in HOLDS:
        raise ParameterError("hold", options.hold, f"one of {', '.join(map(repr, HOLDS))}")
    if options.hold == "none" and options.rate_range is not None:
        raise ParameterError("rate_range", options.rate_range, "None with hold='none', which counts rows")
    if options.hold != "auto" or options.rate_range is not None:
        return options.hold != "none", options.hold == "none"
    cells = sum(one.values.size for one in series)
    seen = sum(int(np.count_nonzero(~np.isnan(one.values))) for one in series)
    sparse = layout.channel_col is not None or seen < _SPARSE * cells
    return not sparse or cells <= _MOST_CELLS, sparse


def _fit_held(
    series: list[Series],
    step: int | float,
    targets: Float,
    weights: Float,
    task: Task,
    options: LinearOptions,
) -> tuple[CaseFit, CaseReading]:
    """The best of the ways to hold cases between their observations."""
    usual = usual_cases(series)
    model_input = fit_input([one for one, own in zip(series, usual) if own], step)
    ways = readings(series, model_input, targets, weights, usual, options)
    fits = [
        (fit_cases(way, task.block_weights, options.n_readouts, options.seed), way) for way in tracked(ways)
    ]
    return _best_reading(fits)


def _fit_sparse(
    series: list[Series],
    step: int | float,
    targets: Float,
    weights: Float,
    task: Task,
    options: LinearOptions,
    *,
    filled: bool,
) -> tuple[CaseFit, CaseReading]:
    """The observations alone; `filled` says whether networks will want the cases on lines."""
    fit = fit_observations(series, step, targets, weights, options.seed, classes=task.has_classes)
    cases = [case.filled for case in fit.model.input(series)] if filled else []
    reading = CaseReading(
        model_input=fit.model.input,
        cases=cases,
        targets=targets,
        weights=weights,
        usual=np.ones(len(series), dtype=bool),
        of_case=np.arange(len(series)),
        copy_pairs=None,
    )
    return fit, reading


def _best_reading(fits: list[tuple[CaseFit, CaseReading]]) -> tuple[CaseFit, CaseReading]:
    """The fit of the least leave-one-out error; its record holds the errors compared."""
    errors = [float(fit.record["left_out_mse"]) for fit, _ in fits]
    best, chosen = fits[errors.index(min(errors))]
    if len(fits) > 1:
        best.record["hold"] = dict(zip(("mse_of_lines", "mse_of_expectation"), errors))
    return best, chosen
