"""Pictures of forecasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ssmts.data import Panel, Times
from ssmts.errors import ParameterError
from ssmts.models.arrays import Float

__all__ = ["plot_forecast"]


def plot_forecast(panel: Panel, times: Times, values: Float, context: float, axes: Any) -> Any:
    """Draw the observations of the last context of the first series and its forecast, a channel an axes."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plot() needs matplotlib: pip install "ssmts[plot]"') from error
    series = panel.series[0]
    n_channels = panel.n_channels
    if axes is None:
        _, axes = plt.subplots(
            n_channels,
            1,
            figsize=(9, 1.2 + 1.8 * n_channels),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
    axes = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
    shown = series.times > series.origin - context
    past, future = _stamps(panel, series.times[shown]), _stamps(panel, times)
    if len(axes) < n_channels:
        raise ParameterError("axes", len(axes), f"one for each of the {n_channels} channels")
    for channel, ax in enumerate(axes[:n_channels]):
        observed = series.values[shown, channel]
        ax.plot(past, observed, color="0.35", linewidth=1.0, label="observed")
        ax.plot(future, values[:, channel], color="tab:blue", linewidth=1.6, label="forecast")
        ax.axvline(_stamps(panel, np.array([series.origin]))[0], color="0.7", linewidth=0.8)
        ax.set_ylabel(str(panel.channels[channel]))
    axes[0].legend(loc="upper left", frameon=False)
    return axes


def _stamps(panel: Panel, times: Times) -> Any:
    if panel.clock.kind == "number":
        return times
    stamps = pd.to_datetime(times, unit="ns")
    zone = panel.layout.tz
    return stamps if zone is None else stamps.tz_localize("UTC").tz_convert(zone).tz_localize(None)
