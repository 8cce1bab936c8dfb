"""Whole series to labels and numbers: `LinearSSMClassifier` and `LinearSSMRegressor` beside aeon's best.

    python -m benchmarks.whole_series.classification                      # what is missing, then the table
    python -m benchmarks.whole_series.classification --problems GunPoint  # one problem
    python -m benchmarks.whole_series.classification --models InceptionTime
    python -m benchmarks.whole_series.classification --table              # the table alone

Problems: `benchmarks.whole_series.problems`; estimators, each with its defaults:
`benchmarks.whole_series.peers`. Ours were chosen by cross-validation on the training sets. The others need
equal lengths and get the padded version of problems of unequal length; ours gets both, the padded one as a
row of its own. Every cell (problem, estimator, seed) is stored as soon as it is done and not computed again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.output import (
    RESULTS,
    log_test,
    markdown_table,
    merged,
    raw_of,
    read_json,
    write_json,
    write_text,
)
from benchmarks.whole_series.peers import CLASSIFIERS, INCEPTION_SECONDS, REGRESSORS, SEEDS, Peer
from benchmarks.whole_series.problems import CLASSES, NUMBERS, UNEQUAL, read

FOLDER = RESULTS / "classification"
_OURS = ("ssmts", "ssmts, equal lengths")


def cells(problems: list[str]) -> Iterator[tuple[str, str, Peer, int]]:
    """Every cell of some problems, seed by seed."""
    for problem in problems:
        peers = CLASSIFIERS if problem in CLASSES else REGRESSORS
        for seed in SEEDS:
            for name, peer in peers.items():
                if seed in peer.seeds and (peer.problems is None or problem in peer.problems):
                    yield problem, name, peer, seed


def measure(problem: str, peer: Peer, seed: int) -> dict[str, float]:
    """Fit on the training split, score on the test split."""
    X, y = read(problem, "TRAIN", unequal=peer.unequal)
    X_test, y_test = read(problem, "TEST", unequal=peer.unequal)
    model = peer.make(seed)
    begun = time.process_time()
    model.fit(X, y)
    fitted = time.process_time()
    answers = model.predict(X_test)
    done = time.process_time()
    score = np.sqrt(np.mean((answers - y_test) ** 2)) if problem in NUMBERS else np.mean(answers == y_test)
    row = {"score": float(score), "fit_seconds": fitted - begun, "predict_seconds": done - fitted}
    return row | ({"epochs": model.n_epochs_} if hasattr(model, "n_epochs_") else {})


def run(problems: list[str], models: list[str] | None = None) -> None:
    """Compute what is missing."""
    logged = set()
    for problem, name, peer, seed in cells(problems):
        if models is not None and name not in models:
            continue
        path = raw_of(FOLDER) / f"{problem}.json"
        rows = (read_json(path) or {"rows": []})["rows"]
        if any(row["estimator"] == name and row["seed"] == seed for row in rows):
            continue
        if problem not in logged:
            log_test(["python -m benchmarks.whole_series.classification --problems", problem])
            logged.add(problem)
        row = {"estimator": name, "seed": seed} | measure(problem, peer, seed)
        print(problem, row, flush=True)
        write_json(path, {"problem": problem, "rows": merged(rows, [row], ("estimator", "seed"))})


def scores(problem: str) -> dict[str, dict[str, float]]:
    """Mean and spread over seeds of every estimator."""
    rows = (read_json(raw_of(FOLDER) / f"{problem}.json") or {"rows": []})["rows"]
    out = {}
    for name in {row["estimator"]: None for row in rows}:
        own = [row for row in rows if row["estimator"] == name]
        values = [row["score"] for row in own]
        out[name] = {
            "mean": float(np.mean(values)),
            "spread": float(np.std(values)),
            "seeds": float(len(values)),
            "fit": float(np.median([row["fit_seconds"] for row in own])),
        }
    if "ssmts" in out and problem not in UNEQUAL:
        out["ssmts, equal lengths"] = out["ssmts"]
    return out


def table() -> None:
    """Write the tables and the picture."""
    parts = ["# Classification and regression of whole series\n", _INTRODUCTION]
    for title, problems, peers in (
        ("Accuracy on the test split, mean ± spread over seeds", CLASSES, CLASSIFIERS),
        ("Root mean squared error on the test split, mean ± spread over seeds", NUMBERS, REGRESSORS),
    ):
        found = {problem: scores(problem) for problem in problems}
        whole = [problem for problem in problems if set(found[problem]) >= set(peers)]
        rows = [
            [problem, *(_cell(found[problem].get(name), problem in CLASSES) for name in peers)]
            for problem in problems
        ]
        if whole and problems is CLASSES:
            means = [np.mean([found[problem][name]["mean"] for problem in whole]) for name in peers]
            rows.append([f"mean of {len(whole)}", *(f"{100 * mean:.2f}" for mean in means)])
        if whole and problems is NUMBERS:
            base = [found[problem]["training mean"]["mean"] for problem in whole]
            shares = {n: np.mean([found[p][n]["mean"] / b for p, b in zip(whole, base)]) for n in peers}
            rows.append(
                ["mean share of the training mean's error", *(f"{shares[name]:.3f}" for name in peers)]
            )
        if whole:
            ranks = [_ranks({n: found[problem][n]["mean"] for n in peers}, problems) for problem in whole]
            rows.append(["mean rank", *(f"{np.mean([own[name] for own in ranks]):.2f}" for name in peers)])
            seconds = [sum(found[problem][name]["fit"] for problem in whole) for name in peers]
            rows.append(["fit of all, CPU s", *(f"{value:.1f}" for value in seconds)])
        parts += [f"\n## {title}\n\n", markdown_table(["problem", *peers], rows)]
    write_text(FOLDER / "README.md", "".join(parts))
    picture()


_INTRODUCTION = f"""
`python -m benchmarks.whole_series.classification`: estimators with their defaults. Classification: problems
and splits of aeon's wheel, and 600 spoken digits (300 test; 2 kHz, the first second). Regression: problems
of aeon's and sktime's wheels, and made of data at hand (`benchmarks/whole_series/problems.py` says how),
fixed before anything was run on them. The others need equal lengths: {", ".join(UNEQUAL[:-1])} and
{UNEQUAL[-1]} are padded for them ("ssmts" reads the series as they are, "ssmts, equal lengths" the padded
ones; neither counts in the rank of the other). InceptionTime is that of sktime, one network (not the
ensemble of five) and one seed, trained for {INCEPTION_SECONDS:.0f} s of processor time on each problem;
ROCKET and its kin are aeon's. Times are CPU seconds; those of a peer include the compilation of its kernels
where it comes first. Figures without ± are of one seed, empty cells were not run.
"""


def _cell(score: dict[str, float] | None, accuracy: bool) -> str:
    if score is None:
        return ""
    if score["seeds"] < 2:
        return f"{100 * score['mean']:.1f}" if accuracy else f"{score['mean']:.4f}"
    if accuracy:
        return f"{100 * score['mean']:.1f} ± {100 * score['spread']:.1f}"
    return f"{score['mean']:.4f} ± {score['spread']:.4f}"


def _ranks(values: dict[str, float], problems: tuple[str, ...]) -> dict[str, float]:
    """Ranks from 1, the best; ties share theirs, and neither row of ours counts against the other."""
    sign, out = -1.0 if problems is CLASSES else 1.0, {}
    for name, value in values.items():
        others = [v for n, v in values.items() if n != name and not (n in _OURS and name in _OURS)]
        own = np.round(sign * np.array([*others, value]), 6)
        out[name] = float((own < own[-1]).sum() + 0.5 * (own == own[-1]).sum() + 0.5)
    return out


def picture() -> None:
    """Accuracy of every problem, one mark an estimator."""
    figure, axes = plt.subplots(figsize=(9, 4.5))
    for number, name in enumerate(CLASSIFIERS):
        found = [scores(problem).get(name) for problem in CLASSES]
        at = [k + 0.13 * (number - 2.5) for k, score in enumerate(found) if score]
        axes.errorbar(
            at,
            [100 * score["mean"] for score in found if score],
            [100 * score["spread"] for score in found if score],
            fmt="osD^vP"[number],
            markersize=5,
            capsize=2,
            label=name,
        )
    axes.set_xticks(range(len(CLASSES)), CLASSES, rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("test accuracy, %")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8, ncols=2)
    figure.tight_layout()
    figure.savefig(FOLDER / "accuracy.png", dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", nargs="+", default=[*CLASSES, *NUMBERS], choices=[*CLASSES, *NUMBERS])
    parser.add_argument("--table", action="store_true", help="only write the table of what is there")
    every = list({name: None for name in [*CLASSIFIERS, *REGRESSORS]})
    parser.add_argument("--models", nargs="+", choices=every, help="these estimators alone")
    options = parser.parse_args(arguments)
    if not options.table:
        run(options.problems, options.models)
    table()


if __name__ == "__main__":
    main()
