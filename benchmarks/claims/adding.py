"""Adding: the sum of two marked numbers among 1,000 and more.

Numbers from 0 to 1, one marked in each half of the sequence; their sum is asked at its end. Equal parameters,
equal processor time, fresh sequences in every batch; squared error on sequences that no one has seen. Who
always answers 1 has 1/6. For the first 60% of the time every batch has a length of its own, drawn
log-uniformly from 10 (the option `--shortest`) to the one asked; then, with a tenth of the learning rate and
a hundredth at the end, training goes on at that one, where validation and the last look are. S4D starts with
real modes, which add up and do not oscillate, S4 with HiPPO's; both with time constants from the length to
ten times the length and C scaled by Δ^-1/2. All embed the two channels of a position by the same small
network.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.claims import race
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.entries import Entry, entries, of_unit_variance, spanning, stack
from benchmarks.claims.sources import FreshData, of_drawn_lengths
from ssmts_datasets import SequenceTask, make_adding

SIZE = "length"
PHASES = ((0.6, 1.0), (0.9, 0.1), (1.0, 0.01))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the task and of the contest."""
    race.add_arguments(parser, parameters=5_000, seconds=120.0, batch_size=32)
    parser.add_argument("--d-state", type=int, default=16, help="of S4 and S4D")
    parser.add_argument("--lengths", type=int, nargs="+", default=(1000,))
    parser.add_argument("--shortest", type=int, default=10, help="length in training, from here")


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model at every length."""

    def make(n: int, seed: int, length: int) -> SequenceTask:
        return make_adding(n, length=length, random_state=seed)

    def parts(length: int) -> race.Parts:
        drawn = of_drawn_lengths(make, min(options.shortest, length), length)
        asked = race.generated(lambda n, seed: make(n, seed, length), length)
        return replace(asked, training=FreshData(drawn, 2**20), afterwards=asked.training)

    def among(length: int) -> dict[str, Entry]:
        every = entries(length, options.d_state, options.layers, unit_variance=True)
        adds_up = stack("s4d", options.layers, options.d_state, init="real", **spanning(length))
        every["s4d"] = replace(every["s4d"], backbone=of_unit_variance(adds_up))
        return every

    task = {"d_state": options.d_state, "shortest": options.shortest}
    race.measure(cells, options, options.lengths, parts, among, task_key=task, enough=1e-4, phases=PHASES)


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "The adding problem", __doc__, SIZE)


def plot(rows: list[Row], path: Path) -> None:
    """Squared error over the length."""
    race.plot(rows, path, "The adding problem", SIZE)
