"""Cases with gaps: read on lines, or by conditional expectation where that classifies better."""

import numpy as np
import pytest

import ssmts
from ssmts import LinearSSMClassifier, LinearSSMRegressor
from ssmts.data import Series
from ssmts.errors import ParameterError
from ssmts.models.whole_series.hold import fit_case_hold, has_gaps
from ssmts_datasets import make_irregular_rhythms

TRAIN, TEST = (make_irregular_rhythms(n, random_state=seed) for n, seed in ((120, 0), (300, 1)))


def accuracy(model):
    return float(np.mean(model.predict(TEST.values, times=TEST.times) == TEST.labels))


@pytest.fixture(scope="module")
def models():
    def fit(hold):
        model = LinearSSMClassifier(n_readouts=16, hold=hold, random_state=0)
        return model.fit(TRAIN.values, TRAIN.labels, times=TRAIN.times)

    return {hold: fit(hold) for hold in ("auto", "foh", "gp")}


@pytest.mark.slow
def test_auto_takes_what_leaves_out_better(models):
    record = models["auto"].history_["linear"]["hold"]
    assert record["mse_of_expectation"] < record["mse_of_lines"]
    assert record["mse_of_lines"] == models["foh"].history_["linear"]["left_out_mse"]
    expected = models["gp"].predict_proba(TEST.values[:20], times=TEST.times[:20])
    np.testing.assert_array_equal(
        models["auto"].predict_proba(TEST.values[:20], times=TEST.times[:20]), expected
    )
    assert accuracy(models["gp"]) > accuracy(models["foh"])


@pytest.mark.slow
def test_a_case_is_the_same_in_any_company_and_after_a_round_trip(models, tmp_path):
    whole = models["auto"].predict_proba(TEST.values[:9], times=TEST.times[:9])
    alone = models["auto"].predict_proba(TEST.values[4:5], times=TEST.times[4:5])
    np.testing.assert_array_equal(alone[0], whole[4])
    models["auto"].save(tmp_path / "model")
    again = ssmts.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(TEST.values[:9], times=TEST.times[:9]), whole)


def test_cases_without_gaps_are_read_as_they_are():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(40, 2, 50)), np.arange(40) % 2
    models = [LinearSSMClassifier(n_readouts=8, hold=hold, random_state=0) for hold in ("foh", "auto")]
    plain, auto = (model.fit(X, y) for model in models)
    assert "hold" not in auto.history_["linear"]
    np.testing.assert_array_equal(auto.predict_proba(X), plain.predict_proba(X))


def test_a_missing_value_is_a_gap_of_its_channel_alone():
    rng = np.random.default_rng(3)
    t = np.arange(60.0)
    waves = [np.sin(2 * np.pi * t / 12 + rng.uniform(0, 6)) for _ in range(60)]
    series = [Series(k, t, np.stack([w, rng.normal(size=60)], axis=1)) for k, w in enumerate(waves)]
    hold = fit_case_hold(series, 1.0, np.zeros(2), np.ones(2))
    values = series[0].values.copy()
    values[20:26, 0] = np.nan
    assert has_gaps(t, values)
    assert not has_gaps(t, series[0].values)
    grid, filled = hold.filled(t, values)
    np.testing.assert_array_equal(filled[::2, 1], values[:, 1])
    np.testing.assert_array_equal(filled[::2, 0][~np.isnan(values[:, 0])], values[~np.isnan(values[:, 0]), 0])
    found, truth = np.interp(t[20:26], grid, filled[:, 0]), series[0].values[20:26, 0]
    lines = np.interp(t[20:26], np.delete(t, range(20, 26)), np.delete(values[:, 0], range(20, 26)))
    assert ((found - truth) ** 2).mean() < 0.2 * ((lines - truth) ** 2).mean()


def test_a_channel_or_a_case_that_says_nothing():
    empty = np.full((5, 1), np.nan)
    few = [Series(0, np.array([0.0, 3.0]), np.array([[1.0], [2.0]]))]
    hold = fit_case_hold(few, 1.0, np.zeros(1), np.ones(1))  # too few pairs: lines
    _, filled = hold.filled(np.array([0.0, 3.0]), np.array([[1.0], [2.0]]))
    np.testing.assert_allclose(filled[:, 0], np.linspace(1.0, 2.0, 7))
    assert (hold.filled(np.arange(5.0), empty)[1] == 0.0).all()
    short = np.array([0.0, 0.25])
    assert hold.filled(short, np.ones((2, 1)))[0] is short


def test_the_parameter_is_checked_and_regressors_take_it():
    with pytest.raises(ParameterError, match="hold"):
        LinearSSMClassifier(hold="zoh").fit(np.zeros((4, 20)), [0, 1, 0, 1])
    target = np.array([v.std() for v in TRAIN.values])
    model = LinearSSMRegressor(n_readouts=8, random_state=0).fit(TRAIN.values, target, times=TRAIN.times)
    assert set(model.history_["linear"]["hold"]) == {"mse_of_lines", "mse_of_expectation"}
