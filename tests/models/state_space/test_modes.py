"""The mode bank: how many modes, where they lie, and that their kernels have unit norm."""

import numpy as np
import pytest
from scipy.integrate import quad

from ssmts.models.state_space.modes import ModeBank, make_bank

CONTEXTS = (1.0, 2.0, 24.0, 720.0, 2880.0)
PERIODS = (None, 3.0, 5.5, 24.0, 96.0, 1000.0)


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_every_size_gives_a_stable_bank_of_distinct_modes(context, period):
    for n_modes in [*range(1, 41), 64, 100, 127, 128, 200, 255, 256]:
        bank = make_bank(context, n_modes, period)
        A, n_real = bank.A, bank.n_real
        assert 1 <= len(A) <= n_modes
        assert n_real >= 1
        assert A.dtype == np.complex128
        assert bank.scale.shape == A.shape
        assert np.isfinite(A).all()
        assert np.isfinite(bank.scale).all()
        assert (bank.scale > 0).all()
        assert (A.real <= 0).all()
        assert (A.imag[:n_real] == 0).all()
        assert (A.imag[n_real:] > 0).all()
        assert (A.imag <= np.pi + 1e-9).all()  # nothing faster than the reference step carries
        assert len(np.unique(np.round(A, 12))) == len(A)


@pytest.mark.parametrize("n_modes", [64, 128, 256])
def test_room_for_modes_is_used_when_there_are_frequencies_for_it(n_modes):
    assert n_modes - 8 < len(make_bank(720.0, n_modes).A) <= n_modes
    assert n_modes - 8 < len(make_bank(720.0, n_modes, 96.0).A) <= n_modes


@pytest.mark.parametrize(("context", "period"), [(720.0, 24.0), (720.0, None), (8.0, 5.5), (40.0, 12.0)])
def test_kernels_have_unit_norm_on_the_context(context, period):
    bank = make_bank(context, 48, period)
    for a, scale in zip(bank.A, bank.scale):
        near = min(context, 3.0 / abs(a.real))  # where a fast mode lives, so that quad does not miss it
        energy = sum(
            quad(lambda t, a=a: np.exp(2 * a.real * t), *ends)[0] for ends in ((0, near), (near, context))
        )
        assert scale**2 * energy == pytest.approx(1.0, rel=1e-6)


def test_time_constants_reach_from_half_a_step_to_beyond_the_context():
    bank = make_bank(720.0, 128, 24.0)
    constants = -1.0 / bank.A.real[: bank.n_real]
    assert constants.min() == pytest.approx(0.5)
    assert constants.max() == pytest.approx(1440.0)
    np.testing.assert_allclose(np.diff(np.log(constants), 2), 0.0, atol=1e-9)


@pytest.mark.parametrize("period", [24.0, 96.0, 52.1775, 7.0])
def test_frequencies_are_harmonics_of_the_period_up_to_the_fastest(period):
    bank = make_bank(8 * period, 128, period)
    numbers = bank.A.imag[bank.n_real :] * period / (2 * np.pi)
    np.testing.assert_allclose(numbers, np.round(numbers), atol=1e-9)
    harmonics = np.unique(np.round(numbers))
    assert harmonics[0] == 1.0
    assert harmonics[-1] == np.floor(period / 2)
    assert (harmonics[1:] / harmonics[:-1] <= 2.0).all()
    dense = int(np.argmax(np.append(np.diff(harmonics), 0) != 1)) + 1
    assert dense >= min(8, np.floor(period / 2))  # the slow ones without a gap


@pytest.mark.parametrize("period", [24.0, None])
def test_every_frequency_has_the_same_number_of_decays_to_nearly_undamped(period):
    context = 720.0
    bank = make_bank(context, 128, period)
    pairs = bank.A[bank.n_real :]
    for frequency in np.unique(pairs.imag):
        decays = -1.0 / pairs.real[pairs.imag == frequency]
        assert len(decays) == 8
        assert decays.max() >= 4.0 * context * (1 - 1e-9)
        assert decays.min() <= 2 * np.pi / frequency * max(1.0, frequency / pairs.imag.min()) / 4 + 1e-9


def test_without_a_period_frequencies_reach_from_the_context_to_two_steps():
    bank = make_bank(720.0, 128)
    frequencies = np.unique(bank.A.imag[bank.n_real :]) / (2 * np.pi)
    assert frequencies[0] == pytest.approx(1 / 720)
    assert 0.4 < frequencies[-1] <= 0.5


@pytest.mark.parametrize("n_modes", [1, 2, 3, 5, 16, 128])
def test_features_are_scaled_real_parts_then_imaginary_parts(n_modes):
    bank = make_bank(48.0, n_modes, 12.0)
    rng = np.random.default_rng(0)
    states = rng.normal(size=(2, 3, len(bank.A))) + 1j * rng.normal(size=(2, 3, len(bank.A)))
    features = bank.features(states)
    assert features.shape == (2, 3, bank.n_features)
    scaled = states * bank.scale
    pairs = bank.A.imag > 0
    np.testing.assert_allclose(features, np.concatenate([scaled.real, scaled.imag[..., pairs]], axis=-1))


def test_a_bank_counts_its_features():
    bank = ModeBank(np.array([-1.0, -0.5, -0.1 + 1j]), np.ones(3))
    assert (bank.n_real, bank.n_features) == (2, 4)
