"""A forecaster's fit, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ssmts.data.series import Clock, Panel
from ssmts.errors import TooShortError
from ssmts.models.config import ModelConfig
from ssmts.models.deep.fit import DeepFit
from ssmts.models.forecasting.acceptance import LinearBranch, fit_linear_branch
from ssmts.models.forecasting.covariate_stages import CovariateStages, fit_covariates
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import tail_of
from ssmts.models.forecasting.hold_selection import Gaps, fit_gaps
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.forecasting.options import ForecastOptions
from ssmts.models.forecasting.panel_stage import (
    assemble_panel,
    fit_panel_branch,
    has_many_series,
    is_better,
    is_long,
)
from ssmts.models.forecasting.partial_fit import training_sums_of
from ssmts.models.forecasting.short_history import fit_short_history
from ssmts.models.forecasting.structure import choose_structure, holds_windows
from ssmts.models.forecasting.training_data import TrainingData, read_units
from ssmts.models.linear.cv_residuals import held_out_errors
from ssmts.models.linear.path import LinearFit
from ssmts.models.panels.fit import PanelFit
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.sequences.training_sequences import RowWeights
from ssmts.models.uncertainty.error_quantiles import fit_error_quantiles
from ssmts.progress import stage

__all__ = ["DeepFitter", "fit_forecaster"]

DeepFitter = Callable[[list[SequenceStack], LinearFit, float, Clock], DeepFit]


def fit_forecaster(
    panel: Panel,
    whole: Panel,
    options: ForecastOptions,
    *,
    fit_deep: DeepFitter | None = None,
    weights: RowWeights | None = None,
) -> FittedForecaster:
    """Fit a forecaster on a panel.

    Parameters
    ----------
    panel : Panel
        Training data; sets layout, scale and reference step.
    whole : Panel
        `panel`, or the same with later rows that are learnt as well.
    options : ForecastOptions
    fit_deep : callable, optional
        Fits the deep branch on the residuals of the linear one.
    weights : mapping of id to ndarray of float64, shape (length,), optional
        Weights of the rows of `whole`: those of the windows that end there.

    Returns
    -------
    FittedForecaster

    Raises
    ------
    TooShortError
        If no series is long enough for one window.
    """
    begun = time.perf_counter()
    data = read_units(panel, whole, options, weights)
    asked = options.columns is not None or options.calendar or options.channel_mixing or fit_deep is not None
    if (has_many_series(data) and not asked) or not holds_windows(data, options):
        alone, seconds = fit_panel_alone(data, options), time.perf_counter() - begun
        return assemble_panel(data, options, alone, None, {"linear_seconds": seconds})
    # Usual fractions of the time of a fit, for the bar.
    end = 0.9 if fit_deep is None else 0.25
    chosen, fitted, known = (0.35, 0.4, 0.8) if asked and fit_deep is None else (0.6, 0.65, 0.65)
    with stage("context and season", 0.0, chosen * end):
        config, history = choose_structure(data, options)
    with stage("linear branch", chosen * end, fitted * end):
        linear = fit_linear_branch(data, config)
    with stage("covariates", fitted * end, known * end):
        covariates = fit_covariates(linear, options)
    branch = covariates.branch
    history |= covariates.history | branch.summary() | {"linear_seconds": time.perf_counter() - begun}
    if covariates.mixing is None and (has_many_series(data) or (fit_deep is None and not is_long(data))):
        with stage("panel branch", known * end, end):
            found, record = fit_panel_branch(data, branch.panel, options), dict[str, Any]()
        if found is not None and is_better(found, data, branch, record):
            history["panel"] = record
            return assemble_panel(data, options, found, covariates.effect, history)
        history["panel"] = record | {"accepted": False}
    with stage("intervals" if fit_deep is None else "deep branch", end, 0.95):
        deep = fit_deep_branch(branch, fit_deep)
    with stage("gaps and intervals", 0.95, 1.0):
        gaps = fit_gaps(branch, options.hold)
    history |= deep.record | gaps.history
    model = assemble_model(branch, deep, gaps, options)
    return assemble(data, options, covariates, model, history)


def fit_panel_alone(data: TrainingData, options: ForecastOptions) -> PanelFit:
    """Fit a panel of many series, or series that are too short for the linear branch.

    Parameters
    ----------
    data : TrainingData
    options : ForecastOptions

    Raises
    ------
    TooShortError
        If no series has two observations on the reference grid.
    """
    found = fit_panel_branch(data, data.whole, options)
    if found is None:
        raise TooShortError(
            "No series has two observations on the reference grid: Found array with 1 sample(s) while a "
            "minimum of 2 is required. Give more history."
        )
    return found


def fit_deep_branch(branch: LinearBranch, fit_deep: DeepFitter | None) -> DeepFit:
    """Fit the deep branch on cross-validated residuals of the linear one.

    Parameters
    ----------
    branch : LinearBranch
        As the covariate stages left it.
    fit_deep : callable or None
        None: no deep branch.

    Returns
    -------
    DeepFit
        Without an ensemble where none was asked for, or where it gains nothing on held-out blocks; its
        record lies under the key "deep".
    """
    if fit_deep is None:
        return DeepFit(ensemble=None, record={})
    begun = time.perf_counter()
    found = fit_deep(branch.stacks, branch.fit, branch.step, branch.panel.clock)
    record = found.record | {"seconds": time.perf_counter() - begun}
    return DeepFit(ensemble=found.ensemble, record={"deep": record}, held_out=found.held_out)


def assemble_model(
    branch: LinearBranch, deep: DeepFit, gaps: Gaps, options: ForecastOptions
) -> ForecastModel:
    """Learn the error quantiles, and put the model together.

    Parameters
    ----------
    branch, deep, gaps
        Outcomes of the stages before.
    options : ForecastOptions
        Its `levels` are the quantiles to learn.

    Returns
    -------
    ForecastModel
        Quantiles are those of errors on windows that neither branch has seen.
    """
    n_groups = branch.scaling.n_groups
    errors = held_out_errors(branch.stacks, branch.fit) if deep.held_out is None else deep.held_out
    model = ForecastModel(
        config=ModelConfig(
            linear=branch.config,
            n_groups=n_groups,
            deep=None if deep.ensemble is None else deep.ensemble.config,
            hold=gaps.hold,
        ),
        linear=branch.fit.path,
        deep=deep.ensemble,
        error_quantiles=fit_error_quantiles(errors, n_groups, options.levels),
        covariance=gaps.covariance,
        gap_widths=gaps.widths,
    )
    linear = branch.config
    short = fit_short_history(model, branch.stacks, linear.context, linear.horizon, linear.period)
    return model.replaced(short=short)


def assemble(
    data: TrainingData,
    options: ForecastOptions,
    covariates: CovariateStages,
    model: ForecastModel,
    history: dict[str, Any],
) -> FittedForecaster:
    """Put the fitted forecaster together, with the end of the data and the sums for `partial_fit`.

    Parameters
    ----------
    data : TrainingData
    options : ForecastOptions
    covariates : CovariateStages
    model : ForecastModel
    history : dict
        Choices and errors of all stages.

    Returns
    -------
    FittedForecaster
    """
    branch, effect = covariates.branch, covariates.effect
    run_in = 0.0 if effect is None else effect.run_in
    return FittedForecaster(
        model=model,
        layout=data.panel.layout,
        scaling=branch.scaling,
        step=data.step,
        horizon=data.horizon,
        tail=tail_of(data.whole, branch.config.context, data.step, run_in),
        history=history,
        columns=options.columns,
        effect=effect,
        mixing=covariates.mixing,
        sums=training_sums_of(branch.fit, data.whole, data.weights, data.step, run_in),
    )
