"""The linear branch end to end: known systems are recovered, forecasts are the weights' own."""

from dataclasses import replace

import numpy as np
import pytest

from ssmts.models.config import LinearConfig
from ssmts.models.linear.moments import floored
from ssmts.models.linear.path import LinearPath, fit_linear, origin_span
from ssmts.models.linear.ridge import solve
from ssmts.models.sequences.origins import future_values, origin_rows
from ssmts.models.state_space.window_states import window_states
from ssmts_datasets import make_ar, make_sines


@pytest.fixture
def test_errors():
    """Mean squared forecast error by lead 1 .. horizon of a path on all windows of a stack."""

    def errors(path, stack, group=-1):
        rows = origin_rows(stack, path.config.context, path.config.horizon)
        total = []
        for block in window_states(stack, path.bank, path.config.context, rows):
            for i, member in enumerate(block.members):
                features = path.bank.features(block.final[i])
                groups = np.full(len(block.rows), group)
                forecast = path.forecast(features, block.mean[i], block.deviation[i], groups)
                total.append((forecast - future_values(stack, member, block.rows, path.config.horizon)) ** 2)
        return np.concatenate(total).mean(axis=0)[1:]

    return errors


def standardised(values):
    return (values - values.mean(axis=-1, keepdims=True)) / values.std(axis=-1, keepdims=True)


def kriging(autocovariance, length, leads):
    """Weights (length, n_leads) of the best linear unbiased forecasts when the level is unknown."""
    lags = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    system = np.ones((length + 1, length + 1))
    system[:length, :length] = autocovariance[lags]
    system[length, length] = 0.0
    ahead = np.arange(length)[::-1, None] + leads
    right = np.concatenate([autocovariance[ahead], np.ones((1, len(leads)))])
    return np.linalg.solve(system, right)[:length]


@pytest.mark.parametrize("coefficients", [(0.9,), (1.5, -0.75), (0.5, 0.3)])
def test_an_autoregression_is_forecast_nearly_as_well_as_possible(make_stack, test_errors, coefficients):
    data = make_ar(12_000, coefficients=coefficients, random_state=1)
    variance = data.parameters["variance"]
    values = data.values[0][:, 0] / np.sqrt(variance)
    leads = np.arange(1, 13)
    config = LinearConfig(context=96.0, horizon=12, n_modes=48)
    fit = fit_linear([make_stack(values[:8000])], config, 1)
    test = values[8000 - 95 :]
    errors = test_errors(fit.path, make_stack(test))

    # The autocovariance by simulation's opposite, the spectrum: no recursion is shared with the generator.
    grid = 2 * np.pi * np.arange(2**14) / 2**14
    transfer = 1 - sum(c * np.exp(-1j * grid * (i + 1)) for i, c in enumerate(coefficients))
    autocovariance = np.fft.ifft(1 / np.abs(transfer) ** 2).real / variance
    assert autocovariance[0] == pytest.approx(1.0)
    windows = np.lib.stride_tricks.sliding_window_view(test, 96 + 12)
    optimal = windows[:, :96] @ kriging(autocovariance, 96, leads)
    possible = ((optimal - windows[:, 96:]) ** 2).mean(axis=0)
    np.testing.assert_array_less(errors, 1.03 * possible)
    # Who knows the level and the whole past does a little better still.
    known = data.forecast_mse(leads).mean() / variance
    assert errors.mean() < 1.06 * known
    assert fit.penalties.error == pytest.approx(known, rel=0.06)


def test_sines_without_noise_are_continued(make_stack, test_errors):
    data = make_sines(2000, periods=(24.0, 8.0), noise=0.0, random_state=0)
    values = standardised(data.values[0][:, 0])
    config = LinearConfig(context=96.0, horizon=48, n_modes=64, period=24.0)
    fit = fit_linear([make_stack(values[:1500])], config, 1)
    assert test_errors(fit.path, make_stack(values[1400:])).max() < 1e-4
    assert fit.penalties.error < 1e-4


@pytest.fixture
def two_laws(make_stack):
    """Two channels of opposite laws on one clock: a fast oscillation and a slow decay."""
    fast = make_ar(3000, coefficients=(-0.9,), random_state=1).values[0][:, 0]
    slow = make_ar(3000, coefficients=(0.97,), random_state=2).values[0][:, 0]
    return make_stack(standardised(np.stack([fast, slow])), groups=[0, 1])


CONFIG = LinearConfig(context=24.0, horizon=6, n_modes=16)


def test_channels_of_different_laws_get_weights_of_their_own(two_laws, make_stack, test_errors):
    own = fit_linear([two_laws], CONFIG, 2)
    together = fit_linear([two_laws], CONFIG, 1)
    assert own.path.by_group.shape == (2, own.path.bank.n_features + 1, 7)
    assert together.path.by_group.shape[0] == 1
    assert own.penalties.error < 0.95 * together.penalties.error
    for group in (0, 1):
        channel = make_stack(two_laws.values[group])
        assert (test_errors(own.path, channel, group) < test_errors(own.path, channel)).all()


def test_rates_and_irregular_clocks_are_fitted_together(make_stack, irregular_clock, test_errors):
    rng = np.random.default_rng(0)

    def wave(times):
        return np.sin(2 * np.pi * times / 20.0) + 0.02 * rng.normal(size=len(times))

    clocks = [np.arange(400.0), 0.25 * np.arange(1200), 2.0 * np.arange(250), irregular_clock(rng, 500)]
    config = LinearConfig(context=60.0, horizon=20, n_modes=32, period=20.0)
    fit = fit_linear([make_stack(wave(t), t, starts=[7.0]) for t in clocks], config, 1)
    for times in (np.arange(200.0), 0.5 * np.arange(400), irregular_clock(rng, 300)):
        assert test_errors(fit.path, make_stack(wave(times), times)).mean() < 0.03


def test_weights_of_the_reference_rate_serve_another_rate(make_stack, test_errors):
    times = np.arange(2400.0)
    slow = 2 * np.pi / 60.0
    values = np.sin(slow * times) + 0.5 * np.cos(slow / 2 * times)
    config = LinearConfig(context=240.0, horizon=24, n_modes=48, period=120.0)
    fit = fit_linear([make_stack(values)], config, 1)
    fine = np.arange(0, 600.0, 0.25)
    finer = np.sin(slow * fine) + 0.5 * np.cos(slow / 2 * fine)
    assert test_errors(fit.path, make_stack(values[:600])).max() < 1e-4
    assert test_errors(fit.path, make_stack(finer, fine)).max() < 2e-3
    assert test_errors(fit.path, make_stack(finer[::16], fine[::16])).max() < 2e-2


def test_forecasts_follow_the_level_and_scale_of_a_window(two_laws):
    path = fit_linear([two_laws], CONFIG, 2).path
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5, path.bank.n_features))
    mean, deviation = rng.normal(size=5), rng.uniform(0.5, 2.0, 5)
    groups = np.array([0, 1, -1, 1, 0])
    out = path.forecast(features, mean, deviation, groups)
    for w, group in enumerate(groups):
        W = path.shared if group < 0 else path.by_group[group]
        expected = np.append(features[w], floored(deviation[w])) @ W + mean[w]
        np.testing.assert_allclose(out[w], expected)
    np.testing.assert_allclose(path.forecast(features, mean + 100.0, deviation, groups), out + 100.0)


def test_a_path_is_rebuilt_from_its_config_and_weights(two_laws):
    path = fit_linear([two_laws], CONFIG, 2).path
    again = LinearPath(path.config, path.shared, path.by_group)
    np.testing.assert_array_equal(again.bank.A, path.bank.A)
    np.testing.assert_array_equal(again.bank.scale, path.bank.scale)


def test_leaving_a_block_out_is_a_fit_on_the_other_segments(two_laws):
    fit = fit_linear([two_laws], CONFIG, 2)
    assert fit.segments.n_blocks == 7
    for block in (0, 3, 6):
        path = fit.without_block(block)
        shared, own = solve(fit.moments.merged(fit.segments.training(block)), fit.penalties, CONFIG.horizon)
        np.testing.assert_array_equal(path.shared, shared)
        np.testing.assert_array_equal(path.by_group, own)
        assert np.abs(path.shared - fit.path.shared).max() > 0


def test_what_a_block_holds_cannot_reach_the_path_without_it(two_laws, make_stack):
    fit = fit_linear([two_laws], CONFIG, 1)
    first, last = fit.segments.edges[5], fit.segments.edges[6]
    changed = two_laws.values.copy()
    inside = (two_laws.times > first + CONFIG.horizon) & (two_laws.times <= last - CONFIG.context)
    changed[:, inside] *= 3.0
    other = fit_linear([make_stack(changed)], CONFIG, 1)
    same = replace(other, penalties=fit.penalties)
    np.testing.assert_allclose(
        same.without_block(3).shared, fit.without_block(3).shared, rtol=1e-5, atol=1e-6
    )
    assert np.abs(other.path.shared - fit.path.shared).max() > 1e-3


def test_origins_span_all_sequences_that_hold_a_window(make_stack):
    stacks = [
        make_stack(np.zeros(50), starts=[100.0]),
        make_stack(np.zeros((2, 80)), starts=[90.0, 300.0]),
        make_stack(np.zeros(20), starts=[-500.0]),
    ]
    # A context of 24 and a horizon of 6: the first origin is row 23, the last one 6 rows before the end.
    assert origin_span(stacks, 24.0, 6) == (113.0, 373.0)
    assert origin_span(stacks[2:], 24.0, 6) is None
    assert origin_span([], 24.0, 6) is None


def test_one_window_is_enough_and_none_is_an_error(make_stack):
    values = np.random.default_rng(0).normal(size=30)
    path = fit_linear([make_stack(values)], CONFIG, 1).path
    assert np.isfinite(path.shared).all()
    with pytest.raises(ValueError, match="no sequence holds a whole window"):
        fit_linear([make_stack(values[:29])], CONFIG, 1)


def test_a_constant_series_is_forecast_as_itself(make_stack):
    fit = fit_linear([make_stack(np.full((1, 200), 0.7))], CONFIG, 1)
    out = fit.path.forecast(
        np.zeros((1, fit.path.bank.n_features)), np.array([0.7]), np.zeros(1), np.array([-1])
    )
    np.testing.assert_allclose(out, 0.7, atol=1e-6)
