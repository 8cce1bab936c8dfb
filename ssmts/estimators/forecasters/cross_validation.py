"""How good a forecaster is: forecasts from past origins beside what came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from ssmts.data import (
    Panel,
    TidyForecasts,
    is_integer,
    parse_duration,
    parse_horizon,
    reference_step,
    write_tidy,
)
from ssmts.data.arrays import Float
from ssmts.errors import HorizonError, ParameterError, TooShortError
from ssmts.estimators.forecasters.quantile_levels import interval_levels
from ssmts.estimators.forecasters.reader import FittedBase
from ssmts.models.forecasting.backtest import all_origins, until, window_of
from ssmts.models.forecasting.calibration import calibrated
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.predict import forecast_at
from ssmts.models.forecasting.quantiles import quantiles_around, spread_of
from ssmts.models.forecasting.score import with_context

__all__ = ["ValidationMixin"]


class ValidationMixin(FittedBase):
    """Adds `backtest` and `cross_validate` to a forecaster."""

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
        fitted = self._check_fitted()
        if not is_integer(stride) or stride < 1:
            raise ParameterError("stride", stride, "an integer >= 1")
        clock = fitted.layout.clock
        reach = fitted.horizon if horizon is None else parse_horizon(horizon, clock, fitted.step)
        if reach > fitted.horizon * (1 + 1e-9):
            raise HorizonError(f"horizon={horizon!r} is longer than that of the model. Ask for less.")
        panel = self._read(X, fitted.layout)
        names, levels = _ends(fitted, level)
        panel = with_context(fitted, panel)
        table = all_origins(fitted, panel, reach / fitted.step, int(stride), levels, bool(adaptive))
        return write_tidy(panel.layout, panel.ids, table, names)

    def cross_validate(
        self,
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
        if not is_integer(n_windows) or n_windows < 1:
            raise ParameterError("n_windows", n_windows, "an integer >= 1")
        if not (isinstance(refit, bool) or (is_integer(refit) and refit >= 1)):
            raise ParameterError("refit", refit, "True, False or an integer >= 1")
        panel, columns = self._read_training(X)
        step = reference_step(panel)
        reach = parse_horizon(self.horizon, panel.clock, step)
        spacing = reach
        if step_size is not None:
            spacing = (
                int(step_size) * step if is_integer(step_size) else parse_duration(step_size, panel.clock)
            )
        if spacing <= 0:
            raise ParameterError("step_size", step_size, "positive")
        every = n_windows if refit is False else int(refit)
        model, parts, names, learnt_until = clone(self), [], list[str](), dict[Any, float]()
        for k in range(n_windows):
            back = reach + (n_windows - 1 - k) * spacing
            ends = [series.origin - back for series in panel.series]
            if k % every == 0:
                past = until(panel, ends, known_ahead=False)
                if not past.series:
                    raise TooShortError(
                        "X has no history before the first cutoff. Give more rows, or fewer windows."
                    )
                model._fit_panel(past, past, columns)
                learnt_until = {series.id: series.times[-1] for series in past.series}
            past = until(panel, ends, known_ahead=True)
            position = {series.id: number for number, series in enumerate(panel.series)}
            numbers = [position[series.id] for series in past.series]
            times = []
            for number in numbers:
                own, end = panel.series[number].times, ends[number]
                times.append(own[(own > end) & (own <= end + reach)])
            found = [n for n, number in enumerate(numbers) if len(times[n])]
            chosen = tuple(past.series[n] for n in found)
            times = [times[n] for n in found]
            fitted, known = model._check_fitted(), type(past)(chosen, past.layout)
            names, levels = _ends(fitted, level)
            if adaptive and k % every:
                fitted = _with_widths(fitted, past, learnt_until)
            values = forecast_at(fitted, known, times)
            around = [np.empty((*one.shape, 0)) for one in values]
            if len(levels):
                around = quantiles_around(fitted, known, times, values, levels)
            for n, series, *own in zip(found, chosen, times, values, around, strict=True):
                parts.append(window_of(numbers[n], panel.series[numbers[n]], series.origin, *own))
        table = TidyForecasts.joined(parts)
        return write_tidy(panel.layout, panel.ids, table, names)


def _with_widths(
    fitted: FittedForecaster, past: Panel, learnt_until: Mapping[Any, float]
) -> FittedForecaster:
    """Intervals as wide as the rows after those of the fit ask for; as they are while these hold no truth."""
    series = []
    for one in past.series:
        new = one.times > learnt_until.get(one.id, -np.inf)
        if new.any():
            series.append(replace(one, times=one.times[new], values=one.values[new]))
    try:
        return replace(
            fitted, model=calibrated(fitted, with_context(fitted, Panel(tuple(series), past.layout)))
        )
    except TooShortError:
        return fitted


def _ends(fitted: FittedForecaster, level: Any) -> tuple[list[str], Float]:
    """Names and levels of the ends of intervals; none where no level was asked for."""
    if level is None:
        return [], np.empty(0)
    suffixes, levels = interval_levels(level, spread_of(fitted).levels)
    return [suffix.removeprefix("-") for suffix in suffixes], levels
