"""The truth that the generators promise, against independent computations."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from scipy.signal import lfilter

from ssmts_datasets import make_ar, make_damped_oscillators, make_irregular, make_sines
from ssmts_datasets._processes import autocovariances


def test_sines_are_the_sines_of_their_parameters():
    data = make_sines(300, n_series=2, n_channels=3, periods=[24.0, 7.3], step="30min", random_state=0)
    instants = data.times[0][0] + np.random.default_rng(1).integers(0, 10**15, 200).astype("timedelta64[ns]")
    steps = (instants - data.times[0][0]) / np.timedelta64(30, "m")
    for series in range(2):
        for channel in range(3):
            amplitudes = data.parameters["amplitudes"][series, channel]
            phases = data.parameters["phases"][series, channel]
            expected = sum(
                b * np.sin(2 * np.pi * steps / period + phase)
                for b, period, phase in zip(amplitudes, [24.0, 7.3], phases, strict=True)
            )
            np.testing.assert_allclose(data.truth(instants, series=series)[:, channel], expected, atol=1e-10)
    np.testing.assert_array_equal(data.parameters["periods"], [[24.0, 7.3]] * 2)


@pytest.mark.parametrize("damping", [0.0, 0.05, [0.3, 0.99]])
def test_oscillators_solve_their_equation(damping):
    data = make_damped_oscillators(
        60, n_channels=2, periods=[9.0, 31.0], damping=damping, step=1.0, noise=0.0, random_state=3
    )
    times = np.sort(np.random.default_rng(0).uniform(0, 59, 40))
    parameters = data.parameters
    omega, zeta = 2 * np.pi / parameters["periods"][0], parameters["damping"][0]
    for channel in range(2):
        solution = solve_ivp(
            lambda t, x: np.concatenate([x[2:], -2 * zeta * omega * x[2:] - omega**2 * x[:2]]),
            (0, 59),
            np.concatenate([parameters["displacements"][0, channel], parameters["velocities"][0, channel]]),
            method="DOP853",
            t_eval=times,
            rtol=1e-12,
            atol=1e-12,
        )
        np.testing.assert_allclose(data.truth(times)[:, channel], solution.y[:2].sum(0), atol=1e-9)


@pytest.mark.parametrize("make", [make_sines, make_damped_oscillators])
def test_noise_is_white_has_its_size_and_is_the_optimal_error(make):
    data = make(20_000, noise=0.3, random_state=0)
    residual = (data.values[0] - data.truth(data.times[0]))[:, 0]
    mse = data.forecast_mse([1, 10])
    np.testing.assert_array_equal(mse, [0.09, 0.09])
    assert np.mean(residual**2) == pytest.approx(mse[0], rel=0.04)  # four standard errors
    assert abs(np.corrcoef(residual[1:], residual[:-1])[0, 1]) < 4 / np.sqrt(20_000)


COEFFICIENTS = [(0.9,), (1.5, -0.75), (0.4, 0.2, -0.3, 0.25)]


@pytest.mark.parametrize("coefficients", COEFFICIENTS)
def test_the_optimal_ar_predictor_has_the_promised_error(coefficients):
    data = make_ar(
        20_000, coefficients=coefficients, innovation_std=2.0, n_series=4, n_channels=2, random_state=0
    )
    p = len(coefficients)
    x = np.concatenate(data.values, axis=1)
    forecasts = [x[i : len(x) - p + i] for i in range(p)]  # p observations up to every origin
    horizon = 12
    for lead in range(1, horizon + 1):
        forecasts.append(sum(phi * past for phi, past in zip(coefficients, forecasts[::-1], strict=False)))
        error = forecasts[-1][: len(x) - p - lead + 1] - x[p + lead - 1 :]
        assert np.mean(error**2) == pytest.approx(data.forecast_mse(lead), rel=0.05)
    assert data.forecast_mse(1) == 4.0
    assert data.forecast_mse(3000) == pytest.approx(data.parameters["variance"])
    assert data.forecast_mse([[1, 2]]).shape == (1, 2)


@pytest.mark.parametrize("coefficients", COEFFICIENTS)
def test_ar_is_stationary_from_the_first_value(coefficients):
    data = make_ar(6, coefficients=coefficients, n_series=40_000, layout="long", random_state=1)
    x = np.stack(data.values)[:, :, 0]
    covariance = x.T @ x / len(x)
    gamma = autocovariances(np.array(coefficients), 6)
    expected = gamma[np.abs(np.subtract.outer(np.arange(6), np.arange(6)))]
    # The standard error of a covariance of Gaussians is sqrt((γ_0² + γ_k²) / n), at most sqrt(2) γ_0 / 200.
    np.testing.assert_allclose(covariance, expected, atol=5 * np.sqrt(2) * gamma[0] / 200)


@pytest.mark.parametrize("coefficients", COEFFICIENTS)
def test_autocovariances_against_the_impulse_response(coefficients):
    impulse = lfilter([1.0], [1.0, *-np.array(coefficients)], np.eye(1, 2000)[0])
    expected = [impulse[: 2000 - k] @ impulse[k:] for k in range(8)]
    np.testing.assert_allclose(autocovariances(np.array(coefficients), 8), expected, rtol=1e-9, atol=1e-12)


def test_ar_shorter_than_its_order():
    assert make_ar(2, coefficients=(0.2, 0.1, 0.3, 0.1), random_state=0).frame.shape == (2, 1)


def test_ar_has_truth_on_its_grid_only():
    data = make_ar(10, random_state=0)
    np.testing.assert_array_equal(data.truth(data.times[0]), data.values[0])
    for off in ("2020-01-01T00:30", "2019-12-31T23:00", "2020-01-01T10:00"):
        with pytest.raises(ValueError, match=r"steps 0 to 9; step .* \(entry 1\) is not on it"):
            data.truth(["2020-01-01T01:00", off])


SAMPLINGS = [
    {"method": "thin", "density": 0.3},
    {"method": "jitter", "jitter": 0.9},
    {"method": "poisson", "density": 0.5},
    {"method": "poisson", "density": 2.0},
]


@pytest.mark.parametrize("shared_clock", [True, False])
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=lambda s: "-".join(map(str, s.values())))
@pytest.mark.parametrize("make", [make_sines, make_damped_oscillators])
@pytest.mark.parametrize("step", ["1h", 0.25])
def test_irregular_observations_lie_on_the_truth(make, sampling, shared_clock, step):
    data = make(400, n_series=2, n_channels=2, noise=0.0, step=step, random_state=0)
    irregular = make_irregular(data, shared_clock=shared_clock, random_state=1, **sampling)
    for series in range(2):
        times, values = irregular.times[series], irregular.values[series]
        observed = ~np.isnan(values)
        np.testing.assert_array_equal(values[observed], data.truth(times, series=series)[observed])
        assert (np.diff(times) > np.zeros(1, times.dtype)[0] - np.zeros(1, times.dtype)[0]).all()
        assert len(np.unique(np.diff(times))) > 3
        assert observed.any(axis=1).all()
        assert observed.all() == shared_clock or sampling["method"] == "thin"
        counts = observed.sum(0)
        if sampling["method"] == "poisson":
            expected = 399 * sampling["density"]
            assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()
            assert times[0] >= data.times[0][0]
            assert times[-1] <= data.times[0][-1]
        elif sampling["method"] == "thin":
            assert (counts == 120).all()
            assert np.isin(times, data.times[0]).all()
            assert (len(times) == 120) == shared_clock
        else:
            assert (counts == 400).all()
            moved = data.clock.steps(times[observed[:, 0]]) - np.arange(400)
            assert np.abs(moved).max() <= 0.45 + 1e-9
            assert np.abs(moved).max() > 0.4
    assert not np.array_equal(irregular.times[0], irregular.times[1])
    assert irregular.parameters["sampling"]["method"] == sampling["method"]


def test_irregular_observations_carry_fresh_noise_of_the_same_size():
    data = make_sines(20_000, noise=0.5, random_state=0)
    irregular = make_irregular(data, method="poisson", density=1.0, random_state=1)
    residual = irregular.values[0] - data.truth(irregular.times[0])
    assert np.std(residual) == pytest.approx(0.5, rel=0.03)
    assert irregular.forecast_mse(5) == 0.25
    thin = make_irregular(data, density=0.2, random_state=1)
    kept = np.isin(data.times[0], thin.times[0])
    np.testing.assert_array_equal(thin.values[0], data.values[0][kept])


def test_thinned_ar_keeps_values_and_withdraws_its_error():
    data = make_ar(200, n_series=2, random_state=0)
    thin = make_irregular(data, density=0.25, random_state=2)
    for series in range(2):
        assert len(thin.times[series]) == 50
        np.testing.assert_array_equal(thin.values[series], data.truth(thin.times[series], series=series))
    with pytest.raises(ValueError, match="depends on which are left"):
        thin.forecast_mse(1)
    with pytest.raises(ValueError, match="use method=\"thin\" instead of 'jitter'"):
        make_irregular(data, method="jitter")


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_irregular_keeps_layout_and_kind_and_can_be_sampled_again(frame):
    wide = make_irregular(make_sines(50, n_channels=2, frame=frame), shared_clock=False, random_state=0)
    again = make_irregular(wide, method="thin", density=0.5, shared_clock=False, random_state=1)
    assert type(again.frame) is type(wide.frame)
    assert (~np.isnan(again.values[0])).sum(0).tolist() == [12, 12]
    long = make_irregular(make_sines(50, n_series=2, frame=frame), random_state=0)
    assert list(long.frame.columns) == ["unique_id", "ds", "y"]
    if frame == "pandas":
        assert isinstance(wide.frame.index, pd.DatetimeIndex)
    else:
        assert wide.frame.columns == ["ds", "y0", "y1"]


def test_at_least_two_observations_remain():
    for method in ("thin", "poisson"):
        data = make_irregular(make_sines(5), method=method, density=1e-6, random_state=0)
        assert len(data.frame) == 2


@pytest.mark.parametrize("horizon", [0, -1, 1.5, [], [2, 0]])
def test_leads_are_whole_numbers_from_one(horizon):
    with pytest.raises(ValueError, match="whole numbers from 1"):
        make_ar(10).forecast_mse(horizon)
