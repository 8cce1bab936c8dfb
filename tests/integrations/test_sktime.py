"""The adapters pass a list of sktime's checks; ``python -m benchmarks.sktime_checks`` runs all of them."""

import warnings

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sktime", reason="sktime is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # sktime's imports warn of its own future
    from sktime.utils.estimator_checks import check_estimator

    from ssmts.integrations.sktime import SktimeClassifier, SktimeForecaster, SktimeRegressor

COMMON = [
    "test_constructor",
    "test_clone",
    "test_fit_updates_state",
    "test_fit_does_not_overwrite_hyper_params",
    "test_non_state_changing_method_contract",
    "test_persistence_via_pickle",
    "test_valid_estimator_tags",
]


@pytest.mark.filterwarnings("ignore")  # of sktime's checks
@pytest.mark.parametrize("adapter", [SktimeClassifier, SktimeRegressor, SktimeForecaster])
@pytest.mark.slow
def test_checks_of_sktime_pass(adapter):
    results = check_estimator(adapter, tests_to_run=COMMON, verbose=False)
    assert len(results) >= len(COMMON)
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}


@pytest.mark.filterwarnings("ignore::FutureWarning")  # sktime's announcement of its next version
def test_a_forecast_keeps_index_and_names():
    index = pd.period_range("2020-01", periods=90, freq="M")
    y = pd.DataFrame({"a": np.sin(np.arange(90) / 4), "b": np.cos(np.arange(90) / 4)}, index)
    found = SktimeForecaster().fit(y, fh=[1, 3]).predict()
    assert list(found.columns) == ["a", "b"]
    assert list(found.index) == [pd.Period("2027-07", "M"), pd.Period("2027-09", "M")]
    np.testing.assert_allclose(found["a"], np.sin(np.array([90, 92]) / 4), atol=0.1)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.slow
def test_intervals_and_columns_that_are_known_ahead():
    rng = np.random.default_rng(0)
    index = pd.period_range("2000-01", periods=300, freq="M")
    X = pd.DataFrame({"price": rng.normal(size=300), "other": rng.normal(size=300)}, index)
    y = pd.DataFrame({"a": 3.0 * X["price"] + np.sin(np.arange(300) / 4)}, index)
    y.iloc[280:] = np.nan
    known = y.iloc[:280]
    adapter = SktimeForecaster().fit(known, X=X.iloc[:280], fh=np.arange(1, 13))
    found = adapter.predict(X=X.iloc[280:292])
    truth = 3.0 * X["price"].iloc[280:292] + np.sin(np.arange(280, 292) / 4)
    assert np.abs(found["a"] - truth).mean() < 0.4
    without = SktimeForecaster().fit(known, fh=np.arange(1, 13)).predict()
    assert np.abs(without["a"] - truth).mean() > 5 * np.abs(found["a"] - truth).mean()
    intervals = adapter.predict_interval(X=X.iloc[280:292], coverage=[0.5, 0.9])
    quantiles = adapter.predict_quantiles(X=X.iloc[280:292], alpha=[0.05, 0.95])
    np.testing.assert_allclose(intervals["a", 0.9].to_numpy(), quantiles["a"].to_numpy())
    assert (intervals["a", 0.9, "lower"] <= intervals["a", 0.5, "lower"]).all()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_forecast_begins_at_the_last_row_observed_or_not():
    y = pd.Series(np.sin(np.arange(120) / 4))
    y.iloc[-3:] = np.nan
    found = SktimeForecaster().fit(y, fh=[1, 2]).predict()
    np.testing.assert_allclose(found, np.sin(np.array([120, 121]) / 4), atol=0.1)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("update_params", [True, False])
@pytest.mark.slow
def test_a_forecast_needs_no_data_that_sktime_remembers(update_params):
    """sktime 1.3 sets remember_data=False by default."""
    index = pd.date_range("2020-01-01", periods=300, freq="h")
    x = pd.DataFrame({"x": np.random.default_rng(0).normal(size=300)}, index)
    y = pd.Series(np.sin(np.arange(300) / 4), index) + x["x"]
    found = []
    for remember in (True, False):
        adapter = SktimeForecaster().set_config(remember_data=remember)
        adapter.fit(y[:250], X=x[:250], fh=[1, 2, 3])
        adapter.update(y[250:280], X=x[250:280], update_params=update_params)
        found.append(adapter.predict(X=x[280:283]))
    assert found[1].index[0] == index[280]
    pd.testing.assert_series_equal(found[1], found[0])
    np.testing.assert_allclose(found[1], y[280:283], atol=0.1)
