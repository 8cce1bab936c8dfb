"""Pictures by plotly: they zoom, and say values under the mouse."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.estimators.forecasters.plots.colours import LIGHT
from ssmts.estimators.forecasters.plots.picture import Band, Bars, Chart, Line, Picture, Points, Rule, Stems

__all__ = ["figure"]

_DOTS_AN_INCH = 96
_WIDE = 9.0  # inches: as wide as the page
_DASHES = {"-": "solid", "--": "dash", ":": "dot"}


def figure(picture: Picture) -> Any:
    """A figure of plotly with the charts of a picture.

    Raises
    ------
    ImportError
        If plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots
    except ImportError as error:
        raise ImportError('interactive plots need plotly: pip install "ssmts[plotly]"') from error
    height = picture.size[1] * _DOTS_AN_INCH
    whole = make_subplots(
        rows=picture.rows,
        cols=picture.columns,
        shared_xaxes=picture.share_x,
        subplot_titles=[chart.title for chart in picture.charts],
        vertical_spacing=min(0.12, 60.0 / height),
        horizontal_spacing=0.12,
    )
    named: set[str] = set()
    for number, chart in enumerate(picture.charts):
        place = {"row": number // picture.columns + 1, "col": number % picture.columns + 1}
        for mark in chart.marks:
            if isinstance(mark, Rule):
                at = mark.at.isoformat() if hasattr(mark.at, "isoformat") else mark.at
                shape = {"line": {"color": LIGHT["rule"], "width": 1}, "layer": "below", **place}
                whole.add_vline(x=at, **shape) if mark.upright else whole.add_hline(y=at, **shape)
                continue
            for trace in _traces(go, mark):
                # One entry in the legend for all charts, which it shows and hides together.
                name = trace.name
                trace.update(legendgroup=name, showlegend=bool(trace.showlegend) and name not in named)
                if trace.showlegend:
                    named.add(name)
                whole.add_trace(trace, **place)
        _label(whole, chart, place)
    whole.update_layout(
        template="plotly_white",
        height=height,
        width=None if picture.width >= _WIDE else picture.width * _DOTS_AN_INCH,
        title=picture.title or None,
        hovermode="x unified" if picture.share_x else "closest",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.03, "x": 0},
        margin={"l": 60, "r": 20, "t": 90, "b": 45},
    )
    return whole


def _label(whole: Any, chart: Chart, place: dict[str, int]) -> None:
    x: dict[str, Any] = {"title": chart.x_label or None, "type": "log" if chart.x_log else None}
    y: dict[str, Any] = {
        "title": chart.y_label.replace("\n", "<br>") or None,
        "type": "log" if chart.y_log else None,
    }
    if chart.x_limits is not None:
        x["range"] = list(chart.x_limits)
    if chart.y_limits is not None and None not in chart.y_limits:
        y["range"] = list(chart.y_limits)
    elif chart.y_limits is not None:
        y["rangemode"] = "tozero"
    whole.update_xaxes(**x, **place)
    whole.update_yaxes(**y, **place)


def _traces(go: Any, mark: Any) -> list[Any]:
    if isinstance(mark, Line):
        mode = "markers" if not mark.style else "lines+markers" if mark.marker else "lines"
        line = {"color": LIGHT[mark.colour], "width": mark.width, "dash": _DASHES.get(mark.style)}
        name = mark.colour if mark.label is None else mark.label
        trace = go.Scatter(
            x=mark.x, y=mark.y, mode=mode, name=name, line=line, marker={"size": 4, "color": line["color"]}
        )
        return [trace.update(showlegend=mark.label is not None)]
    if isinstance(mark, Band):
        x = np.concatenate([np.asarray(mark.x), np.asarray(mark.x)[::-1]])
        area = go.Scatter(
            x=x,
            y=np.concatenate([mark.high, mark.low[::-1]]),
            fill="toself",
            fillcolor=LIGHT.band(mark.rank, mark.count),
            line={"width": 0},
            mode="lines",
            name="interval" if mark.label is None else mark.label,
            hoverinfo="skip",
        )
        return [area.update(showlegend=mark.label is not None)]
    if isinstance(mark, Stems):
        blue = {"color": LIGHT["forecast"]}
        foot = np.zeros(len(mark.x))
        up = np.stack([foot, mark.y, np.full(len(mark.x), np.nan)], axis=1).ravel()
        look = {"mode": "lines", "line": blue, "hoverinfo": "skip", "showlegend": False}
        stems = go.Scatter(x=np.repeat(mark.x, 3), y=up, **look)
        return [go.Scatter(x=mark.x, y=mark.y, mode="markers", marker=blue, showlegend=False), stems]
    if isinstance(mark, Points):
        sizes = 5.0 + 25.0 * np.sqrt(mark.share / max(float(mark.share.max(initial=0.0)), 1e-300))
        look = {"size": sizes, "color": mark.share, "colorscale": "Viridis", "reversescale": True}
        look |= {"colorbar": {"title": mark.label}, "showscale": True}
        return [go.Scatter(x=mark.x, y=mark.y, mode="markers", marker=look, showlegend=False)]
    assert isinstance(mark, Bars)
    blue = {"color": LIGHT["forecast"]}
    return [go.Bar(x=mark.lengths, y=list(mark.names), orientation="h", marker=blue, showlegend=False)]
