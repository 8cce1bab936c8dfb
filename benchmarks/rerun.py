"""Stored figures made again: ``python -m benchmarks.rerun --cells 2``.

Takes random cells of the long-horizon table, fits the model of a random stored row anew and compares its
errors with the stored ones: they must agree within the spread of the row's seeds, and within half a percent
where there is one seed or no randomness (another machine rounds differently). Ends with 1 if a cell does not.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import Any

from benchmarks.forecasting.ltsf import DATASETS, run_cell
from benchmarks.output import RESULTS, log_test, markdown_table, read_json
from benchmarks.windows import MODELS
from ssmts_datasets import load_ett

__all__ = ["made_again", "stored_rows"]

_TOLERANCE = 5e-3


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cells", type=int, default=2)
    parser.add_argument("--seed", type=int, help="which cells; others every time by default")
    parser.add_argument("--data", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--model", nargs="+", choices=sorted(MODELS), default=sorted(MODELS))
    options = parser.parse_args(arguments)
    log_test(["python -m benchmarks.rerun", *arguments])
    rows = [row for row in stored_rows() if row["dataset"] in options.data and row["model"] in options.model]
    results = [made_again(row) for row in random.Random(options.seed).sample(rows, options.cells)]
    header = ["cell", "model", "MSE stored", "MSE now", "allowed", "agrees"]
    table = [
        [
            f"{row['dataset']}-{row['horizon']}",
            row["model"],
            f"{row['stored']:.5f}",
            f"{row['now']:.5f}",
            f"± {row['allowed']:.5f}",
            "yes" if row["agrees"] else "no",
        ]
        for row in results
    ]
    print(markdown_table(header, table))
    if not all(row["agrees"] for row in results):
        raise SystemExit(1)


def stored_rows(results: Path = RESULTS) -> list[dict[str, Any]]:
    """What can be made again: a row for every model of every stored cell, with all its seeds."""
    rows = []
    for path in sorted((results / "raw" / "ltsf").glob("*.json")):
        cell = read_json(path) or {}
        for name in MODELS:
            found = [row for row in cell["results"] if row["model"] == name]
            if found:
                keys = {key: cell[key] for key in ("dataset", "horizon", "context")}
                rows.append(keys | {"model": name, "rows": found})
    return rows


def made_again(stored: dict[str, Any]) -> dict[str, Any]:
    """One row fitted and judged anew with the first of its seeds."""
    first = stored["rows"][0]
    cell = run_cell(
        load_ett(stored["dataset"]),
        stored["horizon"],
        stored["context"],
        models=[stored["model"]],
        seeds=[first["seed"]],
        test=True,
        baselines=False,
    )
    errors = [row["mse"] for row in stored["rows"]]
    now = cell["results"][0]["mse"]
    allowed = max(max(errors) - min(errors), _TOLERANCE * first["mse"])
    return {
        **{key: stored[key] for key in ("dataset", "horizon", "model")},
        "stored": first["mse"],
        "now": now,
        "allowed": allowed,
        "agrees": abs(now - first["mse"]) <= allowed,
    }


if __name__ == "__main__":
    main()
