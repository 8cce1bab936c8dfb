"""The forecasting estimator: fit, predict, score, plot, save and load over frames and arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence as Seq
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from ssmts.data import (
    Layout,
    Panel,
    Series,
    Times,
    parse_instants,
    parse_step,
    read_panel,
    reference_step,
    write_forecast,
)
from ssmts.data import output_times as regular_times
from ssmts.errors import (
    HorizonError,
    ModelFileError,
    NonFiniteForecastError,
    ParameterError,
    TargetGivenError,
)
from ssmts.estimators._fit import DeepFitter, fit_forecaster, horizon_of
from ssmts.estimators._fitted import FittedForecaster, continued
from ssmts.estimators._plotting import plot_forecast
from ssmts.estimators._saving import read_forecaster, write_forecaster
from ssmts.estimators._scoring import mean_squared_error
from ssmts.estimators._sequences import last_windows
from ssmts.models import ForecastModel
from ssmts.models.arrays import Float
from ssmts.models.leads import at_leads
from ssmts.training import Callback

__all__ = ["SSMForecaster"]

_SNAP = 0.05  # an output step this close to the reference step is the reference step


@dataclass(eq=False, repr=False)
class SSMForecaster(BaseEstimator):
    """What all forecasters share; use `LinearSSMForecaster`, `S4Forecaster` or `S4DForecaster`."""

    horizon: Any = 24
    context_length: Any = None
    _: KW_ONLY
    id_col: Any = None
    time_col: Any = None
    target_cols: Any = None
    n_modes: int = 128
    store_tail: bool = True

    def fit(
        self,
        X: Any,
        y: None = None,
        *,
        validation: Any = None,
        callbacks: Seq[Callback] | None = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit on one series or many; a fit that fails leaves an earlier one as it was.

        Parameters
        ----------
        X : pandas or polars frame, or array
            Wide, long or (n_series, length, n_channels); see docs/data.md.
        y : None
            The targets are columns of X.
        validation : like X, optional
            Later rows of the same series. They take part in cross-validation and in the final weights, but
            set neither the scale nor the reference step.
        callbacks : sequence of ssmts.training.Callback, optional
            Watch the training of the deep path.
        resume_from : path-like, optional
            `checkpoint_dir` of an interrupted fit of the deep path.

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
        panel = read_panel(X, id_col=self.id_col, time_col=self.time_col, target_cols=self.target_cols)
        whole = panel
        if validation is not None:
            whole = continued(panel, self._read(validation, panel.layout), "validation")
        fitted = fit_forecaster(
            panel,
            whole,
            horizon=self.horizon,
            context_length=self.context_length,
            n_modes=self.n_modes,
            fit_deep=self._deep_fitter(callbacks, resume_from),
        )
        self._adopt(fitted)
        return self

    def _deep_fitter(
        self, callbacks: Seq[Callback] | None, resume_from: str | os.PathLike[str] | None
    ) -> DeepFitter | None:
        """How the deep path is fitted; None: not at all."""
        for name, value in (("callbacks", callbacks), ("resume_from", resume_from)):
            if value:
                raise ParameterError(name, value, "None: this forecaster trains nothing by gradient")
        return None

    def _adopt(self, fitted: FittedForecaster) -> None:
        """Become fitted, all at once."""
        linear = fitted.model.config.linear
        datetimes = fitted.layout.clock.kind == "datetime"
        names = fitted.layout.channels
        self._fitted = fitted
        self.reference_step_ = pd.Timedelta(int(fitted.step), unit="ns") if datetimes else fitted.step
        self.horizon_, self.context_length_ = linear.horizon, linear.context
        self.history_ = fitted.history
        self.n_features_in_ = len(names)
        if all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    @property
    def model_(self) -> ForecastModel:
        """Stem, linear path and deep path."""
        return self._check_fitted().model

    def _check_fitted(self) -> FittedForecaster:
        fitted: FittedForecaster | None = getattr(self, "_fitted", None)
        if fitted is None:
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' before using it."
            )
        return fitted

    def _read(self, X: Any, expected: Layout) -> Panel:
        return read_panel(
            X,
            id_col=self.id_col,
            time_col=self.time_col,
            target_cols=self.target_cols,
            expected=expected,
        )

    def predict(self, X: Any = None, *, horizon: Any = None, step: Any = None, at: Any = None) -> Any:
        """Forecast every series of X from its last observation.

        Parameters
        ----------
        X : like fit's, optional
            History up to the origin, at any sampling rate, regular or not; the last context of it is used.
            None continues from the end of the training data.
        horizon : int or duration, optional
            How far to forecast, at most the trained horizon; an int counts reference steps.
        step : duration or calendar offset, optional
            Spacing of the output, e.g. ``"15min"`` or ``"MS"``. By default the median interval of X.
        at : instants, optional
            Any instants after the origin and within the horizon, instead of a regular output; for many series
            also a frame with their id and time columns.

        Returns
        -------
        Same kind as X
            The first row lies one step after the origin.

        Raises
        ------
        ssmts.errors.SSMTSError
            For malformed X, an instant or horizon out of reach.
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        fitted = self._check_fitted()
        panel = self._history(X)
        if at is not None and (step is not None or horizon is not None):
            raise ParameterError("at", at, "given without step and horizon: it says all instants itself")
        grid, age = _forecast_grid(fitted, panel)
        times = self._output_times(fitted, panel, horizon, step, at)
        values = _evaluate(fitted, panel, grid, age, times)
        return write_forecast(panel.layout, panel.ids, times, values)

    def _history(self, X: Any) -> Panel:
        """X as a panel, or the stored end of the training data."""
        fitted = self._check_fitted()
        if X is not None:
            return self._read(X, fitted.layout)
        if fitted.tail is None:
            raise ParameterError("X", None, "given: this model was saved without its tail (store_tail=False)")
        return fitted.tail

    @staticmethod
    def _output_times(
        fitted: FittedForecaster, panel: Panel, horizon: Any, step: Any, at: Any
    ) -> list[Times]:
        """Instants of the forecast of every series, none beyond the trained horizon."""
        clock, layout = panel.clock, panel.layout
        if at is not None:
            instants = parse_instants(at, panel)
            for series, own in zip(panel.series, instants, strict=True):
                end = series.origin + fitted.horizon * (1 + 1e-9)
                if own.max() > end:
                    raise HorizonError(
                        f"{layout.show_instant(own.max())} lies beyond the trained horizon, which ends at "
                        f"{layout.show_instant(end)}. Ask for earlier instants, or fit with a longer horizon."
                    )
            return instants
        reach = fitted.horizon if horizon is None else horizon_of(horizon, clock, fitted.step)
        if reach > fitted.horizon * (1 + 1e-9):
            raise HorizonError(
                f"horizon={horizon!r} is longer than the {clock.show_duration(fitted.horizon)} that the "
                "model was trained for. Ask for less, or fit with a longer horizon."
            )
        if step is None and layout.offset is not None:
            own_step = parse_step(layout.offset, clock)
            if isinstance(own_step, pd.tseries.offsets.BaseOffset):
                # Calendar steps differ in length: four years are a day longer than four median years.
                n_rows = round(reach / fitted.step)
                slack = reach + 0.5 * fitted.step
                return [
                    regular_times(series.origin, horizon=slack, step=own_step, layout=layout)[:n_rows]
                    for series in panel.series
                ]
            step = layout.offset
        spacing = None if step is None else parse_step(step, clock)
        return [
            regular_times(
                series.origin,
                horizon=reach,
                step=_own_step(panel, series, fitted.step) if spacing is None else spacing,
                layout=layout,
            )
            for series in panel.series
        ]

    def score(self, X: Any, y: None = None) -> float:
        """Minus the mean squared error over rolling origins, in units of the training scale.

        Origins are a horizon apart. If X begins where the training data ended, the end of the training data
        gives the context of the first of them.

        Parameters
        ----------
        X : like fit's
        y : None

        Returns
        -------
        float
            Higher is better.

        Raises
        ------
        TooShortError
            If X holds no whole window.
        """
        if y is not None:
            raise TargetGivenError("y must be None: a forecaster is scored on the columns of X.")
        if X is None:
            raise ParameterError("X", X, "given: a forecast is scored on data")
        fitted = self._check_fitted()
        return -mean_squared_error(fitted, self._read(X, fitted.layout))

    def plot(self, X: Any = None, *, axes: Any = None, **predict_options: Any) -> Any:
        """Draw the context and the forecast of every channel of the first series.

        Parameters
        ----------
        X : like predict's, optional
        axes : matplotlib axes or array of them, optional
            One a channel; made if not given.
        **predict_options
            `horizon`, `step` or `at`, as for :meth:`predict`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
        """
        fitted = self._check_fitted()
        panel = self._history(X)
        options = {"horizon": None, "step": None, "at": None} | predict_options
        grid, age = _forecast_grid(fitted, panel)
        times = self._output_times(fitted, panel, **options)
        values = _evaluate(fitted, panel, grid, age, times)
        context = fitted.model.config.linear.context * fitted.step
        return plot_forecast(panel, times[0], values[0], context, axes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model as one safetensors file, whole or not at all.

        Parameters
        ----------
        path : path-like
        """
        fitted = self._check_fitted()
        write_forecaster(path, type(self).__name__, self.get_params(), fitted, tail=self.store_tail)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that :meth:`save` wrote; no code in the file is run.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        The fitted estimator; its deep path is on the CPU.

        Raises
        ------
        ModelFileError
            If the file is no model, or one of another class.
        """
        name, params, fitted = read_forecaster(path)
        if name != cls.__name__:
            raise ModelFileError(f"{path} holds a {name}, not a {cls.__name__}. Use ssmts.load(path).")
        model = cls(**params)
        model._adopt(fitted)
        return model


def _own_step(panel: Panel, series: Series, reference: float) -> int | float:
    """Median interval of a series, snapped to the reference step."""
    step = reference_step(replace(panel, series=(series,)))
    return reference if abs(step - reference) <= _SNAP * reference else step


def _forecast_grid(fitted: FittedForecaster, panel: Panel) -> tuple[Float, Float]:
    """Forecasts at leads 0, 1, ... from each channel's last observation, and its age at the origin.

    Shapes (n_series, n_channels, horizon + 1) and (n_series, n_channels), the age in reference steps.
    """
    model = fitted.model
    linear = model.config.linear
    grid = np.empty((len(panel.series), panel.n_channels, linear.horizon + 1))
    age = np.empty(grid.shape[:2])
    same_start = model.deep is not None and model.deep.config.n_tokens > 1
    for group in last_windows(panel, fitted.scaling, fitted.step, linear.context, same_start=same_start):
        scaled = model.forecast(group.stack)
        grid[group.series, group.channels] = scaled * group.scale[:, None] + group.level[:, None]
        age[group.series, group.channels] = group.age
    if not np.isfinite(grid).all():
        number = int(np.argwhere(~np.isfinite(grid))[0, 0])
        raise NonFiniteForecastError(
            f"The forecast of series {panel.series[number].id!r} is not finite. Look for extreme values in "
            "its history, or scale the data."
        )
    return grid, age


def _evaluate(
    fitted: FittedForecaster, panel: Panel, grid: Float, age: Float, times: Seq[Times]
) -> list[Float]:
    """Forecasts of every series at its instants, each (n_instants, n_channels)."""
    limit = fitted.model.config.linear.horizon
    out = []
    for series, instants, own_grid, own_age in zip(panel.series, times, grid, age, strict=True):
        leads = (instants - series.origin) / fitted.step
        values = np.empty((len(leads), panel.n_channels))
        for late in np.unique(own_age):
            channels = own_age == late
            # Beyond its own horizon a late channel stays at its last forecast.
            values[:, channels] = at_leads(own_grid[channels], np.minimum(leads + late, limit)).T
        out.append(values)
    return out
