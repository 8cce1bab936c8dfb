"""A fitted forecaster in use: which observations it did not expect, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ssmts.data import is_number
from ssmts.data.arrays import Float
from ssmts.errors import ParameterError
from ssmts.estimators import SSMForecaster
from ssmts.monitoring.scores import alarm, longest_runs, normal_scores
from ssmts.wording import Described

__all__ = ["Monitoring", "monitor"]

_SHIFT, _NOISE = (0.5, 10.0), (0.5, 14.0)  # drift and threshold of the cumulative sums
_LARGEST = 4.0  # score that counts in them: one spike is no drift
_MEAN, _DEVIATION = np.sqrt(2 / np.pi), np.sqrt(1 - 2 / np.pi)  # of the absolute value of a normal score
_FEWEST = 6  # equal values in a row that may be a stuck sensor


@dataclass(frozen=True, eq=False, repr=False)
class Monitoring:
    """What became of forecasts.

    Parameters
    ----------
    rows : frame
        A row an observation: id and channel (where there are several), time, y, forecast, the ends of the
        80% interval (``lo-80``, ``hi-80``), ``score`` (standard normal where the model is right), and
        ``anomaly``: ``"value"``, ``"stuck"`` or missing.
    accuracy : frame
        A row a series, channel and day: number of observations ``n``, mean absolute error ``mae``, the one
        that the intervals of the model promise, their ``ratio``, and coverage of 80% intervals. Where times
        are numbers, a row a series and channel.
    drift : frame
        A row a series and channel. ``shift_since``: when forecasts began to be off to one side;
        ``noise_since``: when errors began to be larger; ``shift_found``, ``noise_found``: when that was
        beyond doubt. Missing where it was not.
    """

    rows: Any
    accuracy: Any
    drift: Any

    def __repr__(self) -> str:
        rows, drift = _pandas(self.rows), _pandas(self.drift)
        kinds = rows["anomaly"].value_counts()
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"
        moved, louder = (int(drift[f"{name}_since"].notna().sum()) for name in ("shift", "noise"))
        accuracy = _pandas(self.accuracy)
        ratio = float(np.average(accuracy["ratio"], weights=accuracy["n"]))
        inside = float(np.average(accuracy["coverage-80"], weights=accuracy["n"]))
        return (
            f"{len(rows):,} observations of {len(drift):,} series and channels; anomalies: {found}\n"
            f"errors {ratio:.2f} times as large as expected, {inside:.0%} inside the 80% interval\n"
            f"shifted: {moved}, noisier: {louder}"
        )


def monitor(model: Any, X: Any, *, horizon: Any = 1, alarm_rate: float = 0.001) -> Monitoring:
    """Hold the forecasts of a fitted model against what came.

    Parameters
    ----------
    model : forecaster
        Fitted on earlier rows. If X begins where these ended, its first rows are judged as well.
    X : like fit's
        Later rows.
    horizon : int or duration, default=1
        Lead of the forecasts: each observation is judged by a forecast made so long before it, or less.
    alarm_rate : float, default=0.001
        Share of usual observations that may be named as anomalies.

    Returns
    -------
    Monitoring

    Raises
    ------
    ParameterError
        If the model is no fitted forecaster of ssmts or `alarm_rate` no number between 0 and 1.
    TooShortError
        If no series holds a context and an observation after it.

    Notes
    -----
    Scores come from the quantiles of the forecast: an hour that is hard to forecast is no anomaly. Drift is
    found by cumulative sums (Page 1954) of scores and of their absolute values, a stuck sensor by equal
    values in a row, twice as many as training ended with.

    Examples
    --------
    >>> from ssmts import LinearSSMForecaster, monitor
    >>> from ssmts_datasets import make_sines
    >>> frame = make_sines(900, noise=0.2, random_state=0).frame
    >>> model = LinearSSMForecaster(horizon=24, context_length=96).fit(frame[:700])
    >>> later = frame[700:].copy()
    >>> later.iloc[50] += 5.0
    >>> monitor(model, later).rows["anomaly"].notna().sum() >= 1
    True
    """
    if not isinstance(model, SSMForecaster):
        raise ParameterError("model", Described(type(model).__name__), "a fitted forecaster of ssmts")
    if not is_number(alarm_rate) or not 0 < alarm_rate < 1:
        raise ParameterError("alarm_rate", alarm_rate, "a number between 0 and 1")
    known = model.fitted_.model.error_quantiles
    if known is None or known.levels[0] > 0.1 or known.levels[-1] < 0.9:
        raise ParameterError("model", Described("without quantiles from 0.1 to 0.9"), "fitted with them")
    levels = np.unique([float(known.levels[0]), 0.1, 0.5, 0.9, float(known.levels[-1])])
    native = model.backtest(X, horizon=horizon, quantiles=levels.tolist())
    table = _pandas(native)
    names = list(table.columns)
    time = names[names.index("cutoff") - 1]
    keys = names[: names.index(time)]
    table = table.sort_values([*keys, time, "cutoff"], kind="stable")
    table = table.drop_duplicates([*keys, time], keep="last").reset_index(drop=True)  # the nearest origin
    groups = [np.arange(len(table))] if not keys else list(table.groupby(keys, sort=False).indices.values())
    rows = _judged(table, [*keys, time], levels, groups, alarm_rate, _longest_in_training(model))
    drift = [
        table.loc[own[0], keys].to_dict() | _since(rows["score"].to_numpy()[own], table[time].to_numpy()[own])
        for own in groups
    ]
    has_days = model.fitted_.layout.clock.kind == "datetime" and hasattr(table[time], "dt")
    accuracy = _accuracy(rows, keys, time if has_days else None)
    return Monitoring(*(_like(native, frame) for frame in (rows, accuracy, pd.DataFrame(drift))))


def _judged(
    table: pd.DataFrame, keys: list[Any], levels: Float, groups: list[Any], alarm_rate: float, usual: int
) -> pd.DataFrame:
    """Observations with their intervals, scores and anomalies; `usual` equal values in a row are none."""
    quantiles = table[[f"q-{level:g}" for level in levels]].to_numpy(dtype=np.float64)
    y = table["y"].to_numpy(dtype=np.float64)
    rows = table[[*keys, "y", "forecast"]].copy()
    rows["lo-80"], rows["hi-80"] = table["q-0.1"], table["q-0.9"]
    rows["score"] = score = normal_scores(y, quantiles, levels)
    repeats = np.zeros(len(table), dtype=np.int64)
    for own in groups:
        repeats[own] = longest_runs(y[own])
    anomaly = pd.Series(pd.NA, rows.index, dtype="string")
    anomaly[np.abs(score) > ndtri(1.0 - alarm_rate / 2.0)] = "value"
    anomaly[repeats >= max(_FEWEST, 2 * usual)] = "stuck"
    rows["anomaly"] = anomaly
    return rows


def _accuracy(rows: pd.DataFrame, keys: list[Any], time: Any) -> pd.DataFrame:
    """Errors and coverage by series, channel and day of `time`."""
    judged = rows[keys].copy()
    judged["error"] = (rows["y"] - rows["forecast"]).abs()
    judged["expected"] = (rows["hi-80"] - rows["lo-80"]) / (ndtri(0.9) - ndtri(0.1)) * _MEAN
    judged["inside"] = rows["y"].between(rows["lo-80"], rows["hi-80"])
    by = list(keys)
    if time is not None:
        judged["day"] = rows[time].dt.floor("D")
        by.append("day")
    grouped = judged.groupby(by, sort=False) if by else judged.groupby(np.zeros(len(judged)))
    out = pd.DataFrame(
        {
            "n": grouped.size(),
            "mae": grouped["error"].mean(),
            "expected_mae": grouped["expected"].mean(),
            "ratio": grouped["error"].mean() / grouped["expected"].mean(),
            "coverage-80": grouped["inside"].mean(),
        }
    )
    return out.reset_index(drop=not by)


def _since(score: Any, times: Any) -> dict[str, Any]:
    """When scores began to be off, and when they began to be larger."""
    clipped = np.clip(score, -_LARGEST, _LARGEST)
    sides = [found for found in (alarm(clipped, *_SHIFT), alarm(-clipped, *_SHIFT)) if found is not None]
    size = (np.abs(clipped) - _MEAN) / _DEVIATION
    out: dict[str, Any] = {}
    for name, found in (("shift", min(sides, default=None)), ("noise", alarm(size, *_NOISE))):
        out |= {
            f"{name}_since": pd.NaT if found is None else times[min(found[1], found[0])],
            f"{name}_found": pd.NaT if found is None else times[found[0]],
        }
    return out


def _longest_in_training(model: SSMForecaster) -> int:
    """The most equal values in a row at the end of training."""
    tail = model.fitted_.tail
    if tail is None:
        return 1
    longest = 1
    for series in tail.series:
        for values in series.values.T:
            seen = values[~np.isnan(values)]
            longest = max(longest, int(longest_runs(seen).max(initial=1)))
    return longest


def _pandas(frame: Any) -> pd.DataFrame:
    return frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()


def _like(native: Any, frame: pd.DataFrame) -> Any:
    """A frame in the library of another."""
    if isinstance(native, pd.DataFrame):
        return frame
    import polars

    return polars.from_pandas(frame)
