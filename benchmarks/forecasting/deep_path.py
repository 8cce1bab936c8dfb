"""What the deep branch adds to the linear one: ``python -m benchmarks.forecasting.deep_path``.

Six minutes a horizon. Both fitted on the training span of every ETT set, several seeds, and judged on the
validation span: the gain and its standard error over the seeds, which are paired with the same linear branch.
Beside it what ``benchmarks.forecasting.ltsf`` stored of the test spans. Rows that are stored are not
measured again (``--again``).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.forecasting.ltsf import DATASETS, HORIZONS, run_cell
from benchmarks.output import RESULTS, markdown_table, raw_of, read_json, write_json, write_text
from ssmts_datasets import load_ett

LINEAR = "LinearSSMForecaster"
_FOLDER = RESULTS / "deep_path"


def main(arguments: list[str] | None = None) -> None:
    """Measure what is not stored, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--horizon", nargs="+", type=int, choices=HORIZONS, default=[96])
    parser.add_argument("--model", default="S4Forecaster")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--again", action="store_true", help="measure what is stored anew")
    options = parser.parse_args(arguments)
    for name in options.data:
        dataset = load_ett(name)
        context = pd.Timedelta(days=30) // dataset.reference_step
        for horizon in options.horizon:
            path = raw_of(_FOLDER) / f"{options.model}-{name}-{horizon}.json"
            if options.again or not path.exists():
                models = [LINEAR, options.model]
                cell = run_cell(
                    dataset, horizon, context, models=models, seeds=options.seeds, test=False, baselines=False
                )
                write_json(path, cell)
    page = summary(_FOLDER, RESULTS / "ltsf", options.model)
    print(page)
    write_text(_FOLDER / "README.md", page)


def summary(validation: Path, test: Path, model: str) -> str:
    """Gains on validation by cell and in the mean with their standard errors, and those on test by set."""
    paths = raw_of(validation).glob(f"{model}-*.json")
    cells = sorted(
        (cell for path in paths if (cell := read_json(path))), key=lambda c: (c["dataset"], c["horizon"])
    )
    rows, by_seed = [], []
    for cell in cells:
        linear, deep = _errors(cell, LINEAR)[0], _errors(cell, model)
        gains = 1.0 - deep / linear
        by_seed.append(gains)
        rows.append(
            [
                f"{cell['dataset']}-{cell['horizon']}",
                f"{linear:.4f}",
                f"{deep.mean():.4f}",
                _gain(gains),
                _test_gain(test, cell["dataset"], model),
            ]
        )
    rows.append(["mean", "", "", _gain(np.mean(by_seed, axis=0)), ""])
    header = ["cell", f"{LINEAR}, validation", f"{model}, validation", "gain", "gain on test, four horizons"]
    note = (
        f"`python -m benchmarks.forecasting.deep_path`: fitted on the training span, {len(by_seed[0])} "
        "seeds; gains in MSE with their standard error over seeds; on test the mean over horizons and seeds "
        "of what `benchmarks.forecasting.ltsf` stored, and the worst cell of any seed. A gain of 0 without "
        "an error: refused with every seed."
    )
    return f"# What the deep branch adds\n\n{note}\n\n{markdown_table(header, rows)}"


def _errors(cell: dict[str, Any], model: str) -> np.ndarray:
    return np.array([row["mse"] for row in cell["results"] if row["model"] == model])


def _gain(gains: np.ndarray) -> str:
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
    return f"{100 * gains.mean():.2f}% ± {100 * error:.2f}"


def _test_gain(folder: Path, dataset: str, model: str) -> str:
    """Mean gain over the stored test cells of a set, and the least of any."""
    cells = [cell for path in raw_of(folder).glob(f"{dataset}-*.json") if (cell := read_json(path))]
    gains = [1.0 - _errors(cell, model) / _errors(cell, LINEAR)[0] for cell in cells]
    known = [own for own in gains if len(own)]
    if not known:
        return ""
    return (
        f"{100 * np.mean([own.mean() for own in known]):.2f}%, least {100 * np.concatenate(known).min():.2f}%"
    )


if __name__ == "__main__":
    main()
