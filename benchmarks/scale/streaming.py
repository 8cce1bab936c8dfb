"""Data as it comes, forecasts of the past: ``python -m benchmarks.scale.streaming``.

Update of one observation as history grows (time and memory), updates of many series in one frame, forecasts
of a stream, and backtests of all origins. Every figure is taken after a check that the forecast of the
stream, or of the batched pass, is that of `predict` on the same rows.
"""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.output import RESULTS, markdown_table, raw_of, write_json, write_text
from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts_datasets import make_sines

CONTEXT, HORIZON = 720, 96
HISTORY = (10**3, 10**4, 10**5, 10**6)
TARGETS = {"update_ms": 0.3, "updates_per_second": 20_000, "windows_per_second": 20_000}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--longest", type=int, default=HISTORY[-1], help="observations of the longest history"
    )
    parser.add_argument("--series", type=int, default=10_000, help="series in one stream")
    parser.add_argument("--threads", type=int, default=2, help="torch's threads")
    parser.add_argument("--no-store", action="store_true", help="print only")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report = {
        "context": CONTEXT,
        "horizon": HORIZON,
        "targets": TARGETS,
        "history": measure_history(options.longest),
        "many": measure_many(options.series),
        "backtest": measure_backtest(),
    }
    page = to_markdown(report)
    print(page)
    if not options.no_store:
        folder = RESULTS / "streaming"
        write_json(raw_of(folder) / "streaming.json", report)
        write_text(folder / "streaming.md", page)
        draw(report, folder / "streaming.png")


def measure_history(longest: int) -> list[dict[str, float]]:
    """One stream fed row by row: time of an update and size of the stream as its history grows."""
    n_rows = longest + 200
    waves = make_sines(n_rows, periods=[24.0, 168.0], noise=0.3, step="1min", random_state=0)
    frame = waves.frame
    model = LinearSSMForecaster(HORIZON, CONTEXT).fit(frame.head(4000))
    irregular = np.random.default_rng(0).random(n_rows) < 0.5
    stream, rows = model.stream(frame.head(CONTEXT)), []
    values, stamps = frame.to_numpy(), frame.index
    checkpoints = [n for n in HISTORY if n <= longest]
    done = CONTEXT
    for n in checkpoints:
        # In blocks up to the checkpoint, then one by one with the clock on.
        for begin in range(done, n, 50_000):
            stream.update(frame.iloc[begin : min(begin + 50_000, n)])
        seconds = [_seconds(lambda k=k: stream.update(stamps[k], values[k])) for k in range(n, n + 200)]
        done = n + 200
        _check(stream.predict(), model.predict(frame.iloc[max(done - 2000, 0) : done]))
        rows.append(
            {
                "observations": n,
                "update_ms": 1e3 * float(np.median(seconds)),
                "update_99_ms": 1e3 * float(np.quantile(seconds, 0.99)),
                "predict_ms": 1e3 * _median(stream.predict, 100),
                "bytes": len(pickle.dumps(stream)) - len(pickle.dumps(model)),
            }
        )
    thin = frame[irregular].head(4000)
    uneven = model.stream(thin)
    _check(uneven.predict(), model.predict(thin))
    rows[-1]["predict_irregular_ms"] = 1e3 * _median(uneven.predict, 20)
    rows[-1]["predict_batch_ms"] = 1e3 * _median(lambda: model.predict(frame.iloc[-CONTEXT:]), 100)
    return rows


def measure_many(n_series: int) -> dict[str, float]:
    """Many series in one stream: one new row of each in a frame, and the forecasts of all."""
    small, n_frames = 96, 10
    one = make_sines(small + n_frames, n_series=n_series, layout="long", random_state=0).frame
    position = one.groupby("unique_id").cumcount()
    model = LinearSSMForecaster(24, small, n_modes=64)
    model.fit(make_sines(400, n_series=50, layout="long", random_state=1).frame)
    stream = model.stream(one[position < small])
    frames = [one[position == small + k] for k in range(n_frames)]
    seconds = [_seconds(lambda rows=rows: stream.update(rows)) for rows in frames]
    forecast_seconds = _seconds(stream.predict)
    some = one["unique_id"].unique()[:: max(n_series // 20, 1)]
    _check(stream.predict(ids=some), model.predict(one[one["unique_id"].isin(some)]))
    return {
        "series": n_series,
        "updates_per_second": n_series / float(np.median(seconds)),
        "forecasts_per_second": n_series / forecast_seconds,
    }


def measure_backtest() -> list[dict[str, Any]]:
    """All origins of a span in one pass, table included."""
    frame = make_sines(21_000, periods=[24.0, 168.0], noise=0.3, random_state=0).frame
    frame += _chaos(len(frame))[:, None]  # something for the deep branch to find
    quick = {"random_state": 0, "max_epochs": 2, "n_layers": 1}
    rows = []
    for model in (LinearSSMForecaster(HORIZON, CONTEXT), S4Forecaster(HORIZON, CONTEXT, **quick)):
        model.fit(frame.head(6000))
        table = model.backtest(frame)
        cutoff = table["cutoff"].iloc[len(table) // 2]
        expected = model.predict(frame[:cutoff]).iloc[:, 0]
        _check(table[table["cutoff"] == cutoff]["forecast"].to_numpy(), expected)
        seconds = min(_seconds(partial(model.backtest, frame)) for _ in range(3))
        n_windows = table["cutoff"].nunique()
        rows.append(
            {
                "model": type(model).__name__,
                "deep_path": getattr(model, "module_", None) is not None,
                "windows": n_windows,
                "windows_per_second": n_windows / seconds,
            }
        )
    return rows


def _chaos(length: int) -> np.ndarray:
    """The logistic map: what comes next is a parabola of now."""
    values = np.full(length, 0.4)
    for k in range(1, length):
        values[k] = 3.9 * values[k - 1] * (1.0 - values[k - 1])
    return values


def _check(found: Any, expected: Any) -> None:
    both = (x.iloc[:, -1] if isinstance(x, pd.DataFrame) else x for x in (found, expected))
    if not np.allclose(*both, rtol=1e-4, atol=1e-5):
        raise SystemExit("the forecasts differ from those of predict: no figure without a green check")


def _seconds(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _median(call: Callable[[], Any], repeats: int) -> float:
    return float(np.median([_seconds(call) for _ in range(repeats)]))


def to_markdown(report: dict[str, Any]) -> str:
    """The tables as a page."""
    history, many = report["history"], report["many"]
    size = ["observations so far", "update, median", "99%", "predict", "stream without its model"]
    cells = [
        [
            f"{row['observations']:,}",
            f"{row['update_ms']:.3f} ms",
            f"{row['update_99_ms']:.3f} ms",
            f"{row['predict_ms']:.2f} ms",
            f"{row['bytes'] / 1024:.1f} KiB",
        ]
        for row in history
    ]
    last, goals = history[-1], report["targets"]
    rest = [
        ["one observation, longest history", f"{last['update_ms']:.3f} ms", f"<= {goals['update_ms']} ms"],
        [
            f"updates a second, {many['series']:,} series in one frame",
            f"{many['updates_per_second']:,.0f}",
            f">= {goals['updates_per_second']:,}",
        ],
        ["forecasts a second, the same series, 24 steps", f"{many['forecasts_per_second']:,.0f}", "-"],
        ["predict of a stream at irregular times", f"{last['predict_irregular_ms']:.2f} ms", "-"],
        ["predict of the same model on a frame", f"{last['predict_batch_ms']:.2f} ms", "-"],
    ]
    for row in report["backtest"]:
        name = row["model"] + (" (with its deep branch)" if row["deep_path"] else "")
        speed = f"{row['windows_per_second']:,.0f}"
        rest.append([f"backtest, windows a second, {name}", speed, f">= {goals['windows_per_second']:,}"])
    return (
        "# Streaming\n\n"
        f"`python -m benchmarks.scale.streaming`: context {report['context']}, horizon {report['horizon']}, "
        "two CPU cores. Each figure\nwas taken after its forecasts had been found equal to those of "
        "`predict` on the same rows.\n\n"
        + markdown_table(size, cells)
        + "\n"
        + markdown_table(["what", "measured", "goal"], rest)
    )


def draw(report: dict[str, Any], path: Any) -> None:
    """Update time and memory over the length of the history."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    history = report["history"]
    observations = [row["observations"] for row in history]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    axes[0].plot(observations, [row["update_ms"] for row in history], marker="o", label="update, median")
    axes[0].plot(observations, [row["update_99_ms"] for row in history], marker="o", label="update, 99%")
    axes[0].plot(observations, [row["predict_ms"] for row in history], marker="o", label="predict")
    axes[0].axhline(report["targets"]["update_ms"], color="0.6", linestyle="--", label="goal of an update")
    axes[0].set(ylabel="ms", title="Time of one call", yscale="log")
    axes[0].legend(frameon=False)
    axes[1].plot(observations, [row["bytes"] / 1024 for row in history], marker="o", color="tab:green")
    axes[1].set(ylabel="KiB", title="Size of the stream, without its model", ylim=(0, None))
    for ax in axes:
        ax.set(xscale="log", xlabel="observations so far")
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
