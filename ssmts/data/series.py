"""Internal form of data: series on a clock, and their input layout."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data.labels import decode_label, encode_label
from ssmts.data.month_clock import MONTH, from_months, to_months
from ssmts.errors import AllMissingError
from ssmts.wording import shown

__all__ = ["Clock", "Covariates", "Layout", "Panel", "Series", "Times"]

Times = NDArray[np.int64] | NDArray[np.float64]


_LABELS = ("time_col", "id_col", "channel_col", "value_col", "columns_name")
_CATEGORIES = ("channels", "id_categories", "channel_categories")
_UNITS = (("D", 86_400e9), ("h", 3_600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0))


@dataclass(frozen=True, slots=True)
class Clock:
    """Unit and kind of times.

    Parameters
    ----------
    kind : {"datetime", "number"}
        ``"datetime"``: int64 nanoseconds since 1970-01-01 UTC (naive stamps are counted as if they were UTC);
        ``"number"``: float64, without a unit.
    months : int or None
        Whether a datetime clock counts months (:mod:`ssmts.data.month_clock`), and what then has to be added
        to stamps, in nanoseconds, so that each is the start of a month. Two clocks are the same without it.
    """

    kind: Literal["datetime", "number"]
    months: int | None = field(default=None, compare=False)

    def show_duration(self, duration: float) -> str:
        """Text of a duration, for a message."""
        if self.months is not None and duration % MONTH == 0:
            return f"{int(duration) // MONTH} months"
        return str(pd.Timedelta(int(duration), unit="ns")) if self.kind == "datetime" else f"{duration:g}"

    def seconds(self, duration: float) -> float | None:
        """A duration in seconds; None where the clock has no unit."""
        return duration / 1e9 if self.kind == "datetime" else None

    def short_duration(self, duration: float) -> str:
        """Text of a duration, for a label: three digits in one unit."""
        if self.kind == "number":
            return f"{duration:.3g}"
        if self.months is not None:
            return f"{duration / MONTH:.3g} months"
        fits = (pair for pair in _UNITS if duration >= pair[1] * (1 - 1e-9))
        unit, size = next(fits, _UNITS[-1])
        return f"{duration / size:.3g}{unit}"


@dataclass(frozen=True, slots=True)
class Covariates:
    """Covariates of one series, on their own clock.

    Parameters
    ----------
    times : ndarray of shape (length,)
        Strictly increasing, counted as those of the series; they may run past its origin.
    values : ndarray of shape (length, n_columns), float64
        Codes of categories for categorical columns; NaN where a column was not observed.
    static : ndarray of shape (n_static,), float64
        One value for each column, likewise.
    """

    times: Times
    values: NDArray[np.float64]
    static: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a panel.

    Parameters
    ----------
    id : Hashable or None
        Id in a long frame; position in a three-dimensional array; None for a single series.
    times : ndarray of shape (length,)
        Strictly increasing; int64 nanoseconds or float64, as :class:`Clock` says.
    values : ndarray of shape (length, n_channels), float64
        NaN where a channel was not observed. May be a view of the input: read-only.
    covariates : Covariates, optional
        Covariates of the series.
    """

    id: Hashable | None
    times: Times
    values: NDArray[np.float64]
    covariates: Covariates | None = None

    @property
    def label(self) -> str:
        """The series as the subject of a message."""
        return "The series" if self.id is None else f"Series {shown(self.id)}"

    @property
    def whose(self) -> str:
        """`` of series 'a'`` in a message; empty where there is only one."""
        return "" if self.id is None else f" of series {shown(self.id)}"

    @property
    def origin(self) -> int | float:
        """Time of the last row with an observation in any channel: the start of a forecast.

        Raises
        ------
        AllMissingError
            If nothing was observed.
        """
        row = len(self.times) - 1
        if np.isnan(self.values[row]).all():
            observed = np.flatnonzero(~np.isnan(self.values).all(axis=1))
            row = int(observed[-1]) if len(observed) else -1
        if row >= 0:
            instant: int | float = self.times[row].item()
            return instant
        raise AllMissingError(f"{self.label} holds no observation: every value is missing. Leave it out.")


@dataclass(frozen=True, slots=True)
class Layout:
    """Input layout, in which forecasts are returned. Survives a JSON round trip.

    Parameters
    ----------
    kind : {"pandas", "polars", "numpy"}
        Library of the input.
    form : {"wide", "long", "array"}
        One series of several columns; several series told apart by an id column; an array.
    clock : Clock
        How times are counted.
    channels : tuple of str or int
        Names of the measured channels.
    ndim : int
        1: a pandas Series or an array (length,); 2: a frame or (length, n_channels); 3: (n, length,
        n_channels).
    time_col, id_col : str, int or None
        Column or index level with the times and the ids. A None time_col is an index without a name, or no
        times.
    time_in_index, id_in_index : bool
        Whether they are levels of a pandas index.
    time_dtype, value_dtype, id_dtype : str or None
        The native dtypes, by name; None for plain float64 values, and for times that unit and tz describe.
    id_categories : tuple or None
        Categories of a categorical id column.
    unit : {"ns", "us", "ms", "s", "D"} or None
        Resolution of a datetime clock as it came.
    tz : str or None
        Time zone; None for naive times and for numbers.
    freq : str or None
        ``freq`` of a pandas index, where the user had set one. It is never inferred.
    period : str or None
        Frequency of a pandas PeriodIndex or column of periods; times are their starts.
    nameless : bool or None
        Whether a pandas Series came without a name; None: it did if its channel is 0 (older files).
    columns_name : Hashable or None
        Name of the columns of a wide pandas frame.
    channel_col, value_col : str, int or None
        Columns with the channel and the value of every row, where rows are single observations; each channel
        of each series then has a clock of its own.
    channel_dtype, channel_categories
        As for the ids.
    id_ordered, channel_ordered : bool
        Whether the categories are ordered.
    """

    kind: Literal["pandas", "polars", "numpy"]
    form: Literal["wide", "long", "array"]
    clock: Clock
    channels: tuple[Hashable, ...]
    ndim: int = 2
    time_col: Hashable | None = None
    id_col: Hashable | None = None
    time_in_index: bool = False
    id_in_index: bool = False
    time_dtype: str | None = None
    value_dtype: str | None = None
    id_dtype: str | None = None
    id_categories: tuple[Hashable, ...] | None = None
    unit: str | None = None
    tz: str | None = None
    freq: str | None = None
    period: str | None = None
    nameless: bool | None = None
    columns_name: Hashable | None = None
    channel_col: Hashable | None = None
    value_col: Hashable | None = None
    channel_dtype: str | None = None
    channel_categories: tuple[Hashable, ...] | None = None
    id_ordered: bool = False
    channel_ordered: bool = False

    @property
    def value_columns(self) -> tuple[Hashable, ...]:
        """Names of the columns that hold values: the channels, or the one beside a channel column."""
        return self.channels if self.channel_col is None else (self.value_col,)

    @property
    def offset(self) -> pd.tseries.offsets.BaseOffset | None:
        """The explicit ``freq`` of the index as a pandas offset, or None."""
        return None if self.freq is None else pd.tseries.frequencies.to_offset(self.freq)

    def counted_step(self, step: float) -> float:
        """What an integer horizon counts: a fixed ``freq``, else the reference step, which is given."""
        offset = self.offset
        if isinstance(offset, pd.tseries.offsets.Tick) and self.clock.kind == "datetime":
            return int(pd.Timedelta(offset).as_unit("ns").value)
        return step

    def to_instants(self, stamps: Times) -> Times:
        """Stamps in nanoseconds as the clock counts them."""
        if self.clock.months is None:
            return stamps
        return to_months(stamps.astype(np.int64), self.clock.months, self.tz)

    def to_stamps(self, instants: Times) -> Times:
        """Inverse of :meth:`to_instants`."""
        if self.clock.months is None:
            return instants
        return from_months(instants.astype(np.int64), self.clock.months, self.tz)

    def show_instant(self, instant: float) -> str:
        """Text of an instant in the zone of the data, for a message."""
        if self.clock.kind == "number":
            return f"{instant:g}"
        stamp = pd.Timestamp(int(self.to_stamps(np.array([int(instant)]))[0]))
        return str(stamp if self.tz is None else stamp.tz_localize("UTC").tz_convert(self.tz))

    def to_dict(self) -> dict[str, Any]:
        """Plain builtins that ``json.dumps`` takes."""
        state = asdict(self) | {"clock": self.clock.kind, "months": self.clock.months}
        for name in _LABELS:
            state[name] = encode_label(state[name], name)
        for name in _CATEGORIES:
            if state[name] is not None:
                state[name] = [encode_label(label, name) for label in state[name]]
        return state

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Layout:
        """Inverse of :meth:`to_dict`, also after a JSON round trip."""
        known = {field.name: state[field.name] for field in fields(cls) if field.name in state}
        known["clock"] = Clock(state["clock"], state.get("months"))
        for name in _LABELS:
            if name in known:
                known[name] = decode_label(known[name])
        for name in _CATEGORIES:
            if known.get(name) is not None:
                known[name] = tuple(decode_label(label) for label in known[name])
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Panel:
    """Several series of the same channels, and their input layout.

    Parameters
    ----------
    series : tuple of Series
        In the order in which their ids first appear.
    layout : Layout
        How they came.
    """

    series: tuple[Series, ...]
    layout: Layout

    @property
    def clock(self) -> Clock:
        """How times are counted."""
        return self.layout.clock

    @property
    def channels(self) -> tuple[Hashable, ...]:
        """Names of the measured channels."""
        return self.layout.channels

    @property
    def n_channels(self) -> int:
        """Number of measured channels."""
        return len(self.layout.channels)

    @property
    def ids(self) -> tuple[Hashable | None, ...]:
        """The ids, in the order of the series."""
        return tuple(series.id for series in self.series)
