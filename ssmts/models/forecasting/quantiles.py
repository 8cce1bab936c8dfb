"""Quantiles and trajectories of the forecasts of a panel."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from ssmts.data.arrays import Float
from ssmts.data.series import Panel, Times
from ssmts.errors import ModelFileError, ParameterError
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.predict import dead_channels, unbounded_panel, window_scales
from ssmts.models.uncertainty.error_quantiles import ErrorQuantiles

__all__ = ["quantile_panel", "quantiles_around", "sample_panel", "error_quantiles_of"]


def error_quantiles_of(fitted: FittedForecaster) -> ErrorQuantiles:
    """Error quantiles that fit learnt.

    Raises
    ------
    ModelFileError
        If the model was saved by a version without them.
    """
    if fitted.model.error_quantiles is None:
        raise ModelFileError("This model was saved by a version without intervals. Fit it again.")
    return fitted.model.error_quantiles


def quantile_panel(
    fitted: FittedForecaster, panel: Panel, levels: Float, **options: Any
) -> tuple[list[Times], list[Float]]:
    """Instants and quantiles of every series; the options are those of :func:`forecast_panel`.

    Returns
    -------
    times : list of ndarray, each (n_instants,)
    values : list of ndarray of float64, each (n_instants, n_channels, n_levels)
    """
    times, values = unbounded_panel(fitted, panel, **options)
    return times, quantiles_around(fitted, panel, times, values, levels)


def quantiles_around(
    fitted: FittedForecaster, panel: Panel, times: list[Times], values: list[Float], levels: Float
) -> list[Float]:
    """Quantiles around the forecasts of every series.

    Parameters
    ----------
    fitted : FittedForecaster
    panel : Panel
    times : list of ndarray, each (n_instants,)
    values : list of ndarray of float64, each (n_instants, n_channels)
        Not yet between the bounds.
    levels : ndarray of float64, shape (n_levels,)

    Returns
    -------
    list of ndarray of float64, each (n_instants, n_channels, n_levels)
    """
    error_quantiles = error_quantiles_of(fitted)
    scales = window_scales(fitted, panel, error_quantiles)
    out = []
    for series, instants, center, scale, groups, age in zip(panel.series, times, values, *scales):
        leads = (instants - series.origin) / fitted.step
        quantiles = np.repeat(center[:, :, None], len(levels), axis=2)
        kinds, which = np.unique(np.stack([groups, age]), axis=1, return_inverse=True)
        for kind, (group, late) in enumerate(kinds.T):
            channels = which.ravel() == kind
            offsets = error_quantiles.offsets(levels, leads + late, int(group))
            quantiles[:, channels] += offsets[:, None] * scale[channels, None]
        dead, deviation = dead_channels(fitted, panel, series, scale)
        quantiles[:, dead] = center[:, dead, None] + deviation[:, None] * ndtri(levels)
        out.append(quantiles)
    return fitted.bounded(out)


def sample_panel(
    fitted: FittedForecaster, panel: Panel, n: int, generator: np.random.Generator, **options: Any
) -> tuple[list[Times], list[Float]]:
    """Instants and trajectories of every series; the options are those of :func:`forecast_panel`.

    Returns
    -------
    times : list of ndarray, each (n_instants,)
    values : list of ndarray of float64, each (n_instants, n_channels, n)

    Raises
    ------
    ModelFileError
        If the model was saved by a version without an error copula.
    ParameterError
        If fit learnt a single quantile.
    """
    error_quantiles = error_quantiles_of(fitted)
    if len(error_quantiles.levels) == 1:
        raise ParameterError(
            "quantiles", error_quantiles.levels.tolist(), "two levels or more, to draw trajectories"
        )
    if error_quantiles.copula is None:
        raise ModelFileError("This model was saved by a version without trajectories. Fit it again.")
    times, values = unbounded_panel(fitted, panel, **options)
    scales = window_scales(fitted, panel, error_quantiles)
    out = []
    for series, instants, center, scale, groups, age in zip(panel.series, times, values, *scales):
        leads = (instants - series.origin) / fitted.step
        trajectories = np.repeat(center[:, :, None], n, axis=2)
        for channel in range(panel.n_channels):
            own = leads + age[channel]
            scores = error_quantiles.copula.scores(n, own, generator)
            trajectories[:, channel] += (
                scale[channel] * error_quantiles.at_scores(scores, own, int(groups[channel])).T
            )
        dead, deviation = dead_channels(fitted, panel, series, scale)
        draws = generator.normal(size=(len(dead), n)) * deviation[:, None]
        trajectories[:, dead] = center[:, dead, None] + draws
        out.append(trajectories)
    return times, fitted.bounded(out)
