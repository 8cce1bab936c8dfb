"""Training data with hours and days that are always missing: ``python -m benchmarks.irregular.resting``.

Two minutes. ETT, hourly, 30 days to 4 days, of which some rows are never there: nights, weekends, rows by
chance. Fitted on the training span, judged on the validation span at the rows that are there; ``--test``
judges on the test span. Beside it the same forecaster on rows that were interpolated to the hour first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.output import RESULTS, log_test, markdown_table, write_text
from benchmarks.windows import standardised
from ssmts import LinearSSMForecaster
from ssmts_datasets import load_ett

HORIZON, CONTEXT = pd.Timedelta("4D"), pd.Timedelta("30D")
EVERY = 97  # hours between origins
SETS = ("ETTh1", "ETTh2")


def patterns(index: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Names, and which rows are there."""
    chance = np.random.default_rng(0).random(len(index))
    yield "6 to 22 h", (index.hour >= 6) & (index.hour < 22)
    yield "8 to 18 h", (index.hour >= 8) & (index.hour < 18)
    yield "Monday to Friday", index.dayofweek < 5
    yield "half of the rows", chance < 0.5
    yield "a quarter of the rows", chance < 0.25


def error(frame: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp, *, interpolate: bool) -> float:
    """Mean squared error of forecasts from every 97th hour between two instants."""

    def seen(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.resample("h").interpolate("time") if interpolate else rows

    model = LinearSSMForecaster(HORIZON, CONTEXT).fit(seen(frame[frame.index < begin]))
    errors = []
    for origin in pd.date_range(begin, end - HORIZON, freq=f"{EVERY}h"):
        recent = frame[(frame.index <= origin) & (frame.index > origin - CONTEXT - pd.Timedelta("1D"))]
        last = recent.index[-1]
        truth = frame[(frame.index > last) & (frame.index <= last + HORIZON)]
        errors.append(((model.predict(seen(recent), at=truth.index) - truth) ** 2).to_numpy().ravel())
    return float(np.concatenate(errors).mean())


def main(arguments: list[str] | None = None) -> None:
    """Print the table; with ``--test`` store it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--test", action="store_true", help="judge on the test span, and say so in the log")
    options = parser.parse_args(arguments)
    rows = []
    if options.test:
        log_test(["benchmarks.irregular.resting", *options.data])
    for name in options.data:
        data = standardised(load_ett(name))
        span = data.split("test") if options.test else data.validation
        frame, begin, end = data.frame, span.index[0], span.index[-1]
        for label, kept in patterns(frame.index):
            rest = frame[kept]
            figures = [error(rest, begin, end, interpolate=way) for way in (False, True)]
            rows.append([name, label, *(f"{figure:.4f}" for figure in figures)])
            print(*rows[-1], flush=True)
    header = ["data", "rows that are there", "as they come", "interpolated to the hour first"]
    table = markdown_table(header, rows)
    if options.test:
        title = "# Rows that are never there\n\n"
        title += "`python -m benchmarks.irregular.resting --test`: MSE on standardised values, "
        title += "30 days to 4 days.\n\n"
        write_text(RESULTS / "resting.md", title + table)
    else:
        print(table)


if __name__ == "__main__":
    main()
