"""Features of a case: what is evaluated at some instants stands for all of them."""

import numpy as np
import pytest

from ssmts.models.whole_series import features
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.random_readouts import draw_bank


def make_case(length, seed, irregular=False):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.5, 1.5, length)) if irregular else np.arange(length, dtype=np.float64)
    values = np.sin(0.2 * times) + np.sin(0.011 * times) + 0.5 * rng.normal(size=length)
    return Case(times - times[0], values[None])


@pytest.mark.parametrize("irregular", [False, True])
def test_a_long_case_is_read_at_some_instants_as_at_all(irregular, monkeypatch):
    cases = [make_case(9000, seed, irregular) for seed in range(2)]
    bank = draw_bank(1, 9000.0, 16, np.random.default_rng(0))
    fitted = features.fit_features(cases, bank, np.random.default_rng(0), np.ones(2, dtype=bool))
    some = fitted(cases)[0]
    monkeypatch.setattr(features, "MOST_INSTANTS", 10**9)
    every = fitted(cases)[0]
    some, every = (own.reshape(2, -1, 2, 2, 16) for own in (some, every))
    shares = some[:, :, :, 0] - every[:, :, :, 0]
    assert np.abs(shares).max() < 0.06
    assert np.abs(shares).mean() < 0.01
    assert np.abs(shares).max() > 0.0


def test_the_instants_of_a_long_case_carry_its_whole_time():
    case = make_case(9001, 0, irregular=True)
    for scale in range(12):
        _, share = features._instants(case, scale, np.zeros(9))
        assert len(share) <= 2048
        assert share.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_case_of_ordinary_length_is_read_at_every_observation():
    case = make_case(500, 0)
    places, share = features._instants(case, 3, np.zeros(9))
    assert places.row.shape == (9, 500)
    np.testing.assert_allclose(share, case.weights, rtol=1e-6)
