"""Single observations of a stream as series of one row, and its window as an array."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssmts.data import (
    CovariateColumns,
    Layout,
    Series,
    is_number,
    parse_instant,
    read_covariate_row,
    to_float,
)
from ssmts.errors import InfiniteValueError, InstantError, NotNumericError, ShapeError, UnknownColumnError
from ssmts.wording import listed, shown

__all__ = ["in_unit_steps", "one_observation"]


def one_observation(
    id_: Hashable | None, time: Any, values: Any, layout: Layout, columns: CovariateColumns | None
) -> Series:
    """A series of one row.

    Parameters
    ----------
    id_ : hashable or None
    time : instant
    values : number, sequence, dict or pandas.Series
        A number for each channel in order, or values of channels and covariates by name.
    layout : Layout
        Of the stream.
    columns : CovariateColumns or None
        Covariates of the model.

    Raises
    ------
    ssmts.errors.SSMTSError
        Names the instant, channel, value or category that is not valid.
    """
    times = np.array([parse_instant(time, layout)])
    row = np.full((1, len(layout.channels)), np.nan)
    given: dict[Hashable, Any] = {}
    if isinstance(values, Mapping | pd.Series):
        beside = () if columns is None else columns.all
        for name, value in values.items():
            if name in layout.channels:
                row[0, layout.channels.index(name)] = _as_number(name, value)
            elif columns is not None and name in beside:
                given[name] = value if name in columns.categories else _as_number(name, value)
            else:
                known = f"no channel ({listed(layout.channels)})"
                if beside:
                    known += f" and no covariate ({listed(beside)})"
                raise UnknownColumnError(f"values has {shown(name)}, which is {known}. Leave it out.")
    else:
        numbers = np.atleast_1d(np.asarray(values, dtype=object)).ravel()
        if len(numbers) != len(layout.channels):
            raise ShapeError(
                f"values holds {len(numbers)} numbers for {len(layout.channels)} channels. Give one for "
                f"each of {listed(layout.channels)}, NaN where it was not observed, or a dict."
            )
        row[0] = [_as_number(name, value) for name, value in zip(layout.channels, numbers)]
    covariates = None if columns is None else read_covariate_row(columns, times, given)
    return Series(id_, times, row, covariates)


def in_unit_steps(series: Series) -> Series:
    """A series in unit steps, NaN where there was no observation."""
    steps = series.times - series.times[0]
    if (steps != np.floor(steps)).any():
        raise InstantError(
            "The stream holds times between unit steps, which an array cannot hold. Use a frame."
        )
    values = np.full((int(steps[-1]) + 1, series.values.shape[1]), np.nan)
    values[steps.astype(np.int64)] = series.values
    return Series(series.id, np.arange(len(values), dtype=np.float64), values)


def _as_number(name: Hashable, value: Any) -> float:
    """A finite number; NaN if not observed."""
    if value is None or value is pd.NA:
        return np.nan
    if not is_number(value):
        raise NotNumericError(
            f"values: {shown(name)} is {shown(value)}, not a number. Correct it; NaN if unobserved."
        )
    number = to_float(value)
    if np.isinf(number):
        raise InfiniteValueError(
            f"values: {shown(name)} is infinite. Correct it; NaN if it was not observed."
        )
    return number
