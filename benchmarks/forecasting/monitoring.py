"""Faults of made-up sensors, found or not: ``python -m benchmarks.forecasting.monitoring``.

Hourly sensors with a daily and a weekly wave and a random walk: 2,000 hours of training, 800 later, with one
fault each (spike, stuck, shift, noise) or none. Beside `ssmts.monitor`: values, and changes from a day
before, that lie 3.29 deviations from the mean of the week before, as dashboards have them.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.output import RESULTS, markdown_table, write_json, write_text
from ssmts import LinearSSMForecaster, monitor

METHODS = ("monitor", "values", "daily changes")
KINDS = ("none", "spike", "stuck", "shift", "noise")
_TRAINING, _LATER, _DAY, _WEEK, _WITHIN = 2000, 800, 24, 168, 72  # hours
_LIMIT = 3.29


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensors", type=int, default=20, help="of every kind of fault")
    options = parser.parse_args(arguments)
    rows = compared(options.sensors)
    write_json(RESULTS / "raw" / "monitoring.json", rows)
    header = ["fault", *(f"{name}: {what}" for name in METHODS for what in ("found", "hours", "false"))]
    cells = [
        [row["fault"]]
        + [
            cell
            for own in (row[name] for name in METHODS)
            for cell in (f"{own['found']:.0%}", f"{own['delay']:.0f}", f"{own['false']:.2%}")
        ]
        for row in rows
    ]
    text = markdown_table(header, cells)
    about = __doc__.split("\n\n")[1].strip()
    note = "Found: an alarm within 72 hours of its beginning. False alarms: share of hours before the fault."
    write_text(RESULTS / "monitoring.md", f"# Monitoring\n\n{about}\n\n{note}\n\n{text}\n")
    print(text)


def compared(n_sensors: int, kinds: tuple[str, ...] = KINDS) -> list[dict[str, Any]]:
    """Share of faults found, median hours until then, and false alarms, by fault and method."""
    out = []
    for number, kind in enumerate(kinds):
        found: dict[str, list[tuple[bool, float, float]]] = {name: [] for name in METHODS}
        for k in range(n_sensors):
            frame, begin = sensor(kind, 1000 * number + k)
            for name, alarms in _alarms(frame).items():
                before, after = alarms[:begin], np.flatnonzero(alarms[begin : begin + _WITHIN])
                found[name].append(
                    (bool(len(after)), float(after[0]) if len(after) else np.nan, before.mean())
                )
        out.append({"fault": kind} | {name: _summary(own) for name, own in found.items()})
    return out


def _summary(judged: list[tuple[bool, float, float]]) -> dict[str, float]:
    hit, delay, false = map(np.array, zip(*judged))
    return {
        "found": float(hit.mean()),
        "delay": float(np.median(delay[hit])) if hit.any() else float("nan"),
        "false": float(false.mean()),
    }


def sensor(kind: str, seed: int) -> tuple[pd.DataFrame, int]:
    """A sensor, and the later hour at which its fault begins."""
    rng, t = np.random.default_rng(seed), np.arange(_TRAINING + _LATER)
    y = 2 * np.sin(2 * np.pi * t / 24 + rng.uniform(0, 6)) + np.sin(2 * np.pi * t / 168 + rng.uniform(0, 6))
    y += 0.03 * rng.normal(size=len(t)).cumsum() + 0.3 * rng.normal(size=len(t))
    begin = int(rng.integers(200, 600))
    fault = y[_TRAINING + begin :]  # a view
    if kind == "spike":
        fault[0] += rng.choice([-3.0, 3.0])
    elif kind == "stuck":
        fault[:48] = fault[0]
    elif kind == "shift":
        fault += rng.choice([-1.5, 1.5])
    elif kind == "noise":
        fault += 0.9 * rng.normal(size=len(fault))
    return pd.DataFrame({"y": y}, pd.date_range("2025-01-01", periods=len(t), freq="h")), begin


def _alarms(frame: pd.DataFrame) -> dict[str, Any]:
    """Hours with an alarm among the later ones, by method."""
    training, later = frame.iloc[:_TRAINING], frame.iloc[_TRAINING:]
    found = monitor(LinearSSMForecaster(horizon=24).fit(training), later)
    ours = found.rows["anomaly"].notna().to_numpy().copy()
    for name in ("shift_found", "noise_found"):
        ours |= later.index == found.drift[name].iloc[0]
    return {"monitor": ours, "values": _far(frame["y"]), "daily changes": _far(frame["y"].diff(_DAY))}


def _far(values: pd.Series) -> Any:
    """Later hours that lie far from the mean of the week before, in its deviations."""
    past = values.shift(1).rolling(_WEEK)
    scores = ((values - past.mean()) / past.std()).iloc[_TRAINING:]
    return (scores.abs() > _LIMIT).to_numpy()


if __name__ == "__main__":
    main()
