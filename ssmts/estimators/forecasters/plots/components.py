"""What the parts of a model add to a forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ssmts.estimators.forecasters.plots.choice import chosen_series
from ssmts.estimators.forecasters.plots.draw import draw
from ssmts.estimators.forecasters.plots.picture import Chart, Line, Picture, Rule, stamps
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.explain import components, explain_panel
from ssmts.models.forecasting.fitted import FittedForecaster

__all__ = ["components_picture", "plot_components"]


def plot_components(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, *, axes: Any, interactive: Any, **asked: Any
) -> Any:
    """Draw the components of a forecast; `asked` is that of :func:`components_picture`."""
    return draw(components_picture(fitted, reader, X, **asked), axes, interactive)


def components_picture(
    fitted: FittedForecaster,
    reader: HistoryReader,
    X: Any,
    *,
    id: Any = None,
    future: Any = None,
    horizon: Any = None,
    step: Any = None,
    at: Any = None,
) -> Picture:
    """The components of the forecast of one series, one below the other, a line for each channel."""
    panel = chosen_series(reader.history(X, future), id)
    panel = replace(panel, series=panel.series[:1])
    times, names, values = explain_panel(fitted, panel, horizon=horizon, step=step, at=at)
    x = stamps(panel.layout, times[0])
    several = panel.n_channels > 1
    charts: list[Chart] = []
    for name, own in components(fitted, names, values[0]).items():
        lines: list[Any] = [
            Line(x, line, str(channel), f"series {k}" if several else "forecast")
            for k, (channel, line) in enumerate(zip(panel.channels, own.T, strict=True))
        ]
        zero = [] if name == "past" else [Rule(0.0, upright=False)]
        charts.append(Chart([*lines, *zero], y_label=name, legend=several and not charts))
    return Picture(charts, share_x=True, height=1.6)
