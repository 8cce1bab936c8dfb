"""From a task to its judge, and the simple forecasts of it."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.panels.measures import LEVELS, Forecasts, Judge, seasonal_scale
from benchmarks.panels.panel import Task
from benchmarks.panels.simple import forecast_simply

__all__ = ["all_units", "judge_of", "simple_forecasts"]


def all_units(task: Task) -> np.ndarray:
    """Every series at every window, shape (n_units, 2): number of the series, of the window."""
    grid = np.indices((len(task.series), task.n_windows))
    return grid.reshape(2, -1).T


def simple_forecasts(task: Task, name: str) -> tuple[Forecasts, float]:
    """Forecasts of one simple method for all units, and the seconds they took."""
    begun = time.process_time()
    units, series = all_units(task), task.series
    point = np.empty((len(units), task.horizon), dtype=np.float32)
    quantiles = np.empty((len(units), task.horizon, len(LEVELS)), dtype=np.float32)
    for row, (number, window) in enumerate(units):
        past = series[number][: task.cutoff(len(series[number]), window)]
        point[row], quantiles[row] = forecast_simply(name, past, task.horizon, task.season)
    return Forecasts(units, point, quantiles), time.process_time() - begun


def judge_of(task: Task, naive: Forecasts) -> Judge:
    """The judge of a task; `naive` are the seasonal naive forecasts of all its units."""
    series, truth = task.series, task.truth()
    shape = truth.shape[:2]
    scale = [
        seasonal_scale(y[: task.cutoff(len(y), window)], task.season)
        for y in series
        for window in range(task.n_windows)
    ]
    error = np.abs(naive.point.reshape(truth.shape) - truth).mean(axis=2)
    n_seasons = np.array([task.cutoff(len(y), 0) / task.season for y in series])
    return Judge(truth, np.reshape(scale, shape), error, n_seasons)
