"""Inside the past: the part of the forecaster's public API that fills holes and resamples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.data import write_forecast
from ssmts.estimators.forecasters.quantile_levels import central_levels
from ssmts.estimators.forecasters.reader import FittedBase
from ssmts.models.forecasting.reconstruct import interval_ends, reconstructed, times_inside

__all__ = ["ReconstructingMixin"]


class ReconstructingMixin(FittedBase):
    """Adds `reconstruct` to a forecaster."""

    def reconstruct(self, X: Any = None, *, at: Any = None, step: Any = None, level: Any = None) -> Any:
        """What X says of instants inside it: holes filled, another rate, any instants.

        The conditional expectation given all observations of the channel, before and after the instant, under
        the autocovariance of the training data. Observations stay as they are.

        Parameters
        ----------
        X : like fit's, optional
            At any sampling rate, regular or not. None: the stored end of the training data.
        at : instants, optional
            Any instants from the first row of a series to its last, in any order; for many series also a
            frame with their id and time columns. By default the rows of X.
        step : duration or calendar offset, optional
            Regular instants instead, from the first row on.
        level : float or list of float, optional
            Percent of the observations at such instants that an interval around the expectation should
            cover. They are symmetric, and as wide as such gaps of the channel had to be in training windows
            that were thinned.

        Returns
        -------
        Same kind as X
            The target columns; with `level` also ``<target>-lo-90`` and ``<target>-hi-90`` for every target
            and level, which meet where X was observed. Arrays then have a last axis: expectation, and lower
            and upper ends level by level.

        Raises
        ------
        InstantError
            If an instant lies outside the rows of its series.
        TooShortError
            If fit saw too few pairs of observations for a covariance.
        AllMissingError
            If a channel of a series was never observed.
        ssmts.errors.SSMTSError
            For malformed X.
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        fitted, panel = self._check_fitted(), self._history(X)
        suffixes, levels = ([], np.empty(0)) if level is None else central_levels(level)
        times = times_inside(panel, at, step)
        means, deviations = reconstructed(fitted, panel, times, with_deviation=level is not None)
        if level is None:
            return write_forecast(panel.layout, panel.ids, times, means)
        widths = np.append(0.0, interval_ends(fitted, levels))
        values = [m[:, :, None] + d[:, :, None] * widths for m, d in zip(means, deviations, strict=True)]
        return write_forecast(panel.layout, panel.ids, times, values, suffixes=["", *suffixes])
