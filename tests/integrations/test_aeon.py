"""The adapters pass aeon's own checks."""

import warnings

import numpy as np
import pytest

pytest.importorskip("aeon", reason="aeon is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # aeon's imports warn of its own future
    from aeon.testing.estimator_checking import check_estimator

    from ssmts.integrations.aeon import AeonClassifier, AeonForecaster, AeonRegressor

from ssmts import LinearSSMForecaster, S4DClassifier


@pytest.mark.filterwarnings("ignore")  # of aeon's checks
@pytest.mark.parametrize("adapter", [AeonClassifier, AeonRegressor, AeonForecaster])
@pytest.mark.slow
def test_all_checks_of_aeon_pass(adapter):
    results = check_estimator(adapter)
    assert len(results) >= 15
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}


def test_any_estimator_of_the_library_goes_in():
    y = np.repeat(["slow", "fast"], 10)
    X = np.sin(np.where(y == "slow", 0.2, 0.4)[:, None, None] * np.arange(60) + np.arange(20)[:, None, None])
    adapted = AeonClassifier(S4DClassifier(n_readouts=8, random_state=0)).fit(X, y)
    assert isinstance(adapted.estimator_, S4DClassifier)
    assert adapted.score(X, y) > 0.9


def test_a_forecast_is_the_last_step_of_ours():
    y = np.sin(np.arange(200) / 5)
    own = LinearSSMForecaster(3, context_length=40, n_modes=16).fit(y)
    adapted = AeonForecaster(3, LinearSSMForecaster(context_length=40, n_modes=16))
    assert adapted.forecast(y) == pytest.approx(own.predict(y)[-1])
