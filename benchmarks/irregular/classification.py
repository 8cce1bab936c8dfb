"""Classification of irregularly sampled series: ``python -m benchmarks.irregular.classification``.

``rhythms`` is `make_irregular_rhythms`: two periods at random instants, with the Bayes accuracy known case by
case. The other problems are those of aeon's wheel with half of the rows of every case thrown away. ``ssmts``
reads the observations at their instants; ``interpolation`` and ``mean`` put the same classifier behind a
regular grid of the reference step, holes filled by straight lines or by the training mean; ``GRU-D`` (Che et
al., 2018) is trained for as many CPU seconds as ``ssmts`` takes, and for ten times as many.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.output import RESULTS, log_test, markdown_table, raw_of, read_json, write_json, write_text
from benchmarks.whole_series.classification import read
from ssmts import LinearSSMClassifier
from ssmts_datasets import make_irregular_rhythms

FOLDER = RESULTS / "irregular_classification"
THINNED = ("BasicMotions", "GunPoint", "ItalyPowerDemand", "JapaneseVowels")
PROBLEMS = ("rhythms", *THINNED)
Cases = tuple[list[Any], list[Any], Any]  # times (length,), values (n_channels, length), labels


def problem(name: str, seed: int) -> tuple[Cases, Cases, float | None]:
    """Training and test cases, and the Bayes accuracy where it is known."""
    rng = np.random.default_rng(seed)
    if name == "rhythms":
        train, test = (make_irregular_rhythms(n, random_state=rng.integers(2**31)) for n in (400, 1000))
        parts = [(p.times, [v[None] for v in p.values], p.labels) for p in (train, test)]
        return parts[0], parts[1], test.bayes_accuracy
    return _thinned(*read(name, "TRAIN", True), rng), _thinned(*read(name, "TEST", True), rng), None


def _thinned(X: Any, y: Any, rng: np.random.Generator) -> Cases:
    times, values = [], []
    for case in X:
        length = case.shape[1]
        rows = np.sort(rng.choice(length, max(2, length // 2), replace=False))
        times.append(rows.astype(float))
        values.append(np.asarray(case)[:, rows])
    return times, values, y


def on_grid(cases: Cases, how: str, mean: Any) -> list[Any]:
    """Cases on a grid of step 1; every observation stands at its nearest instant."""
    out = []
    for own, values in zip(cases[0], cases[1]):
        grid = np.arange(np.floor(own[0]), np.ceil(own[-1]) + 1)
        if how == "interpolation":
            out.append(np.stack([np.interp(grid, own, row) for row in values]))
        else:
            filled = np.repeat(np.asarray(mean, dtype=float)[:, None], len(grid), axis=1)
            filled[:, np.round(own - grid[0]).astype(int)] = values
            out.append(filled)
    return out


class GRUD(nn.Module):
    """GRU whose state and last observation decay with the time since the last observation."""

    def __init__(self, n_channels: int, n_classes: int, width: int = 64) -> None:
        super().__init__()
        self.cell = nn.GRUCell(2 * n_channels, width)
        self.decay_state, self.decay_input = nn.Linear(1, width), nn.Linear(1, n_channels)
        self.head = nn.Linear(width, n_classes)

    def forward(self, values: Tensor, intervals: Tensor, lengths: Tensor) -> Tensor:
        """(batch, length, n_channels), (batch, length), (batch,) to (batch, n_classes)."""
        state = values.new_zeros(len(values), self.cell.hidden_size)
        last = torch.zeros_like(values[:, 0])
        for k in range(values.shape[1]):
            interval = intervals[:, k, None]
            faded = state * torch.exp(-functional.relu(self.decay_state(interval)))
            before = last * torch.exp(-functional.relu(self.decay_input(interval)))
            moved = self.cell(torch.cat([values[:, k], values[:, k] - before], dim=1), faded)
            alive = (k < lengths)[:, None]
            state, last = torch.where(alive, moved, state), torch.where(alive, values[:, k], last)
        out: Tensor = self.head(state)
        return out


def gru_d(train: Cases, test: Cases, seed: int, seconds: float) -> Any:
    """Answers for the test cases after some CPU seconds of training."""
    torch.manual_seed(seed)
    classes, codes = np.unique(train[2], return_inverse=True)
    joined = np.concatenate(train[1], axis=1)
    level, scale = joined.mean(axis=1), joined.std(axis=1)
    unit = float(np.median(np.concatenate([np.diff(own) for own in train[0]])))
    x, x_test = (_padded(cases, level, scale, unit) for cases in (train, test))
    network, y = GRUD(len(level), len(classes)), torch.from_numpy(codes)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    begun = time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * (1.0 - spent / seconds) + 1e-5
        rows = torch.randint(len(y), (min(32, len(y)),))
        loss = functional.cross_entropy(network(*(part[rows] for part in x)), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return classes[network(*x_test).argmax(dim=1).numpy()]


def _padded(cases: Cases, level: Any, scale: Any, unit: float) -> tuple[Tensor, Tensor, Tensor]:
    lengths = torch.tensor([len(own) for own in cases[0]])
    values = np.zeros((len(lengths), int(lengths.max()), len(level)), dtype=np.float32)
    intervals = np.zeros(values.shape[:2], dtype=np.float32)
    for row, (own, seen) in enumerate(zip(cases[0], cases[1])):
        values[row, : len(own)] = ((seen - level[:, None]) / scale[:, None]).T
        intervals[row, 1 : len(own)] = np.diff(own) / unit
    return torch.from_numpy(values), torch.from_numpy(intervals), lengths


def measure(name: str, seed: int) -> dict[str, Any]:
    """Accuracy of every method on one problem."""
    train, test, bayes = problem(name, seed)
    row: dict[str, Any] = {"problem": name, "seed": seed, "Bayes": bayes}
    begun = time.process_time()
    model = LinearSSMClassifier(random_state=seed).fit(train[1], train[2], times=train[0])
    row["fit_seconds"] = time.process_time() - begun
    row["ssmts"] = float(np.mean(model.predict(test[1], times=test[0]) == test[2]))
    mean = np.concatenate(train[1], axis=1).mean(axis=1)
    for how in ("interpolation", "mean"):
        own = LinearSSMClassifier(random_state=seed).fit(on_grid(train, how, mean), train[2])
        row[how] = float(np.mean(own.predict(on_grid(test, how, mean)) == test[2]))
    for factor in (1, 10):
        answers = gru_d(train, test, seed, factor * row["fit_seconds"])
        row["GRU-D" if factor == 1 else "GRU-D, ten times the time"] = float(np.mean(answers == test[2]))
    return row


def table(rows: list[dict[str, Any]]) -> None:
    """Write the table."""
    columns = ["ssmts", "interpolation", "mean", "GRU-D", "GRU-D, ten times the time", "Bayes"]
    cells = []
    for name in dict.fromkeys(row["problem"] for row in rows):
        own = [row for row in rows if row["problem"] == name]
        values = [[row[column] for row in own] for column in columns]
        shown = ["" if v[0] is None else f"{100 * np.mean(v):.1f} ± {100 * np.std(v):.1f}" for v in values]
        cells.append([name, *shown, f"{np.mean([row['fit_seconds'] for row in own]):.1f}"])
    text = f"# Irregular classification\n\n{__doc__}\n"
    write_text(FOLDER / "README.md", text + markdown_table(["problem, %", *columns, "fit, CPU s"], cells))


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=PROBLEMS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args(arguments)
    path = raw_of(FOLDER) / "irregular_classification.json"
    for name in options.problems:
        for seed in options.seeds:
            stored = read_json(path)
            rows = [] if stored is None else list(stored["rows"])
            if any(row["problem"] == name and row["seed"] == seed for row in rows):
                continue
            log_test(["python -m benchmarks.irregular.classification --problems", name, "--seeds", str(seed)])
            rows.append(measure(name, seed))
            print(rows[-1], flush=True)
            write_json(path, {"rows": rows})
            table(rows)


if __name__ == "__main__":
    main()
