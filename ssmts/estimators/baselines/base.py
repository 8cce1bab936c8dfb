"""What baselines share: fit, predict, intervals and cross-validation over frames and arrays."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from ssmts.data import CovariateColumns, Panel, Times, is_integer, write_forecast, write_tidy
from ssmts.data.arrays import Float
from ssmts.errors import ParameterError, TargetGivenError
from ssmts.estimators.forecasters.cross_validation import rolling_table
from ssmts.estimators.forecasters.quantile_levels import asked_levels, interval_levels, tidy_levels
from ssmts.estimators.forecasters.reader import ROLES, HistoryReader, read_training
from ssmts.models.baselines.fitted import FittedBaseline, fit_baseline
from ssmts.models.baselines.method import LocalMethod
from ssmts.models.forecasting.output_times import output_times
from ssmts.progress import reporting

__all__ = ["BaselineForecaster"]


@dataclass(eq=False, repr=False)
class BaselineForecaster(BaseEstimator):
    """What all baselines share; use `NaiveForecaster`, `SeasonalNaiveForecaster` and the like.

    Each series is forecast from its own values on a regular grid of the reference step, on lines between its
    observations; forecasts of any instant lie on the line between two steps.
    """

    horizon: Any = 24
    season: Any = None
    _: KW_ONLY
    id_col: Any = None
    time_col: Any = None
    channel_col: Any = None
    target_cols: Any = None
    freq: Any = None
    verbose: Any = "auto"

    @property
    def _method(self) -> LocalMethod:
        """What forecasts a series."""
        raise NotImplementedError

    def fit(self, X: Any, y: None = None) -> Self:
        """Look for the season and learn how far the forecasts missed at past origins.

        Parameters
        ----------
        X : pandas or polars frame, or array
            As for :class:`ssmts.LinearSSMForecaster`.
        y : None
            The targets are columns of X.

        Returns
        -------
        self

        Raises
        ------
        ssmts.errors.SSMTSError
            One class per fault; the message names column, row and remedy.
        """
        if y is not None:
            raise TargetGivenError(
                "y must be None: a forecaster's targets are columns of X. Name them with target_cols=[...]."
            )
        with reporting("fit", self.verbose):
            fitted = self._learnt(self._read_training(X))
        names = fitted.layout.channels
        datetimes = fitted.layout.clock.kind == "datetime"
        self._fitted = fitted
        self.reference_step_ = pd.Timedelta(int(fitted.step), unit="ns") if datetimes else fitted.step
        self.horizon_, self.season_ = fitted.n_steps, fitted.season
        self.n_features_in_ = len(names)
        if all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def predict(self, X: Any = None, *, horizon: Any = None, step: Any = None, at: Any = None) -> Any:
        """Forecast every series of X from its last observation.

        Parameters
        ----------
        X : like fit's, optional
            History up to the origin. None forecasts from the end of the training data.
        horizon : int or duration, optional
            How far to forecast, at most the horizon of the fit; an int counts reference steps.
        step : duration or calendar offset, optional
            Spacing of the forecast; that of each series by default.
        at : instants, optional
            Any instants after the origin instead.

        Returns
        -------
        Same kind as X
            The first row lies one step after the origin.

        Raises
        ------
        ssmts.errors.SSMTSError
            If X is malformed, or an instant lies beyond the horizon.
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        panel, times, values, _ = self._forecast(X, np.empty(0), horizon, step, at)
        return write_forecast(panel.layout, panel.ids, times, values)

    def predict_quantiles(
        self,
        X: Any = None,
        *,
        quantiles: Any = (0.1, 0.5, 0.9),
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
    ) -> Any:
        """Quantiles of the forecast of every series of X.

        Parameters
        ----------
        X, horizon, step, at
            As for :meth:`predict`.
        quantiles : float or list of float, default=(0.1, 0.5, 0.9)
            Quantile levels from 0.005 to 0.995.

        Returns
        -------
        Same kind as X
            A column ``<target>-q-<level>`` for every target and level; arrays have a last axis of levels.

        Raises
        ------
        ParameterError
            If a quantile level lies outside that range.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.
        """
        levels = asked_levels(quantiles, self._check_fitted().levels)
        panel, times, _, around = self._forecast(X, levels, horizon, step, at)
        names = [f"-q-{level:g}" for level in levels]
        return write_forecast(panel.layout, panel.ids, times, around, suffixes=names)

    def predict_interval(
        self, X: Any = None, *, level: Any = 90, horizon: Any = None, step: Any = None, at: Any = None
    ) -> Any:
        """Central intervals of the forecast of every series of X, from errors at past origins.

        Parameters
        ----------
        X, horizon, step, at
            As for :meth:`predict`.
        level : float or list of float, default=90
            Coverage in percent.

        Returns
        -------
        Same kind as X
            Columns ``<target>-lo-90`` and ``<target>-hi-90`` for every target and level; arrays have a last
            axis of lower and upper ends, interval by interval.

        Raises
        ------
        ParameterError
            If a level is not between 1 and 99 percent.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.
        """
        names, levels = interval_levels(level, self._check_fitted().levels)
        panel, times, _, around = self._forecast(X, levels, horizon, step, at)
        return write_forecast(panel.layout, panel.ids, times, around, suffixes=names)

    def cross_validate(
        self,
        X: Any,
        n_windows: int = 5,
        step_size: Any = None,
        refit: bool | int = True,
        *,
        level: Any = None,
        quantiles: Any = None,
    ) -> Any:
        """Fit on the past and forecast the next horizon, window by window.

        Parameters
        ----------
        X, n_windows, step_size, refit, level, quantiles
            As for :meth:`ssmts.LinearSSMForecaster.cross_validate`.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            One row for each forecast instant that was observed: id and channel (where there are several),
            time, cutoff, y, forecast, lo-90, hi-90 for every level, and q-0.1 for every quantile.

        Raises
        ------
        TooShortError
            If there is no history before the first cutoff.
        """
        panel = self._read_training(X)
        asked: tuple[list[str], Float] = ([], np.empty(0))

        def learn(past: Panel) -> FittedBaseline:
            nonlocal asked
            fitted = self._learnt(past)
            asked = tidy_levels(fitted.levels, level, quantiles)
            return fitted

        def forecast(
            fitted: FittedBaseline, past: Panel, known: Panel, times: list[Times], is_new: bool
        ) -> tuple[list[Float], list[Float]]:
            return fitted.forecast(known, times, asked[1])

        with reporting("cross-validation", self.verbose):
            table = rolling_table(panel, self.horizon, n_windows, step_size, refit, learn, forecast)
        return write_tidy(panel.layout, panel.ids, table, asked[0])

    def _check_fitted(self) -> FittedBaseline:
        fitted: FittedBaseline | None = getattr(self, "_fitted", None)
        if fitted is None:
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' before using it."
            )
        return fitted

    def _read_training(self, X: Any) -> Panel:
        return read_training(X, CovariateColumns.of(None, None, None), self._roles)[0]

    @property
    def _roles(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ROLES}

    def _learnt(self, panel: Panel) -> FittedBaseline:
        if self.season is not None and not (is_integer(self.season) and self.season >= 1):
            raise ParameterError("season", self.season, "None, or an integer >= 1 of reference steps")
        return fit_baseline(panel, self._method, self.horizon, self.season)

    def _forecast(
        self, X: Any, levels: Float, horizon: Any, step: Any, at: Any
    ) -> tuple[Panel, list[Times], list[Float], list[Float]]:
        """Panel, instants, forecasts and quantiles."""
        fitted = self._check_fitted()
        reader = HistoryReader(self._roles, fitted.layout, None, fitted.tail)
        panel = reader.history(X)
        times = output_times(fitted, panel, horizon, step, at)
        return (panel, times, *fitted.forecast(panel, times, levels))
