"""What the peers are: each a class with `forecast(past, series, window)`. Runs in a peer's environment.

A peer is made from its task and the frame that is known at the last origin, and forecasts one series at one
window: the point, shape (horizon,), and the quantiles at `LEVELS`, shape (horizon, n_levels), or (horizon, 0)
where it has none. The outermost are NaN for peers that stop at 0.1 and 0.9.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["LEVELS", "MODELS"]

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_WIDTHS = (90, 80, 60, 40, 20)
_MOST_ROWS = 2000  # of the past that models of statsforecast are fitted on: they take minutes on more
_LONGEST_SEASON = 24  # of ETS
_WEEK = {"h": 168, "15min": 672}


class Statsforecast:
    """A model of statsforecast, fitted to every series anew."""

    at_once = False

    def __init__(self, frame: pd.DataFrame, task: dict[str, Any], *, name: str) -> None:
        from statsforecast import models

        season, rate = task["season"], task["rate"]
        if name == "MSTL" and season == 1:
            raise ValueError("there is no season")
        self.horizon, self.season = task["horizon"], season
        self.make = {
            "AutoETS": lambda m: models.AutoETS(season_length=m if m <= _LONGEST_SEASON else 1),
            "AutoARIMA": lambda m: models.AutoARIMA(season_length=m, approximation=True),
            "AutoCES": lambda m: models.AutoCES(season_length=m),
            "theta": lambda m: models.DynamicOptimizedTheta(season_length=m),
            "MSTL": lambda m: models.MSTL(season_length=[m, _WEEK[rate]] if m > 1 and rate in _WEEK else [m]),
        }[name]

    def forecast(self, past: np.ndarray, series: int, window: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and normal intervals; a past shorter than two seasons has season 1."""
        past = past[-_MOST_ROWS:]
        model = self.make(self.season if len(past) >= 2 * self.season else 1)
        told = model.forecast(past, self.horizon, level=list(_WIDTHS))
        low = [told[f"lo-{width}"] for width in _WIDTHS]
        high = [told[f"hi-{width}"] for width in reversed(_WIDTHS)]
        point = np.asarray(told["mean"], dtype=np.float64)
        return finite(point), finite(np.stack([*low, point, *high], axis=1))


class Flair:
    """FLAIR: a mean and quantiles of its 200 paths."""

    at_once = False

    def __init__(self, frame: pd.DataFrame, task: dict[str, Any]) -> None:
        from flaircast import FLAIR

        rate = {"15min": "15T", "h": "H"}.get(task["rate"], task["rate"])
        self.model, self.horizon = FLAIR(freq=rate, seed=0), task["horizon"]

    def forecast(self, past: np.ndarray, series: int, window: int) -> tuple[np.ndarray, np.ndarray]:
        """Of the whole past."""
        paths = self.model.predict(past, horizon=self.horizon)
        return finite(paths.mean(axis=0)), finite(np.quantile(paths, LEVELS, axis=0).T)


class LightGBM:
    """One LightGBM for the panel by mlforecast, fitted at the first origin; recursive, conformal.

    Whether values, their differences or those a season apart are learnt is chosen on the last horizon that is
    known. Series too short for that (or for intervals, where 95% are long enough) are refused.
    """

    at_once = True

    def __init__(self, frame: pd.DataFrame, task: dict[str, Any]) -> None:
        from mlforecast.utils import PredictionIntervals

        self.task, self.window, self.told = task, -1, dict[int, np.ndarray]()
        self.frame = pd.DataFrame(
            {"unique_id": pd.factorize(frame["unique_id"])[0], "y": frame["y"].to_numpy()}
        )
        self.frame["y"] = self.frame["y"].astype(np.float64)
        self.frame["ds"] = self.frame.groupby("unique_id").cumcount()
        first, horizon, season = self.known(0), task["horizon"], task["season"]
        length = first.groupby("unique_id")["y"].transform("size")
        usual = int(length.groupby(first["unique_id"]).first().quantile(0.05))
        longest = max(1, min(max(2 * season, 12), 48, usual // 3))
        self.lags = sorted({*range(1, longest + 1), *([7 * season] if usual > 21 * season > 21 else [])})
        n_windows = min(10, max(2, usual // 2 // horizon))
        with_intervals = n_windows * horizon + max(self.lags) + season + 2
        calibrated = usual >= with_intervals
        kept = first[length >= (with_intervals if calibrated else season + horizon + 2)]
        intervals = PredictionIntervals(n_windows=n_windows, h=horizon) if calibrated else None
        self.levels = list(_WIDTHS) if calibrated else None
        self.ids = set(kept["unique_id"].unique())
        self.model = self.make(self.chosen(kept))
        self.model.fit(kept, static_features=[], prediction_intervals=intervals)

    def make(self, differences: list[int]) -> Any:
        """An unfitted model of the values differenced at these lags."""
        from lightgbm import LGBMRegressor
        from mlforecast import MLForecast
        from mlforecast.lag_transforms import RollingMean
        from mlforecast.target_transforms import Differences, LocalStandardScaler

        mean = RollingMean(max(2, min(self.task["season"], max(self.lags))))
        transforms = [Differences(differences)] if differences else []
        return MLForecast(
            models={"LightGBM": LGBMRegressor(verbosity=-1, n_jobs=1, random_state=0)},
            freq=1,
            lags=self.lags,
            lag_transforms={1: [mean]},
            target_transforms=[*transforms, LocalStandardScaler()],
        )

    def chosen(self, known: pd.DataFrame) -> list[int]:
        """The lags of differences that forecast the last horizon best, by MASE."""
        from_end = known.groupby("unique_id").cumcount(ascending=False)
        past, future = known[from_end >= self.task["horizon"]], known[from_end < self.task["horizon"]]
        season = self.task["season"]
        steps = known.groupby("unique_id")["y"].agg(lambda y: y.diff(season).abs().mean() + 1e-9)
        errors = {}
        for differences in ([], [1], *([[season]] if season > 1 else [])):
            model = self.make(differences).fit(past, static_features=[])
            told = model.predict(self.task["horizon"]).merge(future, on=["unique_id", "ds"])
            missed = (told["LightGBM"] - told["y"]).abs() / told["unique_id"].map(steps)
            errors[tuple(differences)] = float(missed.mean())
        return list(min(errors, key=lambda one: errors[one]))

    def known(self, window: int) -> pd.DataFrame:
        """Rows before the origin of a window."""
        from_end = self.frame.groupby("unique_id").cumcount(ascending=False)
        return self.frame[from_end >= (self.task["n_windows"] - 1 - window) * self.task["stride"]]

    def forecast(self, past: np.ndarray, series: int, window: int) -> tuple[np.ndarray, np.ndarray]:
        """All series of a window are forecast with the first of them."""
        if series not in self.ids:
            raise ValueError("the series is too short")
        if window != self.window:
            known = self.known(window)
            new = {"new_df": known[known["unique_id"].isin(self.ids)]} if window else {}
            found = self.model.predict(self.task["horizon"], level=self.levels, **new)
            columns = ["LightGBM"]
            if self.levels:
                columns += [f"LightGBM-lo-{w}" for w in _WIDTHS] + ["LightGBM"]
                columns += [f"LightGBM-hi-{w}" for w in reversed(_WIDTHS)]
            groups = found.sort_values(["unique_id", "ds"]).groupby("unique_id")
            self.told = {number: group[columns].to_numpy() for number, group in groups}
            self.window = window
        return finite(self.told[series][:, 0]), finite(self.told[series][:, 1:])


class Fracast:
    """The weights in its wheel, zero-shot; nine levels. Series of fewer than eight rows it refuses."""

    at_once = False

    def __init__(self, frame: pd.DataFrame, task: dict[str, Any]) -> None:
        import torch
        from fracast import FracastModel

        torch.set_num_threads(1)
        self.model, self.horizon = FracastModel.from_pretrained(), task["horizon"]

    def forecast(self, past: np.ndarray, series: int, window: int) -> tuple[np.ndarray, np.ndarray]:
        """The median as the point."""
        told = finite(self.model.forecast(past, horizon=self.horizon))
        unknown = np.full((len(told), 1), np.nan)
        return told[:, told.shape[1] // 2], np.hstack([unknown, told, unknown])


def finite(values: np.ndarray) -> np.ndarray:
    """The values; a forecast that is not finite is a failure."""
    if not np.isfinite(values).all():
        raise ValueError("the forecast is not finite")
    return values


MODELS: dict[str, Any] = {
    **{
        name: partial(Statsforecast, name=name)
        for name in ("AutoETS", "AutoARIMA", "AutoCES", "theta", "MSTL")
    },
    "FLAIR": Flair,
    "LightGBM": LightGBM,
    "fracast": Fracast,
}
