"""S4D and S4: three views of one system, held against its dense form and against what time demands of it."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmts.nn import S4, S4D, SSMState, discretize
from ssmts.nn.discretization import start_intervals

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}


def assert_views_agree(actual, expected):
    """Within the tolerance of the larger of 1 and the largest value."""
    atol = TOLERANCE[expected.dtype] * max(1.0, expected.abs().max().item())
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def regular(batch, length, rate, dtype):
    intervals = torch.full((batch, length), rate, dtype=dtype)
    intervals[:, 0] = 0
    return intervals


def run_steps(layer, u, intervals, state=None):
    state = state or layer.initial_state(len(u))
    outputs = []
    for k in range(u.shape[1]):
        y, state = layer.step(u[:, k], intervals[:, k], state)
        outputs.append(y)
    return torch.stack(outputs, 1), state


def dense_system(layer, feature):
    """The feature's real-sized system, conjugates written out: A (N, N), B (N,), C (N,)."""
    pair = lambda x: torch.cat([x, x.conj()]).detach()  # noqa: E731
    A = torch.diag(pair(layer.A[feature]))
    if isinstance(layer, S4):
        P = pair(torch.view_as_complex(layer.P)[feature])
        A = A - P @ P.conj().T
    B, C = (pair(torch.view_as_complex(value)[feature]) for value in (layer.B, layer.C))
    return A, B, C


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("rate", [1.0, 0.25, 3.7])
def test_convolution_is_scan_on_a_regular_grid(build, irregular, rate, dtype):
    layer = build(d_state=32, dtype=dtype)
    u, _ = irregular(length=80, dtype=dtype)
    expected, _ = layer.scan(u, regular(2, 80, rate, dtype))
    assert_views_agree(layer(u, rate), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_steps_are_scan_on_an_irregular_grid(build, irregular, dtype):
    layer = build(d_state=32, dtype=dtype)
    u, intervals = irregular(length=40, dtype=dtype)
    expected, state = layer.scan(u, intervals)
    actual, stepped = run_steps(layer, u, intervals)
    assert_views_agree(actual, expected)
    for one, other in zip(stepped, state):
        assert (one - other).abs().max() < TOLERANCE[dtype] * max(1.0, other.abs().max().item())


def test_scan_is_the_dense_system(build, irregular):
    """Woodbury's formula and the closed-form weights against solves and exponentials of full matrices."""
    layer = build(delta_range=(0.05, 0.5))
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


def test_gradients_of_the_views_agree(build, irregular):
    layer = build()
    u, intervals = irregular(length=12)
    u.requires_grad_()
    weights = torch.linspace(-1, 1, u.numel(), dtype=torch.float64).view_as(u)
    grid = regular(2, 12, 1.7, torch.float64)
    inputs = (u, *layer.parameters())

    def gradients(y):
        return torch.autograd.grad((weights * y).sum(), inputs)

    pairs = [
        (layer(u, 1.7), layer.scan(u, grid)[0]),
        (run_steps(layer, u, intervals)[0], layer.scan(u, intervals)[0]),
    ]
    for one, other in pairs:
        for actual, expected in zip(gradients(one), gradients(other)):
            assert_views_agree(actual, expected)
            assert torch.isfinite(actual).all()


def test_every_parameter_learns(build, irregular):
    layer = build()
    layer(irregular()[0], 0.5).square().sum().backward()
    for key, parameter in layer.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().max() > 0, key


def test_padding_never_leaks(build, irregular):
    """Short rows of a batch give what they give alone, whatever lies in the padding."""
    layer = build()
    u, intervals = irregular(batch=4)
    lengths = torch.tensor([20, 7, 1, 0])
    for row, length in enumerate(lengths):
        u[row, length:], intervals[row, length:] = math.nan, 5.0
    start = SSMState(
        torch.full_like(layer.initial_state(4).x, 0.1 + 0.2j), torch.full_like(layer.initial_state(4).u, 0.3)
    )
    y, end = layer.scan(u, intervals, start, lengths)
    for row, length in enumerate(lengths):
        alone = SSMState(start.x[row : row + 1], start.u[row : row + 1])
        expected, state = layer.scan(u[row : row + 1, :length], intervals[row : row + 1, :length], alone)
        torch.testing.assert_close(y[row : row + 1, :length], expected)
        assert (y[row, length:] == 0).all()
        torch.testing.assert_close(end.x[row : row + 1], state.x)
        torch.testing.assert_close(end.u[row : row + 1], state.u)


def test_kernel_is_the_response_to_an_impulse(build):
    layer = build()
    u = torch.zeros(1, 9, 3, dtype=torch.float64)
    u[:, 1] = 1
    y, _ = layer.scan(u, regular(1, 9, 0.4, torch.float64))
    expected = (y - layer.D * u)[0, 1:].T
    assert_views_agree(layer.kernel(8, 0.4), expected)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_short_inputs(build, irregular, length):
    layer = build()
    u, intervals = irregular(length=length + 1)
    u, intervals = u[:, :length], intervals[:, :length]
    y, state = layer.scan(u, intervals)
    assert y.shape == (2, length, 3)
    if length == 0:
        assert (state.x == 0).all()
        assert layer.kernel(0).shape == (3, 0)
        return
    grid = regular(2, length, 2.0, torch.float64)
    assert_views_agree(layer(u, 2.0), layer.scan(u, grid)[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("delta", [1e-8, 1.0, 30.0, 1e4])
def test_extreme_steps_stay_finite_and_bounded(build, irregular, dtype, delta):
    """Finite, stable and differentiable at any step; the views agree for |A Δ δt| from 1e-8 to 1e3."""
    layer = build(dtype=dtype, delta_range=(delta, delta))
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
def test_layers_are_stable_whatever_the_parameters(build, case):
    """A 2-norm that fits the system never grows: after the input ends the state dies away."""
    layer = build()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=3.0 if case == "huge" else 1.0)
        layer.log_delta.clamp_(-3, 3)
    state = SSMState(torch.ones_like(layer.initial_state(1).x), layer.initial_state(1).u)
    for _ in range(50):
        before = state.x.abs().square().sum(-1)
        _, state = layer.step(state.u, torch.ones(1, dtype=torch.float64), state)
        assert (state.x.abs().square().sum(-1) <= before * (1 + 1e-12)).all()


def test_long_series_do_not_drift_in_float32(build, irregular):
    layer = build(d_state=64, dtype=torch.float32)
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
    case=st.sampled_from([(S4D, "foh"), (S4D, "bilinear"), (S4, "bilinear")]),
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


@settings(max_examples=25, deadline=None)
@given(
    gaps=GAPS,
    cut=st.integers(1, 3),
    case=st.sampled_from([*((S4D, hold) for hold in S4D.HOLDS), *((S4, hold) for hold in S4.HOLDS)]),
)
def test_a_scan_may_be_cut_anywhere(gaps, cut, case):
    kind, hold = case
    torch.manual_seed(0)
    layer = kind(2, 8, hold=hold).double()
    intervals = torch.tensor([[0.0, *gaps]], dtype=torch.float64)
    u = torch.randn(1, len(gaps) + 1, 2, dtype=torch.float64)
    expected, end = layer.scan(u, intervals)
    first, state = layer.scan(u[:, :cut], intervals[:, :cut])
    second, last = layer.scan(u[:, cut:], intervals[:, cut:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), expected, atol=1e-11, rtol=1e-10)
    torch.testing.assert_close(last.x, end.x, atol=1e-11, rtol=1e-10)


def test_foh_knows_nothing_before_the_first_observation(irregular):
    layer = S4D(3, 8, hold="foh").double()
    u, intervals = irregular(length=1)
    assert (layer.scan(u, intervals)[1].x == 0).all()
    held = S4D(3, 8, hold="zoh").double()
    assert (held.scan(u, intervals)[1].x != 0).all()


def test_state_dict_is_real_and_casts_without_loss(build):
    layer = build(dtype=torch.float32)
    assert all(value.dtype == torch.float32 for value in layer.state_dict().values())
    assert layer.double().A.dtype == torch.complex128
    other = build(dtype=torch.float64)
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other.kernel(5), layer.kernel(5))


def test_bfloat16_signals_keep_float32_states(build, irregular):
    layer = build(dtype=torch.float32)
    u, intervals = irregular(dtype=torch.float32)
    u = u.to(torch.bfloat16)
    y, state = layer.scan(u, intervals)
    assert y.dtype == layer(u).dtype == torch.bfloat16
    assert state.x.dtype == torch.complex64
    expected = layer.scan(u.float(), intervals)[0]
    torch.testing.assert_close(y.float(), expected, rtol=0.02, atol=0.02 * expected.abs().max().item())


@pytest.mark.parametrize("kind", [S4, S4D])
def test_bad_arguments_name_themselves(kind):
    with pytest.raises(ValueError, match=f"hold of {kind.__name__} must be one of"):
        kind(2, 4, hold="linear")
    with pytest.raises(ValueError, match="delta_range must be 0 < low <= high"):
        kind(2, 4, delta_range=(0.0, 1.0))
    with pytest.raises(ValueError, match="d_state must be even"):
        kind(2, 5)
    layer = kind(2, 4)
    u, intervals = torch.zeros(1, 3, 2), torch.zeros(1, 3)
    for rate in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="rate must be positive"):
            layer(u, rate)
    with pytest.raises(ValueError, match="must have shape"):
        layer.scan(torch.zeros(1, 3, 5), intervals)
    with pytest.raises(ValueError, match="must have shape"):
        layer.scan(u, torch.zeros(1, 4))


def test_dplr_takes_no_exact_hold():
    with pytest.raises(ValueError, match="hold of S4 must be one of 'bilinear', 'bilinear_s4', got 'foh'"):
        S4(2, 4, hold="foh")
