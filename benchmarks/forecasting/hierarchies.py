"""Tourism by region, state and purpose, reconciled: ``python -m benchmarks.forecasting.hierarchies``.

Errors of reconciled forecasts in those of the forecasts before, by level, at the end of training.
The last eight quarters, which are the test of other tables, are not read.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.output import RESULTS, markdown_table, write_json, write_text
from ssmts import HierarchicalForecaster, LinearSSMForecaster
from ssmts.errors import TooShortWarning
from ssmts.hierarchies.reconciliation import METHODS

KEYS = ["State", "Region", "Purpose"]
LEVELS = [[], ["State"], ["State", "Region"], ["Purpose"], ["State", "Purpose"]]
_HORIZON, _TEST, _APART = 8, 8, 4  # quarters


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--origins", type=int, default=5)
    parser.add_argument("--windows", type=int, default=HierarchicalForecaster().n_windows)
    options = parser.parse_args(arguments)
    table = compared(tourism(), options.origins, options.windows)
    write_json(RESULTS / "raw" / "hierarchies.json", table)
    levels = list(table["base"])
    rows = [[name, *(f"{table[name][level]:.3f}" for level in levels)] for name in table]
    text = markdown_table(["method", *levels], rows)
    about = __doc__.split("\n\n")[1].strip()
    write_text(RESULTS / "hierarchies.md", f"# Hierarchies\n\n{about} {options.origins} origins.\n\n{text}\n")
    print(text)


def tourism() -> pd.DataFrame:
    """Trips by quarter, without the last eight."""
    home = os.environ.get("SSMTS_DATA_HOME")
    if home is None:
        raise SystemExit("set SSMTS_DATA_HOME to the folder that holds field/tourism_quarterly.parquet")
    frame = pd.read_parquet(Path(home, "field", "tourism_quarterly.parquet"))
    frame["ds"] = pd.PeriodIndex(frame["Quarter"].str.replace(" ", ""), freq="Q").to_timestamp()
    return frame[frame["ds"] < np.sort(frame["ds"].unique())[-_TEST]]


def compared(frame: pd.DataFrame, n_origins: int, n_windows: int) -> dict[str, dict[str, float]]:
    """Root mean squared errors by method and level, relative to those of the forecasts before."""
    times, squares = np.sort(frame["ds"].unique()), dict[str, dict[str, float]]()
    for number in range(n_origins):
        end = len(times) - number * _APART
        past = frame[frame["ds"] < times[end - _HORIZON]]
        ahead = frame[(frame["ds"] >= times[end - _HORIZON]) & (frame["ds"] <= times[end - 1])]
        for method in METHODS:
            model = HierarchicalForecaster(
                LinearSSMForecaster(horizon=_HORIZON),
                keys=KEYS,
                levels=LEVELS,
                target_col="Trips",
                method=method,
                n_windows=n_windows,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TooShortWarning)
                model.fit(past)
            _add(squares, method, model, ahead)
    return {
        name: {level: float(np.sqrt(own / squares["base"][level])) for level, own in levels.items()}
        for name, levels in squares.items()
    }


def _add(squares: dict[str, dict[str, float]], method: str, model: Any, ahead: pd.DataFrame) -> None:
    """Squared errors of a fitted model by level, and once those of its base forecasts."""
    hierarchy = model.hierarchy_
    truth = hierarchy.values(ahead, "ds", "Trips")[1]
    found = model.predict()["Trips"].to_numpy().reshape(len(hierarchy.labels), -1)
    base = model.model_.predict().pivot(index="unique_id", columns="ds", values="Trips")
    base = base.loc[["/".join(label) for label in hierarchy.labels]].to_numpy()
    for name, forecast in (("base", base), (method, found)):
        if name == "base" and method != METHODS[0]:
            continue
        for label, error in zip(hierarchy.labels, ((forecast - truth) ** 2).sum(axis=1)):
            level = " x ".join(k for k, v in zip(KEYS, label) if v != "(all)") or "total"
            own = squares.setdefault(name, {})
            own[level] = own.get(level, 0.0) + float(error)


if __name__ == "__main__":
    main()
