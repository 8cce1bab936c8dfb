"""Pathfinder: are two marked ends those of one dashed path? Images read pixel by pixel.

Images drawn by the rules of `ssmts_datasets.make_pathfinder`; equal parameters, equal processor time; the
mean over all positions is classified. A guess is right every second time. The long paths of the images to
train on have from 4 (the option `--shortest`) to three quarters of a side's pixels, drawn evenly; validation
and the last look are at three quarters alone. S4 and S4D start with C scaled by Δ^-1/2; no learning rate is
above 2e-3.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.claims import race
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.entries import Entry, entries
from benchmarks.claims.sources import FixedData
from ssmts_datasets import make_pathfinder
from ssmts_datasets.pathfinder import default_path_length

SIZE = "side"
HIGHEST_RATE = 2e-3
PAPER = (
    "S4 paper (Long Range Arena): Pathfinder, side 32, S4 94.20%, Transformer 71.40%; Path-X, side "
    "128, S4 96.35%, Transformer 50%."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the task and of the contest."""
    race.add_arguments(
        parser, models=("s4", "s4d", "lstm", "transformer"), parameters=20_000, seconds=120.0, batch_size=32
    )
    parser.set_defaults(layers=4)
    parser.add_argument("--sides", type=int, nargs="+", default=(8,), help="pixels a side, 8 to 128")
    parser.add_argument("--training", type=int, default=40_000, help="images to train on")
    parser.add_argument(
        "--shortest", type=int, default=4, help="pixels of a long path in training, from here"
    )


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model at every side."""

    def parts(side: int) -> race.Parts:
        drawn = make_pathfinder(
            options.training, side=side, path_length=(options.shortest, default_path_length(side)),
            random_state=race.SEED_OF_TRAINING,
        )  # fmt: skip
        return race.generated(
            lambda n, seed: make_pathfinder(n, side=side, random_state=seed), side * side, FixedData(drawn)
        )

    def among(side: int) -> dict[str, Entry]:
        every = entries(n_layers=options.layers, unit_variance=True).values()
        return {e.name: replace(e, learning_rate=min(e.learning_rate, HIGHEST_RATE)) for e in every}

    race.measure(
        cells, options, options.sides, parts, among,
        task_key={"training": options.training, "shortest": options.shortest}, pool="mean",
    )  # fmt: skip


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "Pathfinder", __doc__, SIZE, PAPER)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy by model and side."""
    race.plot(rows, path, "Pathfinder", SIZE)
