import numpy as np
import polars as pl
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import GridSampler, RandomSampler
from optuna.trial import TrialState
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from ssmts import LinearSSMForecaster, S4Classifier, S4DForecaster
from ssmts.errors import InfiniteValueError, TuningError
from ssmts.integrations.optuna import plot_importances, tune
from ssmts_datasets import make_sines

pytestmark = pytest.mark.slow

SPACE = {"context_length": [12, 24, 48], "n_modes": [8, 24]}
SMALL = {"n_modes": 8, "d_model": 8, "d_state": 4, "n_layers": 1, "batch_size": 64, "random_state": 0}


@pytest.fixture(scope="module")
def tuned(frame):
    return tune(LinearSSMForecaster(12, 24, n_modes=8), frame, space=SPACE, random_state=0)


def states(model):
    return [trial.state for trial in model.study_.trials]


def test_the_first_trial_is_the_estimator_and_the_best_is_no_worse(tuned, frame):
    first = tuned.study_.trials[0]
    assert first.params == {"context_length": 24, "n_modes": 8}
    head, tail = frame.iloc[:301], frame.iloc[301:]
    assert first.value == LinearSSMForecaster(12, 24, n_modes=8).fit(head).score(tail)
    values = [trial.value for trial in tuned.study_.trials]
    assert tuned.study_.best_value == max(values) > first.value


def test_what_comes_back_is_the_best_fitted_on_everything(tuned, frame):
    best = LinearSSMForecaster(12, **tuned.study_.best_params).fit(frame)
    assert tuned.get_params() == best.get_params()
    np.testing.assert_array_equal(tuned.predict(), best.predict())


def test_a_grid_is_walked_once(tuned):
    assert len({str(trial.params) for trial in tuned.study_.trials}) == len(tuned.study_.trials) == 6


@pytest.mark.parametrize("kind", ["long", "polars", "array", "arrays", "unsorted", "column"])
def test_data_of_every_kind_is_split_by_time(frame, panel, tuned, kind):
    X = {
        "long": panel,
        "polars": pl.from_pandas(panel),
        "array": frame.to_numpy(),
        "arrays": panel["y"].to_numpy().reshape(3, -1, 1),
        "unsorted": frame.sample(frac=1.0, random_state=0),
        "column": frame.reset_index(names="when"),
    }[kind]
    estimator = LinearSSMForecaster(12, 24, n_modes=8, time_col="when" if kind == "column" else None)
    model = tune(estimator, X, space={"n_modes": [8]}, n_trials=1)
    assert model.get_params() == estimator.get_params()
    same = panel if kind in ("long", "polars", "arrays") else frame
    if same is frame:
        assert model.study_.best_value == pytest.approx(tuned.study_.trials[0].value, rel=1e-9)
    else:
        head = panel.groupby("unique_id").head(226)
        tail = panel.drop(head.index)
        expected = LinearSSMForecaster(12, 24, n_modes=8).fit(head).score(tail)
        assert model.study_.best_value == pytest.approx(expected, rel=1e-9)
    assert np.asarray(model.predict()).shape == np.asarray(estimator.fit(X).predict()).shape


def test_pruning_fires_and_the_same_seed_gives_the_same_study(chaos):
    space = {"learning_rate": FloatDistribution(1e-5, 1e-2, log=True), "d_model": [8, 16]}
    found = []
    for _ in range(2):
        estimator = S4DForecaster(2, 8, max_epochs=3, learning_rate=1e-2, dropout=0.0, **SMALL)
        found.append(tune(estimator, chaos, space=space, n_trials=12, sampler=RandomSampler(0)))
    one = found[0]
    histories = [[(trial.params, trial.value) for trial in model.study_.trials] for model in found]
    assert histories[0] == histories[1]
    pruned = [trial for trial in one.study_.trials if trial.state == TrialState.PRUNED]
    assert any(trial.params["learning_rate"] < 1e-4 for trial in pruned)
    assert all(1 <= trial.last_step <= 9 for trial in pruned)  # three networks of three epochs
    assert any(trial.last_step < 4 for trial in pruned)
    complete = one.study_.trials[0]
    assert sorted(complete.intermediate_values) == list(range(1, 10))
    assert all(value < 0 for value in complete.intermediate_values.values())
    assert one.learning_rate > 1e-3


def test_failures_are_recorded_and_survived(frame):
    cases = {"case": ["fine", "memory", "no modes"]}

    def space(trial):
        case = trial.suggest_categorical("case", cases["case"])
        if case == "memory":
            raise MemoryError("out of memory")
        return {"n_modes": 0 if case == "no modes" else 8, "context_length": 48}

    model = tune(LinearSSMForecaster(12), frame, space=space, n_trials=3, sampler=GridSampler(cases, seed=0))
    found = {trial.params["case"]: trial for trial in model.study_.trials}
    assert found["fine"].state == TrialState.COMPLETE
    assert found["no modes"].state == found["memory"].state == TrialState.FAIL
    assert found["no modes"].user_attrs["error"].startswith("ParameterError: n_modes=0")
    assert found["memory"].user_attrs["error"] == "MemoryError: out of memory"
    assert model.context_length == 48


def test_a_loss_that_is_not_finite_is_recorded_and_survived(chaos):
    rates = [1e-2, 1e30]
    estimator = S4DForecaster(2, 8, max_epochs=2, learning_rate=1e-2, **SMALL)
    model = tune(
        estimator,
        chaos,
        space={"learning_rate": rates},
        n_trials=3,
        sampler=GridSampler({"learning_rate": rates}, seed=0),
    )
    found = {trial.params["learning_rate"]: trial for trial in model.study_.trials}
    assert found[1e-2].state == TrialState.COMPLETE
    assert found[1e30].state == TrialState.FAIL
    assert found[1e30].user_attrs["error"].startswith("NonFiniteLossError: ")
    assert model.learning_rate == 1e-2


def test_a_study_without_a_result_says_why(frame):
    with pytest.raises(TuningError, match=r"No trial.*ParameterError.*Correct the data"):
        tune(LinearSSMForecaster(12), frame, space={"n_modes": [0, -1]})
    with pytest.raises(InfiniteValueError, match="y0"):
        tune(LinearSSMForecaster(12), frame.replace(frame.iloc[3, 0], np.inf))
    with pytest.raises(TuningError, match="none was begun in time"):
        tune(LinearSSMForecaster(12), frame, space=SPACE, timeout=1e-9)


def test_folds_of_a_splitter_and_pruning_between_them(frame):
    space = {"n_modes": [8], "context_length": [48, 24, 36, 12, 2, 4, 3, 5, 6, 7]}
    cv = TimeSeriesSplit(3)
    model = tune(LinearSSMForecaster(12, 48, n_modes=8), frame, space=space, cv=cv, random_state=0)
    first = model.study_.trials[0]
    scores = [
        LinearSSMForecaster(12, 48, n_modes=8).fit(frame.iloc[train]).score(frame.iloc[test])
        for train, test in cv.split(frame)
    ]
    assert first.value == np.mean(scores)
    assert first.intermediate_values == {k: np.mean(scores[: k + 1]) for k in range(3)}
    assert TrialState.PRUNED in states(model)


def test_classifiers_are_tuned_and_watched():
    number = np.arange(48)[:, None]
    X, y = np.sin(np.arange(20) / (1 + number % 2) + number), np.where(np.arange(48) % 2, "fast", "slow")
    small = {"n_readouts": 2, "n_modes": 4, "d_model": 4, "d_state": 2, "n_layers": 1, "max_epochs": 2}
    estimator = S4Classifier(deep="always", random_state=0, **small)
    model = tune(estimator, X, y, space={"dropout": [0.2, 0.0]}, n_trials=2)
    assert [sorted(trial.intermediate_values) for trial in model.study_.trials] == [list(range(1, 7))] * 2
    assert model.study_.best_value == max(trial.value for trial in model.study_.trials) > 0.5
    assert model.score(X, y) > 0.5


def test_other_estimators_are_tuned_as_well(frame):
    model = tune(
        Ridge(),
        frame[["y0"]],
        frame["y1"],
        space={"alpha": [0.1, 10.0]},
        sampler=RandomSampler(0),
        n_trials=3,
    )
    assert model.alpha in (0.1, 10.0)
    assert model.n_features_in_ == 1


@pytest.mark.parametrize(
    "bad", [{"n_trials": 0}, {"n_trials": 1.5}, {"n_jobs": 0}, {"storage": 3}, {"timeout": -1}]
)
def test_parameters_are_checked(frame, bad):
    with pytest.raises(ValueError, match=r"n_trials|n_jobs|storage|positive"):
        tune(LinearSSMForecaster(12), frame, space=SPACE, **bad)


def test_the_bar_is_for_those_who_ask(frame, capsys):
    tune(LinearSSMForecaster(12), frame, space=SPACE, n_trials=1)
    assert capsys.readouterr() == ("", "")
    tune(LinearSSMForecaster(12), frame, space=SPACE, n_trials=2, timeout="1min", verbose=1)
    assert "2/2" in capsys.readouterr().err


def test_importances_are_drawn(tuned, frame):
    ax = plot_importances(tuned.study_)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(SPACE)[::-1] or list(SPACE)
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(1.0)
    single = tune(LinearSSMForecaster(12), frame, space={"n_modes": [8]}, n_trials=1)
    with pytest.raises(TuningError, match=r"no variance.*Run more trials"):
        plot_importances(single.study_)


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental", "ignore:`optuna.terminator` module")
def test_searches_of_scikit_learn_and_of_optuna_work():
    from optuna.distributions import CategoricalDistribution
    from optuna_integration import OptunaSearchCV

    frame = make_sines(400, periods=[48.0, 120.0], noise=0.01, random_state=0).frame
    model = LinearSSMForecaster(12, 24, n_modes=8)
    cv = TimeSeriesSplit(2)
    grid = GridSearchCV(model, {"context_length": [24, 48]}, cv=cv).fit(frame)
    assert grid.best_score_ < 0
    study = OptunaSearchCV(
        model, {"context_length": CategoricalDistribution([24, 48])}, cv=cv, n_trials=4, random_state=0
    ).fit(frame)
    assert study.best_params_ == grid.best_params_
    assert study.best_score_ == pytest.approx(grid.best_score_)
    np.testing.assert_array_equal(study.predict(frame), grid.predict(frame))
