"""The panels of the benchmark, from ``$SSMTS_DATA_HOME``: field data, ETT, GIFT-Eval's ETT, single series."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.forecasting.untuned_series import untuned_series
from benchmarks.panels.panel import Panel
from ssmts_datasets import load_ett

__all__ = ["SETS", "load"]

_ETT = ("ETTh1", "ETTh2", "ETTm1", "ETTm2")
_EXCHANGE = (96, 192, 336, 720)
_MOST_WINDOWS = 20  # of GIFT-Eval
_MOST_ORIGINS = 8  # of a series that nobody tuned on
# Sets by name; one is a list of panels that are read, run and stored together.
SETS = (
    "m4_hourly",
    "m4_yearly",
    "m5",
    "tourism",
    "stallion",
    "wiki",
    "exchange",
    "ett",
    "untuned",
    "gift_ett",
)


def load(name: str) -> list[Panel]:
    """The panels of a set.

    Parameters
    ----------
    name : str
        One of `SETS`.

    Returns
    -------
    list of Panel

    Raises
    ------
    FileNotFoundError
        If ``$SSMTS_DATA_HOME`` does not hold the data.
    """
    return {
        "m4_hourly": lambda: [_m4("m4_hourly", 48, 24, "h")],
        "m4_yearly": lambda: [_m4("m4_yearly_4000", 6, 1, "Y")],
        "m5": _m5,
        "tourism": _tourism,
        "stallion": _stallion,
        "wiki": _wiki,
        "exchange": _exchange,
        "ett": _ett,
        "untuned": _untuned,
        "gift_ett": _gift_ett,
    }[name]()


def _field(name: str) -> pd.DataFrame:
    home = os.environ.get("SSMTS_DATA_HOME")
    if home is None:
        raise FileNotFoundError(f"SSMTS_DATA_HOME is not set: it names the folder with field/{name}.parquet.")
    return pd.read_parquet(Path(home) / "field" / f"{name}.parquet")


def _long(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns in order, one series after the other, values as float64."""
    frame = frame[["unique_id", "ds", "y"]].astype({"unique_id": str, "y": np.float64})
    return frame.sort_values(["unique_id", "ds"], kind="stable").reset_index(drop=True)


def _melted(wide: pd.DataFrame) -> pd.DataFrame:
    """A frame with times as index and a column a series."""
    return _long(wide.rename_axis("ds").reset_index().melt("ds", var_name="unique_id", value_name="y"))


def _m4(file: str, horizon: int, season: int, rate: str) -> Panel:
    return Panel(name=file, frame=_long(_field(file)), horizon=horizon, season=season, rate=rate)


def _m5() -> list[Panel]:
    frame = _field("m5_sample").rename(columns={"id": "unique_id", "date": "ds", "quantity_sold": "y"})
    return [Panel(name="m5_sample", frame=_long(frame), horizon=28, season=7, rate="D")]


def _tourism() -> list[Panel]:
    frame = _field("tourism_quarterly")
    frame["unique_id"] = frame["Region"] + "/" + frame["State"] + "/" + frame["Purpose"]
    frame["ds"] = pd.PeriodIndex(frame["Quarter"].str.replace(" ", ""), freq="Q").to_timestamp()
    return [
        Panel(
            name="tourism", frame=_long(frame.rename(columns={"Trips": "y"})), horizon=8, season=4, rate="Q"
        )
    ]


def _stallion() -> list[Panel]:
    frame = _field("stallion")
    frame["unique_id"] = frame["agency"] + "/" + frame["sku"]
    return [
        Panel(
            name="stallion",
            frame=_long(frame.rename(columns={"date": "ds", "volume": "y"})),
            horizon=6,
            season=12,
            rate="M",
        )
    ]


def _wiki() -> list[Panel]:
    return [
        Panel(
            name="wiki", frame=_melted(_field("wiki_daily").set_index("date")), horizon=30, season=7, rate="D"
        )
    ]


def _exchange() -> list[Panel]:
    """Standardised by its first 70%; the last 20% are the test, the 10% before are the validation."""
    wide = _field("exchange_rate").set_index("date")
    n, train = len(wide), int(0.7 * len(wide))
    n_test = int(0.2 * n)
    learnt = wide.iloc[:train]
    frame = _melted((wide - learnt.mean()) / learnt.std(ddof=0))
    return [
        Panel(
            name=f"exchange_{horizon}",
            frame=frame,
            horizon=horizon,
            season=1,
            rate="D",
            n_test=n_test,
            n_windows=n_test - horizon + 1,
            n_windows_validation=n - train - n_test - horizon + 1,
        )
        for horizon in _EXCHANGE
    ]


def _ett() -> list[Panel]:
    """A week ahead from the end; what is dropped without a look at the test is all of the official one."""
    panels = []
    for name in _ETT:
        data = load_ett(name)
        per_hour, rate = (4, "15min") if name.startswith("ETTm") else (1, "h")
        n_test = len(data.frame) - data.borders.test[0]
        panels.append(
            Panel(
                name=name,
                frame=_melted(data.frame),
                horizon=168 * per_hour,
                season=24 * per_hour,
                rate=rate,
                n_test=n_test,
            )
        )
    return panels


def _untuned() -> list[Panel]:
    """Up to eight origins in the last fifth of each, as in ``benchmarks.forecasting.untuned``."""
    rates = {"yearly": "Y", "quarterly": "Q", "monthly": "M", "weekly": "W", "daily": "D", "hourly": "h"}
    panels = []
    for series in untuned_series():
        length, horizon = len(series.values), series.horizon
        room = length // 5 - horizon
        n_windows = min(_MOST_ORIGINS, 1 + room // horizon)
        stride = room // (n_windows - 1) if n_windows > 1 else 1
        frame = pd.DataFrame({"unique_id": series.name, "ds": np.arange(length), "y": series.values})
        panels.append(
            Panel(
                name=series.name,
                frame=_long(frame),
                horizon=horizon,
                season=series.season,
                rate=next(rate for word, rate in rates.items() if word in series.name),
                n_test=length // 5,
                n_windows=n_windows,
                stride=stride,
                refitted=True,
            )
        )
    return panels


def _gift_ett() -> list[Panel]:
    """GIFT-Eval's sixteen configurations of ETT: windows side by side over the last tenth, 20 at most.

    References
    ----------
    Aksu et al., "GIFT-Eval: A Benchmark for General Time Series Forecasting Model Evaluation", 2024.
    """
    panels = []
    for transformer in ("1", "2"):
        hourly, quarters = load_ett(f"ETTh{transformer}"), load_ett(f"ETTm{transformer}")
        begin = hourly.frame.index[hourly.borders.test[0]]  # no row from here on without a look at the test
        for rate, wide, season, horizons in (
            ("15min", quarters.frame, 96, (48, 480, 720)),
            ("h", hourly.frame, 24, (48, 480, 720)),
            ("D", hourly.frame.resample("D").mean(), 1, (30,)),
            ("W", hourly.frame.resample("W-WED", label="left").mean(), 1, (8,)),
        ):
            for horizon in horizons:
                n_windows = min(max(1, -(-len(wide) // (10 * horizon))), _MOST_WINDOWS)
                n_test = int((wide.index >= begin).sum())
                panels.append(
                    Panel(
                        name=f"gift_ett{transformer}/{rate}/{horizon}",
                        frame=_melted(wide),
                        horizon=horizon,
                        season=season,
                        rate=rate,
                        n_test=max(n_test, n_windows * horizon),
                        n_windows=n_windows,
                        stride=horizon,
                    )
                )
    return panels
