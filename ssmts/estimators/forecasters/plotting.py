"""Pictures in the forecaster's public API."""

from __future__ import annotations

from typing import Any

from ssmts.estimators.forecasters.plot import plot_forecast, plot_losses, plot_weights
from ssmts.estimators.forecasters.quantile_levels import interval_levels
from ssmts.estimators.forecasters.reader import FittedBase
from ssmts.models.forecasting.predict import forecast_panel
from ssmts.models.forecasting.quantiles import quantile_panel, spread_of

__all__ = ["PlottingMixin"]


class PlottingMixin(FittedBase):
    """Forecasts, the modes that matter and the losses of training, as matplotlib axes."""

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
        fitted = self._check_fitted()
        panel = self._history(X, predict_options.pop("future", None))
        times, values = forecast_panel(fitted, panel, **predict_options)
        intervals = {}
        if level is not None:
            suffixes, levels = interval_levels(level, spread_of(fitted).levels)
            _, ends = quantile_panel(fitted, panel, levels, **predict_options)
            percents = [suffix.rpartition("-")[2] for suffix in suffixes[::2]]
            intervals = {f"{own}%": ends[0][:, :, 2 * k : 2 * k + 2] for k, own in enumerate(percents)}
        context = fitted.model.config.linear.context * fitted.step
        return plot_forecast(panel, times[0], values[0], context, axes, intervals)

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
