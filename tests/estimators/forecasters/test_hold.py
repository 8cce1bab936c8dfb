"""The hold of a fitted forecaster: chosen, saved, and the same from every origin."""

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.errors import ParameterError
from ssmts_datasets import make_sines


@pytest.fixture(scope="module")
def busy():
    """Two hourly channels with a daily and a half-daily wave in noise: lines over long gaps miss them."""
    return make_sines(900, periods=[24.0, 12.0], n_channels=2, noise=0.2, random_state=0).frame


@pytest.fixture(scope="module")
def holds(busy):
    return {
        hold: LinearSSMForecaster(12, 96, n_modes=48, hold=hold).fit(busy)
        for hold in ("auto", "foh", "gp", "zoh")
    }


@pytest.fixture(scope="module")
def thinned(busy):
    kept = np.random.default_rng(1).random(len(busy)) < 0.25
    return busy[kept]


@pytest.mark.slow
def test_the_hold_decides_what_is_read_of_gaps_and_nothing_else(holds, busy, thinned):
    regular = [model.predict(busy).to_numpy() for model in holds.values()]
    for other in regular[1:]:
        np.testing.assert_array_equal(other, regular[0])
    sparse = {hold: model.predict(thinned, step="1h").to_numpy() for hold, model in holds.items()}
    np.testing.assert_array_equal(sparse["auto"], sparse["gp"])
    assert len({sparse[hold].tobytes() for hold in ("foh", "gp", "zoh")}) == 3
    record = holds["auto"].history_["hold"]
    assert record["mse_of_expectation"] < 0.5 * record["mse_of_lines"]


@pytest.mark.slow
def test_expectation_forecasts_better_from_few_observations(holds, busy):
    rng, errors = np.random.default_rng(2), {"foh": 0.0, "gp": 0.0}
    for origin in range(300, 880, 20):
        window = busy.iloc[origin - 96 : origin]
        thin = window[np.append(rng.random(95) < 0.2, True)]
        truth = busy.iloc[origin : origin + 12].to_numpy()
        for hold in errors:
            errors[hold] += ((holds[hold].predict(thin, step="1h").to_numpy() - truth) ** 2).mean()
    assert errors["gp"] < 0.7 * errors["foh"]


@pytest.mark.parametrize("hold", ["auto", "foh", "gp", "zoh"])
@pytest.mark.slow
def test_a_saved_model_reads_gaps_as_before(holds, thinned, tmp_path, hold):
    path = tmp_path / "model.safetensors"
    holds[hold].save(path)
    loaded = ssmts.load(path)
    assert loaded.get_params()["hold"] == hold
    for option in ({"step": "1h"}, {"step": "20min", "horizon": "5h"}):
        pd.testing.assert_frame_equal(
            loaded.predict(thinned, **option), holds[hold].predict(thinned, **option)
        )
    known, found = holds[hold].model_.covariance, loaded.model_.covariance
    np.testing.assert_array_equal(found.weights, known.weights)
    np.testing.assert_array_equal(found.A, known.A)
    assert found.nugget == known.nugget


def test_a_file_without_undamped_waves_is_read(holds):
    model = holds["gp"].model_
    tensors = model.to_tensors()
    tensors["hold.covariance"] = tensors["hold.covariance"][[*range(len(model.linear.bank.A)), -1]]
    older = type(model).from_tensors(model.config, tensors)
    np.testing.assert_array_equal(older.covariance.A, model.linear.bank.A)
    assert older.covariance.nugget == model.covariance.nugget


@pytest.mark.parametrize("hold", ["spline", None, 1, "GP"])
@pytest.mark.parametrize("forecaster", [LinearSSMForecaster, S4Forecaster])
def test_another_hold_is_refused_by_fit(busy, forecaster, hold):
    with pytest.raises(ParameterError, match=r"hold.*'auto', 'foh', 'gp', 'zoh'"):
        forecaster(12, 96, hold=hold).fit(busy)


@pytest.mark.parametrize("hold", ["auto", "gp", "zoh"])
def test_every_origin_of_a_backtest_is_forecast_as_alone(holds, thinned, hold):
    model = holds[hold]
    table = model.backtest(thinned)
    cutoffs = table["cutoff"].unique()[::23]
    assert len(cutoffs) > 4
    for cutoff in cutoffs:
        rows = table[(table["cutoff"] == cutoff) & (table["channel"] == "y0")]
        found = model.predict(thinned[:cutoff], at=pd.DatetimeIndex(rows["ds"]))["y0"]
        np.testing.assert_allclose(rows["forecast"], found, rtol=1e-7, atol=1e-9)
