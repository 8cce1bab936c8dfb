"""Windows with gaps: ``python -m benchmarks.irregular.gaps --data ETTh1 --test``.

A `LinearSSMForecaster` that was fitted on regular data (hourly sets: 720 to 96 hours; 15-minute sets: 14 days
to 1 day) is asked from windows of which rows, stretches of rows or single values are left out, and judged on
the rows after each. Every window keeps its last row; origins are 53 hours apart. These ways use the same
weights: ``foh`` (lines, no grid), ``interpolate`` (fill on lines by pandas, then predict), ``ignore`` (take
the rows left as consecutive), ``zoh`` (forward fill), ``gp`` (conditional expectation), ``auto``.
``refit`` has weights of its own, learnt from training windows of which as many rows were left out, read on
lines (hourly sets). Without ``--test`` the model learns on 12 months and is judged on the validation span.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.output import RESULTS, log_test, markdown_table, write_json, write_text
from benchmarks.windows import build, split, standardised
from ssmts.estimators import SSMForecaster
from ssmts.models import ForecastModel
from ssmts.models.linear.moments import Moments, floored
from ssmts.models.linear.path import LinearPath
from ssmts.models.linear.ridge import solve
from ssmts.models.state_space.window_states import final_weights, observation_weights, window_deviation
from ssmts_datasets import load_ett

SEEDS = (0, 1, 2)
REFITTED = ("75%", "50%", "25%", "10%")
REFIT_STRIDE = 7  # rows between the training windows of a refit: states of each are computed one by one
DATASETS = ("ETTh1", "ETTh2", "ETTm1", "ETTm2")
GAPS = ("100%", "75%", "50%", "25%", "10%", "bursts", "days", "values 50%", "values 10%")
HOLDS = ("foh", "zoh", "gp", "auto")
WAYS = ("foh", "interpolate", "ignore", "zoh", "gp", "auto")
MEASURED = ("foh", "interpolate", "gp")  # in memory


@dataclass(frozen=True)
class Shape:
    """Windows of a set, in rows."""

    context: int
    horizon: int
    stride: int
    day: int

    @property
    def frequency(self) -> str:
        """Spacing of the rows."""
        return f"{1440 // self.day}min"


SHAPES = {"h": Shape(720, 96, 53, 24), "m": Shape(1344, 96, 212, 96)}


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    options = parser.parse_args(arguments)
    if options.test:
        log_test(["python -m benchmarks.irregular.gaps", *arguments])
    for name in options.data:
        result = run(name, test=options.test)
        if options.test:
            store(result)
        print(to_markdown(result), flush=True)


def run(name: str, *, test: bool, seeds: tuple[int, ...] = SEEDS) -> dict[str, Any]:
    """MSE of every way for every kind of gap, by seed of the gaps; CPU time and memory of a window."""
    shape = SHAPES[name[3]]
    parts = split(standardised(load_ett(name)), shape.context, test=test)
    model = build("LinearSSMForecaster", shape.horizon, shape.context, None)
    model.fit(parts.train, validation=parts.validation)
    models = {hold: with_hold(model, hold) for hold in HOLDS}
    rows = []
    for gaps in GAPS:
        ways: tuple[str, ...] = WAYS
        if gaps in REFITTED and name[3] == "h":
            ways = (*WAYS, "refit")
            models["refit"] = with_hold(model, "foh", refitted(model, parts.learnt, gaps, shape))
        for seed in seeds if gaps != "100%" else seeds[:1]:
            errors, seconds = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0)
            origins = range(shape.context - 1, len(parts.judged) - shape.horizon, shape.stride)
            for origin in origins:
                window = parts.judged.iloc[origin - shape.context + 1 : origin + 1]
                truth = parts.judged.iloc[origin + 1 : origin + 1 + shape.horizon].to_numpy()
                rng = np.random.default_rng([seed, origin])
                thinned = window.where(kept(gaps, rng, window.shape, shape.day)).dropna(how="all")
                for way in ways:
                    begun = time.process_time()
                    forecast = ask(models, way, thinned, shape.frequency)
                    seconds[way] += time.process_time() - begun
                    errors[way] += float(((forecast - truth) ** 2).mean())
            n = len(origins)
            for way in ways:
                row = {"gaps": gaps, "seed": seed, "way": way, "mse": errors[way] / n}
                row["ms"] = 1e3 * seconds[way] / n
                if way in MEASURED:
                    row["kib"] = peak(models, way, thinned, shape.frequency)
                rows.append(row)
    return {"data": name, "span": "test" if test else "validation", "windows": n, "results": rows}


def peak(models: dict[str, SSMForecaster], way: str, thinned: pd.DataFrame, frequency: str) -> float:
    """Most memory that a forecast takes beyond what is kept, in KiB."""
    tracemalloc.start()
    ask(models, way, thinned, frequency)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1024


def refitted(model: SSMForecaster, frame: pd.DataFrame, gaps: str, shape: Shape) -> LinearPath:
    """Weights learnt from windows with as many rows left out, read on lines; the futures are whole."""
    fitted = model.fitted_
    linear, scale = fitted.model.linear, fitted.scaling.scale[0]
    assert fitted.sums is not None
    series = (frame.to_numpy() / scale).T
    n_channels, horizon = len(series), shape.horizon
    moments = Moments.zeros(1, n_channels, linear.bank.n_features + 1, horizon + 1)
    rng = np.random.default_rng(0)
    for origin in range(shape.context - 1, series.shape[1] - horizon - 1, REFIT_STRIDE):
        times = np.flatnonzero(kept(gaps, rng, (shape.context, 1), shape.day)[:, 0]).astype(float)
        values = series[:, origin - shape.context + 1 + times.astype(int)]
        mean = values @ observation_weights(times)
        centred = values - mean[:, None]
        constant = floored(window_deviation(times, centred))[:, None]
        features = np.concatenate([centred @ final_weights(times, linear.bank), constant], axis=1)
        future = series[:, origin : origin + horizon + 1] - mean[:, None]
        for channel in range(n_channels):
            own = slice(channel, channel + 1)
            moments.add(0, channel, features[own], future[own])
    return LinearPath(linear.config, *solve(moments.completed(), fitted.sums.penalties, horizon))


def with_hold(model: SSMForecaster, hold: str, linear: LinearPath | None = None) -> SSMForecaster:
    """The same fitted model with another hold, or other weights."""
    fitted = model.fitted_
    known = fitted.model
    other = ForecastModel(
        replace(known.config, hold=hold),
        linear or known.linear,
        known.deep,
        known.error_quantiles,
        known.covariance,
    )
    return model.with_fitted(replace(fitted, model=other))


def kept(gaps: str, rng: np.random.Generator, shape: tuple[int, int], day: int) -> np.ndarray:
    """What of a window was observed; its last row always was."""
    length = shape[0]
    mask = np.ones(shape, dtype=bool)
    if gaps == "bursts":  # a stretch of 6 to 24 hours for every 30 hours
        for begin in rng.integers(0, length, length * 24 // (30 * day)):
            mask[begin : begin + rng.integers(day // 4, day + 1)] = False
    elif gaps == "days":  # a third of the days
        for begin in rng.choice(length // day, length // (3 * day), replace=False) * day:
            mask[begin : begin + day] = False
    elif gaps.startswith("values"):
        mask = rng.random(shape) < float(gaps.removeprefix("values ").rstrip("%")) / 100
    elif gaps != "100%":
        mask &= rng.random((length, 1)) < float(gaps.rstrip("%")) / 100
    mask[-1] = True
    return mask


def ask(models: dict[str, SSMForecaster], way: str, thinned: pd.DataFrame, frequency: str) -> np.ndarray:
    """Forecast in steps of the training data from what is left of a window."""
    if way == "interpolate":
        filled = thinned.resample(frequency).interpolate("linear").bfill()
        return models["foh"].predict(filled).to_numpy()
    if way == "ignore":
        whole = thinned.ffill().bfill()
        index = pd.date_range(end=whole.index[-1], periods=len(whole), freq=frequency, name=whole.index.name)
        return models["foh"].predict(whole.set_axis(index)).to_numpy()
    return models[way].predict(thinned, step=frequency).to_numpy()


def store(result: dict[str, Any], results: Path = RESULTS) -> None:
    """Write a result, its page and its picture."""
    stem = results / "irregular" / result["data"]
    write_json(results / "raw" / "irregular" / f"{stem.name}.json", result)
    write_text(stem.with_suffix(".md"), f"{to_markdown(result)}\n![MSE by kind of gap]({stem.name}.png)\n")
    draw(result, stem.with_suffix(".png"))


def means(result: dict[str, Any], figure: str) -> pd.DataFrame:
    """Mean over seeds, kinds of gaps by ways."""
    table = pd.DataFrame(result["results"]).pivot_table(figure, "gaps", "way", dropna=False)
    return table.reindex(index=list(GAPS), columns=[*WAYS, "refit"])


def to_markdown(result: dict[str, Any]) -> str:
    """MSE of every way, what a perfect filling would gain, and time and memory of a window."""
    mse, spread = means(result, "mse"), pd.DataFrame(result["results"])
    spread = spread[spread["way"] == "auto"].groupby("gaps")["mse"].std()
    milliseconds, kib, whole = means(result, "ms"), means(result, "kib"), mse.loc["100%", "foh"]
    lines = []
    for gaps, own in mse.iterrows():
        cells = [gaps, *("" if np.isnan(v) else f"{v:.4f}" for v in own)]
        cells += [f"{v / own['interpolate'] - 1:+.1%}" for v in (own["gp"], whole)]
        cells.append("" if np.isnan(own["refit"]) else f"{own['gp'] / own['refit'] - 1:+.1%}")
        cells.append("" if np.isnan(spread[gaps]) else f"{spread[gaps]:.4f}")
        cells += [f"{milliseconds.loc[gaps, way]:.1f}" for way in MEASURED]
        cells += [f"{kib.loc[gaps, way]:.0f}" for way in MEASURED]
        lines.append(cells)
    ratios = ["gp / interpolate", "perfect filling / interpolate", "gp / refit", "spread"]
    header = [
        "left",
        *WAYS,
        "refit",
        *ratios,
        *(f"ms {w}" for w in MEASURED),
        *(f"KiB {w}" for w in MEASURED),
    ]
    shape = SHAPES[result["data"][3]]
    return f"""# {result["data"]}, {shape.context} to {shape.horizon} rows, windows with gaps

{result["span"]} span, an origin every {shape.stride} rows ({result["windows"]} windows), mean over
{len(SEEDS)} seeds of the gaps, MSE on standardised values. `bursts`: 6 to 24 hours gone for every
30 hours; `days`: a third of the days gone; `values`: single values gone by channel. `refit` (hourly sets):
weights learnt from training windows thinned as much, every {REFIT_STRIDE}th row an origin. A perfect filling
is the window without gaps: no way to fill can gain more than it does. ms: CPU time of one `predict` of seven
channels (one window for each in the rows `values`, one for all elsewhere); KiB: the most memory it takes.
`python -m benchmarks.irregular.gaps --test` makes this page.

{markdown_table(header, lines)}"""


def draw(result: dict[str, Any], path: Path) -> None:
    """MSE of every way by kind of gap."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
    mse = means(result, "mse")
    for way, style in zip(("ignore", "zoh", "interpolate", "gp"), ("v:", "s--", "x--", "o-")):
        axes.plot(mse.index, mse[way], style, label=way, linewidth=2 if way == "gp" else 1.3)
    axes.set(ylabel="MSE (standardised)", xlabel="what is left of a window", ylim=(0, 3 * mse["gp"].max()))
    axes.set_title(f"{result['data']}, the same weights, {result['span']} span", fontsize=10)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    beside = path.with_name(f"{path.stem}.part.png")
    figure.savefig(beside, dpi=110)
    plt.close(figure)
    beside.replace(path)


if __name__ == "__main__":
    main()
