"""Methods of a fitted forecaster beside `predict` and `score`: a docstring and one call each."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from ssmts.data import is_integer, parse_duration
from ssmts.errors import TargetGivenError
from ssmts.estimators.forecasters import forecast_frames, learning
from ssmts.estimators.forecasters.cross_validation import backtest, cross_validate
from ssmts.estimators.forecasters.export import export
from ssmts.estimators.forecasters.plots.backtest import plot_backtest
from ssmts.estimators.forecasters.plots.calibration import plot_calibration
from ssmts.estimators.forecasters.plots.components import plot_components
from ssmts.estimators.forecasters.plots.forecast import plot
from ssmts.estimators.forecasters.plots.losses import plot_losses
from ssmts.estimators.forecasters.plots.modes import plot_weights
from ssmts.estimators.forecasters.protocols import HasFitted, Refittable
from ssmts.estimators.forecasters.quantile_levels import interval_levels
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.estimators.forecasters.report import write_report
from ssmts.estimators.forecasters.shards import ShardSums, fit_shards, shard_sums, solve_shards
from ssmts.estimators.forecasters.stream import ForecastStream
from ssmts.estimators.forecasters.summary import summarised
from ssmts.estimators.summary import Summary, fitted_html
from ssmts.models import ForecastModel
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.quantiles import error_quantiles_of
from ssmts.models.linear.moments import Moments
from ssmts.progress import reporting

__all__ = ["ForecasterVerbs"]

E = TypeVar("E", bound=Refittable)


class ForecasterVerbs(BaseEstimator):
    """Methods over a frozen fitted state and a frozen reader of histories.

    Each calls one function that takes both. Methods that learn replace the fitted state; no state is ever
    changed in place.
    """

    verbose: Any

    @property
    def model_(self) -> ForecastModel:
        """The fitted model: linear branch, deep branch, error quantiles."""
        return self._check_fitted().model

    @property
    def fitted_(self) -> FittedForecaster:
        """The frozen fitted state that every prediction is computed from; for experiments."""
        return self._check_fitted()

    @property
    def reader_(self) -> HistoryReader:
        """Reads frames as the training data were read; for experiments."""
        return self._reader

    def with_fitted(self, fitted: FittedForecaster) -> Self:
        """A forecaster of the same parameters that predicts from another fitted state; for experiments.

        Parameters
        ----------
        fitted : FittedForecaster
            As :attr:`fitted_` gives it, with parts replaced (``dataclasses.replace``).

        Returns
        -------
        forecaster
            New; this one stays as it is.
        """
        other = type(self)(**self.get_params(deep=False))
        other._adopt(fitted)
        return other

    def _check_fitted(self) -> FittedForecaster:
        fitted: FittedForecaster | None = getattr(self, "_fitted", None)
        if fitted is None:
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' before using it."
            )
        return fitted

    @property
    def _reader(self) -> HistoryReader:
        return HistoryReader.of(self._check_fitted(), self.get_params(deep=False))

    def _adopt(self, fitted: FittedForecaster) -> None:
        """Take on a fitted state; subclasses set the attributes that users read."""
        self._fitted = fitted

    def predict_quantiles(
        self,
        X: Any = None,
        *,
        quantiles: Any = (0.1, 0.5, 0.9),
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
        errors: str = "raise",
    ) -> Any:
        """Quantiles of the forecast of every series of X; they never cross.

        Parameters
        ----------
        X : like predict's, optional
        quantiles : float or list of float, default=(0.1, 0.5, 0.9)
            Quantile levels between the outermost that fit learnt; intermediate ones are interpolated.
        horizon, step, at, future, errors
            As for :meth:`predict`.

        Returns
        -------
        Same kind as X
            A column ``<target>-q-<level>`` for every target and level, e.g. ``load-q-0.1``; arrays have a
            last axis of quantile levels.

        Raises
        ------
        ParameterError
            If a quantile level lies outside the range that fit learnt.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        `predict` forecasts the mean. The median of the held-out errors may differ from it.
        """
        asked = {"horizon": horizon, "step": step, "at": at, "future": future, "errors": errors}
        return forecast_frames.predict_quantiles(self._check_fitted(), self._reader, X, quantiles, **asked)

    def predict_interval(
        self,
        X: Any = None,
        *,
        level: Any = 90,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
        errors: str = "raise",
    ) -> Any:
        """Central intervals of the forecast of every series of X.

        Parameters
        ----------
        X : like predict's, optional
        level : float or list of float, default=90
            Coverage in percent: 90 is from the quantile 0.05 to 0.95.
        horizon, step, at, future, errors
            As for :meth:`predict`.

        Returns
        -------
        Same kind as X
            Columns ``<target>-lo-90`` and ``<target>-hi-90`` for every target and level; arrays have a last
            axis of lower and upper ends, interval by interval.

        Raises
        ------
        ParameterError
            If an interval needs a quantile level outside the range that fit learnt.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.
        """
        asked = {"horizon": horizon, "step": step, "at": at, "future": future, "errors": errors}
        return forecast_frames.predict_interval(self._check_fitted(), self._reader, X, level, **asked)

    def interval_suffixes(self, level: Any = 90) -> list[str]:
        """What :meth:`predict_interval` appends to the names of the channels, e.g. ``-lo-90`` and ``-hi-90``.

        Parameters
        ----------
        level : float or list of float, default=90
            Coverage in percent.

        Returns
        -------
        list of str

        Raises
        ------
        ParameterError
            If a level lies outside those that were learnt.
        """
        return list(interval_levels(level, error_quantiles_of(self._check_fitted()).levels)[0])

    def sample(
        self,
        n: int,
        X: Any = None,
        *,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
        random_state: Any = None,
    ) -> Any:
        """Draw trajectories of the future, with errors correlated over time as held-out errors were.

        Parameters
        ----------
        n : int
            Number of trajectories of every series.
        X : like predict's, optional
        horizon, step, at, future
            As for :meth:`predict`.
        random_state : int or numpy.random.Generator, optional
            The same seed gives the same trajectories, whatever `step` or `at`.

        Returns
        -------
        Same kind as X
            Columns ``<target>-sample-0``, ... for every target; arrays have a last axis of trajectories.

        Raises
        ------
        ParameterError
            If `n` or `random_state` is malformed, or fit learnt a single quantile.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        At every instant the quantiles of many trajectories are those of :meth:`predict_quantiles`.
        Trajectories of different channels and series are independent.
        """
        return forecast_frames.sample(
            self._check_fitted(),
            self._reader,
            n,
            X,
            random_state=random_state,
            horizon=horizon,
            step=step,
            at=at,
            future=future,
        )

    def explain(
        self, X: Any = None, *, horizon: Any = None, step: Any = None, at: Any = None, future: Any = None
    ) -> Any:
        """Split the forecast into contributions of the parts of the model; they sum to `predict`.

        Parameters
        ----------
        X, horizon, step, at, future
            As for :meth:`predict`.

        Returns
        -------
        pandas.DataFrame, or polars.DataFrame where polars came in
            Columns id (where series have one), channel (where there are several), time, `part` and
            `contribution`, in the units of the data. The parts are

            - ``level``: the mean of the context;
            - ``decay 30min to 3h`` and the like: modes with such a decay time;
            - ``cycle 12h to 1D`` and the like: modes with such a period;
            - ``constant``: a multiple of the standard deviation of the context;
            - ``channels and past covariates`` and ``deep``, where the model has them;
            - each covariate that is known ahead by its name, ``calendar`` and ``holidays``: relative to the
              median of a number, the most frequent category, the mean over the calendar. The contribution of
              these usual values is part of ``constant``.

        Raises
        ------
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        The linear branch is a sum over features of the context, and each feature belongs to one mode: the
        split is exact. Modes of similar time scales are correlated, so that a large contribution may be
        offset by a neighbour of opposite sign.

        Joint effects of covariates are divided among them by integrated gradients along the straight line
        from the usual values (Sundararajan, Taly and Yan, ICML 2017), in closed form.
        """
        return forecast_frames.explain(
            self._check_fitted(), self._reader, X, horizon=horizon, step=step, at=at, future=future
        )

    def reconstruct(self, X: Any = None, *, at: Any = None, step: Any = None, level: Any = None) -> Any:
        """Fill gaps in X, resample it, or interpolate it at any instants.

        Values are conditional expectations given all observations of the channel, before and after the
        instant, under the autocovariance of the training data. Observed values are kept.

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
            Coverage of intervals in percent. Intervals are symmetric around the expectation; their width is
            calibrated on training windows with observations removed.

        Returns
        -------
        Same kind as X
            The target columns; with `level` also ``<target>-lo-90`` and ``<target>-hi-90`` for every target
            and level, of width 0 where X was observed. Arrays then have a last axis: the expectation, then
            lower and upper ends, interval by interval.

        Raises
        ------
        InstantError
            If an instant lies outside the rows of its series.
        TooShortError
            If fit saw too few pairs of observations to estimate the autocovariance.
        AllMissingError
            If a channel of a series was never observed.
        ssmts.errors.SSMTSError
            For malformed X.
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        return forecast_frames.reconstruct(
            self._check_fitted(), self._reader, X, at=at, step=step, level=level
        )

    def plot(
        self,
        X: Any = None,
        *,
        id: Any = None,
        level: Any = None,
        origins: Any = 1,
        history: Any = None,
        truth: Any = None,
        axes: Any = None,
        interactive: bool = False,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
    ) -> Any:
        """Draw a stretch of history, the forecast of every channel, and what was observed later.

        Parameters
        ----------
        X : like predict's, optional
        id : id or list of ids, optional
            Series to draw; the first one by default.
        level : float or list of float, optional
            Coverage in percent of central intervals to draw, as for :meth:`predict_interval`.
        origins : int or list of instants, default=1
            Where forecasts begin. A number counts back from the end of X, a horizon apart; an instant, or a
            list of them, is taken as it is. At most 20. Rows of X after an origin are drawn as truth.
        history : int or duration, optional
            How much is drawn before the first origin; an int counts reference steps. By default four times
            what is forecast, up to the context.
        truth : like X, optional
            Later rows of the same series, drawn beside the forecast from the end of X.
        axes : matplotlib axes or array of them, optional
            One for each series and channel; new ones for at most 8 are made if not given.
        interactive : bool, default=False
            A figure of plotly (extra ``ssmts[plotly]``) instead of axes of matplotlib.
        horizon, step, at, future : optional
            As for :meth:`predict`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, or plotly.graph_objects.Figure

        Raises
        ------
        ParameterError
            If an id is not in X, or an origin lies before its first observation.
        ssmts.errors.SSMTSError
            As for :meth:`predict` and :meth:`predict_interval`.
        """
        return plot(
            self._check_fitted(),
            self._reader,
            X,
            axes=axes,
            interactive=interactive,
            id=id,
            level=level,
            origins=origins,
            history=history,
            truth=truth,
            horizon=horizon,
            step=step,
            at=at,
            future=future,
        )

    def summary(self) -> Summary:
        """What fit chose - step, context, season, branches - and its errors on held-out blocks.

        Returns
        -------
        Summary
            Prints as text, shows as a table in a notebook; `to_frame` has a row for each value.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        return summarised(type(self).__name__, self._check_fitted())

    def _html_repr(self) -> str:
        """Scikit-learn shows it in notebooks."""
        return fitted_html(self, hasattr(self, "_fitted"), self.summary)

    def report(
        self,
        path: str | os.PathLike[str],
        X: Any = None,
        *,
        id: Any = None,
        level: Any = (80, 95),
        future: Any = None,
        title: str | None = None,
    ) -> None:
        """Write an HTML page: the forecast, what fit chose, errors and coverage on X, contributions.

        The page is one file without scripts, fonts or pictures from elsewhere, for light and dark screens,
        wide and narrow.

        Parameters
        ----------
        path : path-like
            Written whole or not at all.
        X : like fit's, optional
            Forecast from its end. Where it holds a context and a horizon, errors and coverage are computed on
            it, from four origins a horizon; rows later than the training data say most. None: the forecast
            from the end of the training data.
        id : id or list of ids, optional
            Series in the pictures; the first one by default. The table of errors has all channels over all
            series.
        level : float or list of float, default=(80, 95)
            Coverage of intervals in percent.
        future : frame, optional
            As for :meth:`predict`.
        title : str, optional
            Of the page.

        Raises
        ------
        ParameterError
            If an id is not in X.
        ssmts.errors.SSMTSError
            As for :meth:`predict` and :meth:`predict_interval`.
        """
        write_report(
            path,
            self._check_fitted(),
            self._reader,
            self.summary(),
            X,
            id=id,
            level=level,
            future=future,
            title=title,
        )

    def plot_components(
        self,
        X: Any = None,
        *,
        id: Any = None,
        axes: Any = None,
        interactive: bool = False,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
    ) -> Any:
        """Draw what the past, covariates, the calendar and holidays add to the forecast of a series.

        The pictures add up to the forecast; see :meth:`explain` for what each of them is relative to.

        Parameters
        ----------
        X : like predict's, optional
        id : id, optional
            The series; the first one by default.
        axes : array of matplotlib axes, optional
            One a component; made if not given.
        interactive : bool, default=False
            As for :meth:`plot`.
        horizon, step, at, future : optional
            As for :meth:`predict`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, or plotly.graph_objects.Figure

        Raises
        ------
        ParameterError
            If the id is not in X.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.
        """
        return plot_components(
            self._check_fitted(),
            self._reader,
            X,
            axes=axes,
            interactive=interactive,
            id=id,
            horizon=horizon,
            step=step,
            at=at,
            future=future,
        )

    def plot_backtest(self, X: Any, *, id: Any = None, axes: Any = None, interactive: bool = False) -> Any:
        """Draw forecasts from past origins beside what followed, and the error by time ahead.

        Parameters
        ----------
        X : frame or array
            A table of :meth:`backtest` or :meth:`cross_validate`, intervals included if it holds them; or
            rows like `score`'s, for a backtest with 80% intervals from four origins a horizon.
        id : id or list of ids, optional
            Series to draw; the first one by default.
        axes : array of matplotlib axes, optional
            One for each series and channel, at most 8, and one for the error; made if not given.
        interactive : bool, default=False
            As for :meth:`plot`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, or plotly.graph_objects.Figure
            The latest six or fewer origins whose forecasts do not overlap; the error is that of all origins,
            of several channels in units of their standard deviations.

        Raises
        ------
        ParameterError
            If an id is not in the table, or it holds the forecasts of several models.
        TooShortError
            If rows hold no whole window.
        """
        return plot_backtest(self._check_fitted(), self._reader, X, id, axes, interactive)

    def plot_calibration(self, X: Any, *, ax: Any = None, interactive: bool = False) -> Any:
        """Draw the observed coverage of intervals against the nominal one, channel by channel.

        Parameters
        ----------
        X : frame or array
            A table of :meth:`backtest` or :meth:`cross_validate` with intervals or quantiles; or rows like
            `score`'s, for a backtest with intervals from 10% to 99%.
        ax : matplotlib.axes.Axes, optional
            Made if not given.
        interactive : bool, default=False
            As for :meth:`plot`.

        Returns
        -------
        matplotlib.axes.Axes or plotly.graph_objects.Figure

        Raises
        ------
        ParameterError
            If the table has no intervals, or holds the forecasts of several models.
        TooShortError
            If rows hold no whole window.
        """
        return plot_calibration(self._check_fitted(), self._reader, X, ax, interactive)

    def plot_modes(self, *, axes: Any = None, interactive: bool = False) -> Any:
        """Draw the weight of each mode in the linear branch: the time scales that the fit relies on.

        The first axes shows real modes by decay time, the second oscillating modes by decay time and period.
        A weight is the mode's fraction of all squared weights over lead times (and groups). Kernels have norm
        1 on the context, so that weights can be compared. A model of a panel has the mean weights of the
        forecasts that it mixes.

        Parameters
        ----------
        axes : array of two matplotlib axes, optional
            Made if not given.
        interactive : bool, default=False
            As for :meth:`plot`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, shape (2,) or (1,), or plotly.graph_objects.Figure
        """
        return plot_weights(self._check_fitted(), axes, interactive)

    def plot_history(self, *, ax: Any = None, interactive: bool = False) -> Any:
        """Draw the losses of the networks of the deep branch by epoch.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Made if not given.
        interactive : bool, default=False
            As for :meth:`plot`.

        Returns
        -------
        matplotlib.axes.Axes or plotly.graph_objects.Figure

        Raises
        ------
        NotTrainedError
            If fit trained no network.
        """
        return plot_losses(self._check_fitted().history, ax, interactive)

    def backtest(
        self,
        X: Any,
        *,
        stride: int = 1,
        horizon: Any = None,
        level: Any = None,
        quantiles: Any = None,
        adaptive: bool = False,
    ) -> Any:
        """Forecast from all origins in X with the fitted model, in one batched pass.

        Parameters
        ----------
        X : like fit's
            If X begins where the training data ended, the end of the training data is the first context.
        stride : int, default=1
            Use every `stride`-th observation as a forecast origin.
        horizon : int or duration, optional
            How far to forecast; the trained horizon by default.
        level : float or list of float, optional
            Coverage of intervals in percent; none by default.
        quantiles : float or list of float, optional
            Quantile levels; none by default.
        adaptive : bool, default=False
            Calibrate the intervals at each origin on the observations known there, as :meth:`calibrate` does;
            by default intervals are those of the model.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            One row for each forecast instant that was observed: id and channel (where there are several),
            time, cutoff (the forecast origin), y, forecast, lo-90, hi-90 for every level, and q-0.1 for every
            quantile.

        Raises
        ------
        TooShortError
            If no series holds a context and a horizon.
        """
        return backtest(
            self._check_fitted(),
            self._reader,
            X,
            stride=stride,
            horizon=horizon,
            level=level,
            quantiles=quantiles,
            adaptive=adaptive,
            verbose=self.verbose,
        )

    def cross_validate(
        self: Refittable,
        X: Any,
        n_windows: int = 5,
        step_size: Any = None,
        refit: bool | int = True,
        *,
        level: Any = None,
        quantiles: Any = None,
        adaptive: bool = False,
    ) -> Any:
        """Fit on the past and forecast the next horizon, window by window.

        The last window ends where each series ends; each earlier one ends `step_size` before the next. The
        estimator is neither fitted nor changed.

        Parameters
        ----------
        X : like fit's
        n_windows : int, default=5
            Number of forecasts of each series.
        step_size : int or duration, optional
            Time between cutoffs, an int in median intervals of X. The horizon by default: windows do not
            overlap.
        refit : bool or int, default=True
            True: fit before each window. An int: fit before every `refit`-th window. False: fit once, before
            the first window.
        level : float or list of float, optional
            Coverage of intervals in percent; none by default.
        quantiles : float or list of float, optional
            Quantile levels; none by default.
        adaptive : bool, default=False
            Calibrate the intervals at each cutoff on the rows since the last fit, as :meth:`calibrate` does.
            Without such rows (always with `refit=True`) intervals are those of the fit.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            As :meth:`backtest` returns it.

        Raises
        ------
        TooShortError
            If there is no history before the first cutoff.
        """
        return cross_validate(
            self, X, n_windows, step_size, refit, level=level, quantiles=quantiles, adaptive=adaptive
        )

    def calibrate(self, X: Any) -> Self:
        """Scale the intervals by their coverage on X, data that fit has not seen.

        Adaptive conformal inference: from origin to origin, an observation outside the interval widens later
        intervals, one inside narrows them, so that coverage is nominal in the long run even if the data
        drift. Each channel or series gets a factor on its widths, the mean over the end of X; those without
        observations to compare get the mean of all. Quantiles and trajectories change likewise, `predict` is
        unaffected.

        Parameters
        ----------
        X : like fit's
            Recent rows, the more the better: a context and at least a horizon after it. If X begins where the
            training data ended, the end of the training data is the first context.

        Returns
        -------
        self
            Each call starts from the intervals of `fit`.

        Raises
        ------
        TooShortError
            If X holds no observation after a context.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        References
        ----------
        Gibbs and Candès, "Adaptive Conformal Inference Under Distribution Shift", NeurIPS 2021.
        """
        self._adopt(learning.calibrate(self._check_fitted(), self._reader, X))
        return self

    def update(self, X: Any) -> Self:
        """Append later data to the history that ``predict()`` continues; weights do not change.

        Parameters
        ----------
        X : like fit's
            Later rows of the training series, or further series. Late and repeated rows are treated as in a
            stream (docs/streaming.md). Rows of an array follow the last observation.

        Returns
        -------
        self

        Raises
        ------
        ssmts.errors.SSMTSError
            As `ForecastStream.update` does.
        """
        self._adopt(learning.update(self._check_fitted(), self._reader, X))
        return self

    def partial_fit(self: E, X: Any, y: None = None, *, forget: Any = None, sample_weight: Any = None) -> E:
        """Add later data to the linear branch, exactly.

        The weights equal, up to rounding, those of a fit on all data with the same choices: they are solved
        from sums over all windows, including those that cross from old data into new. The reference step,
        context, mode bank, penalties and scale of each series stay those of `fit`. The deep branch does not
        change; `fit` trains it again.

        Parameters
        ----------
        X : like fit's
            Rows that follow those of the training data, or of the last call, and further series. Rows of an
            array follow the last one.
        y : None
        forget : int or duration, optional
            Half-life of the weight of a window, by the age of its origin at the end of the data; an int
            counts reference steps. Earlier windows age with each call that has a half-life.
        sample_weight : array-like or mapping, optional
            As for `fit`, of the rows of X.

        Returns
        -------
        self
            An unfitted estimator is fitted on X.

        Raises
        ------
        ParameterError
            If the model was loaded from a file without training sums; see `save`.
        InstantError
            If rows of a series do not follow its training data.
        """
        if y is not None:
            raise TargetGivenError("y must be None: a forecaster's targets are columns of X.")
        if not hasattr(self, "_fitted"):
            return self.fit(X, sample_weight=sample_weight)
        self._adopt(
            learning.partial_fit(
                self._check_fitted(), self._reader, X, forget=forget, sample_weight=sample_weight
            )
        )
        return self

    def unlearn(self, X: Any) -> Self:
        """Remove whole series from the linear branch, exactly.

        Their windows are subtracted from the sums that the weights are solved from. The choices of `fit` do
        not change, nor does a deep branch, which has seen the series.

        Parameters
        ----------
        X : like fit's
            All rows of the series, as they were in training.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If X holds other rows, if no series would be left, or if the fit used weights, `forget`,
            covariates or channel mixing.
        """
        self._adopt(learning.unlearn(self._check_fitted(), self._reader, X))
        return self

    def fit_shards(self, shards: Iterable[Any], *, n_jobs: int | None = None) -> Self:
        """Solve the linear branch from the windows of all shards, with the choices of an earlier fit.

        Fit on a sample first: it chooses the reference step, context, mode bank and penalties, and learns the
        error quantiles. Up to rounding the weights do not depend on how series are dealt out to shards. The
        deep branch does not change.

        Parameters
        ----------
        shards : iterable of long frames
            Each series lies in one shard; series of the sample count only if they are in a shard.
            `ssmts.data.read_row_groups` reads shards from parquet. A few shards are in memory at a time.
        n_jobs : int, optional
            Number of processes as in joblib: -1 for one per core.

        Returns
        -------
        self
            `history_["n_windows"]` counts the windows of all shards. The ends of the series and the sums for
            `partial_fit` are not kept: `predict` needs X.

        Raises
        ------
        ParameterError
            If the sample was not a long frame of more than 24 series and channels, or if the model uses
            covariates.
        InstantError
            If a series lies in two shards.
        EmptyDataError
            If no series of the shards is long enough for one window.
        """
        with reporting("fit of shards", self.verbose):
            self._adopt(fit_shards(self._check_fitted(), self._reader, shards, n_jobs=n_jobs))
        return self

    def stream(self, X: Any = None, *, max_jump: Any = None) -> ForecastStream:
        """Forecast live data: windows that are updated by one observation or many at a time.

        Parameters
        ----------
        X : like fit's, optional
            Recent history of one series or many; the stream keeps the last context. None starts from the end
            of the training data.
        max_jump : int or duration, optional
            How long after the one before it an observation may lie, in reference steps or as a duration; one
            that lies later is refused. None: less than a context.

        Returns
        -------
        ForecastStream
            Later fits of this estimator do not change it.

        Raises
        ------
        ssmts.errors.SSMTSError
            If X is malformed, or `max_jump` is no duration.
        """
        fitted = self._check_fitted()
        if max_jump is not None:
            counts = is_integer(max_jump) and max_jump > 0
            max_jump = max_jump * fitted.step if counts else parse_duration(max_jump, fitted.layout.clock)
        return ForecastStream(
            fitted,
            self._reader,
            self._reader.history(X),
            name=type(self).__name__,
            params=self.get_params(),
            max_jump=max_jump,
        )

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        format: str = "onnx",
        step: Any = None,
        streaming: bool = False,
    ) -> None:
        """Write `predict`, or one step of a stream, as a module that runs without ssmts.

        The module computes the linear and the deep branch in float64, on windows of a regular grid without
        missing values, for any number of series at once. Inputs and outputs by name:

        - ``values`` (n, n_rows, n_channels), in the data's units: a context of rows, or with `streaming`
          (n, n_channels), the newest observation.
        - ``series`` (n,) of int64: number of each series in the order of training, 0 for a single one; -1 for
          series not in the training data, which are scaled by the rows given.
        - ``forecast`` (n, n_leads, n_channels): one step after the last row, two steps after it, ...
        - With `streaming` also ``state`` and ``window``, zeros at first, which come out as ``next_state`` and
          ``next_window``. Forecasts are valid once the window is full.

        Parameters
        ----------
        path : path-like
            Written whole or not at all.
        format : {"onnx", "torch.export"}, default="onnx"
            For onnxruntime, or for ``torch.export.load``.
        step : duration, optional
            Interval of the rows and of the forecast; the reference step by default.
        streaming : bool, default=False
            Write one step of a stream on the reference grid: a state update in constant time.

        Raises
        ------
        ParameterError
            For another format, a `step` with `streaming`, or a model with covariates, static classes, channel
            mixing or `token_stride`. For ONNX also Mamba-3.
        ImportError
            If ``format="onnx"`` and the extra ``ssmts[onnx]`` is not installed.

        Notes
        -----
        A JSON description goes with the module, under the key ``ssmts`` of the ONNX metadata or as the extra
        file ``ssmts.json``: ids in their order, channels, step, number of rows and of lead times.
        """
        export(self._check_fitted(), path, format=format, step=step, streaming=streaming)

    def _shard_sums(self) -> ShardSums:
        """Adds up a shard in another process."""
        return shard_sums(self._check_fitted(), self._reader)

    def _solve_shards(self, found: Iterable[tuple[Sequence[Hashable | None], Moments]]) -> Self:
        """Solve from what :meth:`_shard_sums` added up."""
        self._adopt(solve_shards(self._check_fitted(), found))
        return self


if TYPE_CHECKING:
    _CHECKED: type[HasFitted] = ForecasterVerbs  # mypy compares the two here
