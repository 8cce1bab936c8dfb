"""The closed-form effect of covariates against least squares on the filtered data themselves."""

import numpy as np
import pytest

from ssmts.models.config import LinearConfig, ModelConfig
from ssmts.models.covariates.gls import EffectMoments, Whitener, choose_effect
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.linear.path import fit_linear
from ssmts.models.sequences.origins import origin_rows
from ssmts.models.sequences.sequence import SequenceStack

CONFIG = LinearConfig(context=24.0, horizon=6, n_modes=12)


def unit(y, features, group=0):
    values = np.concatenate([y, features])
    return SequenceStack(
        np.arange(values.shape[1]) * 1.0, values, np.zeros(len(values)), np.full(len(values), group)
    )


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((3, 400))
    y = np.sin(np.arange(400) / 9.0) + np.array([1.0, -0.5, 0.0]) @ features
    return y[None], features


@pytest.fixture(scope="module")
def whitener(data):
    stack = SequenceStack(np.arange(400.0), data[0], np.zeros(1), np.zeros(1, dtype=np.int64))
    return Whitener(fit_linear([stack], CONFIG, 1))


def moments_of(whitener, data, n_groups=1, group=0):
    moments = [EffectMoments.zeros(len(whitener.fit.segments), n_groups, len(data[1]))]
    whitener.add(moments, unit(*data), group, 1)
    return moments[0]


def test_weights_are_found(whitener, data):
    effect = choose_effect(moments_of(whitener, data), whitener.fit.segments, np.zeros(3, dtype=int))
    np.testing.assert_allclose(effect.shared, [1.0, -0.5, 0.0], atol=0.02)
    assert effect.error_with < 0.2 * effect.error_without


def test_errors_of_the_channel_are_those_of_the_path_that_has_not_seen_the_block(whitener, data):
    moments = moments_of(whitener, data)
    fit = whitener.fit
    rows = origin_rows(unit(*data), CONFIG.context, CONFIG.horizon)
    block = rows[fit.segments.of(rows.astype(float)) == 2]
    model = ForecastModel(ModelConfig(CONFIG, 1), fit.without_block(1))
    total = 0.0
    for row in block:
        window = data[0][:, row - 23 : row + 1]
        stack = SequenceStack(np.arange(24.0), window, np.zeros(1), np.full(1, -1))
        forecast = model.forecast(stack)[0, whitener.leads]
        total += ((data[0][0, row + whitener.leads] - forecast) ** 2).sum()
    assert moments.c[2, 0] == pytest.approx(total, rel=1e-9)
    assert moments.count[2, 0] == len(block) * len(whitener.leads)


def test_noise_gets_no_weight(whitener, data):
    noise = np.random.default_rng(5).standard_normal((3, 400))
    plain = data[0] - np.array([[1.0, -0.5, 0.0]]) @ data[1]
    effect = choose_effect(
        moments_of(whitener, (plain, noise)), whitener.fit.segments, np.zeros(3, dtype=int)
    )
    assert not effect.used


def test_groups_differ_where_the_data_say_so(whitener, data):
    twice = EffectMoments.zeros(len(whitener.fit.segments), 2, 3)
    for group, sign in enumerate([1.0, -1.0]):
        y = np.sin(np.arange(400) / 9.0) + sign * data[1][:1].sum(axis=0)
        whitener.add([twice], unit(y[None], data[1]), group, 1)
    effect = choose_effect(twice, whitener.fit.segments, np.zeros(3, dtype=int))
    np.testing.assert_allclose(effect.by_group[:, 0], [1.0, -1.0], atol=0.05)


def test_no_whole_window_no_effect(whitener):
    nothing = EffectMoments.zeros(len(whitener.fit.segments), 1, 2)
    assert not choose_effect(nothing, whitener.fit.segments, np.zeros(2, dtype=int)).used
