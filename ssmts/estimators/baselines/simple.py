"""Baselines that any model has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssmts.data import is_integer
from ssmts.errors import ParameterError
from ssmts.estimators.baselines.base import BaselineForecaster
from ssmts.models.baselines.method import Drift, LocalMethod, Naive, SeasonalNaive, WindowMean

__all__ = ["DriftForecaster", "NaiveForecaster", "SeasonalNaiveForecaster", "WindowMeanForecaster"]


@dataclass(eq=False, repr=False)
class NaiveForecaster(BaselineForecaster):
    """The last value, for ever.

    Parameters
    ----------
    horizon : int or duration, default=24
        How far to forecast: a number of reference steps, or a duration such as ``"4D"``.
    season : int, optional
        Reference steps in a season, the lag of the differences that errors are measured in; None looks for
        the one that explains most of the training data, 1 if none does.
    id_col, time_col, channel_col : str, optional
        As for :class:`ssmts.LinearSSMForecaster`.
    target_cols : str or list, optional
        Channels to forecast; all numeric columns by default.
    freq : str or pandas offset, optional
        Calendar of the rows, as for :class:`ssmts.LinearSSMForecaster`.
    verbose : bool, int or "auto", default="auto"
        Progress on stderr, as for :class:`ssmts.LinearSSMForecaster`.

    Attributes
    ----------
    reference_step_ : pandas.Timedelta or float
        Median interval of the training data.
    horizon_, season_ : int
        In reference steps.
    n_features_in_, feature_names_in_ : int, ndarray
        Number and names of the channels.

    Examples
    --------
    >>> from ssmts import NaiveForecaster
    >>> from ssmts_datasets import make_sines
    >>> frame = make_sines(600, random_state=0).frame
    >>> NaiveForecaster(horizon=24).fit(frame).predict_interval(level=80).shape
    (24, 2)
    """

    @property
    def _method(self) -> LocalMethod:
        return Naive()


@dataclass(eq=False, repr=False)
class SeasonalNaiveForecaster(BaselineForecaster):
    """The value one season earlier; the last value where a series is shorter than a season.

    Parameters and attributes are those of :class:`NaiveForecaster`; `season` is also how far the forecast
    looks back.
    """

    @property
    def _method(self) -> LocalMethod:
        return SeasonalNaive()


@dataclass(eq=False, repr=False)
class DriftForecaster(BaselineForecaster):
    """The line through the first and the last value of each series, continued.

    Parameters and attributes are those of :class:`NaiveForecaster`.

    References
    ----------
    Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, 2021, section 5.2.
    """

    @property
    def _method(self) -> LocalMethod:
        return Drift()


@dataclass(eq=False, repr=False)
class WindowMeanForecaster(BaselineForecaster):
    """The mean of the last values of each series.

    Parameters
    ----------
    window : int, optional
        How many values, in reference steps; None takes two seasons, and at least 12.
    horizon, season, id_col, time_col, channel_col, target_cols, freq, verbose
        As for :class:`NaiveForecaster`, whose attributes it has.
    """

    window: Any = None

    @property
    def _method(self) -> LocalMethod:
        if self.window is not None and not (is_integer(self.window) and self.window >= 1):
            raise ParameterError("window", self.window, "None, or an integer >= 1 of reference steps")
        return WindowMean(self.window)
