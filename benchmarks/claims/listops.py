"""ListOps: nested lists of digits under MAX, MIN, MED and SM, read token by token.

The published grammar at shorter lengths. 20,000 expressions to train; equal parameters, equal processor time;
the mean over all positions is classified. A guess is the most frequent value.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.claims import race
from benchmarks.claims.cells import Cells, Row
from ssmts_datasets import make_listops

SIZE = "longest"
PAPER = "S4 paper (Long Range Arena), length 2,000: S4 59.60%, Transformer 36.37%."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the task and of the contest."""
    race.add_arguments(
        parser, models=("s4", "s4d", "lstm", "transformer"), parameters=50_000, seconds=180.0, batch_size=32
    )
    parser.set_defaults(layers=4)
    parser.add_argument("--lengths", type=int, nargs="+", default=(128,), help="most tokens of an expression")
    parser.add_argument("--depth", type=int, default=6, help="most levels of lists")
    parser.add_argument("--training", type=int, default=20_000, help="expressions to train on")


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model at every length; expressions are a quarter as long at least."""

    def parts(length: int) -> race.Parts:
        return race.generated(
            lambda n, seed: make_listops(
                n, min_length=length // 4, max_length=length, max_depth=options.depth, random_state=seed
            ),
            length,
            options.training,
        )

    task = {"depth": options.depth, "training": options.training}
    race.measure(
        cells,
        options,
        options.lengths,
        parts,
        task_key=task,
        pool="mean",
    )


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "ListOps", __doc__, SIZE, PAPER)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy by model and length."""
    race.plot(rows, path, "ListOps", SIZE)
