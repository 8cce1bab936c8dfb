"""Trained at one rate, asked at another: ``python -m benchmarks.irregular.rate_change --data ETTm1``.

A model trained on a 15-minute set (14 days to 4 days) is asked from every second, fourth, eighth and
sixteenth row and judged at those rows. A model trained on an hourly set is asked from the 15-minute set of
the same transformer and judged every 15 minutes, and from coarser rows of its own set. Ways of asking:
``direct`` (ours: the rows as they are); ``interpolate, predict`` or, for finer data, ``subsample, predict,
interpolate``; ``retrained`` at that rate; ``Δ only`` (see `benchmarks.irregular.delta_only`). Without
``--test`` models learn on 12 months and are judged on the validation span; with it they learn on 16 months
and are judged on the test span, and the result is stored.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.irregular import rates
from benchmarks.irregular.delta_only import DeltaOnly
from benchmarks.output import RESULTS, log_test, markdown_table, merged, read_json, write_json, write_text
from benchmarks.windows import MODELS, build
from ssmts_datasets import ETTDataset, load_ett

DATASETS = ("ETTh1", "ETTh2", "ETTm1", "ETTm2")
COARSER = (2, 4, 8, 16)
FINER = 4
CONTEXT, HORIZON = pd.Timedelta(days=14), pd.Timedelta(days=4)
METHODS = {
    "direct": "direct (ours)",
    "interpolated": "interpolate, predict",
    "subsampled": "subsample, predict, interpolate",
    "retrained": "retrained",
    "delta_only": "Δ only",
}

Dataset = ETTDataset[pd.DataFrame]


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", nargs="+", choices=DATASETS, default=["ETTm1"], help="what it is trained on"
    )
    parser.add_argument("--model", nargs="+", choices=sorted(MODELS), default=["S4Forecaster"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--retrain", nargs="*", type=int, choices=COARSER, default=[4], help="at these rates")
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    options = parser.parse_args(arguments)
    if options.test:
        log_test(["python -m benchmarks.irregular.rate_change", *arguments])
    for name in options.data:
        trained, judged = load_ett(name), load_ett(name.replace("h", "m"))
        for model in options.model:
            result = run(
                trained,
                judged,
                model=model,
                seed=options.seed,
                retrain=options.retrain,
                test=options.test,
            )
            if options.test:
                result = store(result)
            print(to_markdown(result), flush=True)


def run(
    trained: Dataset,
    judged: Dataset,
    *,
    model: str,
    seed: int,
    retrain: list[int],
    test: bool,
    context: pd.Timedelta = CONTEXT,
    horizon: pd.Timedelta = HORIZON,
) -> dict[str, Any]:
    """Train on one set and ask at every rate.

    Parameters
    ----------
    trained : ETTDataset
        What the model learns on; its training span standardises both sets.
    judged : ETTDataset
        The same set, to ask from coarser rows of it; or one with rows `FINER` times as dense.
    model : str
        Key of `MODELS`.
    seed : int
    retrain : list of int
        Coarser rates at which a model is trained anew; a list that is not empty includes the finer one.
    test : bool
        Judge on the test span instead of the validation span.
    context, horizon : Timedelta

    Returns
    -------
    dict
    """
    step = trained.reference_step
    mean, deviation = trained.train.mean(), trained.train.std(ddof=0)
    own, other = (_scaled(dataset, mean, deviation) for dataset in (trained, judged))
    fitted = _fit(model, own, context // step, horizon // step, seed, test=test, rate=1)
    plain = DeltaOnly(fitted.model_.config.linear).fit(_learnt(own, test=test).to_numpy())
    unit = judged.reference_step
    rows: list[dict[str, Any]] = []

    def span_of(dataset: Dataset, like: Dataset) -> rates.Span:
        start, stop = like.borders.test if test else like.borders.validation
        each = like.reference_step
        return rates.Span(dataset.frame, start, stop, context // each, horizon // each)

    def add(rate: float, method: str, figures: dict[str, float]) -> None:
        rows.append({"model": model, "seed": seed, "rate": rate, "method": method, **figures})

    if unit < step:
        rate, span = 1 / FINER, span_of(other, judged)
        add(rate, "direct", rates.direct(fitted, span, rate))
        add(rate, "subsampled", rates.subsampled(fitted, span, FINER))
        if retrain:
            dense = _fit(model, other, context // unit, horizon // unit, seed, test=test, rate=1)
            add(rate, "retrained", rates.retrained(dense, span, 1))
        add(rate, "delta_only", rates.delta_only(plain, span, rate))
    span = span_of(own, trained)
    add(1, "direct", rates.direct(fitted, span, 1))
    add(1, "delta_only", rates.delta_only(plain, span, 1))
    for rate in COARSER:
        add(rate, "direct", rates.direct(fitted, span, rate))
        add(rate, "interpolated", rates.interpolated(fitted, span, rate))
        if rate in retrain:
            anew = _fit(model, own, context // step, horizon // step, seed, test=test, rate=rate)
            add(rate, "retrained", rates.retrained(anew, span, rate))
        add(rate, "delta_only", rates.delta_only(plain, span, rate))
    return {
        "trained_on": trained.name,
        "judged_on": judged.name if judged.name == trained.name else f"{judged.name} and {trained.name}",
        "reference_step_minutes": step.total_seconds() / 60,
        "context_days": context / pd.Timedelta(days=1),
        "horizon_days": horizon / pd.Timedelta(days=1),
        "span": "test" if test else "validation",
        "results": rows,
    }


def _scaled(dataset: Dataset, mean: pd.Series, deviation: pd.Series) -> Dataset:
    frame = (dataset.frame - mean) / deviation
    return ETTDataset(dataset.name, frame, dataset.borders, dataset.reference_step, dataset.path)


def _learnt(dataset: Dataset, *, test: bool) -> pd.DataFrame:
    return pd.concat([dataset.train, dataset.validation]) if test else dataset.train


def _fit(name: str, dataset: Dataset, context: int, horizon: int, seed: int, *, test: bool, rate: int) -> Any:
    """A model fitted on every `rate`-th row; context and horizon are in rows of the data set."""
    later = dataset.validation.iloc[::rate] if test else None
    return build(name, horizon // rate, context // rate, seed).fit(
        dataset.train.iloc[::rate], validation=later
    )


def store(result: dict[str, Any], results: Path = RESULTS) -> dict[str, Any]:
    """Merge a result into its file, and write its page and its picture; returns the merged result."""
    stem = results / "rate_change" / result["trained_on"]
    raw = results / "raw" / "rate_change" / f"{stem.name}.json"
    old = read_json(raw)
    if old is not None:
        rows = merged(old["results"], result["results"], ("model", "seed", "rate", "method"))
        result = result | {"results": rows}
    write_json(raw, result)
    picture = f"\n![MSE by rate]({stem.name}.png)\n"
    write_text(stem.with_suffix(".md"), to_markdown(result) + picture)
    draw(result, stem.with_suffix(".png"))
    return result


def to_markdown(result: dict[str, Any]) -> str:
    """MSE of every way at every rate, and ours over the interpolation's."""
    title = (
        f"# Trained on {result['trained_on']}, judged on {result['judged_on']}\n\n"
        f"{result['context_days']:g} days to {result['horizon_days']:g} days, {result['span']} span, MSE on "
        "standardised values. `python -m benchmarks.irregular.rate_change --test` makes this page."
    )
    methods = [m for m in METHODS if any(row["method"] == m for row in result["results"])]
    lines = []
    for model, seed, rate in sorted({(r["model"], r["seed"], r["rate"]) for r in result["results"]}):
        figures = {
            r["method"]: r["mse"]
            for r in result["results"]
            if (r["model"], r["seed"], r["rate"]) == (model, seed, rate)
        }
        other = figures.get("interpolated", figures.get("subsampled"))
        ratio = "" if other is None else f"{figures['direct'] / other:.4f}"
        cells = [f"{figures[m]:.4f}" if m in figures else "" for m in methods]
        lines.append([f"{model}, seed {seed}", _label(rate, result), *cells, ratio])
    header = ["model", "asked every", *(METHODS[m] for m in methods), "ours / interpolation"]
    return f"{title}\n\n{markdown_table(header, lines)}"


def _label(rate: float, result: dict[str, Any]) -> str:
    minutes = rate * result["reference_step_minutes"]
    every = f"{minutes:g} min" if minutes < 60 else f"{minutes / 60:g} h"
    return f"{every} (x1/{1 / rate:g})" if rate < 1 else f"{every} (x{rate:g})"


def draw(result: dict[str, Any], path: Path) -> None:
    """MSE of every way over the rate, of the last model stored."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    model = result["results"][-1]["model"]
    rows = [row for row in result["results"] if row["model"] == model]
    order = sorted({row["rate"] for row in rows})
    figure, axes = plt.subplots(figsize=(7, 4 if len(order) > 1 else 2.4), layout="constrained")
    styles = ("o-", "x--", "x--", "D", "s:")
    for method, style in zip(METHODS, styles):
        found = sorted((row["rate"], row["mse"]) for row in rows if row["method"] == method)
        if not found:
            continue
        at, heights = [order.index(rate) for rate, _ in found], [mse for _, mse in found]
        if len(order) > 1:
            axes.plot(at, heights, style, label=METHODS[method], linewidth=2 if method == "direct" else 1.3)
        else:
            bar = axes.barh(METHODS[method], heights, color="C0" if method == "direct" else "0.75")
            axes.bar_label(bar, fmt="%.4f", padding=3)
    if len(order) > 1:
        axes.set_xticks(range(len(order)), [_label(rate, result) for rate in order])
        axes.set(xlabel="sampling of the data at hand", ylabel="MSE (standardised)")
        axes.legend(frameon=False)
    else:
        axes.invert_yaxis()
        axes.set_xlabel(f"MSE (standardised), asked every {_label(order[0], result)}")
        axes.margins(x=0.12)
    title = f"{model} trained on {result['trained_on']} every {_label(1, result).split(' (')[0]}"
    figure.suptitle(f"{title}, judged on {result['judged_on']}, {result['span']} span", fontsize=10)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    beside = path.with_name(f"{path.stem}.part.png")
    figure.savefig(beside, dpi=110)
    plt.close(figure)
    beside.replace(path)


if __name__ == "__main__":
    main()
