"""Series nobody tuned on, defaults alone: ``python -m benchmarks.forecasting.untuned``.

Twelve series that ship in installable packages (statsmodels, vega_datasets, sktime). The last fifth of each
is forecast from up to eight origins, the horizon (or more) apart; every method sees what lies before an
origin, is fitted there anew and is told nothing else. ``LinearSSMForecaster`` has its defaults
and finds context and period itself; the seasonal methods are told the season. Scores are mean absolute errors
over that of the seasonal naive forecast inside the first four fifths (MASE). AutoETS is statsforecast's
(``pip install statsforecast``); it sees the last 2,000 rows.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from benchmarks.forecasting.untuned_series import Series, untuned_series
from benchmarks.output import RESULTS, markdown_table, write_json, write_text
from ssmts import LinearSSMForecaster

Array = NDArray[np.float64]

_MOST_ORIGINS = 8
_MOST_OF_ETS = 2000


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.parse_args(arguments)
    methods: dict[str, Callable[[Array, Series], Array]] = {
        "LinearSSMForecaster": _ours,
        "AutoETS": auto_ets(),
        "ridge on lags": ridge_on_lags,
        "seasonal naive": seasonal_naive,
        "last value": last_value,
    }
    results = []
    for series in untuned_series():
        results.append(scores(series, methods))
        print(series.name, results[-1]["mase"], file=sys.stderr, flush=True)
    write_json(RESULTS / "raw" / "untuned" / "untuned.json", {"results": results})
    text = page(results)
    write_text(RESULTS / "untuned" / "README.md", text)
    print(text)


def scores(series: Series, methods: dict[str, Callable[[Array, Series], Array]]) -> dict[str, Any]:
    """MASE and seconds a fit and forecast of every method on one series."""
    values, horizon, season = series.values, series.horizon, series.season
    first = len(values) - len(values) // 5
    scale = float(np.abs(values[season:first] - values[: first - season]).mean())
    room = len(values) - horizon - first
    n_origins = min(_MOST_ORIGINS, 1 + max(room, 0) // horizon)
    ends = np.linspace(first, first + max(room, 0), n_origins).astype(int)
    mase, seconds = dict[str, float](), dict[str, float]()
    for name, forecast in methods.items():
        errors, begun = [], time.process_time()
        for end in ends:
            told = forecast(values[:end], series)
            errors.append(float(np.abs(told - values[end : end + horizon]).mean()))
        mase[name] = float(np.mean(errors)) / scale
        seconds[name] = round((time.process_time() - begun) / len(ends), 3)
    return {
        "series": series.name,
        "length": len(values),
        "horizon": horizon,
        "season": season,
        "n_origins": n_origins,
        "mase": {name: round(value, 4) for name, value in mase.items()},
        "cpu_s": seconds,
    }


def _ours(past: Array, series: Series) -> Array:
    model = LinearSSMForecaster(horizon=series.horizon).fit(past)
    return np.asarray(model.predict())


def auto_ets() -> Callable[[Array, Series], Array]:
    """AutoETS of statsforecast."""
    try:
        from statsforecast.models import AutoETS
    except ImportError as error:
        raise SystemExit("This command compares with AutoETS: pip install statsforecast") from error

    def forecast(past: Array, series: Series) -> Array:
        model = AutoETS(season_length=series.season if series.season <= 24 else 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(model.forecast(past[-_MOST_OF_ETS:], series.horizon)["mean"])

    return forecast


def ridge_on_lags(past: Array, series: Series) -> Array:
    """Future minus the window's mean from two seasons (or horizons) of lags, penalty by leave-one-out."""
    width = min(2 * max(series.season, series.horizon), (len(past) - series.horizon) // 2)
    windows = np.lib.stride_tricks.sliding_window_view(past, width + series.horizon)
    mean = windows[:, :width].mean(axis=1, keepdims=True)
    model = RidgeCV(alphas=np.geomspace(1e-3, 1e3, 13) * windows.shape[0] * past.var() / 100.0)
    model.fit(windows[:, :width] - mean, windows[:, width:] - mean)
    last = past[-width:]
    return np.asarray(model.predict((last - last.mean())[None])[0] + last.mean())


def seasonal_naive(past: Array, series: Series) -> Array:
    """The last season again."""
    return np.resize(past[-series.season :], series.horizon)


def last_value(past: Array, series: Series) -> Array:
    """The last value again."""
    return np.full(series.horizon, past[-1])


def page(results: list[dict[str, Any]]) -> str:
    """Table of all series, the best of each in bold, and the mean rank of every method."""
    names = list(results[0]["mase"])
    table = np.array([[row["mase"][name] for name in names] for row in results])
    ranks = table.argsort(axis=1).argsort(axis=1) + 1.0
    rows = []
    for row, figures in zip(results, table, strict=True):
        best = figures.min()
        cells = [f"**{x:.3f}**" if x == best else f"{x:.3f}" for x in figures]
        rows.append([row["series"], str(row["length"]), str(row["horizon"]), str(row["n_origins"]), *cells])
    rows.append(["mean rank", "", "", "", *(f"{x:.2f}" for x in ranks.mean(axis=0))])
    rows.append(["geometric mean", "", "", "", *(f"{x:.3f}" for x in np.exp(np.log(table).mean(axis=0)))])
    seconds = [np.mean([row["cpu_s"][name] for row in results]) for name in names]
    rows.append(["processor seconds a fit", "", "", "", *(f"{x:.2f}" for x in seconds)])
    header = ["series", "rows", "horizon", "origins", *names]
    note = (
        "MASE on the last fifth of each series, from up to eight origins, every method fitted anew at each "
        "with its defaults. Seasons longer than 24 rows are not told to AutoETS, which cannot take them. "
        "`python -m benchmarks.forecasting.untuned` makes this page."
    )
    return f"# Series nobody tuned on\n\n{note}\n\n{markdown_table(header, rows)}"


if __name__ == "__main__":
    main()
