"""Selective copying: Mamba solves it, time-invariant S4 does not.

Symbols are scattered over blanks and asked in order. Equal parameters, equal time, fresh sequences in every
batch; accuracy on sequences that no one has seen, then at other lengths without training. Mamba paper,
table 1 (length 4,096, 16 symbols, two layers): S4 18.3%, Mamba's selective layer in its block 99.8%.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.claims import recall
from benchmarks.claims.cells import Cells, Row
from ssmts_datasets import SequenceTask, make_selective_copy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the task and of the contest."""
    recall.add_arguments(
        parser, models=("mamba", "s4", "s4d", "lstm", "transformer"), length=32, seconds=75.0
    )
    parser.add_argument("--copied", type=int, default=4, help="symbols of a sequence")
    parser.add_argument("--symbols", type=int, default=8, help="kinds of symbols")


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train each model, then ask it at other lengths."""

    def make(n: int, seed: int, length: int) -> SequenceTask:
        return make_selective_copy(
            n, length=length, n_copied=options.copied, n_symbols=options.symbols, random_state=seed
        )

    recall.measure(cells, options, make, {"copied": options.copied, "symbols": options.symbols})


def page(rows: list[Row]) -> str:
    """The table."""
    return recall.page(rows, "Selective copying", __doc__)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy over length."""
    recall.plot(rows, path, "Selective copying")
