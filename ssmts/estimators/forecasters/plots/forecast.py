"""A stretch of history, forecasts from one origin or several, and what was observed after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmts.data import Panel, Series, Times, is_integer
from ssmts.data.arrays import Float
from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.plots.choice import chosen_series, history_before, origins_of, reach_of
from ssmts.estimators.forecasters.plots.draw import draw
from ssmts.estimators.forecasters.plots.picture import (
    Band,
    Chart,
    Line,
    Picture,
    Rule,
    broken_at_gaps,
    stamps,
)
from ssmts.estimators.forecasters.quantile_levels import interval_levels
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.backtest import until
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import following
from ssmts.models.forecasting.predict import forecast_panel
from ssmts.models.forecasting.quantiles import error_quantiles_of, quantiles_around

__all__ = ["forecast_picture", "plot"]

_MOST_CHARTS = 8
_FEW = 80  # observations that are also drawn as points


@dataclass(frozen=True)
class _Forecast:
    """A forecast of one series; `ends` are (n_instants, n_channels, 2 * n_intervals), the widest first."""

    origin: float
    times: Times
    values: Float
    ends: Float


def plot(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, *, axes: Any, interactive: Any, **asked: Any
) -> Any:
    """Draw history and forecasts; `asked` is that of :func:`forecast_picture`."""
    most = None if axes is not None else _MOST_CHARTS
    return draw(forecast_picture(fitted, reader, X, most=most, **asked), axes, interactive)


def forecast_picture(
    fitted: FittedForecaster,
    reader: HistoryReader,
    X: Any,
    *,
    id: Any = None,
    level: Any = None,
    origins: Any = 1,
    history: Any = None,
    truth: Any = None,
    future: Any = None,
    most: int | None = _MOST_CHARTS,
    **instants: Any,
) -> Picture:
    """History and forecasts of chosen series, a chart for each series and channel.

    Parameters
    ----------
    fitted : FittedForecaster
    reader : HistoryReader
    X, id, level, origins, history, truth, future
        As for :meth:`ForecasterVerbs.plot`.
    most : int, optional
        Draw at most so many charts, and say how many there are.
    instants
        Keywords of `predict`: horizon, step, at.

    Raises
    ------
    ParameterError
        If a series or an origin is not there.
    """
    reach = reach_of(fitted, instants.get("horizon"))
    whole = reader.history(X, future)
    panel = chosen_series(whole, id)
    if X is None and not (is_integer(origins) and origins == 1):
        raise ParameterError("origins", origins, "1 where X is None: earlier origins need the rows of X")
    percents, levels = _intervals(fitted, level)
    found = _forecasts(fitted, panel, origins_of(panel, origins, reach), levels, instants)
    if truth is not None:
        panel = _with_truth(fitted, reader, panel, truth)
    charts = [
        chart
        for series, own in zip(panel.series, found, strict=True)
        for chart in _charts(fitted, panel, series, own, percents, history, named=len(whole.series) > 1)
    ]
    title = ""
    if most is not None and len(charts) > most:
        title = f"{most} of {len(charts)} channels and series; target_cols, id or axes choose others"
        charts = charts[:most]
    first = replace(charts[0], legend=True)
    alone = len(charts) == 1
    return Picture(
        [first, *charts[1:]], title, share_x=len(found) == 1, height=2.9 if alone else 1.9, columns=1
    )


def _intervals(fitted: FittedForecaster, level: Any) -> tuple[list[str], Float]:
    """Percents and quantile levels of the ends, the widest interval first."""
    if level is None:
        return [], np.empty(0)
    suffixes, levels = interval_levels(level, error_quantiles_of(fitted).levels)
    order = np.argsort(levels[::2], kind="stable")
    percents = [suffixes[2 * k].rpartition("-")[2] for k in order]
    return percents, levels.reshape(-1, 2)[order].ravel()


def _forecasts(
    fitted: FittedForecaster, panel: Panel, cuts: list[list[float]], levels: Float, instants: dict[str, Any]
) -> list[list[_Forecast]]:
    """The forecasts of every series, from each origin."""
    found: list[list[_Forecast]] = [[] for _ in panel.series]
    for cut in cuts:
        past = until(panel, cut, known_ahead=True)
        if len(past.series) < len(panel.series):
            kept = {series.id for series in past.series}
            short = next(series for series in panel.series if series.id not in kept)
            show = panel.layout.show_instant
            raise ParameterError(
                "origins",
                show(cut[0]),
                f"not before the first observation{short.whose}, at {show(short.times[0])}: forecast from "
                "later, or give more rows",
            )
        times, values = forecast_panel(fitted, past, **instants)
        around = [np.empty((*own.shape, 0)) for own in values]
        if len(levels):
            around = quantiles_around(fitted, past, times, values, levels)
        drawn = zip(found, past.series, times, values, around, strict=True)
        for own, series, when, forecast, ends in drawn:
            order = np.argsort(when, kind="stable")
            own.append(_Forecast(series.origin, when[order], forecast[order], ends[order]))
    return found


def _with_truth(fitted: FittedForecaster, reader: HistoryReader, panel: Panel, truth: Any) -> Panel:
    """Each series with the rows of `truth` after its own."""
    ends = {series.id: float(series.times[-1]) for series in panel.series}
    later = {series.id: series for series in following(reader.read(truth), ends).series}
    series = []
    for one in panel.series:
        more = later.get(one.id)
        if more is None:
            series.append(one)
            continue
        new = more.times > one.origin
        old = one.times <= one.origin
        series.append(
            replace(
                one,
                times=np.concatenate([one.times[old], more.times[new]]),
                values=np.concatenate([one.values[old], more.values[new]]),
                covariates=None,
            )
        )
    return replace(panel, series=tuple(series))


def _charts(
    fitted: FittedForecaster,
    panel: Panel,
    series: Series,
    forecasts: Sequence[_Forecast],
    percents: list[str],
    history: Any,
    *,
    named: bool,
) -> list[Chart]:
    """A chart for each channel of a series."""
    origin = forecasts[0].origin
    last = max(float(own.times[-1]) for own in forecasts)
    begin = origin - history_before(fitted, history, last - origin)
    kept = (series.times > begin) & (series.times <= last)
    times, values = series.times[kept], series.values[kept]
    limits = _limits(panel, min(begin, origin), last)
    charts = []
    for channel, name in enumerate(panel.channels):
        marks: list[Any] = []
        for number, own in enumerate(forecasts):
            marks += _bands(panel, own, channel, percents, first=number == 0)
        for later in (False, True):
            past, shown = broken_at_gaps(times, values[:, channel])
            rows = past > origin if later else past <= origin
            if not rows.any():
                continue
            role = "later" if later else "observed"
            label = "observed later" if later else "observed"
            few = int(rows.sum()) <= _FEW
            width = 1.2 if later else 1.0
            x = stamps(panel.layout, past[rows])
            marks.append(Line(x, shown[rows], label, role, width=width, marker=few))
        for number, own in enumerate(forecasts):
            made = ~np.isnan(own.values[:, channel])
            x = stamps(panel.layout, own.times[made])
            one = len(x) == 1
            marks.append(
                Line(
                    x,
                    own.values[made, channel],
                    None if number else "forecast",
                    "forecast",
                    width=1.8,
                    marker=one,
                )
            )
        marks += [Rule(stamps(panel.layout, np.array([own.origin]))[0]) for own in forecasts]
        label = f"{series.id}\n{name}" if named else str(name)
        charts.append(Chart(marks, y_label=label, x_limits=limits))
    return charts


def _bands(panel: Panel, own: _Forecast, channel: int, percents: list[str], *, first: bool) -> list[Band]:
    made = ~np.isnan(own.values[:, channel])
    x = stamps(panel.layout, own.times[made])
    found = []
    for rank, percent in enumerate(percents):
        low, high = own.ends[made, channel, 2 * rank : 2 * rank + 2].T
        label = f"{percent}% interval" if first else None
        found.append(Band(x, low, high, label, rank, len(percents)))
    return found


def _limits(panel: Panel, begin: float, end: float) -> tuple[Any, Any]:
    """Limits of the axis with a little room on both sides."""
    room = 0.01 * (end - begin)
    ends = np.array([begin - room, end + room])
    if panel.clock.kind == "datetime":
        ends = np.rint(ends).astype(np.int64)
    return tuple(stamps(panel.layout, ends))
