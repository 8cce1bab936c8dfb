"""A report on a forecaster as one HTML file that loads nothing."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np

from ssmts.errors import TooShortError
from ssmts.estimators.forecasters.plots.backtest import backtest_picture
from ssmts.estimators.forecasters.plots.calibration import calibration_levels, calibration_picture
from ssmts.estimators.forecasters.plots.colours import DARK, LIGHT, Theme, darkened
from ssmts.estimators.forecasters.plots.components import components_picture
from ssmts.estimators.forecasters.plots.forecast import forecast_picture
from ssmts.estimators.forecasters.plots.modes import modes_picture
from ssmts.estimators.forecasters.plots.picture import Band, Picture, Points
from ssmts.estimators.forecasters.plots.tidy_table import TidyTable, table_of
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.estimators.summary import Summary, shown
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.training.atomic import write_atomic

__all__ = ["write_report"]

_PHONE = 600  # CSS pixels
_PHONE_INCHES = 4.4
_MOST_CHANNELS = 50

_STYLE = """
:root { color-scheme: light dark; --text: #24292f; --paper: #ffffff; --line: #d8dee4; --soft: #57606a; }
@media (prefers-color-scheme: dark) {
  :root { --text: #d5dae0; --paper: #14181d; --line: #343b44; --soft: #98a3ae; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper);
       max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p { max-width: 44rem; } .soft { color: var(--soft); }
img { width: 100%; height: auto; display: block; } .narrow { max-width: 30rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0;
         border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.numbers td, .numbers th { overflow-wrap: normal; white-space: nowrap; }
.numbers td + td, .numbers th + th { text-align: right; padding: .2rem 0 .2rem 1.2rem;
         font-variant-numeric: tabular-nums; }
.wide { margin-bottom: 1rem; }
"""


def write_report(
    path: str | os.PathLike[str],
    fitted: FittedForecaster,
    reader: HistoryReader,
    summary: Summary,
    X: Any,
    *,
    id: Any,
    level: Any,
    future: Any,
    title: str | None,
) -> None:
    """Write the report; see :meth:`ForecasterVerbs.report`."""
    level = list(level) if isinstance(level, tuple) else level
    title = f"{summary.title}: {_horizon_of(summary)}" if title is None else str(title)
    asked = {"id": id, "future": future}
    forecast = forecast_picture(fitted, reader, X, level=level, **asked)
    parts = [
        f"<h1>{escape(title)}</h1>",
        _section("Forecast", _image(forecast, "History and forecast with intervals")),
    ]
    if X is not None:
        parts.append(_section("On the rows given", *_on_rows(fitted, reader, X, id)))
    parts.append(_section("The fit", _table_of(summary)))
    one = id[0] if isinstance(id, list | tuple) and len(id) else id
    components = components_picture(fitted, reader, X, id=one, future=future)
    if len(components.charts) > 1:
        text = "What the past and each covariate add to the forecast. The parts add up to it."
        parts.append(_section("Components", _p(text), _image(components, "Components of the forecast")))
    mixture = fitted.model.panel is not None
    text = (
        "The mean weight of each forecast in the mixture."
        if mixture
        else "Decaying modes remember the recent past for their decay time, oscillating ones follow a cycle."
    )
    parts.append(
        _section("What it relies on", _p(text), _image(modes_picture(fitted), "Weights of the model"))
    )
    document = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
    write_atomic(path, document.encode())


def _on_rows(fitted: FittedForecaster, reader: HistoryReader, X: Any, id: Any) -> list[str]:
    """Errors and coverage on X, with a word on what of it the fit has seen."""
    levels = calibration_levels(fitted)
    try:
        table = table_of(fitted, reader, X, levels)
    except TooShortError as error:
        return [_p(f"No errors: {error}")]
    few = {percent: ends for percent, ends in table.ends.items() if percent == "80"}
    backtest = backtest_picture(fitted, table.with_ends(few), id)
    n_origins = len(np.unique(table.cutoffs))
    words = f"{len(table.y):,} values, forecast from {n_origins:,} origins with the weights of the fit."
    diagonal = "Observed coverage against nominal: on the diagonal, intervals are as wide as they should be."
    calibration = _image(calibration_picture(table), "Observed against nominal coverage")
    return [
        _p(words + _seen(fitted, table)),
        _errors(table),
        _image(backtest, "Forecasts from past origins beside what followed, and the error by time ahead"),
        _p(diagonal),
        f'<div class="narrow">{calibration}</div>',
    ]


def _seen(fitted: FittedForecaster, table: TidyTable) -> str:
    """Whether the fit has seen the values; empty where the end of training is not known."""
    if fitted.tail is None or fitted.layout.kind == "numpy":
        return ""
    ends = {series.id: series.times[-1] for series in fitted.tail.series}
    known = np.array([ends.get(one, -np.inf) for one in table.ids.tolist()], dtype=np.float64)
    seen = float(np.mean(table.times <= known))
    if seen == 0:
        return " The fit has seen none of them."
    return f" The fit has seen {seen:.0%} of them: errors on these are smaller than on later rows."


def _errors(table: TidyTable) -> str:
    """A table of errors and coverage for each channel."""
    percents = [percent for percent in ("80", "90", "95") if percent in table.ends]
    head = ["channel", "values", "MAE", "RMSE"]
    head += [f"inside {percent}%" for percent in percents]
    channels = table.by_channel()
    rows = []
    for name, own in list(channels.items())[:_MOST_CHANNELS]:
        missed = own.y - own.forecast
        row = ["all" if name is None else str(name), f"{len(own.y):,}"]
        row += [shown(float(np.mean(np.abs(missed)))), shown(float(np.sqrt(np.mean(missed**2))))]
        for percent in percents:
            low, high = own.ends[percent]
            row.append(f"{np.mean((low <= own.y) & (own.y <= high)):.1%}")
        rows.append(row)
    more = (
        f"<p>The first {_MOST_CHANNELS} of {len(channels)} channels.</p>"
        if len(channels) > _MOST_CHANNELS
        else ""
    )
    return _html_table([head, *rows], "numbers") + more


def _table_of(summary: Summary) -> str:
    rows = []
    for part, values in summary.parts.items():
        rows.append(f'<tr><th colspan="2">{escape(part)}</th></tr>')
        for name, value in values.items():
            rows.append(f"<tr><td>{escape(name)}</td><td>{escape(shown(value))}</td></tr>")
    return f"<table>{''.join(rows)}</table>"


def _html_table(rows: Sequence[Sequence[str]], kind: str) -> str:
    head, *body = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    head = head.replace("<td>", "<th>").replace("</td>", "</th>")
    lines = "".join(f"<tr>{row}</tr>" for row in body)
    return f'<div class="wide"><table class="{kind}"><tr>{head}</tr>{lines}</table></div>'


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n" + "\n".join(parts) + "</section>"


def _p(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _horizon_of(summary: Summary) -> str:
    chosen = summary.parts["chosen"]
    return f"{chosen['horizon']} ahead"


def _image(picture: Picture, text: str) -> str:
    """The picture for wide and narrow, light and dark screens, inside the page."""
    narrow = replace(picture, columns=1, width=min(_PHONE_INCHES, picture.width))
    shapes = {f"(max-width: {_PHONE}px)": _svgs(narrow), "": _svgs(picture)}
    sources = []
    for number, colours in enumerate(("", "(prefers-color-scheme: dark)")):
        for width, drawn in shapes.items():
            media = " and ".join(filter(None, (colours, width)))
            sources.append((media, _inlined(drawn[number])))
    # The first that fits is shown, the plain one last.
    sources = sources[2:] + sources[:2]
    others = "".join(f'<source media="{media}" srcset="{data}">' for media, data in sources[:-1])
    return f'<picture>{others}<img src="{sources[-1][1]}" alt="{escape(text)}"></picture>'


def _svgs(picture: Picture) -> tuple[str, str]:
    """The picture in light and in dark colours."""
    marks = [mark for chart in picture.charts for mark in chart.marks]
    light = _svg(picture, LIGHT)
    if any(isinstance(mark, Points) for mark in marks):  # a colour map has no pairs of colours
        return light, _svg(picture, DARK)
    return light, darkened(light, max([0, *(mark.count for mark in marks if isinstance(mark, Band))]))


def _svg(picture: Picture, theme: Theme) -> str:
    try:
        from matplotlib import rc_context

        from ssmts.estimators.forecasters.plots.draw_matplotlib import new_figure
    except ImportError as error:
        raise ImportError('reports need matplotlib: pip install "ssmts[plot]"') from error
    written = io.StringIO()
    with rc_context({"svg.hashsalt": "ssmts", "svg.fonttype": "path"}):
        new_figure(picture, theme).savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def _inlined(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
