"""Tuning within a budget of time: ``python -m benchmarks.scale.tuning --problem ETTh2-96``.

Every search begins with the defaults. `tune` searches with TPE and prunes by the median of the epochs; random
search beside it draws from the same space, for the same time, and prunes nothing. Time is that of the
processor, in one process: what else a machine does is not counted. Both learn on the training span and are
judged on the validation span, which the table shows; studies are kept in ``--storage`` (a folder), so that a
budget may be spent in several calls. With ``--test`` the best of each and the defaults are fitted on both
spans and judged on the test span, once; the look is logged in ``results/test-log.jsonl``.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState
from sklearn.base import clone

from benchmarks.output import RESULTS, log_test, markdown_table, raw_of, write_json, write_text
from benchmarks.scale.tuning_problems import PROBLEMS, Problem
from ssmts.integrations.optuna import tune

SEARCHES = ("tune", "random")
_STARTUP = 5  # random trials of TPE, as `tune` has it


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--problem", choices=sorted(PROBLEMS), default="ETTh2-96")
    parser.add_argument("--minutes", type=float, default=7.0, help="of the processor, for each search")
    parser.add_argument("--search", nargs="*", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--storage", type=Path, default=Path(".studies"), help="folder of the studies")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    options = parser.parse_args(arguments)
    problem = PROBLEMS[options.problem]()
    folder = options.storage / options.problem
    folder.mkdir(parents=True, exist_ok=True)
    for name in options.search:
        search(problem, name, options.minutes, folder, options.seed)
    result = report(problem, options.problem, folder)
    if options.test:
        log_test(["python -m benchmarks.scale.tuning", *arguments])
        result["test"] = test_figures(problem, result)
        store(result)
    print(to_markdown(result))


def search(problem: Problem, name: str, minutes: float, storage: Path, seed: int) -> None:
    """Spend minutes on one study."""
    # Another seed, or the first draws of random search would be those that TPE begins with.
    sampler = (
        RandomSampler(seed + 1) if name == "random" else TPESampler(seed=seed, n_startup_trials=_STARTUP)
    )
    stop_after(sampler, 60 * minutes)
    begun = time.process_time()
    tune(
        problem.estimator,
        problem.X,
        problem.y,
        n_trials=10_000,
        cv=problem.cv,
        space=problem.space,
        storage=storage / f"{name}.log",
        study_name=name,
        random_state=seed,
        sampler=sampler,
        pruner=NopPruner() if name == "random" else None,
    )
    print(f"{name}: {time.process_time() - begun:.0f} s with the last fit", flush=True)


def stop_after(sampler: BaseSampler, seconds: float) -> None:
    """Note the seconds of every trial in its study, and end that when so many are spent.

    Optuna's own timeout is one of the clock on the wall.
    """
    begun = last = time.process_time()
    own = sampler.after_trial

    def after_trial(study: optuna.Study, trial: Any, state: Any, values: Any) -> None:
        nonlocal last
        own(study, trial, state, values)
        now = time.process_time()
        study.set_user_attr(f"seconds of trial {trial.number}", now - last)
        last = now
        if now - begun > seconds:
            study.stop()

    sampler.after_trial = after_trial  # type: ignore[method-assign]


def report(problem: Problem, title: str, storage: Path) -> dict[str, Any]:
    """What the studies say: trials, share pruned, validation error of the best and of the defaults."""
    rows, curves = [], {}
    for name in SEARCHES:
        backend = optuna.storages.journal.JournalFileBackend(str(storage / f"{name}.log"))
        study = optuna.load_study(study_name=name, storage=optuna.storages.JournalStorage(backend))
        trials = [t for t in study.trials if t.state.is_finished()]
        complete = [t for t in trials if t.state == TrialState.COMPLETE]
        gradient = [t for t in trials if t.intermediate_values]
        pruned = [t for t in trials if t.state == TrialState.PRUNED]
        seconds = np.cumsum([study.user_attrs[f"seconds of trial {t.number}"] for t in trials])
        values = [t.value if t.state == TrialState.COMPLETE else np.nan for t in trials]
        best = np.fmax.accumulate(np.array(values, dtype=float))
        curves[name] = {"seconds": seconds.round(1).tolist(), "error": problem.errors(best).round(6).tolist()}
        rows.append(
            {
                "search": name,
                "seconds": round(float(seconds[-1]), 1),
                "trials": len(trials),
                "complete": len(complete),
                "failed": len(trials) - len(complete) - len(pruned),
                "pruned_share": len(pruned) / max(1, len(gradient)),
                "default_error": float(problem.errors(complete[0].value)),
                "best_error": float(problem.errors(study.best_value)),
                "best_params": study.best_params,
            }
        )
    return {"problem": title, "measure": problem.measure, "searches": rows, "curves": curves, "test": None}


def test_figures(problem: Problem, result: dict[str, Any]) -> dict[str, float]:
    """Error on the test span of the defaults and of the best of every search."""
    figures = {"defaults": problem.test(clone(problem.estimator))}
    for row in result["searches"]:
        figures[row["search"]] = problem.test(clone(problem.estimator).set_params(**row["best_params"]))
    return figures


def store(result: dict[str, Any]) -> None:
    """JSON, a page and a picture."""
    folder = RESULTS / "tuning"
    write_json(raw_of(folder) / f"{result['problem']}.json", result)
    write_text(folder / f"{result['problem']}.md", to_markdown(result))
    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, colour in zip(SEARCHES, ("tab:blue", "0.45")):
        curve = result["curves"][name]
        ax.step(curve["seconds"], curve["error"], where="post", color=colour, label=name)
        ax.plot(curve["seconds"], curve["error"], "o", color=colour, markersize=3)
    defaults = result["searches"][0]["default_error"]
    ax.axhline(defaults, color="tab:red", linestyle="--", linewidth=1, label="defaults")
    measure = result["measure"].split(" (")[0]
    ax.set(xlabel="seconds of trials", ylabel=f"best {measure} on validation", title=result["problem"])
    ax.legend(frameon=False)
    figure.savefig(folder / f"{result['problem']}.png", dpi=110)
    plt.close(figure)


def to_markdown(result: dict[str, Any]) -> str:
    """One problem as a page."""
    header = [
        "search",
        "seconds",
        "trials",
        "pruned",
        "failed",
        "validation",
        "defaults",
        "test",
        "defaults, test",
    ]
    test = result["test"]
    rows = [
        [
            row["search"],
            f"{row['seconds']:.0f}",
            str(row["trials"]),
            f"{row['pruned_share']:.0%}",
            str(row["failed"]),
            f"{row['best_error']:.4f}",
            f"{row['default_error']:.4f}",
            "" if test is None else f"{test[row['search']]:.4f}",
            "" if test is None else f"{test['defaults']:.4f}",
        ]
        for row in result["searches"]
    ]
    best = "\n".join(f"- {row['search']}: `{row['best_params']}`" for row in result["searches"])
    note = f"{result['measure']}; `python -m benchmarks.scale.tuning` makes this page."
    table = markdown_table(header, rows)
    return f"# Tuning: {result['problem']}\n\n{note}\n\n{table}\nBest parameters:\n\n{best}\n"


if __name__ == "__main__":
    main()
