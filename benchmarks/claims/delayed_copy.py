"""Delayed copy: tokens are repeated after a blank of 1,000 to 16,000 positions.

Ten tokens out of eight, a blank, a mark, and the tokens are asked in order. Equal parameters, equal processor
time, fresh sequences in every batch; accuracy on sequences that no one has seen. A network without memory has
one in eight right. S4 and S4D start with time constants from the delay to ten times the delay, frequencies
drawn evenly up to half a cycle a step, and C scaled by Δ^-1/2; their Δ is not trained. S4 holds its
input as its paper does. The same learning rates and state size at every delay.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.claims import race
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.entries import (
    Entry,
    entries,
    of_even_frequencies,
    of_unit_variance,
    spanning,
    stack,
)
from ssmts_datasets import make_delayed_copy

SIZE = "delay"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the task and of the contest."""
    race.add_arguments(parser, parameters=17_000, seconds=45.0)
    parser.add_argument("--delays", type=int, nargs="+", default=(1000, 4000, 16000))
    parser.add_argument("--copied", type=int, default=10, help="tokens of a sequence")
    parser.add_argument("--symbols", type=int, default=8, help="kinds of tokens")
    parser.add_argument("--d-state", type=int, default=64, help="of S4 and S4D")


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model at every delay."""

    def parts(delay: int) -> race.Parts:
        return race.generated(
            lambda n, seed: make_delayed_copy(
                n, delay=delay, n_copied=options.copied, n_symbols=options.symbols, random_state=seed
            ),
            delay,
        )

    def among(delay: int) -> dict[str, Entry]:
        every = entries(delay, options.d_state, options.layers)
        for name, hold in (("s4", "bilinear_s4"), ("s4d", "foh")):
            start = stack(name, options.layers, options.d_state, hold=hold, **spanning(delay))
            every[name] = replace(every[name], backbone=of_unit_variance(of_even_frequencies(start)))
        return every

    task = {"copied": options.copied, "symbols": options.symbols, "d_state": options.d_state}
    race.measure(cells, options, options.delays, parts, among, task_key=task, enough=2e-3)


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "Delayed copy", __doc__, SIZE)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy over the delay."""
    race.plot(rows, path, "Delayed copy", SIZE)
