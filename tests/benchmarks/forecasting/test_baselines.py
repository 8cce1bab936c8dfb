import numpy as np
import pytest
from sklearn.linear_model import Ridge

from benchmarks.forecasting.baselines import RidgeOnLags, last_value, seasonal_naive, window_moments

CONTEXT, HORIZON = 12, 5


@pytest.fixture
def values() -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).normal(size=(200, 2)), axis=0)


def windows_of(values: np.ndarray) -> np.ndarray:
    ends = range(CONTEXT, len(values) - HORIZON + 1)
    return np.array([values[k - CONTEXT : k + HORIZON, c] for c in range(values.shape[1]) for k in ends])


def test_window_moments_are_those_of_the_windows(values: np.ndarray) -> None:
    windows = windows_of(values)
    expected = windows.T @ windows
    np.testing.assert_allclose(window_moments(values, CONTEXT + HORIZON), expected, rtol=1e-10)


def test_naive_forecasts_repeat_what_they_say(values: np.ndarray) -> None:
    windows = windows_of(values)
    error = windows[:, CONTEXT - 1 : CONTEXT] - windows[:, CONTEXT:]
    figures = last_value(values, CONTEXT, HORIZON)
    assert figures == pytest.approx({"mse": (error**2).mean(), "mae": np.abs(error).mean()})

    repeated = windows[:, [CONTEXT - 3, CONTEXT - 2, CONTEXT - 1, CONTEXT - 3, CONTEXT - 2]]
    error = repeated - windows[:, CONTEXT:]
    assert seasonal_naive(values, CONTEXT, HORIZON, 3)["mse"] == pytest.approx((error**2).mean())


def test_ridge_is_that_of_scikit_learn_on_built_windows(values: np.ndarray) -> None:
    train, validation, judged = values[:120], values[120:160], values[160 - CONTEXT :]
    ours = RidgeOnLags(CONTEXT, HORIZON).fit(train, validation)

    def centred(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        windows = windows_of(rows)
        windows = windows - windows[:, :CONTEXT].mean(axis=1, keepdims=True)
        return windows[:, :CONTEXT], windows[:, CONTEXT:]

    past, future = centred(values[:160])
    alpha = ours.penalty_ * np.trace(past.T @ past) / CONTEXT
    peer = Ridge(alpha=alpha, fit_intercept=False).fit(past, future)
    np.testing.assert_allclose(ours.weights_, peer.coef_.T, atol=1e-8)

    past, future = centred(judged)
    error = peer.predict(past) - future
    figures = {"mse": (error**2).mean(), "mae": np.abs(error).mean()}
    assert ours.evaluate(judged) == pytest.approx(figures)


def test_ridge_takes_the_penalty_that_serves_validation_best() -> None:
    """Noise whose truth is a heavy penalty: the lightest one must not win."""
    noise = np.random.default_rng(1).normal(size=(400, 1))
    assert RidgeOnLags(60, HORIZON).fit(noise[:150], noise[150:]).penalty_ == 10.0
    wave = np.sin(np.arange(400.0) / 3)[:, None]
    assert RidgeOnLags(60, HORIZON).fit(wave[:150], wave[150:]).penalty_ == 1e-4
