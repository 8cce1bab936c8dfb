"""Data sets whose targets are driven by known covariates, for ``python -m benchmarks.effects``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["SETS", "EffectSet"]


@dataclass(frozen=True)
class EffectSet:
    """A long frame, what is known ahead, and the origins that are judged.

    Parameters
    ----------
    name : str
    frame : pandas.DataFrame
        Columns `unique_id`, `ds`, `y` and the covariates, all rows; sorted by id and time.
    known : list of str
        Covariates known ahead; text and booleans are categories.
    horizon : int
        In rows of a series.
    lags : list of int
        Of the boosted trees; none shorter than the horizon, as they forecast all leads at once.
    freq : str
        Spacing of the rows, as pandas names it.
    origins : list of int
        How many rows before the end of its series each origin lies; the largest ends the training span.
    apart : bool
        The series have nothing in common, not even their years: a model each.
    """

    name: str
    frame: pd.DataFrame
    known: list[str]
    horizon: int
    lags: list[int]
    freq: str
    origins: list[int]
    apart: bool = False

    def parts(self) -> list[EffectSet]:
        """What is fitted together: the set, or each of its series."""
        if not self.apart:
            return [self]
        by_series = self.frame.groupby("unique_id", sort=False)
        return [replace(self, frame=own.reset_index(drop=True)) for _, own in by_series]

    def until(self, rows_before_end: int) -> pd.DataFrame:
        """All rows of every series but its last ones."""
        after = self.frame.groupby("unique_id", sort=False).cumcount(ascending=False)
        return self.frame[after >= rows_before_end]

    def after(self, rows_before_end: int) -> pd.DataFrame:
        """The horizon that follows an origin, a row each."""
        after = self.frame.groupby("unique_id", sort=False).cumcount(ascending=False)
        return self.frame[(after < rows_before_end) & (after >= rows_before_end - self.horizon)]


_HOURLY_LAGS = [24, 25, 48, 72, 96, 120, 144, 168]


def _vic(folder: Path) -> EffectSet:
    """Victorian demand by the hour; the last 180 days, origins at 23 h of summer time."""
    raw = pd.read_parquet(folder / "vic_electricity.parquet").set_index("Time")
    local = raw.tz_convert("Australia/Melbourne")
    hours = local.resample("1h").agg({"Demand": "mean", "Temperature": "mean", "Holiday": "max"})
    frame = hours.reset_index().rename(columns={"Time": "ds", "Demand": "y"}).assign(unique_id="vic")
    frame["y"] = frame["y"].interpolate()
    frame["Holiday"] = frame["Holiday"].astype(bool)
    days = [24 * day for day in range(180, 0, -1)]
    return EffectSet(
        name="vic_electricity",
        frame=frame,
        known=["Temperature", "Holiday"],
        horizon=24,
        lags=_HOURLY_LAGS,
        freq="h",
        origins=days,
    )


def _bikes(folder: Path) -> EffectSet:
    """Rentals by the hour; the last 60 days, origins at 23 h."""
    frame = pd.read_parquet(folder / "bike_sharing.parquet")
    frame = frame.rename(columns={"date_time": "ds", "users": "y"}).assign(unique_id="bikes")
    for name in ("holiday", "workingday"):
        frame[name] = frame[name].astype(bool)
    known = ["holiday", "workingday", "weather", "temp", "atemp", "hum", "windspeed"]
    days = [24 * day for day in range(60, 0, -1)]
    return EffectSet(
        name="bike_sharing", frame=frame, known=known, horizon=24, lags=_HOURLY_LAGS, freq="h", origins=days
    )


def _prices(folder: Path) -> EffectSet:
    """Day-ahead prices of markets, load and generation known; the last 14 days, origins at 23 h."""
    frame = pd.read_parquet(folder / "electricity_prices_short.parquet")
    days = [24 * day for day in range(14, 0, -1)]
    known = ["Exogenous1", "Exogenous2"]
    return EffectSet(
        name="electricity_prices_short",
        frame=frame,
        known=known,
        horizon=24,
        lags=_HOURLY_LAGS,
        freq="h",
        origins=days,
        apart=True,
    )


def _sales(folder: Path) -> EffectSet:
    """Unit sales by the day; the official 28 test days, a week from each of four origins."""
    frame = pd.read_parquet(folder / "m5_sample.parquet")
    frame = frame.rename(columns={"id": "unique_id", "date": "ds", "quantity_sold": "y"})
    frame["y"] = frame["y"].astype(np.float64)
    known = ["event_name_1", "event_type_1", "snap_CA", "snap_TX", "snap_WI"]
    for name in known[:2]:
        frame[name] = frame[name].astype(str)
    lags = [7, 8, 9, 10, 14, 21, 28, 35]
    return EffectSet(
        name="m5_sample", frame=frame, known=known, horizon=7, lags=lags, freq="D", origins=[28, 21, 14, 7]
    )


def _beer(folder: Path) -> EffectSet:
    """Volumes of agencies and products by the month; three months from each of four origins."""
    frame = pd.read_parquet(folder / "stallion.parquet")
    frame["unique_id"] = frame["agency"].astype(str) + " " + frame["sku"].astype(str)
    frame = frame.rename(columns={"date": "ds", "volume": "y"})
    events = "easter_day good_friday new_year christmas labor_day independence_day regional_games music_fest"
    known = ["price_regular", "price_actual", "avg_max_temp", *events.split()]
    return EffectSet(
        name="stallion",
        frame=frame,
        known=known,
        horizon=3,
        lags=[3, 4, 5, 6, 9, 12],
        freq="MS",
        origins=[6, 5, 4, 3],
    )


def _sorted(make: Callable[[Path], EffectSet]) -> Callable[[Path], EffectSet]:
    def made(folder: Path) -> EffectSet:
        data = make(folder)
        frame = data.frame[["unique_id", "ds", "y", *data.known]]
        frame = frame.sort_values(["unique_id", "ds"]).reset_index(drop=True)
        return replace(data, frame=frame)

    return made


SETS: dict[str, Callable[[Path], EffectSet]] = {
    "vic_electricity": _sorted(_vic),
    "bike_sharing": _sorted(_bikes),
    "electricity_prices_short": _sorted(_prices),
    "m5_sample": _sorted(_sales),
    "stallion": _sorted(_beer),
}
