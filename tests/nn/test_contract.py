"""What every layer must do, each in all its forms: three views that agree, in values and in gradients."""

import math

import pytest
import torch

from ssmts.nn import LAYERS, SSMLayer, SSMState

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
# Large enough for every layer to remember something, small enough for it not to forget at once.
DELTAS = (0.05, 0.5)


def assert_views_agree(actual, expected):
    """Within the tolerance of the larger of 1 and the largest value."""
    atol = TOLERANCE[expected.dtype] * max(1.0, expected.detach().abs().max().item())
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def assert_states_agree(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        assert one.shape == other.shape
        if other.numel():
            assert (one - other).abs().max() < 1e-9 * max(1.0, other.abs().max().item())


def run_steps(layer, u, intervals):
    state = layer.initial_state(len(u))
    outputs = []
    for k in range(u.shape[1]):
        y, state = layer.step(u[:, k], intervals[:, k], state)
        outputs.append(y)
    return torch.stack(outputs, 1), state


def some_state(layer, batch):
    """A state that no series would reach, different in every row."""
    generator = torch.Generator().manual_seed(2)
    empty = layer.initial_state(batch)
    return SSMState(*(torch.randn(v.shape, generator=generator, dtype=v.dtype) for v in empty))


def test_every_named_layer_is_tested(tested_kinds):
    assert tested_kinds == set(LAYERS.values())
    assert all(issubclass(kind, SSMLayer) for kind in tested_kinds)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("rate", [1.0, 0.25, 3.7])
def test_forward_is_scan_on_a_regular_grid(build, irregular, regular, rate, dtype):
    layer = build(d_state=16, dtype=dtype, delta_range=DELTAS)
    u, _ = irregular(length=40, dtype=dtype)
    y, _ = layer.scan(u, regular(2, 40, rate, dtype))
    assert y.shape == u.shape
    assert y.dtype == dtype
    assert_views_agree(layer(u, rate), y)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_steps_are_scan_on_an_irregular_grid(build, irregular, dtype):
    layer = build(d_state=16, dtype=dtype, delta_range=DELTAS)
    u, intervals = irregular(length=30, dtype=dtype)
    expected, state = layer.scan(u, intervals)
    actual, stepped = run_steps(layer, u, intervals)
    assert_views_agree(actual, expected)
    for one, other in zip(stepped, state, strict=True):
        assert one.shape == other.shape
        if other.numel():
            assert (one - other).abs().max() < TOLERANCE[dtype] * max(1.0, other.abs().max().item())


def test_gradients_of_the_views_agree(build, irregular, regular):
    layer = build(delta_range=DELTAS)
    u, intervals = irregular(length=12)
    u.requires_grad_()
    weights = torch.linspace(-1, 1, u.numel(), dtype=torch.float64).view_as(u)
    inputs = (u, *layer.parameters())

    def gradients(y):
        return torch.autograd.grad((weights * y).sum(), inputs)

    pairs = [
        (layer(u, 1.7), layer.scan(u, regular(2, 12, 1.7))[0]),
        (run_steps(layer, u, intervals)[0], layer.scan(u, intervals)[0]),
    ]
    for one, other in pairs:
        for actual, expected in zip(gradients(one), gradients(other), strict=True):
            assert_views_agree(actual, expected)
            assert torch.isfinite(actual).all()


def test_gradients_are_those_of_finite_differences(build, irregular):
    """Of all parameters at once along a random direction, and of the intervals."""
    layer = build(delta_range=DELTAS)
    u, intervals = irregular(length=8)
    intervals.requires_grad_()
    names, values = zip(*layer.named_parameters())
    generator = torch.Generator().manual_seed(3)
    directions = [torch.randn(v.shape, generator=generator, dtype=v.dtype) for v in (*values, intervals)]
    directions[-1][:, 0] = 0

    def loss(size):
        moved = [v.detach() + size * d for v, d in zip((*values, intervals), directions)]

        class Scan(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = layer

            def forward(self, *arguments):
                return self.layer.scan(*arguments)[0]

        parameters = {f"layer.{name}": value for name, value in zip(names, moved)}
        return torch.func.functional_call(Scan(), parameters, (u, moved[-1])).sin().sum()

    layer.scan(u, intervals)[0].sin().sum().backward()
    analytic = sum((v.grad * d).sum() for v, d in zip((*values, intervals), directions))
    with torch.no_grad():
        numeric = (loss(1e-6) - loss(-1e-6)) / 2e-6
    torch.testing.assert_close(analytic, numeric, rtol=1e-6, atol=1e-7)


def test_every_parameter_learns(build, irregular):
    layer = build()
    layer(irregular()[0], 0.5).square().sum().backward()
    for key, parameter in layer.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize("cut", [1, 2, 11, 20])
def test_a_scan_may_be_cut_anywhere(build, irregular, cut):
    layer = build(delta_range=DELTAS)
    u, intervals = irregular()
    expected, end = layer.scan(u, intervals)
    first, state = layer.scan(u[:, :cut], intervals[:, :cut])
    second, last = layer.scan(u[:, cut:], intervals[:, cut:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), expected, atol=1e-11, rtol=1e-10)
    assert_states_agree(last, end)


def test_padding_never_leaks(build, irregular):
    """Short rows of a batch give what they give alone, whatever lies in the padding."""
    layer = build(delta_range=DELTAS)
    u, intervals = irregular(batch=4)
    lengths = torch.tensor([20, 7, 1, 0])
    for row, length in enumerate(lengths):
        u[row, length:], intervals[row, length:] = math.nan, 5.0
    start = some_state(layer, 4)
    y, end = layer.scan(u, intervals, start, lengths)
    for row, length in enumerate(lengths):
        one = slice(row, row + 1)
        alone = SSMState(*(value[one] for value in start))
        expected, state = layer.scan(u[one, :length], intervals[one, :length], alone)
        torch.testing.assert_close(y[one, :length], expected)
        assert (y[row, length:] == 0).all()
        assert_states_agree([value[one] for value in end], state)


def test_padding_has_no_gradient(build, irregular):
    """Whatever lies there, nan included, and every other gradient is that of the short rows alone."""
    layer = build(delta_range=DELTAS)
    u, intervals = irregular(batch=3)
    lengths = torch.tensor([20, 7, 0])
    padding = torch.arange(20) >= lengths[:, None]
    gradients = []
    for filling in (0.0, math.nan):
        signal, clock = u.masked_fill(padding[..., None], filling), intervals.masked_fill(padding, filling)
        inputs = (signal.requires_grad_(), clock.requires_grad_(), *layer.parameters())
        y, end = layer.scan(signal, clock, some_state(layer, 3), lengths)
        loss = y.square().sum() + sum(value.abs().square().sum() for value in end)
        gradients.append(torch.autograd.grad(loss, inputs))
        assert (gradients[-1][0][padding] == 0).all()
        assert (gradients[-1][1][padding] == 0).all()
    for expected, actual in zip(*gradients, strict=True):
        assert torch.isfinite(actual).all()
        torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([-1, 5], "between 0 and the number of observations, 6, got -1 in row 0"),
        ([5, 7], "between 0 and the number of observations, 6, got 7 in row 1"),
        ([5], r"have shape \(2,\)"),
        ([5.0, 6.0], "be int32 or int64, got .* float32"),
        ([True, False], "be int32 or int64, got .* bool"),
    ],
)
def test_wrong_lengths_are_named(build, irregular, lengths, message):
    layer = build()
    u, intervals = irregular(length=6)
    with pytest.raises(ValueError, match=f"{type(layer).__name__}.scan: lengths must .*{message}"):
        layer.scan(u, intervals, None, torch.tensor(lengths))


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("length", [0, 6])
def test_empty_batches_have_gradients(build, irregular, batch, length):
    layer = build()
    u, intervals = irregular()
    u, intervals = u[:batch, :length].clone().requires_grad_(), intervals[:batch, :length]
    scanned, end = layer.scan(u, intervals, lengths=torch.zeros(batch, dtype=torch.int64))
    assert [value.shape for value in end] == [value.shape for value in layer.initial_state(batch)]
    for y in (layer(u, 2.0), layer.scan(u, intervals)[0], scanned):
        assert y.shape == u.shape
        y.sum().backward()
    y, moved = layer.step(u.new_zeros(batch, 3), intervals.new_zeros(batch), end)
    assert y.shape == (batch, 3)
    assert [value.shape for value in moved] == [value.shape for value in end]


@pytest.mark.slow
def test_autocast_keeps_states_and_accuracy(build, irregular, regular):
    """Projections may round to bfloat16; the state equation, its gradients and its dtype stay."""
    layer = build(dtype=torch.float32, delta_range=DELTAS)
    u, intervals = irregular(dtype=torch.float32)

    def views():
        scanned, end = layer.scan(u, intervals, None, torch.tensor([20, 7]))
        stepped, moved = layer.step(u[:, 0], intervals[:, 0], layer.initial_state(2))
        again, _ = layer.step(u[:, 1], intervals[:, 1], moved)
        outputs = [layer(u, 2.0), scanned, stepped, again]
        return outputs, end.x

    def gradients(outputs):
        return torch.autograd.grad(sum(y.square().mean() for y in outputs), list(layer.parameters()))

    outputs, state = views()
    with torch.autocast("cpu", torch.bfloat16):
        cast, cast_state = views()
    assert cast_state.dtype == state.dtype
    projects = hasattr(layer, "in_proj")
    for actual, expected in zip(
        [*cast, cast_state, *gradients(cast)], [*outputs, state, *gradients(outputs)], strict=True
    ):
        assert actual.dtype == expected.dtype
        error = (actual - expected).abs().max()
        assert error <= (0.05 * expected.abs().max() if projects else 0)


class Views(torch.nn.Module):
    """Both views in one graph."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, u, intervals):
        return self.layer(u, 2.0), self.layer.scan(u, intervals)[0]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.slow
def test_export_takes_any_batch(layer, irregular):
    torch.manual_seed(0)
    views = Views(LAYERS[layer](3, 4)).eval()
    u, intervals = irregular(length=5, dtype=torch.float32)
    rows = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(views, (u, intervals), dynamic_shapes=(rows, rows))
    u, intervals = irregular(batch=5, length=5, dtype=torch.float32)
    for actual, expected in zip(program.module()(u, intervals), views(u, intervals), strict=True):
        assert_views_agree(actual, expected)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.slow
def test_compiled_layers_take_another_length(layer, irregular):
    torch._dynamo.reset()
    torch.manual_seed(0)
    views = Views(LAYERS[layer](3, 4))
    compiled = torch.compile(views, backend="aot_eager", fullgraph=True)
    for length in (3, 5):
        u, intervals = irregular(length=length, dtype=torch.float32)
        results = []
        for module in (compiled, views):
            outputs = module(u, intervals)
            loss = sum(y.square().sum() for y in outputs)
            results.append([*outputs, *torch.autograd.grad(loss, list(views.parameters()))])
        for actual, expected in zip(*results, strict=True):
            assert_views_agree(actual, expected)


def test_outputs_are_causal(build, irregular):
    layer = build(delta_range=DELTAS)
    u, intervals = irregular()
    changed = u.clone()
    changed[:, 12:] += 1
    y, other = layer.scan(u, intervals)[0], layer.scan(changed, intervals)[0]
    torch.testing.assert_close(y[:, :12], other[:, :12], atol=1e-11, rtol=0)
    assert ((y - other)[:, 12:].abs().amax(-1) > 1e-6).all()


@pytest.mark.parametrize("length", [0, 1, 2])
def test_short_inputs(build, irregular, regular, length):
    layer = build()
    u, intervals = irregular(length=length + 1)
    u, intervals = u[:, :length], intervals[:, :length]
    y, state = layer.scan(u, intervals)
    assert y.shape == (2, length, 3)
    if length == 0:
        assert_states_agree(state, layer.initial_state(2))
        return
    assert_views_agree(layer(u, 2.0), layer.scan(u, regular(2, length, 2.0))[0])


def test_bfloat16_signals_keep_float32_states(build, irregular):
    layer = build(dtype=torch.float32)
    u, intervals = irregular(dtype=torch.float32)
    u = u.to(torch.bfloat16)
    y, state = layer.scan(u, intervals)
    stepped, _ = layer.step(u[:, 0], intervals[:, 0], layer.initial_state(2))
    assert y.dtype == layer(u).dtype == stepped.dtype == torch.bfloat16
    assert state.x.dtype in (torch.float32, torch.complex64)
    expected = layer.scan(u.float(), intervals)[0]
    torch.testing.assert_close(y.float(), expected, rtol=0.02, atol=0.02 * expected.abs().max().item())


def test_clocks_may_be_finer_than_signals(build, irregular):
    layer = build(dtype=torch.float32)
    u, intervals = irregular(dtype=torch.float32)
    y, state = layer.scan(u, intervals.double())
    assert y.dtype == torch.float32
    assert state.x.dtype in (torch.float32, torch.complex64)
    assert_views_agree(y, layer.scan(u, intervals)[0])
    stepped, moved = layer.step(u[:, 0], intervals[:, 0].double(), layer.initial_state(2))
    assert stepped.dtype == torch.float32
    assert moved.x.dtype == state.x.dtype


def test_state_dicts_are_real_and_cast_without_loss(build, irregular):
    layer = build(dtype=torch.float32)
    assert all(value.dtype == torch.float32 for value in layer.state_dict().values())
    u, intervals = irregular()
    expected, _ = layer.double().scan(u, intervals)
    other = build()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.normal_()
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other.scan(u, intervals)[0], expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("clock", [1e-6, 1e4])
def test_extreme_intervals_stay_finite(build, irregular, dtype, clock):
    layer = build(dtype=dtype)
    u, intervals = irregular(dtype=dtype)
    y, state = layer.scan(u, clock * intervals)
    y.square().mean().backward()
    assert torch.isfinite(y).all()
    assert torch.isfinite(state.x).all()
    assert state.x.abs().max() < 1e5
    for key, parameter in layer.named_parameters():
        assert torch.isfinite(parameter.grad).all(), key


def test_bad_arguments_name_themselves(build):
    kind = type(build())
    with pytest.raises(ValueError, match=f"hold of {kind.__name__} must be one of"):
        build(hold="linear")
    with pytest.raises(ValueError, match="delta_range must be 0 < low <= high"):
        build(delta_range=(0.0, 1.0))
    with pytest.raises(ValueError, match="d_state must be"):
        build(d_state=0)
    layer = build(dtype=torch.float32)
    u, intervals = torch.zeros(1, 3, 3), torch.zeros(1, 3)
    for rate in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="rate must be positive"):
            layer(u, rate)
    with pytest.raises(ValueError, match="must have shape"):
        layer.scan(torch.zeros(1, 3, 5), intervals)
    with pytest.raises(ValueError, match="must have shape"):
        layer.scan(u, torch.zeros(1, 4))


@pytest.mark.parametrize("layer", LAYERS)
def test_a_rate_change_keeps_the_output(layer):
    """Every second sample of a slow signal, with the rate: within 3% once the start is forgotten.

    Without the rate the output changes by more. The short convolution, which counts observations, is off:
    with it, a change of rate costs 14% here.
    """
    torch.manual_seed(0)
    options = {"conv_width": 0} if layer in ("mamba", "mamba2") else {}
    system = LAYERS[layer](4, 8, delta_range=(0.02, 0.2), **options).double()
    times, phases = torch.arange(0, 96, dtype=torch.float64), torch.rand(4, dtype=torch.float64)
    periods = torch.tensor([24.0, 36.0, 48.0, 60.0], dtype=torch.float64)
    u = torch.sin(2 * math.pi * (times[:, None] / periods + phases))[None]
    expected = system(u)[:, 48::2]

    def error(rate):
        difference = system(u[:, ::2], rate)[:, 24:] - expected
        return (difference.square().mean() / expected.square().mean()).sqrt()

    assert error(2.0) < 0.03
    assert error(2.0) < 0.7 * error(1.0)
