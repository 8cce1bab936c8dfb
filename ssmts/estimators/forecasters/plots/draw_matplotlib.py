"""Pictures by matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.plots.colours import LIGHT, Theme
from ssmts.estimators.forecasters.plots.picture import Band, Bars, Chart, Line, Picture, Points, Rule, Stems

__all__ = ["draw_in", "new_figure"]

_INCHES_A_DATE = 0.75
_INCHES_A_NAME = 1.1
_SMALL = 9.0


def draw_in(picture: Picture, axes: Any) -> Any:
    """Draw in axes, new ones where none are given: a flat array of them.

    Raises
    ------
    ParameterError
        If there are fewer axes than charts.
    """
    if axes is None:
        axes = _new_axes(picture)
    axes = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
    if len(axes) < len(picture.charts):
        raise ParameterError("axes", len(axes), f"{len(picture.charts)}, one for each picture")
    for chart, ax in zip(picture.charts, axes, strict=False):
        _draw(chart, ax, LIGHT)
    return axes


def new_figure(picture: Picture, theme: Theme) -> Any:
    """A figure of its own, without pyplot, in the colours of a theme."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=picture.size, layout="constrained", facecolor="none")
    axes = figure.subplots(picture.rows, picture.columns, squeeze=False, sharex=picture.share_x).ravel()
    for chart, ax in zip(picture.charts, axes, strict=False):
        _draw(chart, ax, theme)
        ax.set_facecolor("none")
        for spine in ax.spines.values():
            spine.set_color(theme["rule"])
        ax.tick_params(colors=theme["text"], which="both")
        for text in (ax.xaxis.label, ax.yaxis.label, ax.xaxis.get_offset_text()):
            text.set_color(theme["text"])
        for text in ax.get_legend().get_texts() if ax.get_legend() else []:
            text.set_color(theme["text"])
    if picture.title:
        figure.suptitle(picture.title, color=theme["text"], fontsize=_SMALL + 1)
    return figure


def _new_axes(picture: Picture) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "ssmts[plot]"') from error
    figure, axes = plt.subplots(
        picture.rows,
        picture.columns,
        squeeze=False,
        layout="constrained",
        sharex=picture.share_x,
        figsize=picture.size,
    )
    if picture.title:
        figure.suptitle(picture.title, fontsize=_SMALL + 1)
    for spare in axes.ravel()[len(picture.charts) :]:
        spare.set_axis_off()
    return axes


def _draw(chart: Chart, ax: Any, theme: Theme) -> None:
    for number, mark in enumerate(chart.marks):
        _MARKS[type(mark)](mark, ax, theme, 2.0 + 0.01 * number)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(xlabel=chart.x_label, ylabel=chart.y_label)
    if chart.title:
        ax.set_title(chart.title, fontsize=_SMALL + 1, loc="left", color=theme["text"])
    for is_log, axis in ((chart.x_log, ax.xaxis), (chart.y_log, ax.yaxis)):
        if is_log:
            axis.axes.set(**{f"{axis.axis_name}scale": "log"})
            _few_decades(axis)
    if chart.x_limits is not None:
        ax.set_xlim(*chart.x_limits)
    if chart.y_limits is not None:
        ax.set_ylim(*chart.y_limits)
    if any(_is_dates(mark) for mark in chart.marks):
        _few_dates(ax)
    if chart.legend:
        above = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2}
        handles, labels = ax.get_legend_handles_labels()
        lines_first = sorted(zip(handles, labels, strict=True), key=lambda pair: pair[0] in ax.collections)
        look = {"frameon": False, "fontsize": _SMALL, "handlelength": 1.5, "columnspacing": 1.2}
        columns = int(np.clip(ax.figure.get_figwidth() * ax.get_position().width / _INCHES_A_NAME, 2, 6))
        ax.legend(*zip(*lines_first, strict=True), ncols=columns, **above, **look)


def _few_decades(axis: Any) -> None:
    """Labels of a logarithmic axis such as 5 or 200: three a decade where it spans less than two."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axis.get_data_interval()
    short = not (0 < low < np.inf and high > 100.0 * low)
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _is_dates(mark: Any) -> bool:
    return isinstance(mark, Line | Band) and np.asarray(mark.x).dtype.kind == "M"


def _few_dates(ax: Any) -> None:
    """As many dates as fit side by side, each without what the one before says."""
    from matplotlib import dates

    box = ax.get_position()
    inches = box.width * ax.figure.get_figwidth()
    most = int(np.clip(inches / _INCHES_A_DATE, 3, 10))
    # The locator knows no interval between 12 hours and a day, or 6 months and a year: a span of up to as
    # many units as the fewest dates is divided by them.
    fewest = 3 if most >= 7 else 2 if most >= 5 else 1
    locator: Any = dates.AutoDateLocator(minticks=fewest, maxticks=most)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _line(mark: Line, ax: Any, theme: Theme, order: float) -> None:
    ax.plot(
        mark.x,
        mark.y,
        mark.style or "none",
        color=theme[mark.colour],
        linewidth=mark.width,
        marker="." if mark.marker else None,
        markersize=4.0,
        label=f"_{mark.colour}" if mark.label is None else mark.label,
        zorder=order,
    )


def _band(mark: Band, ax: Any, theme: Theme, order: float) -> None:
    colour = theme.band(mark.rank, mark.count)
    label = "_interval" if mark.label is None else mark.label
    ax.fill_between(mark.x, mark.low, mark.high, color=colour, linewidth=0, label=label, zorder=order - 1.0)


def _rule(mark: Rule, ax: Any, theme: Theme, order: float) -> None:
    (ax.axvline if mark.upright else ax.axhline)(mark.at, color=theme["rule"], linewidth=0.8, zorder=0.5)


def _stems(mark: Stems, ax: Any, theme: Theme, order: float) -> None:
    ax.vlines(mark.x, 0.0, mark.y, color=theme["forecast"], linewidth=1.5)
    ax.plot(mark.x, mark.y, "o", color=theme["forecast"], markersize=5)


def _points(mark: Points, ax: Any, theme: Theme, order: float) -> None:
    sizes = 8.0 + 300.0 * mark.share / max(float(mark.share.max(initial=0.0)), 1e-300)
    drawn = ax.scatter(mark.x, mark.y, s=sizes, c=mark.share, cmap=theme.map, vmin=0.0, alpha=0.8)
    bar = ax.figure.colorbar(drawn, ax=ax)
    bar.set_label(mark.label, color=theme["text"])
    bar.ax.tick_params(colors=theme["text"])


def _bars(mark: Bars, ax: Any, theme: Theme, order: float) -> None:
    ax.barh(list(mark.names), mark.lengths, color=theme["forecast"])


_MARKS: dict[type, Any] = {
    Line: _line,
    Band: _band,
    Rule: _rule,
    Stems: _stems,
    Points: _points,
    Bars: _bars,
}
