"""Long cases, beside MiniRocket in processor time: ``python -m benchmarks.whole_series.long_cases``.

Two noisy tones of nearly one frequency, 100 training cases; one thread, one process, in turn. What aeon
compiles is not counted.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from benchmarks.output import RESULTS, markdown_table, write_json, write_text
from ssmts import LinearSSMClassifier

_CASES, _ASKED = 100, 10


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    rows = [row for length in options.lengths for row in compared(length, options.rounds)]
    folder = RESULTS / "classification"
    write_json(RESULTS / "raw" / "classification" / "long_cases.json", rows)
    header = ["points", "model", f"fit of {_CASES}, s", f"predict of {_ASKED}, s", "accuracy"]
    lines = [
        [f"{r['points']:,}", r["model"], f"{r['fit']:.2f}", f"{r['predict']:.2f}", f"{r['accuracy']:.0%}"]
        for r in rows
    ]
    page = f"# Long cases\n\n{__doc__.split(chr(10) * 2)[1].strip()} Medians of {options.rounds} rounds.\n\n"
    write_text(folder / "long_cases.md", page + markdown_table(header, lines) + "\n")
    print(markdown_table(header, lines))


def compared(length: int, rounds: int) -> list[dict[str, Any]]:
    """One row a model."""
    from aeon.classification.convolution_based import MiniRocketClassifier

    X, y = tones(length)
    makers = {
        "LinearSSMClassifier": lambda: LinearSSMClassifier(random_state=0),
        "MiniRocketClassifier": lambda: MiniRocketClassifier(n_jobs=1, random_state=0),
    }
    makers["MiniRocketClassifier"]().fit(X[:10, None, :500], y[:10]).predict(X[:2, None, :500])  # compiles
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in makers}
    right: dict[str, float] = {}
    for _ in range(rounds):
        for name, make in makers.items():
            begun = time.process_time()
            model = make().fit(X[:_CASES, None], y[:_CASES])
            fitted = time.process_time()
            answers = model.predict(X[_CASES : _CASES + _ASKED, None])
            times[name].append((fitted - begun, time.process_time() - fitted))
            right[name] = float(np.mean(answers == y[_CASES : _CASES + _ASKED]))
    return [
        {"points": length, "model": name, "accuracy": right[name]}
        | dict(zip(("fit", "predict"), np.median(own, axis=0).tolist()))
        for name, own in times.items()
    ]


def tones(length: int) -> tuple[Any, Any]:
    """Cases of one tone or another in noise, (n_cases, length), and which."""
    rng, t = np.random.default_rng(0), np.arange(length)
    which = np.arange(_CASES + _ASKED) % 2
    phase = rng.uniform(0, 6, size=(len(which), 1))
    X = np.sin(t * np.where(which, 0.02, 0.021)[:, None] + phase) + 0.5 * rng.normal(
        size=(len(which), length)
    )
    return X, which


if __name__ == "__main__":
    main()
