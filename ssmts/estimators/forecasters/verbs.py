"""All that a fitted forecaster can be asked beside `predict` and `score`: a docstring and one call a verb."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from ssmts.errors import TargetGivenError
from ssmts.estimators.forecasters import forecast_frames, learning
from ssmts.estimators.forecasters.cross_validation import backtest, cross_validate
from ssmts.estimators.forecasters.export import export
from ssmts.estimators.forecasters.plot import plot, plot_losses, plot_weights
from ssmts.estimators.forecasters.protocols import HasFitted, Refittable
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.estimators.forecasters.shards import ShardSums, fit_shards, shard_sums, solve_shards
from ssmts.estimators.forecasters.stream import ForecastStream
from ssmts.models import ForecastModel
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.linear.moments import Moments

__all__ = ["ForecasterVerbs"]

E = TypeVar("E", bound=Refittable)


class ForecasterVerbs(BaseEstimator):
    """Verbs over a frozen fitted state and a frozen reader of histories.

    Each is a call of a function that takes both. Those that learn put another fitted state in place of the
    old one, which is never changed.
    """

    @property
    def model_(self) -> ForecastModel:
        """The fitted model: linear branch, deep branch, error quantiles."""
        return self._check_fitted().model

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
    ) -> Any:
        """Quantiles of the forecast of every series of X; they never cross.

        Parameters
        ----------
        X : like predict's, optional
        quantiles : float or list of float, default=(0.1, 0.5, 0.9)
            Levels, within the outermost that fit learnt; in between they are interpolated.
        horizon, step, at, future
            As for :meth:`predict`.

        Returns
        -------
        Same kind as X
            A column ``<target>-q-<level>`` for every target and level, e.g. ``load-q-0.1``; arrays have a
            last axis of levels.

        Raises
        ------
        ParameterError
            If a level lies outside those that fit learnt.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        The median is that of the held-out errors around the forecast, which is a mean: they may differ.
        """
        return forecast_frames.predict_quantiles(
            self._check_fitted(), self._reader, X, quantiles, horizon=horizon, step=step, at=at, future=future
        )

    def predict_interval(
        self,
        X: Any = None,
        *,
        level: Any = 90,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
    ) -> Any:
        """Central intervals of the forecast of every series of X.

        Parameters
        ----------
        X : like predict's, optional
        level : float or list of float, default=90
            Percent that an interval should cover: 90 is from the quantile 0.05 to 0.95.
        horizon, step, at, future
            As for :meth:`predict`.

        Returns
        -------
        Same kind as X
            Columns ``<target>-lo-90`` and ``<target>-hi-90`` for every target and level; arrays have a last
            axis of lower and upper ends, level by level.

        Raises
        ------
        ParameterError
            If an interval is wider than the levels that fit learnt.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.
        """
        return forecast_frames.predict_interval(
            self._check_fitted(), self._reader, X, level, horizon=horizon, step=step, at=at, future=future
        )

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
        """Draw futures that are consistent over time: a path that is high tends to stay high as errors do.

        Parameters
        ----------
        n : int
            Number of paths of every series.
        X : like predict's, optional
        horizon, step, at, future
            As for :meth:`predict`.
        random_state : int or numpy.random.Generator, optional
            The same seed gives the same paths, whatever `step` or `at` they are asked at.

        Returns
        -------
        Same kind as X
            Columns ``<target>-sample-0``, ... for every target; arrays have a last axis of paths.

        Raises
        ------
        ParameterError
            If `n` or `random_state` is malformed, or fit learnt a single quantile.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        The quantiles of many paths at an instant are those of :meth:`predict_quantiles`. Paths of different
        channels and series are drawn independently.
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
        """What each part of the model adds to the forecast; for every instant the parts sum to `predict`.

        Parameters
        ----------
        X, horizon, step, at, future
            As for :meth:`predict`.

        Returns
        -------
        pandas.DataFrame, or polars.DataFrame where polars came in
            Columns id (where series have one), channel (where there are several), time, `part` and
            `contribution`, in the units of the data. The parts are

            - ``level``, the mean of the context;
            - ``decay 30min to 3h`` and the like, of modes that remember the recent past for so long;
            - ``cycle 12h to 1D`` and the like, of modes that follow a cycle of such a period;
            - ``constant``, what comes whatever the context looks like, in proportion to its deviation;
            - ``channels and past covariates``, ``deep`` and ``covariates``, where the model has them.

        Raises
        ------
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        The linear path is a sum over features of the context, and each of them belongs to one mode: the split
        is exact, not an approximation around some reference. Modes of like time scale see much of the
        same, so that a large part may be answered by a neighbour of the opposite sign.
        """
        return forecast_frames.explain(
            self._check_fitted(), self._reader, X, horizon=horizon, step=step, at=at, future=future
        )

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
        return forecast_frames.reconstruct(
            self._check_fitted(), self._reader, X, at=at, step=step, level=level
        )

    def plot(self, X: Any = None, *, level: Any = None, axes: Any = None, **predict_options: Any) -> Any:
        """Draw the context and the forecast of every channel of the first series.

        Parameters
        ----------
        X : like predict's, optional
        level : float or list of float, optional
            Percents of central intervals to draw around the forecast, as for :meth:`predict_interval`.
        axes : matplotlib axes or array of them, optional
            One a channel; made if not given.
        **predict_options
            `horizon`, `step`, `at` or `future`, as for :meth:`predict`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes

        Raises
        ------
        ssmts.errors.SSMTSError
            As for :meth:`predict` and :meth:`predict_interval`.
        """
        return plot(self._check_fitted(), self._reader, X, level=level, axes=axes, **predict_options)

    def plot_modes(self, *, axes: Any = None) -> Any:
        """Draw how much of the linear path's weights lies on each mode: which time scales the fit relies on.

        The first axes has the decaying modes by decay time, the second the oscillating ones by decay time and
        period. Shares are those of the squared weights of all leads (and groups); kernels have a norm of 1 on
        the context, so that they compare.

        Parameters
        ----------
        axes : array of two matplotlib axes, optional
            Made if not given.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, shape (2,)
        """
        return plot_weights(self._check_fitted(), axes)

    def plot_history(self, *, ax: Any = None) -> Any:
        """Draw the losses of the deep path's members by epoch.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Made if not given.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        NotTrainedError
            If fit trained nothing by gradient.
        """
        return plot_losses(self._check_fitted().history, ax)

    def backtest(
        self, X: Any, *, stride: int = 1, horizon: Any = None, level: Any = None, adaptive: bool = False
    ) -> Any:
        """Forecast with the fitted model from all origins in X, in one batched pass.

        Parameters
        ----------
        X : like fit's
            If it begins where the training data ended, the end of that gives the first context.
        stride : int, default=1
            Forecast from every so many-th observation.
        horizon : int or duration, optional
            How far to forecast; by default as far as the model was trained for.
        level : float or list of float, optional
            Percent that intervals should cover; by default there are none.
        adaptive : bool, default=False
            Intervals as wide as those of :meth:`calibrate` would be at each origin, with the truth that was
            known there; by default as wide as the model has them.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            One row for each instant that was observed: id and channel (where there are several), time,
            cutoff (the observation that the forecast is made from), y, forecast, and lo-90, hi-90 of
            every level.

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
            adaptive=adaptive,
        )

    def cross_validate(
        self: Refittable,
        X: Any,
        n_windows: int = 5,
        step_size: Any = None,
        refit: bool | int = True,
        *,
        level: Any = None,
        adaptive: bool = False,
    ) -> Any:
        """Fit on the past, forecast the next horizon, and again: what the estimator is worth on X.

        The last window ends where each series ends, those before it `step_size` earlier each. The estimator
        itself is neither fitted nor changed.

        Parameters
        ----------
        X : like fit's
        n_windows : int, default=5
            How many forecasts of each series.
        step_size : int or duration, optional
            Time between the cutoffs, an int in median intervals of X. The horizon by default: windows then
            do not overlap.
        refit : bool or int, default=True
            Fit before each window; every so many windows; or (False) before the first alone.
        level : float or list of float, optional
            Percent that intervals should cover; by default there are none.
        adaptive : bool, default=False
            Intervals as :meth:`calibrate` would have them at each cutoff, from the rows since the last fit;
            as fit learnt them while these hold no truth yet, and so always with `refit=True`.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            As :meth:`backtest` returns it.

        Raises
        ------
        TooShortError
            If there is no history before the first cutoff.
        """
        return cross_validate(self, X, n_windows, step_size, refit, level=level, adaptive=adaptive)

    def calibrate(self, X: Any) -> Self:
        """Widen or narrow the intervals by how well they covered X: data that fit has not seen.

        One walk through X, from origin to origin: truths outside the intervals widen those to come, truths
        inside narrow them, so that the stated share is covered in the long run even where the data drifts
        (adaptive conformal inference). At its end every channel or series has a factor on the width of its
        intervals, the mean over the end of the walk; those without truth in X have the mean of all.
        Quantiles and paths follow, `predict` does not.

        Parameters
        ----------
        X : like fit's
            Recent rows, the more the better: a context, and a horizon or more of truth behind it. If it
            begins where the training data ended, the end of that gives the first context.

        Returns
        -------
        self
            Each call begins anew from what fit learnt; `fit` forgets it.

        Raises
        ------
        TooShortError
            If X holds no truth behind a context.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        References
        ----------
        Gibbs and Candès, "Adaptive Conformal Inference Under Distribution Shift", NeurIPS 2021.
        """
        self._adopt(learning.calibrate(self._check_fitted(), self._reader, X))
        return self

    def update(self, X: Any) -> Self:
        """Take later data for the history that ``predict()`` continues; weights stay as they are.

        Parameters
        ----------
        X : like fit's
            Later rows of the training series, or further series; late and repeated rows as in a stream
            (docs/streaming.md). Rows of an array follow the last observation.

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
        """Learn from later data what `fit` on all of it would have learnt.

        The linear path is solved anew from sums over all windows seen so far, those that reach from the old
        data into the new included: to rounding the weights are those of a fit on everything with the same
        choices. The choices stay those of `fit`: reference step, context, bank, penalties, and the scale of
        each series. The deep path stays as it is; `fit` trains it anew.

        Parameters
        ----------
        X : like fit's
            Rows that follow those of the training data, or of the last call, and further series. Rows of an
            array follow the last one.
        y : None
        forget : int or duration, optional
            Half-life, an int in reference steps: windows count by how old their origin is at the end of the
            data, 1/2 at this age, 1/4 at twice of it. What was learnt before ages with each call that has a
            half-life.
        sample_weight : array-like or mapping, optional
            As for `fit`, of the rows of X.

        Returns
        -------
        self
            Fitted as by `fit(X)` if it was not.

        Raises
        ------
        ParameterError
            If the model comes from a file without its sums, see `save`.
        InstantError
            If rows of a series do not follow those that were learnt.
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
        """Take whole series out of what was learnt, as if `fit` had not seen them.

        The windows of the series are subtracted from the sums that the linear path is solved from. The
        choices of `fit` stay, and so does the deep path, which has seen the series if there is one.

        Parameters
        ----------
        X : like fit's
            All rows of the series as they were learnt.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If X is something else, if no series would be left, or if the fit was weighted, forgot, or used
            covariates or mixed channels.
        """
        self._adopt(learning.unlearn(self._check_fitted(), self._reader, X))
        return self

    def fit_shards(self, shards: Iterable[Any], *, n_jobs: int | None = None) -> Self:
        """Solve the linear path anew from all shards, with the choices of the fit before.

        Fit on a sample first: it chooses reference step, context, bank and penalties, and says how far
        forecasts miss. The weights are then those of all windows in the shards, to rounding the same however
        the series are dealt out. The deep path stays as it is.

        Parameters
        ----------
        shards : iterable of long frames
            Every series whole in one of them; those of the sample too, if they are to count.
            `ssmts.data.read_row_groups` makes them from parquet. A few shards are in memory at once.
        n_jobs : int, optional
            Processes, as joblib counts them: -1 for one a core.

        Returns
        -------
        self
            Its `history_["n_windows"]` counts the windows of all shards. It keeps neither the end of the
            series nor what `partial_fit` needs: `predict` takes X.

        Raises
        ------
        ParameterError
            If the sample was no long frame of more than 24 series and channels, which share weights, or if
            the model uses covariates.
        InstantError
            If a series lies in two shards: windows across the cut would be lost.
        EmptyDataError
            If no series of the shards is long enough for one window.
        """
        self._adopt(fit_shards(self._check_fitted(), self._reader, shards, n_jobs=n_jobs))
        return self

    def stream(self, X: Any = None) -> ForecastStream:
        """Follow data as it comes, one observation or many at a time.

        Parameters
        ----------
        X : like fit's, optional
            Recent history of one series or many; a context of it is kept. None begins at the end of the
            training data.

        Returns
        -------
        ForecastStream
            Later fits of this estimator do not touch it.
        """
        name, params = type(self).__name__, self.get_params()
        return ForecastStream(
            self._check_fitted(), self._reader, self._reader.history(X), name=name, params=params
        )

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        format: str = "onnx",
        step: Any = None,
        streaming: bool = False,
    ) -> None:
        """Write the predict path, or one step of a stream, as a graph that needs no ssmts to run.

        The graph computes what `predict` does on windows of a regular grid without missing values, linear and
        deep path, in float64; any number of series at once. Inputs and outputs by name:

        - ``values`` (n, n_rows, n_channels), in the data's units: a context of rows, or with `streaming`
          (n, n_channels), the newest observation.
        - ``series`` (n,) of int64: number of each series in the order of training, 0 for a single one; -1 for
          series that training did not see, which are scaled by the rows given.
        - ``forecast`` (n, n_leads, n_channels), one step after the last row, two steps after it, ...
        - With `streaming` also ``state`` and ``window``, which go in as zeros at first and come out as
          ``next_state`` and ``next_window``. Forecasts hold once as many observations went in as the window
          has rows.

        Parameters
        ----------
        path : path-like
            Written whole or not at all.
        format : {"onnx", "torch.export"}, default="onnx"
            For onnxruntime, or for ``torch.export.load``.
        step : duration, optional
            Spacing of the rows and of the forecast; the reference step by default.
        streaming : bool, default=False
            One step of a stream on the reference grid: the state of the bank moves on, whatever the context.

        Raises
        ------
        ParameterError
            For another format, a step of a stream, or a model whose forecasts read more than one window and
            one token: covariates, static classes, mixed channels, `token_stride`. For ONNX also Mamba-3.
        ImportError
            If ``format="onnx"`` and the extra ``ssmts[onnx]`` is not installed.

        Notes
        -----
        A description in JSON goes with the graph, under the key ``ssmts`` of the ONNX metadata or as the
        extra file ``ssmts.json``: ids in their order, channels, step, number of rows, leads.
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
