"""What the claims on selective copying and induction heads share: train at one length, ask at many."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.contest import contend, score
from benchmarks.claims.entries import ENTRIES
from benchmarks.claims.sources import FreshData, of_drawn_lengths
from benchmarks.output import markdown_table
from ssmts_datasets import SequenceTask

# Longer sequences are made and read a few at a time; so many in all are asked at each length.
ASKED = 256
SEED_OF_VALIDATION, SEED_OF_TEST = 10**9, 2 * 10**9
MOST_POSITIONS = 2**18  # that are asked at a length, in 16 sequences at least


def add_arguments(
    parser: argparse.ArgumentParser, *, models: Sequence[str], length: int, seconds: float
) -> None:
    """Options of both claims."""
    parser.add_argument("--models", nargs="+", choices=tuple(ENTRIES), default=models)
    parser.add_argument("--length", type=int, default=length, help="length in training")
    parser.add_argument(
        "--shortest", type=int, help="draw the length of every batch in training from here to --length"
    )
    parser.add_argument(
        "--factors", type=int, nargs="+", default=(1, 2, 4, 16, 64), help="lengths asked, in trained ones"
    )
    parser.add_argument(
        "--parameters", type=int, default=65_000, help="of every model, as nearly as widths allow"
    )
    parser.add_argument("--seconds", type=float, default=seconds, help="of training a model")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0,))
    parser.add_argument(
        "--enough", type=float, default=2e-3, help="validation loss at which training ends: a task solved"
    )


def measure(
    cells: Cells,
    options: argparse.Namespace,
    make: Callable[[int, int, int], SequenceTask],
    task_key: Row,
) -> None:
    """Train each model at one length, stop it once it is solved, and ask it at every length."""

    fresh = of_drawn_lengths(make, options.shortest or options.length, options.length)

    def train_and_ask(name: str, seed: int) -> Row:
        model, row = contend(
            ENTRIES[name], FreshData(fresh, 2**20),
            make(ASKED, SEED_OF_VALIDATION, options.length), parameters=options.parameters,
            seconds=options.seconds, seed=seed, batch_size=options.batch_size, enough=options.enough,
        )  # fmt: skip
        asked = {}
        for factor in options.factors:
            length = factor * options.length
            task = make(max(16, min(ASKED, MOST_POSITIONS // length)), SEED_OF_TEST, length)
            asked[str(length)] = score(model, task)
        return {**row, "accuracy": asked, "torch_threads": torch.get_num_threads()}

    for seed in options.seeds:
        for name in options.models:
            key = {
                "model": name,
                "length": options.length,
                **task_key,
                "shortest": options.shortest,
                "budget_s": options.seconds,
                "enough": options.enough,
                "seed": seed,
            }
            cells.cell(key, lambda name=name, seed=seed: train_and_ask(name, seed))  # type: ignore[misc]


def page(rows: list[Row], title: str, text: str) -> str:
    """A table of accuracies, one row a model and setting."""
    lengths = sorted({int(length) for row in rows for length in row["accuracy"]})
    head = [
        "model",
        "parameters",
        "trained at",
        "seed",
        "training",
        "steps",
        *(f"{length:,}" for length in lengths),
    ]
    table = []
    for row in rows:
        ended = "solved" if row["solved"] else "time up"
        table.append(
            [row["model"], f"{row['parameters']:,}", _trained_at(row), str(row["seed"]),
             f"{row['seconds']:.0f} s, {ended}", f"{row['steps']:,}",
             *(_percent(row["accuracy"].get(str(length))) for length in lengths)]
        )  # fmt: skip
    chance = ", ".join(sorted({f"{row['chance']:.1%}" for row in rows}))
    return (
        f"# {title}\n\n"
        + text.split("\n", 2)[2]
        + f"\nAccuracy by length (chance {chance}):\n\n"
        + markdown_table(head, table)
    )


def _trained_at(row: Row) -> str:
    return f"{row['shortest']} to {row['length']}" if row.get("shortest") else str(row["length"])


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def plot(rows: list[Row], path: Path, title: str) -> None:
    """Accuracy over the length asked."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4), constrained_layout=True)
    for row in rows:
        lengths = sorted(map(int, row["accuracy"]))
        label = f"{row['model']}, trained at {_trained_at(row)}, seed {row['seed']}"
        axis.semilogx(lengths, [row["accuracy"][str(n)] for n in lengths], "o-", base=2, label=label)
    axis.axhline(rows[0]["chance"], color="grey", ls=":", label="chance")
    axis.set(xlabel="length asked", ylabel="accuracy", title=title, ylim=(0, 1.03))
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)
