"""What covariates are worth: errors with and without them, on data whose optimum is known and on real data.

    python -m benchmarks.forecasting.covariates

Every model has its defaults; the first 70% of the rows are for fit, every origin of the rest is forecast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.output import RESULTS, log_test, markdown_table, write_json, write_text
from ssmts import LinearSSMForecaster

__all__ = ["PROBLEMS", "Problem", "generated", "run"]

_TRAINED = 0.7
_SEEN = """The last 30% of the rows were seen while three defaults were settled
([decision 060](../../docs/decisions/060-covariates-behind-the-linear-path.md)): expect a little less of new
data. The best possible forecast knows the process; its error is that on the same rows. Covariates known ahead
are the true ones, as if their own forecasts were perfect. *Refused*: held-out blocks saw no gain, and the
model is the one without.
"""


@dataclass(frozen=True)
class Problem:
    """A frame, its target, and the ways to forecast it.

    Parameters
    ----------
    name : str
    frame : pandas.DataFrame
        The target and all covariates.
    target : str
    horizon : int
    ways : dict
        Parameters of the forecaster by name of the row.
    best : dict
        The best possible forecast from an origin, where it is known, by name of the row.
    """

    name: str
    frame: pd.DataFrame
    target: str
    horizon: int
    ways: dict[str, dict[str, Any]]
    best: dict[str, Callable[[int], NDArray[np.float64]]] = field(default_factory=dict)


def generated(length: int = 3000, horizon: int = 24) -> Problem:
    """y = 2 x + v with x and v autoregressive (.9 and .98, innovations of deviation 1 and .5)."""
    rng = np.random.default_rng(0)
    x, v = _autoregressive(rng, length, 0.9, 1.0), _autoregressive(rng, length, 0.98, 0.5)
    times = pd.date_range("2024-01-01", periods=length, freq="h", name="time")
    frame = pd.DataFrame({"y": 2.0 * x + v, "x": x}, index=times)
    leads = np.arange(1, horizon + 1)

    def from_last(origin: int) -> NDArray[np.float64]:
        """What the last x and v say of the next y."""
        return np.asarray(2.0 * x[origin - 1] * 0.9**leads + v[origin - 1] * 0.98**leads)

    def from_last_and_ahead(origin: int) -> NDArray[np.float64]:
        """What the last v and the coming x say of it."""
        return np.asarray(2.0 * x[origin : origin + horizon] + v[origin - 1] * 0.98**leads)

    return Problem(
        "generated",
        frame,
        "y",
        horizon,
        {
            "without": {},
            "x known so far": {"past_covariates": "x"},
            "x known ahead": {"future_covariates": "x"},
            "noise known ahead": {"future_covariates": "noise"},
        },
        {"x known so far": from_last, "x known ahead": from_last_and_ahead},
    )


def _autoregressive(
    rng: np.random.Generator, length: int, memory: float, deviation: float
) -> NDArray[np.float64]:
    out = np.zeros(length)
    for k, noise in enumerate(deviation * rng.standard_normal(length - 1), start=1):
        out[k] = memory * out[k - 1] + noise
    return out


def _macro() -> Problem:
    """Quarterly growth of consumption in the United States, 1959 to 2009 (statsmodels)."""
    from statsmodels.datasets import macrodata

    data = macrodata.load_pandas().data
    index = pd.date_range("1959-01-01", periods=len(data), freq="QS", name="quarter")
    growth = 400.0 * np.log(data[["realcons", "realdpi", "realinv"]]).diff()
    frame = growth.assign(unemp=data["unemp"].diff())[1:].set_index(index[1:])
    others = ["realdpi", "realinv", "unemp"]
    ways = {
        "without": {},
        "income, investment, unemployment so far": {"past_covariates": others},
        "income, investment, unemployment ahead": {"future_covariates": others},
    }
    return Problem("US consumption growth, 4 quarters", frame, "realcons", 4, ways)


def _weather() -> Problem:
    """Daily highest temperature in Seattle, 2012 to 2015 (vega_datasets)."""
    from vega_datasets import data

    frame = data.seattle_weather().set_index("date")
    others = ["precipitation", "temp_min", "wind", "weather"]
    ways = {
        "without": {},
        "calendar": {"calendar": True},
        "rain, night, wind, weather so far": {"past_covariates": others},
        "rain, wind, weather ahead": {"future_covariates": ["precipitation", "wind", "weather"]},
        "and the night's temperature ahead": {"future_covariates": others},
        "and the calendar": {"future_covariates": others, "calendar": True},
    }
    return Problem("Seattle, highest temperature, 7 days", frame, "temp_max", 7, ways)


PROBLEMS: tuple[Callable[[], Problem], ...] = (generated, _macro, _weather)


def run(problem: Problem) -> list[dict[str, Any]]:
    """Errors of every way on every origin of the last 30% of the rows.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    list of dict
        Mean squared errors, that of the last value beside them, and whether covariates were accepted.
    """
    frame, target, horizon = problem.frame, problem.target, problem.horizon
    if any("noise" in str(way) for way in problem.ways.values()):
        frame = frame.assign(noise=np.random.default_rng(1).standard_normal(len(frame)).cumsum())
    first = int(_TRAINED * len(frame))
    origins = range(first, len(frame) - horizon + 1)
    truth = np.stack([frame[target].to_numpy()[o : o + horizon] for o in origins])
    last = frame[target].to_numpy()[np.array(origins) - 1]
    rows = []
    for name, options in problem.ways.items():
        past, ahead = (_listed(options.get(f"{part}_covariates")) for part in ("past", "future"))
        used = frame[[target, *past, *ahead]]
        model = LinearSSMForecaster(horizon, target_cols=target, **options).fit(used[:first])
        context = int(np.ceil(model.context_length_)) + 128  # a run-in of the covariates
        forecasts = [
            model.predict(
                used[max(o - context, 0) : o], **({"future": used[ahead][o : o + horizon]} if ahead else {})
            )[target].to_numpy()
            for o in origins
        ]
        records = [model.history_[key] for key in ("covariates", "mixing") if key in model.history_]
        rows.append(
            {
                "problem": problem.name,
                "way": name,
                "mse": float(((np.stack(forecasts) - truth) ** 2).mean()),
                "last_value": float(((last[:, None] - truth) ** 2).mean()),
                "optimum": None
                if name not in problem.best
                else float(((np.stack([problem.best[name](o) for o in origins]) - truth) ** 2).mean()),
                "accepted": any(record["accepted"] for record in records) if records else None,
                "n_origins": len(origins),
            }
        )
    return rows


def _listed(names: Any) -> list[str]:
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def _page(rows: list[dict[str, Any]]) -> str:
    header = ["problem", "covariates", "MSE", "of that without", "best possible", "last value", "used"]
    without = {row["problem"]: row["mse"] for row in rows if row["way"] == "without"}
    cells = [
        [
            row["problem"],
            row["way"],
            f"{row['mse']:.3g}",
            f"{row['mse'] / without[row['problem']]:.2f}",
            "" if row["optimum"] is None else f"{row['optimum']:.3g}",
            f"{row['last_value']:.3g}",
            {None: "", True: "yes", False: "refused"}[row["accepted"]],
        ]
        for row in rows
    ]
    table = markdown_table(header, cells)
    title = "# Covariates\n\n`python -m benchmarks.forecasting.covariates`; defaults, first 70% for fit."
    return f"{title}\n\n{table}\n{_SEEN}"


def main() -> None:
    """Run all problems and write the table."""
    log_test(["python", "-m", "benchmarks.forecasting.covariates"])
    rows: list[dict[str, Any]] = []
    for make in PROBLEMS:
        try:
            problem = make()
        except ImportError as error:
            print(f"{make.__name__} left out: {error}. pip install 'ssmts[examples]' brings its data.")
            continue
        rows += run(problem)
        for row in rows[-len(problem.ways) :]:
            print(row)
    write_json(RESULTS / "raw" / "covariates.json", rows)
    write_text(RESULTS / "covariates.md", _page(rows))


if __name__ == "__main__":
    main()
