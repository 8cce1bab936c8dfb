"""Long frames are split by case; a study goes on with its own space alone; pruned trials are named."""

import numpy as np
import optuna
import pandas as pd
import polars as pl
import pytest
from optuna.trial import TrialState

from ssmts import LinearSSMClassifier, LinearSSMForecaster, LinearSSMRegressor
from ssmts.errors import MissingColumnError, ParameterError, TuningError
from ssmts.integrations.optuna import tune

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cases():
    """Sixty cases of two frequencies, rows of all cases mixed."""
    rng = np.random.default_rng(0)
    parts = []
    for case in range(60):
        n = 30 + case % 3
        wave = np.sin(np.arange(n) * (0.3 + 0.5 * (case % 2))) + 0.1 * rng.normal(size=n)
        parts.append(pd.DataFrame({"patient": f"p{case}", "minute": np.arange(n, dtype=float), "x": wave}))
    rows = pd.concat(parts).sort_values("minute", kind="stable", ignore_index=True)
    labels = pd.Series([case % 2 for case in range(60)], index=[f"p{case}" for case in range(60)])
    return rows, labels


@pytest.mark.parametrize("kind", ["pandas", "polars", "by id"])
def test_cases_of_a_long_frame_are_split_whole(cases, kind):
    rows, labels = cases
    X = pl.from_pandas(rows) if kind == "polars" else rows
    y = labels.sample(frac=1, random_state=0) if kind == "by id" else labels.to_numpy()
    model = LinearSSMClassifier(id_col="patient", time_col="minute", random_state=0)
    found = tune(model, X, y, space={"n_readouts": [32, 64]})
    assert [trial.state for trial in found.study_.trials] == [TrialState.COMPLETE] * 2
    assert found.study_.best_value == 1.0
    assert found.score(X, y) == 1.0


def test_numbers_of_cases_are_tuned_alike(cases):
    rows, labels = cases
    target = labels.to_numpy() * 2.0 + 0.5
    model = LinearSSMRegressor(id_col="patient", time_col="minute", random_state=0)
    found = tune(model, rows, target, space={"n_readouts": [32, 64]}, cv=3)
    assert found.study_.best_value > 0.9
    with pytest.raises(MissingColumnError, match="'person'"):
        tune(model.set_params(id_col="person"), rows, target, space={"n_readouts": [32]})


def test_a_study_with_another_space_is_not_continued(tmp_path):
    frame = pd.DataFrame({"y": np.sin(np.arange(200) / 4)})
    storage = str(tmp_path / "tuning.log")
    first = tune(LinearSSMForecaster(12), frame, space={"n_modes": [8, 16]}, storage=storage)
    with pytest.raises(ParameterError, match=r"study_name.*n_modes"):
        tune(LinearSSMForecaster(12), frame, space={"n_modes": [8, 32]}, storage=storage)
    again = tune(LinearSSMForecaster(12), frame, space={"n_modes": [8, 16]}, storage=storage)
    assert len(again.study_.trials) == len(first.study_.trials) == 2
    other = tune(LinearSSMForecaster(12), frame, space={"n_modes": [8, 32]}, storage=storage, study_name="b")
    assert len(other.study_.trials) == 2


class Impatient(optuna.pruners.BasePruner):
    """Gives every trial up."""

    def prune(self, study, trial):
        return True


def test_trials_that_were_all_pruned_are_named():
    frame = pd.DataFrame({"y": np.sin(np.arange(300) / 4)})
    with pytest.raises(TuningError, match=r"All 2 finished trials .* pruner"):
        tune(LinearSSMForecaster(12), frame, space={"n_modes": [8, 16]}, cv=3, pruner=Impatient())
