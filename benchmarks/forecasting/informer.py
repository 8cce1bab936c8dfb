"""Informer's protocol on ETT, all 30 cells: ``python -m benchmarks.forecasting.informer --test``.

Borders of 12, 4 and 4 months, values standardised by the training span, every window of the test span
counted (Informer's loader drops the last batch). *Univariate* forecasts the oil temperature from itself,
*multivariate* all seven columns. Ours have their defaults and a context of 30 days; the figures of S4 and
Informer are the published ones. With ``--python ENV/bin/python``, an environment as
`benchmarks.forecasting.peers` has it, neuralforecast's Informer is trained on four of the cells, on one
column at a time with its library's defaults, until ``--seconds`` of processor time are spent. A stored row
is not run again (``--again``); without ``--test`` cells are judged on the validation span and nothing is
stored.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from benchmarks.forecasting.ltsf import run_cell
from benchmarks.forecasting.peers import run_peer
from benchmarks.forecasting.published import INFORMER_PROTOCOL
from benchmarks.output import (
    RESULTS,
    log_test,
    markdown_table,
    merged,
    raw_of,
    read_json,
    write_json,
    write_text,
)
from benchmarks.windows import MODELS
from ssmts_datasets import ETTDataset, load_ett

_FOLDER = RESULTS / "informer"
_TRAINED = "Informer, trained here"
_TRAINED_CONTEXT = 96  # as in its paper; longer ones leave it a handful of steps in a minute
_TRAINED_CELLS = (
    ("univariate", "ETTh1", 24),
    ("univariate", "ETTh2", 168),
    ("multivariate", "ETTh1", 48),
    ("multivariate", "ETTh2", 24),
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", nargs="+", choices=sorted(MODELS), default=["LinearSSMForecaster"])
    parser.add_argument("--setting", nargs="+", default=["univariate", "multivariate"])
    parser.add_argument("--data", nargs="+", default=["ETTh1", "ETTh2", "ETTm1"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    parser.add_argument("--again", action="store_true", help="run stored cells anew")
    parser.add_argument(
        "--python", help="of the environment that holds neuralforecast; None: no Informer here"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time of Informer's training")
    options = parser.parse_args(arguments)
    cells = [cell for cell in INFORMER_PROTOCOL if cell[0] in options.setting and cell[1] in options.data]
    trained = [cell for cell in _TRAINED_CELLS if options.python is not None and cell in cells]
    wanted = [(cell, model) for cell in cells for model in options.model]
    wanted += [(cell, _TRAINED) for cell in trained]
    todo = [one for one in wanted if options.again or not options.test or not _stored(*one)]
    if options.test and todo:
        log_test(["python -m benchmarks.forecasting.informer", *arguments])
    for cell, model in tqdm(todo, unit="cell"):
        setting, name, horizon = cell
        dataset = load_ett(name)
        if setting == "univariate":
            dataset = only_target(dataset)
        result = _run(dataset, horizon, model, options)
        rows = result["results"]
        tqdm.write(f"{setting} {name} {horizon}: " + ", ".join(f"{r['model']} {r['mse']:.4f}" for r in rows))
        if options.test:
            store({"setting": setting, **result}, _FOLDER)
            write_text(_FOLDER / "README.md", summary(_FOLDER))


def _run(
    dataset: ETTDataset[pd.DataFrame], horizon: int, model: str, options: argparse.Namespace
) -> dict[str, Any]:
    """A cell with the rows of one model, ours or the Informer that is trained here."""
    context = pd.Timedelta(days=30) // dataset.reference_step
    if model == _TRAINED:
        seeded = argparse.Namespace(**vars(options), seed=options.seeds[0])
        row = run_peer(dataset, horizon, "Informer", seeded, _TRAINED_CONTEXT) | {"model": _TRAINED}
        span = "test" if options.test else "validation"
        known = {"dataset": dataset.name, "horizon": horizon, "context": context, "span": span}
        return known | {"results": [row]}
    return run_cell(
        dataset,
        horizon,
        context,
        models=[model],
        seeds=options.seeds,
        test=options.test,
        baselines=False,
    )


def only_target(dataset: ETTDataset[pd.DataFrame]) -> ETTDataset[pd.DataFrame]:
    """The data set with the column alone that univariate protocols forecast."""
    return replace(dataset, frame=dataset.frame[[dataset.target]])


def _path(folder: Path, setting: str, name: str, horizon: int) -> Path:
    return raw_of(folder) / f"{setting}-{name}-{horizon}.json"


def _stored(cell: tuple[str, str, int], model: str) -> bool:
    known = read_json(_path(_FOLDER, *cell))
    return known is not None and model in {row["model"] for row in known["results"]}


def store(result: dict[str, Any], folder: Path) -> None:
    """Merge a cell into its file."""
    path = _path(folder, result["setting"], result["dataset"], result["horizon"])
    old = read_json(path)
    if old is not None:
        rows = merged(old["results"], result["results"], ("model", "seed"))
        result = result | {"results": rows}
    write_json(path, result)


def summary(folder: Path) -> str:
    """All stored cells beside the published figures, MSE / MAE."""
    lines, models, ahead, n_cells = [], [], 0, 0
    found = {cell: read_json(_path(folder, *cell)) for cell in INFORMER_PROTOCOL}
    for stored in found.values():
        if stored is not None:
            models += [row["model"] for row in stored["results"] if row["model"] not in models]
    for cell, stored in found.items():
        if stored is None:
            continue
        rows = {name: [r for r in stored["results"] if r["model"] == name] for name in models}
        means = {
            name: (sum(r["mse"] for r in own) / len(own), sum(r["mae"] for r in own) / len(own))
            for name, own in rows.items()
            if own
        }
        published = INFORMER_PROTOCOL[cell]
        rivals = [*published.values(), means.get(_TRAINED, (float("inf"),) * 2)]
        ours = [mse for name, (mse, _) in means.items() if name in MODELS]
        wins = bool(ours) and max(ours) < min(mse for mse, _ in rivals)
        ahead, n_cells = ahead + wins, n_cells + 1
        shown = [means.get(name) for name in models] + [published["S4"], published["Informer"]]
        texts = ["" if pair is None else f"{pair[0]:.3f} / {pair[1]:.3f}" for pair in shown]
        lines.append([cell[0], f"{cell[1]}-{cell[2]}", *texts, "yes" if wins else "no"])
    header = ["setting", "cell", *models, "S4, published", "Informer, published", "all of ours ahead (MSE)"]
    note = (
        f"Test spans, MSE / MAE on standardised values, every window counted. Ahead in {ahead} of {n_cells} "
        "cells run (30 in the protocol). `python -m benchmarks.forecasting.informer --test` makes these "
        "files."
    )
    if _TRAINED in models:
        note += (
            f" {_TRAINED}: neuralforecast's with its defaults, context {_TRAINED_CONTEXT}, one column at a "
            "time, stopped after a minute of processor time at most, which is little for it."
        )
    return f"# Informer's protocol\n\n{note}\n\n{markdown_table(header, lines)}"


if __name__ == "__main__":
    main()
