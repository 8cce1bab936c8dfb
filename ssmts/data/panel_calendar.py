"""The calendar of a panel: an explicit frequency, and months counted as steps of one length."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ssmts.data.duration import alias_of
from ssmts.data.month_clock import months_of, shift_to_months
from ssmts.data.series import Clock, Layout, Panel
from ssmts.errors import InstantError, ParameterError

__all__ = ["on_calendar"]

_FREQ = "a frequency of pandas such as 'h', 'B' or 'MS', or None"


def on_calendar(panel: Panel, freq: Any, expected: Layout | None) -> Panel:
    """A panel of stamps in nanoseconds, counted as its calendar says.

    Parameters
    ----------
    panel : Panel
        Of a datetime clock.
    freq : str, pandas offset or None
        Calendar that every row has to lie on; None: that of the index, or none.
    expected : Layout or None
        Layout of fit, whose clock is taken; None in fit.

    Raises
    ------
    ParameterError
        If `freq` is no frequency.
    InstantError
        If a row does not lie on it.
    """
    layout = panel.layout
    if freq is not None:
        offset = _offset(freq)
        _check_on(panel, offset)
        layout = replace(layout, freq=offset.freqstr)
    if expected is not None:
        months = expected.clock.months
    else:
        clocks = [one.times.astype(np.int64, copy=False) for one in panel.series if len(one.times)]
        months = shift_to_months(clocks, layout.tz)
    if months is None:
        return panel if layout is panel.layout else replace(panel, layout=layout)
    layout = replace(layout, clock=Clock("datetime", months))
    series = tuple(replace(one, times=layout.to_instants(one.times)) for one in panel.series)
    return Panel(series, layout)


def _offset(freq: Any) -> pd.tseries.offsets.BaseOffset:
    try:
        offset: pd.tseries.offsets.BaseOffset | None = pd.tseries.frequencies.to_offset(freq)
    except (ValueError, TypeError, AttributeError) as error:
        raise ParameterError("freq", freq, _FREQ) from error
    if offset is None or offset.n <= 0 or alias_of(offset) is None:
        raise ParameterError("freq", freq, _FREQ)
    return offset


def _check_on(panel: Panel, offset: pd.tseries.offsets.BaseOffset) -> None:
    """Raise unless all rows lie on a calendar that months or business days make."""
    if isinstance(offset, pd.tseries.offsets.Tick):
        return
    if months_of(offset) is None and type(offset).__name__ not in ("BusinessDay", "CustomBusinessDay"):
        return  # others have no test that is fast
    single = offset.base
    for one in panel.series:
        stamps = pd.DatetimeIndex(one.times.view("M8[ns]"))
        if panel.layout.tz is not None:
            stamps = stamps.tz_localize("UTC").tz_convert(panel.layout.tz)
        on = np.fromiter((single.is_on_offset(stamp) for stamp in stamps), dtype=bool, count=len(stamps))
        if not on.all():
            row = stamps[int((~on).argmax())]
            raise InstantError(
                f"freq={offset.freqstr!r}, but the row{one.whose} at {row} does not lie on it. "
                "Correct freq or "
                "the row, or leave freq out: months, quarters and years are then found by their stamps."
            )
