"""ListOps: nested lists of digits under MAX, MIN, MED and SM, read token by token.

The published grammar at shorter lengths. Equal parameters, equal processor time; the mean over all positions
is classified. A guess is the most frequent value. Expressions are a quarter as long as the longest at least.
Those to train on, 100,000, are of several sizes, each half as long as the next (from the option `--shortest`
on, one drawn for each batch); validation and the last look are at the largest. S4 and S4D start with C scaled
by Δ^-1/2.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.claims import race
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.entries import Entry, entries
from benchmarks.claims.sources import FixedData, OneOf
from ssmts_datasets import SequenceTask, make_listops

SIZE = "longest"
ASKED = 1024  # expressions of the last look: few points lie between the models
PAPER = "S4 paper (Long Range Arena), length 2,000: S4 59.60%, Transformer 36.37%."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the task and of the contest."""
    race.add_arguments(
        parser, models=("s4", "s4d", "lstm", "transformer"), parameters=50_000, seconds=480.0, batch_size=32
    )
    parser.set_defaults(layers=4)
    parser.add_argument("--lengths", type=int, nargs="+", default=(128,), help="most tokens of an expression")
    parser.add_argument("--depth", type=int, default=6, help="most levels of lists")
    parser.add_argument("--training", type=int, default=100_000, help="expressions to train on")
    parser.add_argument("--shortest", type=int, default=8, help="most tokens of the smallest expressions")


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model at every length."""

    def make(n: int, seed: int, longest: int) -> SequenceTask:
        return make_listops(
            n, min_length=max(3, longest // 4), max_length=longest, max_depth=options.depth, random_state=seed
        )

    def parts(length: int) -> race.Parts:
        sizes = [length]
        while sizes[-1] // 2 >= options.shortest:
            sizes.append(sizes[-1] // 2)
        each = options.training // len(sizes)
        training = [FixedData(make(each, race.SEED_OF_TRAINING + size, size)) for size in sizes]
        return race.generated(lambda n, seed: make(n, seed, length), length, OneOf(training), ASKED)

    def among(length: int) -> dict[str, Entry]:
        every = entries(n_layers=options.layers, unit_variance=True)
        for name in ("s4", "s4d"):
            every[name] = replace(every[name], learning_rate=2e-3)
        return every

    task = {"depth": options.depth, "training": options.training, "shortest": options.shortest}
    race.measure(cells, options, options.lengths, parts, among, task_key=task, pool="mean")


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "ListOps", __doc__, SIZE, PAPER)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy by model and length."""
    race.plot(rows, path, "ListOps", SIZE)
