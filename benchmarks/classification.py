"""Whole series to labels and numbers: `LinearSSMClassifier` and `LinearSSMRegressor` beside aeon's best.

    python -m benchmarks.classification                      # what is missing of the table, then the table
    python -m benchmarks.classification --problems GunPoint  # one problem
    python -m benchmarks.classification --table              # the table alone

The problems are those that ship in aeon's wheel, with its splits. Every estimator has its defaults; ours
were chosen by cross-validation on the training sets. aeon's need equal lengths and get the padded version of
the two problems of unequal length; ours gets both, the padded one as a row of its own. Every cell (problem,
estimator, seed) is stored as soon as it is done and not computed again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aeon
import matplotlib.pyplot as plt
import numpy as np
from aeon.classification.convolution_based import MultiRocketHydraClassifier, RocketClassifier
from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
from aeon.datasets import load_from_ts_file
from aeon.regression.convolution_based import MultiRocketHydraRegressor, RocketRegressor

from benchmarks.output import RESULTS, log_test, markdown_table, merged, read_json, write_json, write_text
from ssmts import LinearSSMClassifier, LinearSSMRegressor

DATA = Path(aeon.__file__).parent / "datasets" / "data"
FOLDER = RESULTS / "classification"
UNEQUAL = ("JapaneseVowels", "PickupGestureWiimoteZ")
CLASSES = (
    "ACSF1",
    "ArrowHead",
    "BasicMotions",
    "Covid3Month_disc",
    "GunPoint",
    "ItalyPowerDemand",
    *UNEQUAL,
    "OSULeaf",
    "UnitTest",
)
NUMBERS = ("CardanoSentiment", "Covid3Month")
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Peer:
    """An estimator of the table.

    Parameters
    ----------
    make : callable
        From a seed.
    unequal : bool
        Whether it reads the unequal-length version of a problem.
    seeds : tuple of int
    problems : tuple of str or None
        Problems it is for; None: all.
    """

    make: Callable[[int], Any]
    unequal: bool = False
    seeds: tuple[int, ...] = SEEDS
    problems: tuple[str, ...] | None = None


CLASSIFIERS = {
    "ssmts": Peer(lambda seed: LinearSSMClassifier(random_state=seed), unequal=True),
    "ssmts, equal lengths": Peer(lambda seed: LinearSSMClassifier(random_state=seed), problems=UNEQUAL),
    "MultiRocketHydra": Peer(lambda seed: MultiRocketHydraClassifier(random_state=seed)),
    "ROCKET": Peer(lambda seed: RocketClassifier(random_state=seed)),
    "1-NN DTW": Peer(
        lambda seed: KNeighborsTimeSeriesClassifier(distance="dtw", distance_params={"window": 0.1}),
        seeds=(0,),
    ),
}
REGRESSORS = {
    "ssmts": Peer(lambda seed: LinearSSMRegressor(random_state=seed)),
    "ROCKET": Peer(lambda seed: RocketRegressor(random_state=seed)),
    "MultiRocketHydra": Peer(lambda seed: MultiRocketHydraRegressor(random_state=seed)),
}


def read(problem: str, split: str, unequal: bool) -> tuple[Any, Any]:
    """Cases and labels of a split."""
    name = problem if unequal or problem not in UNEQUAL else f"{problem}_eq"
    X, y = load_from_ts_file(str(DATA / problem / f"{name}_{split}.ts"))
    return X, y.astype(float) if problem in NUMBERS else y


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
    X, y = read(problem, "TRAIN", peer.unequal)
    X_test, y_test = read(problem, "TEST", peer.unequal)
    model = peer.make(seed)
    begun = time.process_time()
    model.fit(X, y)
    fitted = time.process_time()
    answers = model.predict(X_test)
    done = time.process_time()
    score = np.sqrt(np.mean((answers - y_test) ** 2)) if problem in NUMBERS else np.mean(answers == y_test)
    return {"score": float(score), "fit_seconds": fitted - begun, "predict_seconds": done - fitted}


def run(problems: list[str]) -> None:
    """Compute what is missing."""
    logged = set()
    for problem, name, peer, seed in cells(problems):
        path = FOLDER / f"{problem}.json"
        rows = (read_json(path) or {"rows": []})["rows"]
        if any(row["estimator"] == name and row["seed"] == seed for row in rows):
            continue
        if problem not in logged:
            log_test(["python -m benchmarks.classification --problems", problem])
            logged.add(problem)
        row = {"estimator": name, "seed": seed} | measure(problem, peer, seed)
        print(problem, row, flush=True)
        write_json(path, {"problem": problem, "rows": merged(rows, [row], ("estimator", "seed"))})


def scores(problem: str) -> dict[str, dict[str, float]]:
    """Mean and spread over seeds of every estimator."""
    rows = (read_json(FOLDER / f"{problem}.json") or {"rows": []})["rows"]
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
    if "ssmts" in out and problem in CLASSES and problem not in UNEQUAL:
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
        if whole:
            ranks = [_ranks([found[problem][name]["mean"] for name in peers], problems) for problem in whole]
            rows.append(["mean rank", *(f"{rank:.2f}" for rank in np.mean(ranks, axis=0))])
            seconds = [sum(found[problem][name]["fit"] for problem in whole) for name in peers]
            rows.append(["fit of all, CPU s", *(f"{value:.1f}" for value in seconds)])
        parts += [f"\n## {title}\n\n", markdown_table(["problem", *peers], rows)]
    write_text(FOLDER / "README.md", "".join(parts))
    picture()


_INTRODUCTION = """
`python -m benchmarks.classification`: problems and splits of aeon's wheel, estimators with their defaults.
aeon's need equal lengths: JapaneseVowels and PickupGestureWiimoteZ are padded for them ("ssmts" reads the
series as they are; "ssmts, equal lengths" the padded ones). InceptionTime needs TensorFlow and is not in the
run. Times are CPU seconds; those of a peer include the compilation of its kernels where it comes first.
Figures without ± are of one seed, empty cells were not run.
"""


def _cell(score: dict[str, float] | None, accuracy: bool) -> str:
    if score is None:
        return ""
    if score["seeds"] < 2:
        return f"{100 * score['mean']:.1f}" if accuracy else f"{score['mean']:.4f}"
    if accuracy:
        return f"{100 * score['mean']:.1f} ± {100 * score['spread']:.1f}"
    return f"{score['mean']:.4f} ± {score['spread']:.4f}"


def _ranks(values: list[float], problems: tuple[str, ...]) -> list[float]:
    """Ranks from 1, the best; ties share theirs."""
    own = np.round(np.array(values) * (-1.0 if problems is CLASSES else 1.0), 6)
    return [float((own < value).sum() + 0.5 * (own == value).sum() + 0.5) for value in own]


def picture() -> None:
    """Accuracy of every problem, one mark an estimator."""
    figure, axes = plt.subplots(figsize=(9, 4.5))
    for number, name in enumerate(CLASSIFIERS):
        found = [scores(problem).get(name) for problem in CLASSES]
        at = [k + 0.13 * (number - 2) for k, score in enumerate(found) if score]
        axes.errorbar(
            at,
            [100 * score["mean"] for score in found if score],
            [100 * score["spread"] for score in found if score],
            fmt="osD^v"[number],
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
    options = parser.parse_args(arguments)
    if not options.table:
        run(options.problems)
    table()


if __name__ == "__main__":
    main()
