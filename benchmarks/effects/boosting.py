"""Boosted trees of scikit-learn on covariates, calendar and lags, tuned on the end of the training span."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from benchmarks.effects.sets import EffectSet

__all__ = ["boosted"]

_SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"max_iter": 400, "learning_rate": 0.05},
    {"max_iter": 800, "learning_rate": 0.03, "l2_regularization": 1.0, "min_samples_leaf": 40},
    {"max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 15},
)


def boosted(data: EffectSet, levels: list[float]) -> dict[str, Any]:
    """Forecasts from every origin by one model for all series, leads and hours, and one for each quantile.

    Parameters
    ----------
    data : EffectSet
    levels : list of float

    Returns
    -------
    dict
        `forecasts` (n_origins, n_rows), `quantiles` (n_origins, n_rows, n_levels), `fit_s`, `predict_s`,
        `setting`.
    """
    begun = time.perf_counter()
    X = _features(data)
    y = data.frame["y"].to_numpy()
    before_end = data.frame.groupby("unique_id", sort=False).cumcount(ascending=False).to_numpy()
    first = data.origins[0]
    learnt = (before_end >= first) & X[f"lag {data.lags[-1]}"].notna().to_numpy()
    held = learnt & (before_end < first + max(4 * data.horizon, first // 2))
    errors = []
    for setting in _SETTINGS:
        tried = HistGradientBoostingRegressor(**setting, random_state=0)
        tried.fit(X[learnt & ~held], y[learnt & ~held])
        errors.append(np.abs(tried.predict(X[held]) - y[held]).mean())
    best = _SETTINGS[int(np.argmin(errors))]
    model = HistGradientBoostingRegressor(**best, random_state=0).fit(X[learnt], y[learnt])
    by_level = [
        HistGradientBoostingRegressor(**best, loss="quantile", quantile=level, random_state=0).fit(
            X[learnt], y[learnt]
        )
        for level in levels
    ]
    fit_s = time.perf_counter() - begun
    begun = time.perf_counter()
    rows = [(before_end < origin) & (before_end >= origin - data.horizon) for origin in data.origins]
    forecasts = [model.predict(X[own]) for own in rows]
    quantiles = [np.stack([one.predict(X[own]) for one in by_level], axis=1) for own in rows]
    return {
        "forecasts": np.stack(forecasts),
        "quantiles": np.stack(quantiles),
        "fit_s": fit_s,
        "predict_s": time.perf_counter() - begun,
        "setting": best,
    }


def _features(data: EffectSet) -> pd.DataFrame:
    """Covariates, the calendar and the lags, a row for each of the frame."""
    X = pd.DataFrame(index=data.frame.index)
    for name in data.known:
        own = data.frame[name]
        is_number = pd.api.types.is_numeric_dtype(own) and not pd.api.types.is_bool_dtype(own)
        X[name] = own if is_number else _codes(own)
    X["series"] = _codes(data.frame["unique_id"])
    stamps = data.frame["ds"].dt
    X["hour"], X["weekday"], X["day of year"] = stamps.hour, stamps.dayofweek, stamps.dayofyear
    by_series = data.frame.groupby("unique_id", sort=False)["y"]
    for lag in data.lags:
        X[f"lag {lag}"] = by_series.shift(lag)
    return X


def _codes(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Numbers of the categories of a column."""
    return np.asarray(pd.factorize(column, sort=True)[0], dtype=np.int64)
