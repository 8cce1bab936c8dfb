"""The time-invariant layers against their dense form and against what time demands of them."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmts.nn import LSSL, S4, S4D, S5, SSMState, discretize
from ssmts.nn.discretization import start_intervals

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}


def assert_views_agree(actual, expected):
    """Within the tolerance of the larger of 1 and the largest value."""
    atol = TOLERANCE[expected.dtype] * max(1.0, expected.abs().max().item())
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def dense_system(layer, feature):
    """The feature's real-sized system, conjugates written out: A (N, N), B (N,), C (N,)."""
    if isinstance(layer, LSSL):
        return layer.A.detach(), layer.B.detach(), layer.C[feature].detach()
    pair = lambda x: torch.cat([x, x.conj()]).detach()  # noqa: E731
    A = torch.diag(pair(layer.A[feature]))
    if isinstance(layer, S4):
        P = pair(torch.view_as_complex(layer.P)[feature])
        A = A - P @ P.conj().T
    B, C = (pair(torch.view_as_complex(value)[feature]) for value in (layer.B, layer.C))
    return A, B, C


def test_scan_is_the_dense_system(build_lti, irregular):
    """Woodbury's formula and the closed-form weights against solves and exponentials of full matrices."""
    layer = build_lti(delta_range=(0.05, 0.5))
    u, intervals = irregular(batch=1)
    y, _ = layer.scan(u, intervals)
    starts = start_intervals(intervals, layer.hold)[0]
    for feature in range(3):
        A, B, C = dense_system(layer, feature)
        delta = layer.delta[feature].item()
        A_bar, previous, current = discretize(delta * A, delta * B, starts, layer.hold)
        x, before = torch.zeros_like(B), 0.0
        for k in range(u.shape[1]):
            now = u[0, k, feature]
            x = A_bar[k] @ x + previous[k] * before + current[k] * now
            before = now
            expected = (C @ x).real + layer.D[feature] * now
            assert abs(y[0, k, feature] - expected) < 1e-10 * max(1, abs(expected))


def test_kernel_is_the_response_to_an_impulse(build_lti, regular):
    layer = build_lti()
    u = torch.zeros(1, 9, 3, dtype=torch.float64)
    u[:, 1] = 1
    y, _ = layer.scan(u, regular(1, 9, 0.4))
    expected = (y - layer.D * u)[0, 1:].T
    assert_views_agree(layer.kernel(8, 0.4), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("delta", [1e-8, 1.0, 30.0, 1e4])
@pytest.mark.slow
def test_extreme_steps_stay_finite_and_bounded(build_modal, irregular, regular, dtype, delta):
    """Finite, stable and differentiable at any step; the views agree for |A Δ δt| from 1e-8 to 1e3."""
    layer = build_modal(dtype=dtype, delta_range=(delta, delta))
    u, intervals = irregular(length=50, dtype=dtype)
    y, state = layer.scan(u, intervals)
    y.square().mean().backward()
    for parameter in layer.parameters():
        assert torch.isfinite(parameter.grad).all()
    assert torch.isfinite(y).all()
    assert state.x.abs().max() < 1e4
    if delta < 1e3:
        expected = layer.scan(u, regular(2, 50, 2.0, dtype))[0]
        assert_views_agree(layer(u, 2.0), expected)


@pytest.mark.parametrize("case", ["random", "huge"])
def test_layers_are_stable_whatever_the_parameters(build_modal, case):
    """A 2-norm that fits the system never grows: after the input ends the state dies away."""
    layer = build_modal()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=3.0 if case == "huge" else 1.0)
        layer.log_delta.clamp_(-3, 3)
    state = SSMState(torch.ones_like(layer.initial_state(1).x), layer.initial_state(1).u)
    for _ in range(50):
        before = state.x.abs().square().sum(-1)
        _, state = layer.step(state.u, torch.ones(1, dtype=torch.float64), state)
        assert (state.x.abs().square().sum(-1) <= before * (1 + 1e-12)).all()


def test_long_series_do_not_drift_in_float32(build_modal, irregular):
    layer = build_modal(d_state=64, dtype=torch.float32)
    u, _ = irregular(batch=1, length=1500)
    exact = copy.deepcopy(layer).double()(u, 1.0)
    assert_views_agree(layer(u.float()), exact.float())


GAPS = st.lists(st.floats(0.05, 4), min_size=3, max_size=12)


@settings(max_examples=25, deadline=None)
@given(
    gaps=GAPS,
    slope=st.floats(-3, 3),
    offset=st.floats(-3, 3),
    keep=st.randoms(use_true_random=False),
)
def test_thinning_a_line_leaves_the_state_alone(gaps, slope, offset, keep):
    """First-order hold is exact for a line: observations on it between two others say nothing new."""
    torch.manual_seed(0)
    layer = S4D(2, 8, hold="foh", delta_range=(0.1, 1.0)).double()
    times = torch.tensor([0.0, *gaps], dtype=torch.float64).cumsum(0)
    kept = [0, *(k for k in range(1, len(times) - 1) if keep.random() < 0.5), len(times) - 1]

    def last_state(t):
        u = (offset + slope * t)[None, :, None].expand(1, -1, 2)
        return layer.scan(u, torch.diff(t, prepend=t[:1])[None])[1].x

    torch.testing.assert_close(last_state(times), last_state(times[kept]), atol=1e-11, rtol=1e-10)


@settings(max_examples=25, deadline=None)
@given(
    gaps=GAPS,
    clock=st.floats(1e-3, 1e3),
    case=st.sampled_from(
        [(S4D, "foh"), (S4D, "bilinear"), (S4, "bilinear"), (LSSL, "bilinear"), (S5, "foh")]
    ),
)
def test_the_unit_of_time_does_not_matter(gaps, clock, case):
    """Δ in another unit and intervals in that unit: only the product counts."""
    kind, hold = case
    torch.manual_seed(0)
    layer = kind(2, 8, hold=hold).double()
    other = copy.deepcopy(layer)
    with torch.no_grad():
        other.log_delta += math.log(clock)
    intervals = torch.tensor([[0.0, *gaps]], dtype=torch.float64)
    u = torch.randn(1, len(gaps) + 1, 2, dtype=torch.float64)
    expected, _ = layer.scan(u, intervals)
    torch.testing.assert_close(other.scan(u, intervals / clock)[0], expected, atol=1e-10, rtol=1e-9)


def test_foh_knows_nothing_before_the_first_observation(irregular):
    layer = S4D(3, 8, hold="foh").double()
    u, intervals = irregular(length=1)
    assert (layer.scan(u, intervals)[1].x == 0).all()
    held = S4D(3, 8, hold="zoh").double()
    assert (held.scan(u, intervals)[1].x != 0).all()


@pytest.mark.parametrize("hold", S4.HOLDS)
def test_s4_makes_kernels_in_blocks_of_features(hold, irregular, monkeypatch):
    """Values and gradients of many features at once, whatever share of them is in memory."""
    torch.manual_seed(0)
    layer = S4(7, 8, hold=hold).double()
    u, _ = irregular(length=20, d_model=7)

    def run():
        y = layer(u, 1.5)
        return [y, *torch.autograd.grad(y.sin().sum(), tuple(layer.parameters()))]

    expected = run()
    monkeypatch.setattr("ssmts.nn.s4._WHOLE", 1)
    monkeypatch.setattr("ssmts.nn.s4._BLOCK", 60)
    for one, other in zip(run(), expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", [S4, S4D])
def test_modes_come_in_pairs(kind):
    with pytest.raises(ValueError, match="d_state must be even"):
        kind(2, 5)


def test_dplr_takes_no_exact_hold():
    with pytest.raises(ValueError, match="hold of S4 must be one of 'bilinear', 'bilinear_s4', got 'foh'"):
        S4(2, 4, hold="foh")
