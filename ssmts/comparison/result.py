"""The result of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

__all__ = ["Comparison"]

_DIGITS = {"mase": 3, "scaled_quantile_loss": 3, "coverage": 2, "seconds": 2}


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Errors of several models on the same forecasts.

    Parameters
    ----------
    table : pandas.DataFrame or polars.DataFrame
        A row for each model, the best first, with the columns

        - ``model``;
        - ``mase``: mean absolute error in units of the mean absolute difference of values a season apart in
          training, averaged over series and channels;
        - ``mae``: mean absolute error over all forecast values, in the unit of the data;
        - ``scaled_quantile_loss``: twice the pinball loss, averaged over the quantile levels 0.1, ..., 0.9,
          in the units of ``mase``, averaged likewise;
        - ``coverage``: fraction of the values inside the interval of `level` percent;
        - ``seconds``: of all fits and forecasts of the cross-validation.
    by_series : like table
        The same for each series and channel, with the number of values ``n``.
    forecasts : like table
        Every forecast beside its truth, as `cross_validate` returns them, with a column ``model``.
    best : str
        Name of the model with the least ``mase``; with the least ``mae`` where no series has a scale.
    best_model : forecaster
        Fitted to all of X.
    season : int
        Lag of the differences that errors are scaled by, in reference steps.
    level : float
        Nominal coverage in percent.
    failures : dict of str to str
        Why a model has no errors, by its name.
    """

    table: Any
    by_series: Any
    forecasts: Any
    best: str
    best_model: Any
    season: int
    level: float
    failures: dict[str, str]

    def __repr__(self) -> str:
        lines = _lines(self.table)
        lines.append(
            f"best: {self.best}; season of {self.season} steps; coverage of {self.level:g}% intervals"
        )
        return "\n".join([*lines, *(f"{name} failed: {why}" for name, why in self.failures.items())])

    def _repr_html_(self) -> str:
        from html import escape

        head, *rows = _cells(self.table)
        body = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
        names = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _cells(table: Any) -> list[list[str]]:
    frame = nw.from_native(table, eager_only=True)
    rows = [list(frame.columns)]
    for row in frame.iter_rows(named=True):
        rows.append(
            [
                value
                if isinstance(value, str)
                else f"{value:.{_DIGITS[name]}f}"
                if name in _DIGITS
                else f"{value:.4g}"
                for name, value in row.items()
            ]
        )
    return rows


def _lines(table: Any) -> list[str]:
    """Columns side by side: names on the left, numbers on the right."""
    rows = _cells(table)
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in rows
    ]
