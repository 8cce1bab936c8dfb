"""Adding: the sum of two marked numbers among 1,000 to 16,000.

Numbers from 0 to 1, one marked in each half of the sequence; their sum is asked at its end. Equal parameters,
equal processor time, fresh sequences in every batch; squared error on sequences that no one has seen. Who
always answers 1 has 1/6. S4 and S4D start with time constants from the length to ten times the length and
with C scaled by Δ^-1/2; every model embeds the two channels of a position by the same small network.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.claims import race
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.contest import Entry, entries, of_unit_variance
from ssmts_datasets import make_adding

SIZE = "length"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the task and of the contest."""
    race.add_arguments(parser, parameters=5_000, seconds=60.0, batch_size=32)
    parser.add_argument("--d-state", type=int, default=16, help="of S4 and S4D")
    parser.add_argument("--lengths", type=int, nargs="+", default=(1000, 4000, 16000))


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model at every length."""

    def parts(length: int) -> race.Parts:
        return race.generated(lambda n, seed: make_adding(n, length=length, random_state=seed), length)

    def among(length: int) -> dict[str, Entry]:
        every = entries(length, options.d_state, options.layers)
        for name in ("s4", "s4d"):
            every[name] = replace(every[name], backbone=of_unit_variance(every[name].backbone))
        return every

    task = {"d_state": options.d_state}
    race.measure(cells, options, options.lengths, parts, among, task_key=task, enough=1e-4)


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "The adding problem", __doc__, SIZE)


def plot(rows: list[Row], path: Path) -> None:
    """Squared error over the length."""
    race.plot(rows, path, "The adding problem", SIZE)
