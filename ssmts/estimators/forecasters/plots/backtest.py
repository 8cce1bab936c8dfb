"""Forecasts from past origins beside what followed, and errors by time ahead."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.plots.choice import chosen_labels
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
from ssmts.estimators.forecasters.plots.tidy_table import TidyTable, table_of
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.fitted import FittedForecaster

__all__ = ["backtest_picture", "plot_backtest"]

_MOST_CHARTS = 8
_MOST_CUTOFFS = 6
_MOST_BINS = 48
_DEFAULT_LEVELS = [80.0]


def plot_backtest(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, id: Any, axes: Any, interactive: Any
) -> Any:
    """Draw a backtest."""
    table = table_of(fitted, reader, X, _DEFAULT_LEVELS)
    return draw(backtest_picture(fitted, table, id), axes, interactive)


def backtest_picture(fitted: FittedForecaster, table: TidyTable, id: Any = None) -> Picture:
    """A chart for each channel of the chosen series, and one of errors by time ahead.

    Drawn are the latest cutoffs whose forecasts do not overlap, at most six; errors are those of all.
    """
    members = table.members()
    ids = list(dict.fromkeys(one for one, _ in members))
    if id is not None and ids == [None]:
        raise ParameterError("id", id, "None: the table holds a single series without an id")
    chosen = ids[:1] if id is None else chosen_labels("id", id, ids)
    parts = dict(zip(members, table.parts(), strict=True))
    members = [member for one in chosen for member in members if member[0] == one]
    title = ""
    if len(members) > _MOST_CHARTS:
        title = f"{_MOST_CHARTS} of {len(members)} channels and series; id or fewer rows choose others"
        members = members[:_MOST_CHARTS]
    tables = [parts[member] for member in members]
    charts = [
        _stretch(fitted, own, _name(fitted, member).replace(", ", "\n"), legend=not number)
        for number, (member, own) in enumerate(zip(members, tables, strict=True))
    ]
    names = [_name(fitted, member) for member in members]
    charts.append(_by_lead(fitted, tables, names))
    return Picture(charts, title, height=2.6 if len(members) == 1 else 2.1)


def _name(fitted: FittedForecaster, member: tuple[Any, Any]) -> str:
    own = [str(part) for part in member if part is not None]
    return ", ".join(own) or str(fitted.layout.channels[0])


def _stretch(fitted: FittedForecaster, own: TidyTable, name: str, *, legend: bool) -> Chart:
    layout = fitted.layout
    cutoffs = _apart(own)
    begin = cutoffs[0] - (cutoffs[-1] - cutoffs[0]) / 10 - fitted.step
    times, first = np.unique(own.times, return_index=True)
    shown = times >= begin
    observed, values = broken_at_gaps(times[shown], own.y[first][shown])
    marks: list[Any] = []
    for number, cutoff in enumerate(cutoffs):
        rows = own.rows(own.cutoffs == cutoff)
        rows = rows.rows(np.argsort(rows.times, kind="stable"))  # type: ignore[arg-type]
        for rank, (percent, (low, high)) in enumerate(rows.ends.items()):
            label = None if number else f"{percent}% interval"
            marks.append(Band(stamps(layout, rows.times), low, high, label, rank, len(rows.ends)))
        x = stamps(layout, rows.times)
        label = None if number else "forecast"
        marks.append(Line(x, rows.forecast, label, "forecast", width=1.6, marker=len(x) == 1))
        marks.append(Rule(stamps(layout, np.array([cutoff]))[0]))
    x = stamps(layout, observed)
    truth = Line(x, values, "observed", "later", width=1.0, marker=len(observed) <= 2 * _MOST_BINS)
    bands = [mark for mark in marks if isinstance(mark, Band)]
    others = [mark for mark in marks if not isinstance(mark, Band)]
    return Chart([*bands, truth, *others], y_label=name, legend=legend)


def _apart(own: TidyTable) -> Any:
    """The latest cutoffs whose forecasts do not overlap, oldest first."""
    cutoffs, place = np.unique(own.cutoffs, return_inverse=True)
    last = np.full(len(cutoffs), own.times.min())
    np.maximum.at(last, place, own.times)
    reach = last - cutoffs
    whole = np.flatnonzero(reach >= 0.5 * reach.max())
    kept = [int(whole[-1])]
    for k in whole[-2::-1]:
        if last[k] <= cutoffs[kept[-1]] and len(kept) < _MOST_CUTOFFS:
            kept.append(int(k))
    return cutoffs[kept[::-1]]


def _by_lead(fitted: FittedForecaster, tables: list[TidyTable], names: list[str]) -> Chart:
    """Mean absolute error by time ahead; of several channels in units of their standard deviations."""
    clock = fitted.layout.clock
    several = len(tables) > 1
    lines = []
    for number, (own, name) in enumerate(zip(tables, names, strict=True)):
        x, y = errors_by_lead(own, fitted.step)
        unit = float(np.std(own.y)) if several else 1.0
        unit = unit if unit > 0 else 1.0
        lines.append(Line(x, y / unit, name, f"series {number}" if several else "forecast", marker=True))
    step = f"steps of {clock.short_duration(fitted.step)}" if clock.kind == "datetime" else "time"
    error = "error / deviation" if several else "mean absolute error"
    return Chart(lines, x_label=f"{step} ahead", y_label=error, y_limits=(0.0, None), legend=several)


def errors_by_lead(own: TidyTable, step: float) -> tuple[Float, Float]:
    """Lead times in reference steps, at most 48, and mean absolute errors."""
    leads = np.ceil((own.times - own.cutoffs) / step - 1e-6)
    size = max(1.0, np.ceil(leads.max() / _MOST_BINS))
    bins, place = np.unique(np.ceil(leads / size), return_inverse=True)
    n = np.bincount(place)
    errors = np.bincount(place, weights=np.abs(own.y - own.forecast)) / n
    return np.bincount(place, weights=leads) / n if size > 1 else bins * size, errors
