"""Long-horizon forecasting on ETT: ``python -m benchmarks.forecasting.ltsf --data ETTh1 --horizon 96``.

Every set is standardised by its training span of 12 months. Without ``--test`` a model is fitted on that
span and judged on the validation span of 4 months; nothing is stored. With ``--test`` it is fitted on both
(``fit(train, validation=...)``) and judged on the test span of 4 months; the cell is stored as JSON and as a
table, and the look is logged in ``results/test-log.jsonl``. Every window counts: stride 1, none dropped,
averaged over windows, leads and channels. What is stored is not run again (``--again``), so that a run that
was cut short goes on where it ended.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.forecasting.baselines import RidgeOnLags, last_value, seasonal_naive
from benchmarks.forecasting.ltsf_pages import to_markdown, write_pages
from benchmarks.output import RESULTS, log_test, merged, read_json, write_json
from benchmarks.windows import (
    MODELS,
    Parts,
    build,
    check_predict,
    evaluate,
    n_parameters,
    split,
    standardised,
)
from ssmts.estimators import SSMForecaster
from ssmts_datasets import ETTDataset, load_ett

DATASETS = ("ETTh1", "ETTh2", "ETTm1", "ETTm2")
HORIZONS = (96, 192, 336, 720)
_REPEATS = 50


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=DATASETS, default=["ETTh1"])
    parser.add_argument("--horizon", nargs="+", type=int, default=[96], help="in rows")
    parser.add_argument("--context", type=int, help="in rows; 30 days by default")
    parser.add_argument("--model", nargs="*", choices=sorted(MODELS), default=["S4Forecaster"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--no-baselines", action="store_true", help="the models alone")
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    parser.add_argument("--all", action="store_true", help="all four sets at all four horizons")
    parser.add_argument("--jobs", type=int, default=1, help="cells at a time, each in a process of its own")
    parser.add_argument("--again", action="store_true", help="run what is stored anew")
    options = parser.parse_args(arguments)
    cells = [
        (data, horizon)
        for data in (DATASETS if options.all else options.data)
        for horizon in (HORIZONS if options.all else options.horizon)
    ]
    todo = [cell for cell in cells if missing(cell, options)]
    if options.test and todo:
        log_test(["python -m benchmarks.forecasting.ltsf", *arguments])
    run = partial(_run_named, options=options)
    with ExitStack() as stack:
        if options.jobs == 1:
            pages = map(run, todo)
        else:
            pool = ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn"))
            pages = stack.enter_context(pool).map(run, todo)
        for page in tqdm(pages, total=len(todo), unit="cell"):  # and the time that is left
            tqdm.write(page)
    if options.test:
        write_pages(RESULTS / "ltsf")


def missing(
    cell: tuple[str, int], options: argparse.Namespace, results: Path = RESULTS
) -> list[tuple[str | None, int | None]]:
    """Models and seeds that a cell still has to run, (None, None) for the baselines."""
    data, horizon = cell
    wanted: list[tuple[str | None, int | None]] = [] if options.no_baselines else [(None, None)]
    for name in options.model:
        random = "random_state" in build(name, horizon, 2, None).get_params()
        wanted += [(name, seed) for seed in (options.seeds if random else [None])]
    old = read_json(_path(results, data, horizon)) if options.test and not options.again else None
    if old is None or (options.context or old["context"]) != old["context"]:
        return wanted
    known = {(row["model"], row["seed"]) for row in old["results"]}
    return [one for one in wanted if ("last value" if one[0] is None else one[0], one[1]) not in known]


def _path(results: Path, data: str, horizon: int) -> Path:
    return results / "raw" / "ltsf" / f"{data}-{horizon}.json"


def _run_named(cell: tuple[Any, int], options: argparse.Namespace) -> str:
    """Run what is missing of one cell, on the test span store each of it as it comes; return its page."""
    data, horizon = cell
    dataset = load_ett(data)
    context = options.context or pd.Timedelta(days=30) // dataset.reference_step
    whole: dict[str, Any] = {"results": []}
    for name, seed in missing(cell, options):
        result = run_cell(
            dataset,
            horizon,
            context,
            models=[] if name is None else [name],
            seeds=[] if seed is None else [seed],
            test=options.test,
            baselines=name is None,
        )
        whole = store(result) if options.test else result | {"results": whole["results"] + result["results"]}
    return to_markdown(whole)


def run_cell(
    dataset: ETTDataset[pd.DataFrame],
    horizon: int,
    context: int,
    *,
    models: list[str],
    seeds: list[int],
    test: bool,
    baselines: bool = True,
) -> dict[str, Any]:
    """Fit and judge models and baselines on one cell.

    Parameters
    ----------
    dataset : ETTDataset
        As loaded; it is standardised here.
    horizon, context : int
        In rows.
    models : list of str
        Keys of `MODELS`.
    seeds : list of int
        A model without randomness runs once, with seed None.
    test : bool
        Judge on the test span instead of the validation span.
    baselines : bool

    Returns
    -------
    dict
        ``dataset``, ``horizon``, ``context``, ``span`` and a row of ``results`` for every model and seed.
    """
    scaled = standardised(dataset)
    parts = split(scaled, context, test=test)
    rows = _baselines(scaled, parts, horizon, context) if baselines else []
    for name in models:
        random = "random_state" in build(name, horizon, context, None).get_params()
        for seed in seeds if random else [None]:
            rows.append(_run_model(build(name, horizon, context, seed), parts, seed))
    span = "test" if test else "validation"
    return {"dataset": dataset.name, "horizon": horizon, "context": context, "span": span, "results": rows}


def _row(model: str, figures: dict[str, float], **more: Any) -> dict[str, Any]:
    empty = {"fit_s": None, "fit_cpu_s": None, "predict_ms": None, "n_parameters": 0}
    return {"model": model, "seed": None, **figures, **empty, **more}


def _run_model(model: SSMForecaster, parts: Parts, seed: int | None) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(parts.train, validation=parts.validation)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    figures = evaluate(model, parts.judged)
    check_predict(model, parts.judged)
    return _row(
        type(model).__name__,
        figures,
        seed=seed,
        fit_s=round(wall, 2),
        fit_cpu_s=round(cpu, 2),
        predict_ms=round(_predict_ms(model, parts.judged), 3),
        n_parameters=n_parameters(model),
        cross_validated_mse=model.history_["cross_validated_mse"],
        deep=model.model_.deep is not None,
    )


def _predict_ms(model: SSMForecaster, frame: pd.DataFrame) -> float:
    """Median time of a forecast of one context from a frame; contexts differ from call to call."""
    context = int(model.context_length_)
    windows = [frame.iloc[k : k + context] for k in range(_REPEATS + 1)]
    model.predict(windows[0])
    times = []
    for window in windows[1:]:
        begun = time.perf_counter()
        model.predict(window)
        times.append(time.perf_counter() - begun)
    return 1e3 * float(np.median(times))


def _baselines(
    dataset: ETTDataset[pd.DataFrame], parts: Parts, horizon: int, context: int
) -> list[dict[str, Any]]:
    judged = parts.judged.to_numpy()
    day = pd.Timedelta(days=1) // dataset.reference_step
    train = parts.train.to_numpy()
    if parts.validation is None:  # the last quarter of the training span chooses the penalty
        later = train[3 * len(train) // 4 :]
        train = train[: 3 * len(train) // 4]
    else:
        later = parts.validation.to_numpy()
    begun, cpu = time.perf_counter(), time.process_time()
    ridge = RidgeOnLags(context, horizon).fit(train, later)
    seconds = {
        "fit_s": round(time.perf_counter() - begun, 2),
        "fit_cpu_s": round(time.process_time() - cpu, 2),
    }
    return [
        _row("last value", last_value(judged, context, horizon)),
        _row("seasonal naive (day)", seasonal_naive(judged, context, horizon, day)),
        _row("ridge on lags", ridge.evaluate(judged), n_parameters=ridge.weights_.size, **seconds),
    ]


def store(result: dict[str, Any], results: Path = RESULTS) -> dict[str, Any]:
    """Merge a cell into its file, and write the page of all cells anew; returns the merged cell."""
    path = _path(results, result["dataset"], result["horizon"])
    old = read_json(path)
    if old is not None and old["context"] == result["context"]:
        rows = merged(old["results"], result["results"], ("model", "seed"))
        result = result | {"results": rows}
    write_json(path, result)
    write_pages(results / "ltsf")
    return result


if __name__ == "__main__":
    main()
