"""A picture as data: charts of lines, bands and rules, before any library draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data import Layout, Times
from ssmts.data.arrays import Float

__all__ = ["Band", "Bars", "Chart", "Line", "Picture", "Points", "Rule", "Stems", "broken_at_gaps", "stamps"]

_GAP = 5.0  # in median intervals: a line across a longer one would claim values that nobody saw


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points; `label` is None where an equal line has the entry in the legend.

    `colour` is a role (`ssmts.estimators.forecasters.plots.colours`), `style` "-", "--", ":" or "" for
    markers alone.
    """

    x: Any
    y: Any
    label: str | None
    colour: str
    style: str = "-"
    width: float = 1.4
    marker: bool = False


@dataclass(frozen=True, eq=False)
class Band:
    """The area between two lines; `rank` counts from 0, the widest, to `count` - 1."""

    x: Any
    low: Float
    high: Float
    label: str | None
    rank: int = 0
    count: int = 1


@dataclass(frozen=True)
class Rule:
    """A thin line across the chart, upright or level."""

    at: Any
    upright: bool = True


@dataclass(frozen=True, eq=False)
class Stems:
    """Points on upright lines from zero."""

    x: Float
    y: Float


@dataclass(frozen=True, eq=False)
class Points:
    """Points whose size and colour say a share; `label` names it."""

    x: Float
    y: Float
    share: Float
    label: str


@dataclass(frozen=True, eq=False)
class Bars:
    """Level bars with names, from the bottom up."""

    names: Sequence[str]
    lengths: Float


Mark = Line | Band | Rule | Stems | Points | Bars


@dataclass(frozen=True, eq=False)
class Chart:
    """Marks in one pair of axes, drawn in order. None: limits as the library finds them."""

    marks: Sequence[Mark]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    x_limits: tuple[Any, Any] | None = None
    y_limits: tuple[float | None, float | None] | None = None
    x_log: bool = False
    y_log: bool = False
    legend: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """Charts below or beside each other; `height` is of one chart, `width` of all, in inches."""

    charts: Sequence[Chart]
    title: str = ""
    columns: int = 1
    share_x: bool = False
    width: float = 9.0
    height: float = 2.3

    @property
    def rows(self) -> int:
        """Number of rows of charts."""
        return -(-len(self.charts) // self.columns)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches, with room for legend and labels."""
        return self.width, 0.9 + self.height * self.rows


def stamps(layout: Layout, times: Times) -> Any:
    """Instants for an axis: datetimes in the zone of the data, without it, or the numbers of the clock."""
    import pandas as pd

    if layout.clock.kind == "number":
        return times
    found = pd.to_datetime(layout.to_stamps(times), unit="ns")
    zone = layout.tz
    return found if zone is None else found.tz_localize("UTC").tz_convert(zone).tz_localize(None)


def broken_at_gaps(times: Times, values: Float) -> tuple[Times, Float]:
    """Observed values of a channel, with a NaN in each gap of more than five median intervals."""
    seen = ~np.isnan(values)
    times, values = times[seen], values[seen]
    if len(times) < 3:
        return times, values
    steps = np.diff(times.astype(np.float64))
    gaps: NDArray[np.intp] = np.flatnonzero(steps > _GAP * np.median(steps)) + 1
    middle = times[gaps - 1] + (times[gaps] - times[gaps - 1]) // 2
    whole: Times = np.insert(times, gaps, middle)  # type: ignore[assignment]
    return whole, np.insert(values, gaps, np.nan)
