"""The hold that fills gaps by expectation, against dense Gaussian conditioning and against nature."""

import numpy as np
import pytest

from ssmts.models.irregular.autocovariance import Autocovariance, fit_autocovariance, sample_autocovariance
from ssmts.models.irregular.grid_kriging import GridConditional
from ssmts.models.irregular.hold import Hold
from ssmts.models.irregular.kriging import conditional
from ssmts.models.state_space.modes import make_bank

CONTEXT = 60.0


@pytest.fixture
def covariance():
    return Autocovariance(np.array([-0.05 + 0j, -0.02 + 0.5j]), np.array([0.3, 0.6]), 0.1)


def exact(covariance, times, values, at, level=1e6):
    """Mean and variance by the textbook, the unknown level as a constant of large variance."""

    def k(lags):
        return sum(
            w * np.exp(a.real * lags) * np.cos(a.imag * lags)
            for a, w in zip(covariance.A, covariance.weights)
        )

    K = k(np.abs(times[:, None] - times)) + covariance.nugget * np.eye(len(times)) + level
    cross = k(np.abs(at[:, None] - times)) + level
    gain = np.linalg.solve(K, cross.T).T
    prior = covariance.variance + level
    return gain @ values, prior - (gain * cross).sum(axis=1)


@pytest.mark.parametrize("on_grid", [True, False])
def test_mean_and_variance_are_those_of_gaussian_conditioning(covariance, on_grid):
    rng = np.random.default_rng(0)
    times = np.sort(rng.choice(60, 25, replace=False)).astype(float)
    times += 0.0 if on_grid else rng.uniform(0.1, 0.4, 25)
    at = np.setdiff1d(np.arange(60.0), times)
    values = rng.normal(size=(2, 25))
    mean, variance = conditional(covariance, times, values, at, with_variance=True)
    for own, found in zip(values, mean):
        expected, spread = exact(covariance, times, own, at)
        np.testing.assert_allclose(found, expected, atol=2e-3)
        np.testing.assert_allclose(variance, spread, atol=2e-3)


def test_an_observation_is_kept_and_a_level_passes_through(covariance):
    times, values = np.array([0.0, 3.0, 7.5, 20.0]), np.array([[1.0, -2.0, 0.5, 3.0]])
    at = np.array([0.0, 1.0, 7.5, 12.0, 20.0])
    mean, variance = conditional(covariance, times, values, at, with_variance=True)
    np.testing.assert_array_equal(mean[0, [0, 2, 4]], [1.0, 0.5, 3.0])
    np.testing.assert_array_equal(variance[[0, 2, 4]], 0.0)
    assert (variance[[1, 3]] > covariance.nugget).all()
    np.testing.assert_allclose(conditional(covariance, times, values + 1e3, at)[0], mean + 1e3, rtol=1e-9)


def test_long_series_are_conditioned_piece_by_piece(covariance, monkeypatch):
    rng = np.random.default_rng(1)
    times = np.sort(rng.choice(900, 500, replace=False)).astype(float)
    values, at = rng.normal(size=(2, 500)), np.arange(900.0)
    whole = conditional(covariance, times, values, at, with_variance=True)
    monkeypatch.setattr("ssmts.models.irregular.kriging._TOGETHER", 300)
    monkeypatch.setattr("ssmts.models.irregular.kriging._MARGIN", 100)
    for part, expected in zip(conditional(covariance, times, values, at, with_variance=True), whole):
        assert np.isfinite(part).all()
        np.testing.assert_allclose(part, expected, atol=0.05)


@pytest.mark.parametrize("n_seen", [2, 20, 31, 50, 59])
@pytest.mark.parametrize("length", [60, 40])
def test_a_grid_is_filled_as_by_conditioning(covariance, n_seen, length):
    rng = np.random.default_rng(4)
    seen = np.zeros(length, dtype=bool)
    seen[rng.choice(length, min(n_seen, length - 1), replace=False)] = True
    values = 5.0 + rng.normal(size=(3, seen.sum()))
    filled = GridConditional(covariance, 60, 10)(seen, values)
    expected, _ = conditional(
        covariance, np.flatnonzero(seen).astype(float), values, np.arange(float(length))
    )
    np.testing.assert_allclose(filled, expected, atol=1e-9)
    np.testing.assert_array_equal(filled[:, seen], values)


def test_a_long_grid_is_filled_block_by_block(covariance):
    rng = np.random.default_rng(5)
    for share in (0.3, 0.8):
        seen = rng.random(900) < share
        values = rng.normal(size=(2, seen.sum()))
        whole = GridConditional(covariance, 900, 100)(seen, values)
        parts = GridConditional(covariance, 300, 100)(seen, values)
        np.testing.assert_allclose(parts, whole, atol=0.05)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_windows_on_and_off_the_grid_are_filled_alike(covariance, make_stack, shift):
    times = np.array([0.0, 2.0, 3.0, 7.0 + shift, 9.0])
    stack = make_stack([[1.0, 2.0, 4.0, 3.0, 5.0]], times)
    expected, _ = conditional(covariance, times, stack.values, np.arange(10.0))
    np.testing.assert_allclose(Hold("gp", covariance, CONTEXT).filled(stack).values, expected, atol=1e-9)


def test_the_sample_autocovariance_counts_pairs_of_observations(make_stack):
    times = np.array([0.0, 1.0, 2.0, 5.0, 6.0])
    values = np.array([1.0, -1.0, 2.0, 0.0, -2.0])
    found, pairs = sample_autocovariance([make_stack(values, times)], 4)
    np.testing.assert_array_equal(pairs, [5, 3, 1, 1])
    np.testing.assert_allclose(found, [10 / 5, (-1 - 2 + 0) / 3, 2 / 1, 0 / 1], atol=1e-12)


def test_the_fit_finds_the_covariance_of_the_data(make_stack):
    rng = np.random.default_rng(2)
    t = np.arange(4000.0)
    wave = np.cos(2 * np.pi * t / 12.0 + 1.0) * np.sqrt(2.0)
    stack = make_stack(wave + 0.5 * rng.normal(size=4000), t)
    found = fit_autocovariance([stack], make_bank(CONTEXT, 32, 12.0), CONTEXT)
    lags = np.arange(48.0)
    # At whole lags a nugget and a mode that is over within one look alike.
    np.testing.assert_allclose(found(lags)[1:], np.cos(2 * np.pi * lags[1:] / 12.0), atol=0.12)
    assert found.variance == pytest.approx(1.25, abs=0.05)


def test_lines_are_left_where_they_miss_little(covariance):
    hold = Hold("auto", covariance, CONTEXT)
    dense, sparse = np.arange(60.0), np.array([0.0, 9.0, 20.0, 31.0, 45.0, 59.0])
    assert not hold.applies(dense)
    assert not hold.applies(np.delete(dense, 30))
    assert hold.applies(sparse)
    assert hold.applies(np.array([0.0, 500.0, 501.0]))
    assert Hold("gp", covariance, CONTEXT).applies(np.delete(dense, 30))
    assert not Hold("foh", covariance, CONTEXT).applies(sparse)
    assert not Hold("auto", None, CONTEXT).applies(sparse)


def test_the_expected_loss_of_a_line_is_what_lines_lose(covariance):
    rng = np.random.default_rng(3)
    lags = np.arange(9.0)
    K = covariance(np.abs(lags[:, None] - lags)) + 1e-9 * np.eye(9)
    smooth = np.linalg.cholesky(K) @ rng.normal(size=(9, 40000))
    ends = smooth[[0, 8]] + np.sqrt(covariance.nugget) * rng.normal(size=(2, 40000))
    share = (lags[1:8] / 8)[:, None]
    errors = (smooth[1:8] - (1 - share) * ends[0] - share * ends[1]) ** 2
    expected = Hold("auto", covariance, CONTEXT)._lost_by_gap[8] * covariance.variance
    assert errors.sum(axis=0).mean() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("kind", ["gp", "zoh"])
def test_a_filled_window_lies_on_the_reference_grid(covariance, make_stack, kind):
    times = np.array([0.0, 2.0, 3.0, 7.0, 9.0])
    stack = make_stack([[1.0, 2.0, 4.0, 3.0, 5.0]], times, starts=np.array([100.0]))
    filled = Hold(kind, covariance, CONTEXT).filled(stack)
    np.testing.assert_array_equal(filled.times, np.arange(10.0))
    np.testing.assert_array_equal(filled.values[:, [0, 2, 3, 7, 9]], stack.values)
    assert filled.starts == 100.0
    if kind == "zoh":
        np.testing.assert_array_equal(filled.values[0], [1, 1, 2, 4, 4, 4, 4, 3, 3, 5])
