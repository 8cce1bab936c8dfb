"""Columns to numbers, without loss: exact times, float64 values, codes of ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._table import is_hashable, is_temporal, is_text
from ssmts.data.series import Clock, Times
from ssmts.errors import (
    AllMissingError,
    ColumnError,
    ComplexDataError,
    MissingIdError,
    MixedTimeZoneError,
    NonFiniteTimeError,
    NotNumericError,
    TimeColumnError,
    TimeRangeError,
)
from ssmts.wording import shown

NANOSECONDS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "D": 86_400_000_000_000}
_MAX_NS = 2**63 - 1
_MAX_EXACT = 2**53  # integers beyond it are not all float64

RowNamer = Callable[[int], str]


def is_integer(value: Any) -> bool:
    """Whether a value is an int of Python or numpy; booleans and durations are not."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.timedelta64)


def check_span(times: Sequence[Times]) -> None:
    """Raise if nanoseconds from the first to the last of some clocks do not fit into 64 bits.

    Parameters
    ----------
    times : sequence of ndarray of int64, each increasing
    """
    ends = [(int(own[0]), int(own[-1])) for own in times if len(own)]
    if ends and max(last for _, last in ends) - min(first for first, _ in ends) > _MAX_NS:
        raise TimeRangeError(
            "Times span more than the 292 years that can be counted in nanoseconds. Give them as numbers, "
            "such as days or years since an instant, or leave out the stamps that are wrong."
        )


def is_number(value: Any) -> bool:
    """Whether a value is a real number; booleans and durations are not."""
    return isinstance(value, Real) and not isinstance(value, bool | np.timedelta64)


def to_float(value: Any) -> float:
    """A real number as a float; infinite if it is an integer or a fraction too large for one."""
    try:
        return float(value)
    except OverflowError:
        return np.inf


@dataclass(frozen=True, slots=True)
class Instants:
    """Times of the rows in input order, with unit and zone."""

    times: Times
    clock: Clock
    dtype: str | None
    unit: str | None = None
    tz: str | None = None
    period: str | None = None


@lru_cache(maxsize=64)
def zone_name(name: str) -> str:
    """Name of a time zone, if the zone can be rebuilt from it after a JSON round trip."""
    try:
        pd.DatetimeTZDtype("ns", name)
    except Exception as error:  # whatever the time zone database of the machine raises
        raise TimeColumnError(
            f"Time zone {shown(name)} has no name that can be stored. Convert first, e.g. "
            "tz_convert('UTC') or to an IANA zone such as 'Europe/Berlin'."
        ) from error
    return name


def to_nanoseconds(counts: NDArray[np.int64], unit: str, where: str, at: RowNamer) -> NDArray[np.int64]:
    """Counts of `unit` since the epoch as nanoseconds; raises if they exceed 64 bits."""
    factor = NANOSECONDS[unit]
    if factor == 1:
        return counts
    limit = _MAX_NS // factor
    outside = (counts > limit) | (counts < -limit)
    if outside.any():
        raise TimeRangeError(
            f"{where}: the time in {at(int(outside.argmax()))} lies outside the years 1677 to 2262, which "
            "nanoseconds can count. Correct it, or leave the row out."
        )
    return counts * factor


def read_instants(column: nw.Series[Any], where: str, at: RowNamer) -> Instants:
    """Times of a column or index.

    Raises
    ------
    TimeColumnError, MixedTimeZoneError, NonFiniteTimeError, TimeRangeError
        Each names the row.
    """
    number = column.dtype.is_numeric()
    if not (number or is_temporal(column)):
        raise _not_times(column, where, at)
    missing = column.is_null().to_numpy()
    if missing.any():
        raise NonFiniteTimeError(
            f"{where}: the time is missing in {at(int(missing.argmax()))}. Fill it in, or leave the row out."
        )
    native = column.to_native()
    period = None
    if isinstance(native.dtype, pd.PeriodDtype):
        period, native = str(native.dtype)[len("period[") : -1], native.dt.to_timestamp()
    came = str(native.dtype)
    if number:
        return Instants(times=_read_numbers(column, where, at), clock=Clock("number"), dtype=came)
    if isinstance(column.dtype, nw.Date):
        unit, fine, tz = "D", "us", None
        counts = column.cast(nw.Datetime("us")).dt.timestamp("us").to_numpy()
    elif isinstance(native, pd.Series):
        index = pd.DatetimeIndex(native)
        counts, unit, fine, tz = index.asi8, index.unit, index.unit, index.tz
    else:
        unit, tz = native.dtype.time_unit, native.dtype.time_zone
        fine = "ns" if unit == "ns" else "us"
        counts = column.dt.timestamp("ns" if unit == "ns" else "us").to_numpy()
    times = to_nanoseconds(counts.astype(np.int64, copy=False), fine, where, at)
    zone = None if tz is None else zone_name(str(tz))
    return Instants(
        times=times,
        clock=Clock("datetime"),
        dtype=came if "pyarrow" in came else None,
        unit=unit,
        tz=zone,
        period=period,
    )


def _read_numbers(column: nw.Series[Any], where: str, at: RowNamer) -> NDArray[np.float64]:
    """Times without a unit, as float64."""
    if column.dtype in (nw.Int128, nw.UInt128):  # numpy has no integers of 128 bits
        column = column.cast(nw.Float64)
    if column.dtype.is_integer():
        whole = column.to_numpy()
        big = (whole > _MAX_EXACT) | (whole < -_MAX_EXACT)
        if big.any():
            raise TimeRangeError(
                f"{where}: {whole[big.argmax()]} in {at(int(big.argmax()))} is too large to be held exactly. "
                "Convert epoch counts with pd.to_datetime(..., unit=...), or subtract the first time."
            )
        return whole.astype(np.float64)
    times: NDArray[np.float64] = column.cast(nw.Float64).to_numpy()
    bad = ~np.isfinite(times)
    if bad.any():
        row = int(bad.argmax())
        raise NonFiniteTimeError(
            f"{where}: the time in {at(row)} is {times[row]}. Correct it, or leave the row out."
        )
    return times


def _not_times(column: nw.Series[Any], where: str, at: RowNamer) -> Exception:
    """The error for a time column of another type."""
    items = column.to_list() if column.dtype == nw.Object else []
    stamps = [item for item in items if isinstance(item, dt.datetime)]
    if items and len(stamps) == len(items) and len({str(stamp.tzinfo) for stamp in stamps}) > 1:
        row = next(k for k, stamp in enumerate(stamps) if str(stamp.tzinfo) != str(stamps[0].tzinfo))
        return MixedTimeZoneError(
            f"{where}: {at(0)} is in time zone {stamps[0].tzinfo}, {at(row)} in {stamps[row].tzinfo}. "
            "Convert to one clock, e.g. with pd.to_datetime(..., utc=True)."
        )
    native = column.to_native().dtype
    if isinstance(column.dtype, nw.Duration):
        remedy = "Convert elapsed times to numbers, e.g. with .dt.total_seconds()."
    else:
        remedy = "Convert it with pd.to_datetime or pl.Expr.str.to_datetime, or give numbers."
    return TimeColumnError(
        f"{where} holds {native}, not times: {at(0)} is {shown(column.to_list()[0])}. {remedy}"
    )


def read_values(column: nw.Series[Any], name: Any, at: RowNamer) -> NDArray[np.float64]:
    """A channel as float64, NaN where missing.

    Raises
    ------
    NotNumericError, ComplexDataError, AllMissingError
        If the column does not hold real numbers. Booleans are refused: 0 and 1 would be a guess.
    """
    dtype = column.dtype
    if dtype.is_numeric():
        values: NDArray[np.float64] = column.cast(nw.Float64).to_numpy()
        return values
    native = str(column.to_native().dtype)
    if "complex" in native:
        raise ComplexDataError(
            f"Complex data not supported: column {shown(name)} is {native}. Give real and imaginary part "
            "as two columns."
        )
    if native.startswith("Sparse"):
        return read_values(nw.from_native(column.to_native().sparse.to_dense(), series_only=True), name, at)
    if dtype == nw.Boolean:
        remedy = "Convert it with .astype(float) if 0 and 1 are meant."
    else:
        remedy = "Convert it to numbers, leave it out (target_cols), or name it as id_col or time_col."
    present = ~np.asarray(column.is_null().to_list(), dtype=bool)
    if not present.any():
        raise AllMissingError(
            f"Column {shown(name)} holds no observation: every value is missing. Leave it out."
        )
    items = column.to_list()
    odd = [k for k in np.flatnonzero(present) if not is_number(items[k])]
    row = int(odd[0] if odd else present.argmax())
    raise NotNumericError(
        f"Column {shown(name)} is {native}, not numeric: {at(row)} is {shown(items[row])}. {remedy}"
    )


def read_ids(column: nw.Series[Any], name: Any, at: RowNamer) -> tuple[NDArray[np.intp], list[Any]]:
    """Codes of the ids by first appearance, and the ids."""
    native = column.to_native()
    if getattr(native.dtype, "kind", "") == "V":
        raise ColumnError(f"Column {shown(name)} holds raw bytes, which are no ids. Convert them to text.")
    missing = np.asarray(column.is_null().to_list(), dtype=bool)
    if isinstance(native.dtype, pd.DatetimeTZDtype):  # numpy would lose the zone
        items = native
    elif str(native.dtype) in ("Int128", "UInt128"):  # which numpy lacks
        items = np.empty(len(column), dtype=object)
        items[:] = column.to_list()
    else:
        items = column.to_numpy()
    try:
        codes, ids = pd.factorize(items)
    except TypeError as error:
        row = next(k for k, item in enumerate(items) if not is_hashable(item))
        raise ColumnError(
            f"Column {shown(name)}: the id in {at(row)} is {shown(items[row])}, which cannot be told from "
            "others. Make ids text or numbers."
        ) from error
    missing |= codes < 0
    if missing.any():
        raise MissingIdError(
            f"Column {shown(name)}: the id is missing in {at(int(missing.argmax()))}. Fill it in, or "
            "leave the row out."
        )
    listed: list[Any] = ids.tolist()
    for code, id_ in enumerate(listed):
        if isinstance(id_, str) and not is_text(id_):
            row = int((codes == code).argmax())
            raise ColumnError(
                f"Column {shown(name)}: the id in {at(row)} is {shown(id_)}, text that cannot be encoded. "
                "Correct it."
            )
    return codes, listed
