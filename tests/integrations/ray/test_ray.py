"""A cluster of two workers on this machine: the same numbers as in one process."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest

from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.errors import MissingColumnError, ParameterError
from ssmts_datasets import make_sines

ray = pytest.importorskip("ray", reason="needs ssmts[ray]")
pytest.importorskip("ray.data", reason="needs ssmts[ray]", exc_type=ImportError)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
LENGTH, N_SERIES = 60, 40


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        yield ray
        ray.shutdown()


@pytest.fixture(scope="module")
def many():
    make = {"periods": [12.0, 30.0], "noise": 0.1, "layout": "long", "random_state": 2}
    return make_sines(LENGTH, n_series=N_SERIES, **make).frame


@pytest.fixture(scope="module")
def ids(many):
    return many["unique_id"].unique()


def new_model():
    return LinearSSMForecaster(horizon=6, context_length=24, n_modes=16)


def ordered(frame):
    return frame.sort_values(["unique_id", "ds"], ignore_index=True)


@pytest.mark.slow
def test_scores_with_a_deep_path_are_those_of_predict_(cluster, many):
    from ssmts.integrations.ray import predict

    small = {"d_model": 8, "d_state": 4, "n_layers": 1, "max_epochs": 1, "random_state": 0}
    model = S4Forecaster(horizon=6, context_length=24, n_modes=16, **small).fit(many)
    shuffled = many.sample(frac=1.0, random_state=0)  # rows of a series in every block, in no order
    dataset = cluster.data.from_pandas([shuffled.iloc[:900], shuffled.iloc[900:]])
    found = predict(model, dataset, step="30min", num_blocks=3).to_pandas()
    expected = ordered(model.predict(many, step="30min"))
    pd.testing.assert_frame_equal(ordered(found), expected, check_dtype=False, rtol=1e-10)


@pytest.mark.slow
def test_whole_files_are_scored_where_they_lie(cluster, many, ids, tmp_path):
    from ssmts.integrations.ray import predict

    for part in range(4):
        many[many["unique_id"].isin(ids[part::4])].to_parquet(tmp_path / f"{part}.parquet", index=False)
    model = new_model().fit(many)
    dataset = cluster.data.read_parquet(str(tmp_path), override_num_blocks=4)
    found = predict(model, dataset, level=90, num_blocks=0, concurrency=1).to_pandas()
    expected = ordered(model.predict_interval(many, level=90))
    pd.testing.assert_frame_equal(ordered(found), expected, check_dtype=False, rtol=1e-10)


@pytest.mark.slow
def test_the_series_at_fault_is_named_or_recorded(cluster, many, ids, tmp_path):
    from ssmts.integrations.ray import predict

    model = new_model().fit(many)
    bad = many.copy()
    bad.loc[5 * LENGTH + 7, "y"] = np.inf
    dataset = cluster.data.from_pandas(bad)
    with pytest.raises(ray.exceptions.RayTaskError, match=f"Series '{ids[5]}': Input X contains infinity"):
        predict(model, dataset, num_blocks=2).materialize()
    alone = bad["unique_id"] == ids[5]  # in a block of its own, which has the columns of all
    parts = cluster.data.from_pandas([bad[alone], bad[~alone]])
    predict(model, parts, num_blocks=0, errors="record").write_parquet(str(tmp_path))
    for part in tmp_path.iterdir():
        assert pd.read_parquet(part).columns.tolist() == ["unique_id", "ds", "y", "error"]
    found = pd.read_parquet(tmp_path)
    failed = found[found["error"].notna()]
    assert failed["unique_id"].tolist() == [ids[5]]
    assert "column 'y', row 7" in failed["error"].iloc[0]
    rest = ordered(found[found["error"].isna()].drop(columns="error"))
    expected = ordered(model.predict(many[many["unique_id"] != ids[5]]))
    pd.testing.assert_frame_equal(rest, expected, check_dtype=False, rtol=1e-10)


@pytest.mark.parametrize("num_blocks", [1, 5])
def test_the_same_coefficients_whatever_the_split(cluster, many, ids, num_blocks):
    from ssmts.integrations.ray import fit_shards

    sample = many[many["unique_id"].isin(ids[:30])]
    alone = new_model().fit(sample).fit_shards([many])
    shuffled = many.sample(frac=1.0, random_state=1)
    model = new_model().fit(sample)
    assert fit_shards(model, cluster.data.from_pandas(shuffled), num_blocks=num_blocks) is model
    assert model.history_["n_windows"] == alone.history_["n_windows"]
    shared = alone.model_.linear.shared
    np.testing.assert_allclose(
        model.model_.linear.shared, shared, rtol=1e-8, atol=1e-8 * np.abs(shared).max()
    )


@pytest.mark.slow
def test_a_search_runs_on_the_workers(cluster, many, tmp_path):
    import joblib
    from ray.util.joblib import register_ray

    pytest.importorskip("optuna", reason="needs ssmts[optuna]")
    from ssmts.integrations.optuna import tune

    register_ray()
    space = {"n_modes": [8, 16], "context_length": [12, 24]}
    with joblib.parallel_config("ray"):
        model = tune(new_model(), many, space=space, n_jobs=2, storage=tmp_path / "study.log", random_state=0)
    trials = model.study_.trials
    assert {(t.params["n_modes"], t.params["context_length"]) for t in trials} == {
        (8, 12),
        (8, 24),
        (16, 12),
        (16, 24),
    }
    processes = {trial.user_attrs["process"][1] for trial in trials}
    assert os.getpid() not in processes
    assert model.study_.best_value == max(trial.value for trial in trials)


@pytest.mark.slow
def test_what_cannot_be_scored_is_said(cluster, many):
    from ssmts.integrations.ray import predict

    model = new_model().fit(many)
    dataset = cluster.data.from_pandas(many)
    with pytest.raises(ParameterError, match=r"a ray\.data\.Dataset"):
        predict(model, many)
    with pytest.raises(ParameterError, match="num_blocks"):
        predict(model, dataset, num_blocks=-1)
    with pytest.raises(MissingColumnError, match="'unique_id' is not a column"):
        predict(model, dataset.rename_columns({"unique_id": "name"}))
