"""Windows with gaps: ``python -m benchmarks.irregular --data ETTh1 --test``.

A `LinearSSMForecaster` that was fitted on regular hourly data (720 to 96 hours) is asked from windows of
which rows, stretches of rows or single values are left out, and judged on the 96 hours after each. Every
window keeps its last row; origins are 53 rows apart. All ways use the same weights: ``foh`` (lines, no grid),
``interpolate`` (fill on lines by pandas, then predict), ``ignore`` (take the rows left as consecutive),
``zoh`` (forward fill), ``gp`` (conditional expectation) and ``auto``, the default. Without ``--test`` the
model learns on 12 months and is judged on the validation span.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.output import RESULTS, log_test, markdown_table, write_json, write_text
from benchmarks.windows import build, split, standardised
from ssmts.estimators.forecaster import SSMForecaster
from ssmts.models import ForecastModel
from ssmts_datasets import load_ett

CONTEXT, HORIZON, STRIDE = 720, 96, 53
SEEDS = (0, 1, 2)
GAPS = ("100%", "75%", "50%", "25%", "10%", "bursts", "days", "values 50%", "values 10%")
HOLDS = ("foh", "zoh", "gp", "auto")
WAYS = ("foh", "interpolate", "ignore", "zoh", "gp", "auto")


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=("ETTh1", "ETTh2"), default=["ETTh1", "ETTh2"])
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    options = parser.parse_args(arguments)
    if options.test:
        log_test(["python -m benchmarks.irregular", *arguments])
    for name in options.data:
        result = run(name, test=options.test)
        if options.test:
            store(result)
        print(to_markdown(result), flush=True)


def run(name: str, *, test: bool, stride: int = STRIDE, seeds: tuple[int, ...] = SEEDS) -> dict[str, Any]:
    """MSE of every way for every kind of gap, by seed of the gaps; milliseconds a window of all channels."""
    parts = split(standardised(load_ett(name)), CONTEXT, test=test)
    model = build("LinearSSMForecaster", HORIZON, CONTEXT, None).fit(parts.train, validation=parts.validation)
    models = {hold: with_hold(model, hold) for hold in HOLDS}
    rows = []
    for gaps in GAPS:
        for seed in seeds if gaps != "100%" else seeds[:1]:
            errors, seconds = dict.fromkeys(WAYS, 0.0), dict.fromkeys(WAYS, 0.0)
            origins = range(CONTEXT - 1, len(parts.judged) - HORIZON, stride)
            for origin in origins:
                window = parts.judged.iloc[origin - CONTEXT + 1 : origin + 1]
                truth = parts.judged.iloc[origin + 1 : origin + 1 + HORIZON].to_numpy()
                rng = np.random.default_rng([seed, origin])
                thinned = window.where(kept(gaps, rng, window.shape)).dropna(how="all")
                for way in WAYS:
                    begun = time.perf_counter()
                    forecast = ask(models, way, thinned)
                    seconds[way] += time.perf_counter() - begun
                    errors[way] += float(((forecast - truth) ** 2).mean())
            n = len(origins)
            rows += [
                {"gaps": gaps, "seed": seed, "way": w, "mse": errors[w] / n, "ms": 1e3 * seconds[w] / n}
                for w in WAYS
            ]
    return {"data": name, "span": "test" if test else "validation", "windows": n, "results": rows}


def with_hold(model: SSMForecaster, hold: str) -> SSMForecaster:
    """The same fitted model with another hold: the weights stay."""
    fitted = model._check_fitted()
    known = fitted.model
    other = ForecastModel(
        replace(known.config, hold=hold), known.linear, known.deep, known.spread, known.covariance
    )
    copy = type(model)(**model.get_params())
    copy._adopt(replace(fitted, model=other))
    return copy


def kept(gaps: str, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """What of a window was observed; its last row always was."""
    length = shape[0]
    mask = np.ones(shape, dtype=bool)
    if gaps == "bursts":  # 24 stretches of 6 to 24 rows
        for begin in rng.integers(0, length, 24):
            mask[begin : begin + rng.integers(6, 25)] = False
    elif gaps == "days":  # ten whole days
        for begin in rng.choice(length // 24, 10, replace=False) * 24:
            mask[begin : begin + 24] = False
    elif gaps.startswith("values"):
        mask = rng.random(shape) < float(gaps.removeprefix("values ").rstrip("%")) / 100
    elif gaps != "100%":
        mask &= rng.random((length, 1)) < float(gaps.rstrip("%")) / 100
    mask[-1] = True
    return mask


def ask(models: dict[str, SSMForecaster], way: str, thinned: pd.DataFrame) -> np.ndarray:
    """Forecast every hour from what is left of a window."""
    if way == "interpolate":
        filled = thinned.resample("1h").interpolate("linear").bfill()
        return models["foh"].predict(filled).to_numpy()
    if way == "ignore":
        whole = thinned.ffill().bfill()
        index = pd.date_range(end=whole.index[-1], periods=len(whole), freq="1h", name=whole.index.name)
        return models["foh"].predict(whole.set_axis(index)).to_numpy()
    return models[way].predict(thinned, step="1h").to_numpy()


def store(result: dict[str, Any], results: Path = RESULTS) -> None:
    """Write a result, its page and its picture."""
    stem = results / "irregular" / result["data"]
    write_json(stem.with_suffix(".json"), result)
    write_text(stem.with_suffix(".md"), f"{to_markdown(result)}\n![MSE by kind of gap]({stem.name}.png)\n")
    draw(result, stem.with_suffix(".png"))


def means(result: dict[str, Any], figure: str) -> pd.DataFrame:
    """Mean over seeds, kinds of gaps by ways."""
    table = pd.DataFrame(result["results"]).pivot_table(figure, "gaps", "way")
    return table.loc[list(GAPS), list(WAYS)]


def to_markdown(result: dict[str, Any]) -> str:
    """MSE of every way, and time of a window."""
    mse, spread = means(result, "mse"), pd.DataFrame(result["results"])
    spread = spread[spread["way"] == "auto"].groupby("gaps")["mse"].std()
    milliseconds = means(result, "ms")
    lines = [
        [
            gaps,
            *(f"{v:.4f}" for v in own),
            f"{own['gp'] / own['interpolate'] - 1:+.1%}",
            "-" if np.isnan(spread[gaps]) else f"{spread[gaps]:.4f}",
        ]
        + [f"{milliseconds.loc[gaps, way]:.1f}" for way in ("foh", "interpolate", "gp")]
        for gaps, own in mse.iterrows()
    ]
    header = ["left", *WAYS, "gp / interpolate", "spread", *(f"ms {w}" for w in ("foh", "interpolate", "gp"))]
    return (
        f"# {result['data']}, 720 to 96 hours, windows with gaps\n\n{result['span']} span, every {STRIDE}rd "
        f"origin ({result['windows']} windows), mean over {len(SEEDS)} seeds of the gaps, MSE on "
        "standardised values. `bursts`: 24 stretches of 6 to 24 rows gone; `days`: ten whole days; "
        "`values`: single values gone by channel. ms: one `predict` of seven channels. "
        "`python -m benchmarks.irregular --test` makes "
        f"this page.\n\n{markdown_table(header, lines)}"
    )


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
    axes.set_title(f"{result['data']}, 720 to 96 hours, the same weights, {result['span']} span", fontsize=10)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    beside = path.with_name(f"{path.stem}.part.png")
    figure.savefig(beside, dpi=110)
    plt.close(figure)
    beside.replace(path)


if __name__ == "__main__":
    main()
