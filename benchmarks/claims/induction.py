"""Induction heads: Mamba solves them and goes on at lengths that it never saw, S4 does not.

A mark occurs once and again at the end: which token followed it? Equal parameters, equal time, fresh
sequences in every batch; accuracy on sequences that no one has seen, then at other lengths without training.
Mamba paper, table 2 (trained at 256): Mamba 100% from 64 to 1,048,576, S4 and attention fail beyond about
twice the trained length. With `--shortest` a model is trained at lengths from there to `--length`, drawn
log-uniformly for each batch, not at `--length` alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.claims import recall
from benchmarks.claims.cells import Cells, Row
from ssmts_datasets import SequenceTask, make_induction_heads


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the task and of the contest."""
    recall.add_arguments(
        parser, models=("mamba", "s4", "s4d", "lstm", "transformer"), length=32, seconds=75.0
    )
    parser.add_argument(
        "--symbols", type=int, default=15, help="kinds of symbols; 15 and a mark in the paper"
    )


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train each model, then ask it at other lengths."""

    def make(n: int, seed: int, length: int) -> SequenceTask:
        return make_induction_heads(n, length=length, n_symbols=options.symbols, random_state=seed)

    recall.measure(cells, options, make, {"symbols": options.symbols})


def page(rows: list[Row]) -> str:
    """The table."""
    return recall.page(rows, "Induction heads", __doc__)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy over length."""
    recall.plot(rows, path, "Induction heads")
