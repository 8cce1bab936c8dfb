"""The recurrence over hold weights, against one step after the other and against the exact solution."""

import numpy as np
import pytest

from ssmts.models.state_space.hold_scan import hold_scan, weights_by_interval


@pytest.mark.parametrize("hold", ["foh", "zoh", "bilinear", "bilinear_s4"])
@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("length", [1, 2, 40_000])  # weights of the longest come in several blocks
@pytest.mark.slow
def test_a_scan_is_one_step_after_the_other(hold, regular, length):
    rng = np.random.default_rng(length)
    A = np.array([-0.02 + 0.3j, -0.5 + 0j, -0.004 - 0.1j])
    inputs = rng.normal(size=(length, 2, 2))
    intervals = np.ones((1, 1, 1)) if regular else rng.exponential(size=(max(length - 1, 1), 2, 1))
    initial = rng.normal(size=(2, 2, 3))
    states = hold_scan(A, intervals, inputs, initial, hold)
    A_bar, previous, current = weights_by_interval(A, intervals, hold)
    expected = initial.astype(complex)
    for k in range(1, length):
        row = 0 if regular else k - 1
        expected = (
            A_bar[row] * expected
            + previous[row] * inputs[k - 1][..., None]
            + current[row] * inputs[k][..., None]
        )
    assert states.shape == (length, 2, 2, 3)
    np.testing.assert_allclose(states[-1], expected, rtol=1e-10)


def test_real_modes_have_real_states_and_a_constant_is_held_at_its_steady_state():
    A = -1.0 / np.array([2.0, 50.0])
    intervals = np.random.default_rng(0).exponential(size=(99, 1))
    states = hold_scan(A, intervals, np.full((100, 1), 3.0), 3.0 / -A)
    assert states.dtype == np.float64
    np.testing.assert_allclose(states, np.broadcast_to(3.0 / -A, states.shape), rtol=1e-12)
