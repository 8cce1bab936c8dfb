"""Tune a forecaster with Optuna: a grid for the linear branch, a pruned search for the deep one.

Data: carbon dioxide on Mauna Loa, every week from 1976 to 2001, with gaps (inside statsmodels). The study
of the deep branch is stored in a journal: an interrupted script continues.

    python examples/tune_with_optuna.py
"""

from __future__ import annotations

from pathlib import Path

from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from statsmodels.datasets import co2

from ssmts import LinearSSMForecaster, S4DForecaster
from ssmts.integrations.optuna import plot_importances, tune

HORIZON = 26  # weeks
JOURNAL, PICTURE = Path("co2_tuning.log"), Path("co2_importances.png")


def main() -> None:
    """Tune both branches and print the results."""
    data = co2.load_pandas().data
    train, later = data.loc["1976":"1994"], data.loc["1995":]

    linear = tune(LinearSSMForecaster(HORIZON), train, random_state=0)
    print(
        f"linear branch: {len(linear.study_.trials)} trials, the whole grid; best {linear.study_.best_params}"
    )

    space = {
        "context_length": [4 * HORIZON, 8 * HORIZON, 16 * HORIZON],
        "d_model": [16, 32],
        "learning_rate": FloatDistribution(5e-4, 1e-2, log=True),
        "dropout": FloatDistribution(0.1, 0.6),
    }
    start = S4DForecaster(
        HORIZON, 8 * HORIZON, d_model=32, d_state=16, n_layers=1, max_epochs=3, random_state=0
    )
    deep = tune(start, train, space=space, n_trials=6, timeout="2min", storage=JOURNAL)
    study = deep.study_
    pruned = len(study.get_trials(states=(TrialState.PRUNED,)))
    print(f"deep branch: {len(study.trials)} trials, {pruned} of them pruned; best {study.best_params}")
    plot_importances(study).figure.savefig(PICTURE)

    print("mean squared error in training scale    held out (1990-1994)    later (1995-2001)")
    for name, model in (("linear", linear), ("deep", deep)):
        print(f"{name:36s}{-model.study_.best_value:>20.6f}{-model.score(later):>22.6f}")
    print(f"study: {JOURNAL.resolve()}\npicture: {PICTURE.resolve()}")


if __name__ == "__main__":
    main()
