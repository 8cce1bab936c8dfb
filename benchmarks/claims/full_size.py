"""What a full-size run would take: time and memory of a training step, measured and carried on to the size.

A step is forward and backward of a stack over a few sequences, processor time of one thread, and the most
that tensors hold at a time. Both are taken as affine in the number of sequences (kernels are made once a
step) and as powers of the length, fitted over those measured. An epoch is the published training set: 50,000
images of CIFAR-10, 160,000 of the Long Range Arena's.
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
    """Size of the stack and lengths measured."""
    parser.add_argument("--models", nargs="+", choices=LAYERS, default=LAYERS)
    parser.add_argument("--lengths", type=int, nargs="+", default=(512, 1024, 2048))
    parser.add_argument("--d-model", type=int, default=256)
    parser.add_argument("--layers", type=int, default=6)


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """One and two sequences of every length."""
    for length in sorted(options.lengths):
        for layer in options.models:
            for sequences in (1, 2):
                key = {
                    "layer": layer,
                    "length": length,
                    "sequences": sequences,
                    "d_model": options.d_model,
                    "layers": options.layers,
                }
                cells.cell(key, lambda key=key: training_step(**key))  # type: ignore[misc]


def training_step(layer: str, length: int, sequences: int, d_model: int, layers: int) -> Row:
    """Seconds and peak memory of a step."""
    torch.manual_seed(0)
    module = SSMStack(d_model, layers, layer=layer, d_state=64, dropout=0.0)
    u = torch.randn(sequences, length, d_model)

    def step() -> None:
        module.zero_grad()
        module(u).square().mean().backward()

    return {"peak_mb": peak_megabytes(step), "seconds": best_seconds(step, rounds=3, budget=10.0)}


def estimate(rows: list[Row], length: int, sequences: int, what: str) -> float:
    """Cost of a step: the part of the kernel and that of a sequence, each a power of the length."""
    parts = []
    lengths = sorted({row["length"] for row in rows})
    for weights in ((2.0, -1.0), (-1.0, 1.0)):  # of one and two sequences: what is shared, what each adds
        costs = [
            sum(w * row[what] for w, n in zip(weights, (1, 2)) for row in rows if _is(row, size, n))
            for size in lengths
        ]
        usable = [(size, cost) for size, cost in zip(lengths, costs) if cost > 0]
        if not usable:
            parts.append(0.0)
            continue
        slope = exponent(*zip(*usable)) if len(usable) > 1 else 1.0
        size, cost = usable[-1]
        parts.append(cost * (length / size) ** slope)
    return parts[0] + sequences * parts[1]


def _is(row: Row, length: int, sequences: int) -> bool:
    return bool(row["length"] == length and row["sequences"] == sequences)


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
            seconds = estimate(own, run.length, run.batch, "seconds")
            epoch = seconds * run.sequences / run.batch / 3600
            memory = estimate(own, run.length, run.batch, "peak_mb") / 1024
            table.append(
                [run.name, layer, f"{run.length:,}", str(run.batch), f"{memory:.1f} GB", f"{seconds:,.0f} s",
                 f"{epoch:,.0f} h"]
            )  # fmt: skip
    size = f"{rows[0]['layers']} layers of {rows[0]['d_model']} features, d_state 64"
    head = ["run", "layer", "length", "batch", "memory", "a step", "an epoch"]
    return (
        f"# Full-size runs\n\n{__doc__.split(chr(10), 2)[2]}\nEstimates, not runs ({size}, one thread):\n\n"
        + markdown_table(head, table)
        + "\nMeasured:\n\n"
        + markdown_table(["layer", "length", "sequences", "a step", "peak memory"], measured)
    )


def plot(rows: list[Row], path: Path) -> None:
    """Seconds and memory of a step of one sequence over the length, with the estimates."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for axis, (what, label) in zip(axes, (("seconds", "a step, s"), ("peak_mb", "peak memory, MB"))):
        for k, layer in enumerate(sorted({row["layer"] for row in rows})):
            own = [row for row in rows if row["layer"] == layer]
            lengths = sorted({row["length"] for row in own})
            values = [next(r[what] for r in own if _is(r, n, 1)) for n in lengths]
            axis.loglog(lengths, values, "o", color=f"C{k}", base=2, label=layer)
            far = [*lengths, *(run.length for run in RUNS if run.length > lengths[-1])]
            axis.loglog(far, [estimate(own, n, 1, what) for n in far], ":", color=f"C{k}")
        axis.set(xlabel="length", ylabel=label)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.suptitle("A training step of one sequence; dotted: the estimate")
    figure.savefig(path, dpi=110)
    plt.close(figure)
