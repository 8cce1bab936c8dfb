"""Every model on a task at several sizes: equal parameters, equal processor time."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.contest import PHASES, Phases, contend, score
from benchmarks.claims.entries import ENTRIES, Entry, entries
from benchmarks.claims.sources import FreshData, MakeTask
from benchmarks.output import markdown_table
from ssmts.training import Batches
from ssmts_datasets import SequenceTask

MODELS = ("s4", "s4d", "lstm", "rnn", "transformer")
SEED_OF_TRAINING, SEED_OF_VALIDATION, SEED_OF_TEST = 10**9, 2 * 10**9, 3 * 10**9
MOST_POSITIONS = 2**18  # of the validation sequences together; the test has four times as many
LAYERS = 2
FEWEST, MOST = 16, 64


@dataclass(frozen=True)
class Parts:
    """What a model is trained on, stopped on, and judged on once."""

    training: Batches
    validation: SequenceTask
    test: SequenceTask | None
    afterwards: Batches | None = None
    """In place of `training` after the first phase."""


def generated(
    make: MakeTask, length: int, training: Batches | None = None, n_test: int | None = None
) -> Parts:
    """Parts of a task that is drawn; fresh sequences in every batch unless `training` is given."""
    n = max(FEWEST, min(MOST, MOST_POSITIONS // length))
    if training is None:
        training = FreshData(make, 2**20)
    return Parts(training, make(n, SEED_OF_VALIDATION), make(n_test or 4 * n, SEED_OF_TEST))


def add_arguments(
    parser: argparse.ArgumentParser,
    *,
    models: Sequence[str] = MODELS,
    parameters: int,
    seconds: float,
    batch_size: int = 8,
    choices: Sequence[str] = tuple(ENTRIES),
) -> None:
    """Options of every race."""
    parser.add_argument("--models", nargs="+", choices=choices, default=models)
    parser.add_argument("--parameters", type=int, default=parameters, help="of every model, nearly")
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--seconds", type=float, default=seconds, help="of training a model")
    parser.add_argument("--batch-size", type=int, default=batch_size)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0,))


def measure(
    cells: Cells,
    options: argparse.Namespace,
    sizes: Sequence[int],
    parts: Callable[[int], Parts],
    among: Callable[[int], dict[str, Entry]] | None = None,
    *,
    task_key: Row | None = None,
    pool: str = "last",
    enough: float = 0.0,
    phases: Phases = PHASES,
) -> None:
    """Train every model at every size, the first seed of all first.

    `among` gives the entries of a size; by default, those whose memories span it.
    """
    among = among or (lambda size: entries(size, n_layers=options.layers))
    made: dict[int, Parts] = {}
    depth = {} if options.layers == LAYERS else {"layers": options.layers}

    def run(name: str, size: int, seed: int) -> Row:
        part = made.setdefault(size, parts(size))
        model, row = contend(
            among(size)[name], part.training, part.validation, parameters=options.parameters,
            seconds=options.seconds, seed=seed, batch_size=options.batch_size, pool=pool, enough=enough,
            phases=phases, afterwards=part.afterwards,
        )  # fmt: skip
        row["metric"] = part.validation.metric
        row["batch_size"] = options.batch_size
        if row["trained"] and part.test is not None:
            row["test"] = score(model, part.test)
        return row

    for seed in options.seeds:
        for size in sizes:
            for name in options.models:
                key = {"model": name, "size": size, **(task_key or {}), **depth, "budget_s": options.seconds}
                cells.cell({**key, "seed": seed}, lambda n=name, s=size, r=seed: run(n, s, r))  # type: ignore[misc]


def page(rows: list[Row], title: str, text: str, size: str, paper: str = "") -> str:
    """Scores by model and size, then every training."""
    contests = sorted({_contest(row) for row in rows})
    metric, chance = rows[0]["metric"], rows[0]["chance"]
    names = list(dict.fromkeys(row["model"] for row in rows))
    table = [[name, *(_cell(_of(rows, name, one)) for one in contests)] for name in names]
    what = (
        f"Accuracy (a guess: {chance:.1%})"
        if metric == "accuracy"
        else f"Squared error (a guess: {chance:.3f})"
    )
    details = [
        [row["model"], f"{row['size']:,}", str(row["seed"]), f"{row['parameters']:,}", *_training(row)]
        for row in sorted(rows, key=lambda r: (*_contest(r), names.index(r["model"]), r["seed"]))
    ]
    head = ["model", size, "seed", "parameters", "a step", "steps", "training", "training loss", "validation"]
    return (
        f"# {title}\n\n{text.split(chr(10), 2)[2]}\n{what} by {size} and time of training:\n\n"
        + markdown_table(["", *(f"{n:,}, {seconds:g} s" for n, seconds in contests)], table)
        + (f"\n{paper}\n" if paper else "")
        + "\n"
        + markdown_table(head, details)
    )


def plot(rows: list[Row], path: Path, title: str, size: str) -> None:
    """Score over size, or by model where there is one size; of the longest time at each."""
    import matplotlib.pyplot as plt

    longest = dict(sorted(_contest(row) for row in rows))
    rows = [row for row in rows if row["budget_s"] == longest[row["size"]]]

    figure, axis = plt.subplots(figsize=(7, 4), constrained_layout=True)
    sizes = sorted({row["size"] for row in rows})
    names = list(dict.fromkeys(row["model"] for row in rows))
    if len(sizes) == 1:
        scores = [_scores(_of(rows, name, (sizes[0], longest[sizes[0]]))) for name in names]
        axis.bar(names, [np.mean(s) if s else np.nan for s in scores], color="C0", alpha=0.6)
        for k, values in enumerate(scores):
            axis.plot([k] * len(values), values, "k.")
    else:
        for name in names:
            points = [(n, np.mean(s)) for n in sizes if (s := _scores(_of(rows, name, (n, longest[n]))))]
            axis.semilogx(*zip(*points), "o-", base=2, label=name) if points else None
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axis.set_xlabel(size)
    axis.axhline(np.mean([row["chance"] for row in rows]), color="grey", ls=":", label="a guess")
    accuracy = rows[0]["metric"] == "accuracy"
    axis.set(ylabel="accuracy" if accuracy else "squared error", title=title)
    axis.set_ylim((0, 1.03) if accuracy else (0, None))
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _contest(row: Row) -> tuple[int, float]:
    """What makes rows comparable: size and time of training."""
    return row["size"], row["budget_s"]


def _of(rows: list[Row], name: str, contest: tuple[int, float]) -> list[Row]:
    return [row for row in rows if row["model"] == name and _contest(row) == contest]


def _scores(rows: list[Row]) -> list[float]:
    return [row.get("test", row["validation"]) for row in rows if row["trained"]]


def _cell(rows: list[Row]) -> str:
    if not rows:
        return "-"
    scores = _scores(rows)
    if not scores:
        return f"not trained: {rows[0]['step_seconds']:.0f} s a sequence"
    accuracy = rows[0]["metric"] == "accuracy"
    text = f"{np.mean(scores):.1%}" if accuracy else f"{np.mean(scores):.4f}"
    if len(scores) > 1:
        text += f" ± {np.std(scores, ddof=1):.1%}" if accuracy else f" ± {np.std(scores, ddof=1):.4f}"
    return text


def _training(row: Row) -> list[str]:
    step = f"{row['step_seconds'] * 1e3:,.0f} ms"
    if not row["trained"]:
        return [step, "0", "none: a step is too long", "-", "-"]
    ended = "solved" if row["solved"] else "time up"
    valid = f"{row['validation']:.1%}" if row["metric"] == "accuracy" else f"{row['validation']:.4f}"
    return [
        step,
        f"{row['steps']:,}",
        f"{row['seconds']:.0f} s, {ended}",
        f"{row['training_loss']:.3f}",
        valid,
    ]
