import numpy as np
import pytest

from ssmts_datasets import make_irregular_rhythms


def test_the_posterior_is_calibrated_and_reaches_the_bayes_accuracy():
    cases = make_irregular_rhythms(2000, duration=40.0, random_state=0)
    right = cases.posterior.argmax(axis=1) == cases.labels
    assert 0.6 < cases.bayes_accuracy < 0.99
    assert abs(right.mean() - cases.bayes_accuracy) < 3 * np.sqrt(0.25 / 2000)
    sure = cases.posterior[:, 1]
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        inside = (sure >= low) & (sure <= high)
        assert abs(cases.labels[inside].mean() - sure[inside].mean()) < 0.08


def test_the_law_is_the_one_that_is_stated():
    cases = make_irregular_rhythms(500, noise=0.3, random_state=1)
    power = np.mean([values @ values / len(values) for values in cases.values])
    assert power == pytest.approx(1.09, abs=0.06)
    assert np.mean([len(times) for times in cases.times]) == pytest.approx(50, abs=1.5)


def test_the_same_seed_gives_the_same_cases():
    one, other = (make_irregular_rhythms(5, random_state=3) for _ in range(2))
    for a, b in zip(one.values, other.values, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="decay"):
        make_irregular_rhythms(5, decay=0.0)
