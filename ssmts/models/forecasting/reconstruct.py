"""Conditional expectations of a panel at instants between its observations."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from ssmts.data.arrays import Float
from ssmts.data.duration import parse_step
from ssmts.data.instants import parse_instants, times_between
from ssmts.data.series import Panel, Series, Times
from ssmts.errors import AllMissingError, ParameterError, TooShortError
from ssmts.models.covariates.effect import require_covariates
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.irregular.autocovariance import Autocovariance
from ssmts.models.irregular.kriging import conditional
from ssmts.wording import shown

__all__ = ["interval_ends", "reconstructed", "times_inside"]


def times_inside(panel: Panel, at: Any, step: Any) -> list[Times]:
    """Instants of every series, from its first row to its last; the parameters are those of `reconstruct`."""
    if at is not None and step is not None:
        raise ParameterError("at", at, "given without step: it names all instants")
    if at is not None:
        return parse_instants(at, panel, past=True)
    if step is None:
        return [series.times for series in panel.series]
    spacing = parse_step(step, panel.clock)
    return [
        times_between(series.times[0], series.times[-1], spacing, panel.layout) for series in panel.series
    ]


def reconstructed(
    fitted: FittedForecaster, panel: Panel, times: list[Times], *, with_deviation: bool
) -> tuple[list[Float], list[Float]]:
    """Conditional expectation of every series at its instants, and the standard deviation around it.

    Parameters
    ----------
    fitted : FittedForecaster
    panel : Panel
    times : list of ndarray, each (n_instants,)
        In any order.
    with_deviation : bool
        Otherwise deviations are 0.

    Returns
    -------
    mean, deviation : list of ndarray of float64, each (n_instants, n_channels)
        In the units of the data; at an observation its value, with deviation 0.

    Raises
    ------
    TooShortError
        If fit saw too few pairs of observations to estimate the autocovariance.
    AllMissingError
        If a channel of a series was never observed.
    """
    covariance = fitted.model.covariance
    if covariance is None:
        raise TooShortError(
            "This model holds no autocovariance: the training data were constant, or had too few "
            "observations at the same interval, or an older version saved the model. Fit it on more data."
        )
    plain = fitted.without_effect(panel)
    if fitted.effect is not None:
        require_covariates(panel, fitted.effect.columns, times)
    means, deviations = [], []
    for series, rest, instants in zip(panel.series, plain.series, times, strict=True):
        mean, deviation = _of_series(
            covariance,
            fitted,
            rest,
            instants,
            panel.channels,
            with_deviation,
            optional=panel.layout.channel_col is not None,
        )
        if fitted.effect is not None:
            mean += fitted.effect.values(series, instants, fitted.step, fitted.scaling)
        row = np.searchsorted(series.times, instants).clip(max=len(series.times) - 1)
        known = (series.times[row] == instants)[:, None] & ~np.isnan(series.values[row])
        mean[known] = series.values[row][known]  # to the last bit
        means.append(mean)
        deviations.append(deviation)
    return means, deviations


def interval_ends(fitted: FittedForecaster, levels: Float) -> Float:
    """Error quantiles of an expectation at levels between 0 and 1, in standard deviations."""
    widths = fitted.model.gap_widths
    return np.asarray(ndtri(levels)) if widths is None else widths.ends(levels)


def _of_series(
    covariance: Autocovariance,
    fitted: FittedForecaster,
    series: Series,
    instants: Times,
    names: tuple[Any, ...],
    with_deviation: bool,
    *,
    optional: bool,
) -> tuple[Float, Float]:
    """Mean and deviation of one series; channels that were observed at the same instants go together.

    NaN for channels without an observation where those are `optional`.
    """
    scale, groups = fitted.scaling.of_series(series)
    widths = fitted.model.gap_widths
    order = np.argsort(instants, kind="stable")
    asked = (instants[order] - series.times[0]) / fitted.step
    clock = (series.times - series.times[0]) / fitted.step
    mean, deviation = np.empty((2, len(instants), len(scale)))
    masks, which = np.unique(~np.isnan(series.values), axis=1, return_inverse=True)
    for number, seen in enumerate(masks.T):
        channels = np.flatnonzero(which.ravel() == number)
        if not seen.any() and optional:
            mean[:, channels] = deviation[:, channels] = np.nan
            continue
        if not seen.any():
            raise AllMissingError(
                f"Channel {shown(names[channels[0]])}{series.whose} holds no observation to reconstruct "
                "it from. Give a longer X, or leave the series out."
            )
        values = series.values[np.ix_(seen, channels)].T
        own, variance = conditional(
            covariance, clock[seen], values / scale[channels, None], asked, with_variance=with_deviation
        )
        mean[np.ix_(order, channels)] = own.T * scale[channels]
        for channel in channels:
            own = np.sqrt(variance) if widths is None else widths.deviation(variance, int(groups[channel]))
            deviation[order, channel] = own * scale[channel]
    return mean, deviation
