"""The covariate system against its differential equation."""

import itertools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ssmts.models.covariates.filter_bank import SignalBank, make_signal_bank

TIMES = np.array([0.0, 1.0, 2.5, 3.0, 6.0])
VALUES = np.array([1.0, -2.0, 0.5, 4.0, -1.0])
INSTANTS = np.array([0.3, 2.5, 4.7, 6.0])
BANK = SignalBank(lags=(1.0, 2.0), time_constants=(2.0, 9.0))


def answer(signal, tau, instant):
    """Low-pass state at an instant by a solver of differential equations, from rest at the first value."""
    knots = np.unique(np.append(TIMES[instant > TIMES], instant))
    state = np.array([VALUES[0]])
    for begin, end in itertools.pairwise(knots):  # a step ends where the signal may jump
        inside = end - 1e-12
        found = solve_ivp(
            lambda t, z, inside=inside: (signal(min(t, inside)) - z) / tau,
            (begin, end),
            state,
            rtol=1e-10,
            atol=1e-12,
        )
        state = found.y[:, -1]
    return state[0]


def line(t):
    return np.interp(t, TIMES, VALUES)


def newest(t):
    return VALUES[np.searchsorted(TIMES, t + 1e-9, side="right") - 1]


@pytest.mark.parametrize(("held", "signal"), [(False, line), (True, newest)], ids=["linear", "newest"])
def test_features_are_value_delays_and_low_pass_states(held, signal):
    out = BANK.features(TIMES, VALUES[:, None], np.array([held]), INSTANTS)
    want = [
        [signal(t)]
        + [signal(max(t - lag, 0.0)) for lag in BANK.lags]
        + [answer(signal, tau, t) for tau in BANK.time_constants]
        for t in INSTANTS
    ]
    np.testing.assert_allclose(out, want, atol=1e-6)


def test_signals_of_different_clocks_come_out_as_they_would_alone():
    signals = np.column_stack([VALUES, VALUES**2, VALUES])
    signals[[1, 3], 1] = np.nan
    held = np.array([False, False, True])
    together = BANK.features(TIMES, signals, held, INSTANTS).reshape(len(INSTANTS), 3, -1)
    for k in range(3):
        own = ~np.isnan(signals[:, k])
        alone = BANK.features(TIMES[own], signals[own][:, [k]], held[[k]], INSTANTS)
        np.testing.assert_allclose(together[:, k], alone)


def test_a_constant_is_a_constant_in_every_feature():
    out = BANK.features(TIMES, np.full((5, 1), 3.0), np.array([False]), INSTANTS)
    np.testing.assert_allclose(out, 3.0)


def test_many_signals_have_less_memory_each():
    sizes = [make_signal_bank(n, 500.0).n_each for n in (1, 20, 30, 100, 200)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 8
    assert sizes[-1] == 1
    assert all(n * make_signal_bank(n, 500.0).n_each <= 160 for n in range(1, 161))


def test_time_constants_fit_the_context():
    assert max(make_signal_bank(1, 24.0).time_constants) <= 6.0
    assert len(make_signal_bank(1, 24.0).levels) == make_signal_bank(1, 24.0).n_each
