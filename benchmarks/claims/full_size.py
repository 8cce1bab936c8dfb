"""What a full-size run would take: time and memory of a training step, measured and carried on to the size.

A step is forward and backward of one block over a few sequences, processor time of one thread, and the most
that tensors hold at a time. Time is taken as affine in the number of sequences (kernels are made once a
step), both parts as powers of the length, fitted over those measured; memory as that of the largest step
measured, in proportion to positions. An epoch is the published training set: 50,000 images of CIFAR-10,
160,000 of the Long Range Arena's.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.cost import best_seconds, exponent, peak_megabytes
from benchmarks.output import markdown_table
from ssmts.nn import SSMStack

LAYERS = ("s4", "s4d")
SEQUENCES = (1, 4)
DEPTH = 6  # layers of the runs; what one costs is measured, and they add up


@dataclass(frozen=True)
class Run:
    """Length, sequences of an epoch and of a batch."""

    name: str
    length: int
    sequences: int
    batch: int


RUNS = (
    Run("sequential CIFAR", 1024, 50_000, 50),
    Run("Pathfinder, side 32", 1024, 160_000, 100),
    Run("Path-X, side 128", 16_384, 160_000, 32),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Width and lengths measured."""
    parser.add_argument("--models", nargs="+", choices=LAYERS, default=LAYERS)
    parser.add_argument("--lengths", type=int, nargs="+", default=(1024, 2048, 4096))
    parser.add_argument("--d-model", type=int, default=256)


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Few and more sequences of every length."""
    for length in sorted(options.lengths):
        for layer in options.models:
            for sequences in SEQUENCES:
                key = {
                    "layer": layer,
                    "length": length,
                    "sequences": sequences,
                    "d_model": options.d_model,
                }
                cells.cell(key, lambda key=key: training_step(**key))  # type: ignore[misc]


def training_step(layer: str, length: int, sequences: int, d_model: int) -> Row:
    """Seconds and peak memory of a step of one block."""
    torch.manual_seed(0)
    module = SSMStack(d_model, 1, layer=layer, d_state=64, dropout=0.0)
    u = torch.randn(sequences, length, d_model)

    def step() -> None:
        module.zero_grad()
        module(u).square().mean().backward()

    return {"peak_mb": peak_megabytes(step), "seconds": best_seconds(step, rounds=2, budget=5.0)}


def seconds(rows: list[Row], length: int, sequences: int) -> float:
    """Time of a step: the part of the kernel and that of a sequence, each a power of the length."""
    few, more = SEQUENCES
    lengths = sorted({row["length"] for row in rows})
    of = {(row["length"], row["sequences"]): row["seconds"] for row in rows}
    each = [(of[n, more] - of[n, few]) / (more - few) for n in lengths]
    shared = [of[n, few] - few * one for n, one in zip(lengths, each)]
    parts = []
    for costs in (shared, each):
        usable = [(n, cost) for n, cost in zip(lengths, costs) if cost > 0]
        slope = exponent(*zip(*usable)) if len(usable) > 1 else 1.0
        parts.append(usable[-1][1] * (length / usable[-1][0]) ** slope if usable else 0.0)
    return parts[0] + sequences * parts[1]


def megabytes(rows: list[Row], length: int, sequences: int) -> float:
    """Memory of a step by that of the largest one measured."""
    largest = max(rows, key=lambda row: row["length"] * row["sequences"])
    return float(largest["peak_mb"] * length * sequences / (largest["length"] * largest["sequences"]))


def page(rows: list[Row]) -> str:
    """Measured steps, then the runs."""
    measured = [
        [row["layer"], f"{row['length']:,}", str(row["sequences"]), f"{row['seconds']:.2f} s",
         f"{row['peak_mb']:,.0f} MB"]
        for row in sorted(rows, key=lambda r: (r["layer"], r["length"], r["sequences"]))
    ]  # fmt: skip
    table = []
    for run in RUNS:
        for layer in sorted({row["layer"] for row in rows}):
            own = [row for row in rows if row["layer"] == layer]
            step = DEPTH * seconds(own, run.length, run.batch)
            epoch = step * run.sequences / run.batch / 3600
            memory = DEPTH * megabytes(own, run.length, run.batch) / 1024
            table.append(
                [run.name, layer, f"{run.length:,}", str(run.batch), f"{memory:.1f} GB", f"{step:,.0f} s",
                 f"{epoch:,.0f} h"]
            )  # fmt: skip
    size = f"{DEPTH} layers of {rows[0]['d_model']} features, d_state 64"
    head = ["run", "layer", "length", "batch", "memory", "a step", "an epoch"]
    return (
        f"# Full-size runs\n\n{__doc__.split(chr(10), 2)[2]}\nEstimates, not runs ({size}, one thread):\n\n"
        + markdown_table(head, table)
        + "\nMeasured, one layer:\n\n"
        + markdown_table(["layer", "length", "sequences", "a step", "peak memory"], measured)
    )


def plot(rows: list[Row], path: Path) -> None:
    """Time of a step of one sequence and of a batch over the length, with the estimates."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4), constrained_layout=True)
    for k, layer in enumerate(sorted({row["layer"] for row in rows})):
        own = [row for row in rows if row["layer"] == layer]
        lengths = sorted({row["length"] for row in own})
        far = [*lengths, *(run.length for run in RUNS if run.length > lengths[-1])]
        for sequences, mark in zip(SEQUENCES, "os"):
            chosen = sorted((r["length"], r["seconds"]) for r in own if r["sequences"] == sequences)
            axis.loglog(*zip(*chosen), f"C{k}{mark}", label=f"{layer}, {sequences} a batch")
            axis.loglog(far, [seconds(own, n, sequences) for n in far], f"C{k}:")
    axis.set(xlabel="length", ylabel="a step, s", title="A training step of one layer; dotted: the estimate")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)
