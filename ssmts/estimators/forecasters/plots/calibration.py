"""Nominal coverage of intervals against the observed one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.plots.draw import draw
from ssmts.estimators.forecasters.plots.picture import Chart, Line, Picture
from ssmts.estimators.forecasters.plots.tidy_table import TidyTable, table_of
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.quantiles import error_quantiles_of

__all__ = ["calibration_levels", "calibration_picture", "plot_calibration"]

_LEVELS = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 99.0)
_MOST_LINES = 6


def plot_calibration(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, ax: Any, interactive: Any
) -> Any:
    """Draw the calibration."""
    drawn = draw(
        calibration_picture(table_of(fitted, reader, X, calibration_levels(fitted))), ax, interactive
    )
    return drawn if interactive else drawn[0]


def calibration_levels(fitted: FittedForecaster) -> list[float]:
    """Percents of intervals that the model can give.

    Raises
    ------
    ParameterError
        If fit learnt a single quantile.
    """
    trained = error_quantiles_of(fitted).levels
    widest = 100.0 * (1.0 - 2.0 * max(float(trained[0]), 1.0 - float(trained[-1])))
    levels = [level for level in _LEVELS if level <= widest + 1e-6]
    if not levels:
        raise ParameterError("quantiles", trained.tolist(), "two levels or more, to draw intervals")
    return levels


def calibration_picture(table: TidyTable) -> Picture:
    """Nominal and observed coverage in percent, a line for each channel; of all if there are many.

    Raises
    ------
    ParameterError
        If the table has neither intervals nor quantiles.
    """
    if not table.ends and not table.quantiles:
        raise ParameterError(
            "X", "a table without intervals", "one with intervals: backtest(X, level=[50, 80, 95])"
        )
    parts = {str(name): own for name, own in table.by_channel().items()}
    if not 1 < len(parts) <= _MOST_LINES:
        parts = {"": table}
    marks: list[Any] = [Line([0.0, 100.0], [0.0, 100.0], "as nominal", "rule", style="--")]
    for number, (name, own) in enumerate(parts.items()):
        colour = "forecast" if len(parts) == 1 else f"series {number}"
        if own.ends:
            x = [float(percent) for percent in own.ends][::-1]
            y = [100.0 * np.mean((low <= own.y) & (own.y <= high)) for low, high in own.ends.values()][::-1]
            marks.append(Line(np.array(x), np.array(y), name or "intervals", colour, marker=True))
        if own.quantiles:
            levels = sorted(own.quantiles, key=float)
            x = [100.0 * float(level) for level in levels]
            y = [100.0 * np.mean(own.y <= own.quantiles[level]) for level in levels]
            label = f"{name} below quantile".strip()
            marks.append(Line(np.array(x), np.array(y), label, colour, style=":", marker=True))
    chart = Chart(
        marks,
        x_label="nominal [%]",
        y_label=f"observed [%], {len(table.y):,} values",
        x_limits=(0.0, 100.0),
        y_limits=(0.0, 100.0),
        legend=True,
    )
    return Picture([chart], width=5.0, height=4.1)
