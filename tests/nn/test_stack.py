"""The stack: the layer's three views, through normalisation, gates and residuals."""

import pytest
import torch
from torch import nn

from ssmts.nn import LAYERS, SSMLayer, SSMStack, SSMState, register_layer
from ssmts.training import build_optimizer


def make(layer="s4d", dtype=torch.float64, **options):
    torch.manual_seed(0)
    return SSMStack(3, 2, layer=layer, d_state=8, dropout=0.0, **options).to(dtype)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_three_views_agree(layer, dtype, tolerance, irregular):
    stack = make(layer, dtype)
    u, intervals = irregular(length=40, dtype=dtype)
    y, state = stack.scan(u, intervals)
    stepped = stack.initial_state(2)
    for k in range(40):
        last, stepped = stack.step(u[:, k], intervals[:, k], stepped)
        torch.testing.assert_close(last, y[:, k], atol=tolerance, rtol=0)
    for one, other in zip(stepped, state):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)
    grid = torch.full_like(intervals, 2.5)
    grid[:, 0] = 0
    torch.testing.assert_close(stack(u, 2.5), stack.scan(u, grid)[0], atol=tolerance, rtol=0)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_scan_goes_on_from_a_state(layer, irregular):
    stack = make(layer)
    u, intervals = irregular()
    expected, _ = stack.scan(u, intervals)
    first, state = stack.scan(u[:, :6], intervals[:, :6])
    second, _ = stack.scan(u[:, 6:], intervals[:, 6:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("layer", LAYERS)
def test_padding_has_no_gradient(layer, irregular):
    """Norms and gates act on the padding too: a nan there must not reach their weights."""
    stack = make(layer, mlp_ratio=1.0)
    u, intervals = irregular()
    lengths = torch.tensor([20, 8])
    gradients = []
    for filling in (0.0, float("nan")):
        u[1, 8:], intervals[1, 8:] = filling, filling
        signal = u.clone().requires_grad_()
        y, _ = stack.scan(signal, intervals, lengths=lengths)
        gradients.append(torch.autograd.grad(y.square().sum(), [signal, *stack.parameters()]))
        assert (gradients[-1][0][1, 8:] == 0).all()
    for expected, actual in zip(*gradients, strict=True):
        torch.testing.assert_close(actual, expected)
    with pytest.raises(
        ValueError, match=r"SSMStack.scan: lengths must be between 0 and .*, 20, got 21 in row 1"
    ):
        stack.scan(u, intervals, lengths=torch.tensor([20, 21]))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("batch", "length"), [(0, 5), (2, 0), (0, 0)])
def test_empty_batches_pass(layer, batch, length):
    stack = make(layer)
    u = torch.zeros(batch, length, 3, dtype=torch.float64, requires_grad=True)
    intervals = torch.zeros(batch, length, dtype=torch.float64)
    y, state = stack.scan(u, intervals, lengths=torch.full((batch,), length))
    assert y.shape == stack(u, 2.0).shape == u.shape
    y.sum().backward()
    assert u.grad.shape == u.shape
    assert stack.step(u.new_zeros(batch, 3), u.new_zeros(batch), state)[0].shape == (batch, 3)


@pytest.mark.parametrize("layer", LAYERS)
def test_autocast_is_close(layer, irregular):
    stack = make(layer, torch.float32)
    u, intervals = irregular(dtype=torch.float32)
    expected, state = stack.scan(u, intervals)
    with torch.autocast("cpu", torch.bfloat16):
        cast, cast_state = stack.scan(u, intervals)
    assert [moved.x.dtype for moved in cast_state] == [moved.x.dtype for moved in state]
    assert (cast - expected).abs().max() < 0.1
    cast.square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in stack.parameters())


@pytest.mark.parametrize("layer", LAYERS)
def test_padding_is_zero_and_never_leaks(layer, irregular):
    stack = make(layer)
    u, intervals = irregular()
    expected, state = stack.scan(u[1:, :8], intervals[1:, :8])
    u[1, 8:] = float("nan")
    y, end = stack.scan(u, intervals, lengths=torch.tensor([20, 8]))
    torch.testing.assert_close(y[1:, :8], expected)
    assert (y[1, 8:] == 0).all()
    for one, other in zip(end, state):
        torch.testing.assert_close(one.x[1:], other.x)
        torch.testing.assert_close(one.u[1:], other.u)


def test_an_mlp_keeps_the_views_together(irregular):
    stack = make(mlp_ratio=1.5)
    u, intervals = irregular()
    y, _ = stack.scan(u, intervals)
    assert not torch.allclose(y, make().scan(u, intervals)[0])
    assert stack.blocks[0].mlp.out.in_features == 4
    state = stack.initial_state(2)
    for k in range(20):
        last, state = stack.step(u[:, k], intervals[:, k], state)
    torch.testing.assert_close(last, y[:, -1])


def test_layers_that_gate_themselves_get_no_gate():
    for layer in LAYERS:
        assert (make(layer).blocks[0].gate is None) == layer.startswith("mamba")


def test_outputs_are_causal(irregular):
    stack = make()
    u, _ = irregular()
    changed = u.clone()
    changed[:, 12:, 0] += 1
    y, other = stack(u), stack(changed)
    torch.testing.assert_close(y[:, :12], other[:, :12], atol=1e-10, rtol=0)
    assert ((y - other)[:, 12:].abs().amax(-1) > 1e-6).all()


def test_dropout_acts_in_training_only(irregular):
    stack = SSMStack(3, dropout=0.5, d_state=8).double()
    u, _ = irregular()
    assert not torch.equal(stack(u), stack(u))
    stack.eval()
    assert torch.equal(stack(u), stack(u))


@pytest.mark.slow
def test_a_stack_learns_a_delay(irregular):
    """Two samples back, which no single observation tells."""
    stack = make(dtype=torch.float32, layer_options={"delta_range": (0.1, 1.0)})
    head = nn.Linear(3, 1)
    u, _ = irregular(batch=16, length=32, dtype=torch.float32)
    target = torch.nn.functional.pad(u, (0, 0, 2, 0))[:, :32, :1]
    optimizer = torch.optim.Adam([*stack.parameters(), *head.parameters()], 2e-2)
    losses = []
    for _ in range(100):
        loss = (head(stack(u)) - target)[:, 2:].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_options_reach_the_layers():
    stack = SSMStack(4, 3, layer="s4", d_state=6, layer_options={"init": "legt", "hold": "bilinear_s4"})
    layers = [module for module in stack.modules() if isinstance(module, SSMLayer)]
    assert len(layers) == 3
    assert all(layer.hold == "bilinear_s4" and layer.P.shape == (4, 3, 2, 2) for layer in layers)


def test_rms_norm_is_everywhere(irregular):
    stack = make(norm="rms", mlp_ratio=1.0)
    norms = [module for module in stack.modules() if isinstance(module, nn.RMSNorm | nn.LayerNorm)]
    assert len(norms) == 5
    assert all(isinstance(norm, nn.RMSNorm) and norm.eps == 1e-5 for norm in norms)
    y = stack(irregular()[0])
    torch.testing.assert_close(y.square().mean(-1), torch.ones_like(y[..., 0]), atol=1e-3, rtol=0)


def test_repr_shows_sizes():
    text = repr(make("mamba", layer_options={"conv_width": 3}))
    assert text.startswith("SSMStack(\n  d_model=3, n_layers=2, 510 parameters\n")
    assert "(ssm): Mamba(\n        d_model=3, d_state=8, hold='zoh'\n" in text
    assert "(conv): ShortConvolution(n_channels=6, width=3)" in text
    for layer, kind in LAYERS.items():
        assert f"{kind.__name__}(d_model=3, d_state=8, hold=" in repr(make(layer)).replace("\n        ", "")


class Leaky(SSMLayer):
    """An exponential average of every feature."""

    HOLDS = ("zoh",)
    SYSTEM = frozenset({"log_rate"})

    def __init__(self, d_model, d_state, *, rate=0.5):
        super().__init__(d_model, "zoh")
        self.log_rate = nn.Parameter(torch.full((d_model,), rate).log())

    def initial_state(self, batch):
        x = self.log_rate.new_zeros(batch, self.d_model)
        return SSMState(x, x)

    def scan(self, u, intervals, initial_state=None, lengths=None):
        state, outputs = initial_state or self.initial_state(len(u)), []
        for k in range(u.shape[1]):
            y, moved = self.step(u[:, k], intervals[:, k], state)
            valid = True if lengths is None else (k < lengths)[:, None]
            state = SSMState(*(torch.where(torch.as_tensor(valid), m, s) for m, s in zip(moved, state)))
            outputs.append(torch.where(torch.as_tensor(valid), y, 0))
        return torch.stack(outputs, 1), state

    def step(self, u, interval, state):
        keep = torch.exp(-self.log_rate.exp() * interval[:, None])
        x = keep * state.x + (1 - keep) * u
        return x, SSMState(x, u)


@pytest.fixture
def registered():
    """Leaky under the name "leaky", for the time of a test."""
    register_layer("leaky", Leaky)
    yield
    del LAYERS["leaky"]


@pytest.mark.parametrize("form", ["class", "name"])
def test_own_layers_have_all_views(form, registered, irregular):
    stack = make(Leaky if form == "class" else "leaky", layer_options={"rate": 0.2})
    assert isinstance(stack.blocks[1].ssm, Leaky)
    torch.testing.assert_close(stack.blocks[1].ssm.log_rate.exp(), torch.full((3,), 0.2).double())
    u, intervals = irregular()
    y, _ = stack.scan(u, intervals)
    state = stack.initial_state(2)
    for k in range(20):
        last, state = stack.step(u[:, k], intervals[:, k], state)
        torch.testing.assert_close(last, y[:, k])
    groups = build_optimizer(stack, 1e-2, 0.1).param_groups
    slow = [group for group in groups if group["lr"] == 1e-3]
    assert [parameter.shape for parameter in slow[0]["params"]] == [(3,), (3,)]


def test_names_are_given_once(registered):
    assert register_layer("leaky", Leaky) is Leaky
    with pytest.raises(ValueError, match=r"'leaky' is the name of .*Leaky: take another one"):
        register_layer("leaky", LAYERS["s4"])
    with pytest.raises(ValueError, match=r"'s4' is the name of ssmts.nn.s4.S4"):
        register_layer("s4", Leaky)
    with pytest.raises(TypeError, match=r"must be a subclass of ssmts.nn.SSMLayer, got .*Linear"):
        register_layer("linear", nn.Linear)
    assert "linear" not in LAYERS


def test_bad_arguments_name_themselves():
    with pytest.raises(ValueError, match="norm must be one of 'layer', 'rms', got 'batch'"):
        SSMStack(4, norm="batch")
    with pytest.raises(TypeError, match=r"must be a name or a subclass of ssmts.nn.SSMLayer, got .*Linear"):
        SSMStack(4, layer=nn.Linear)
    with pytest.raises(
        ValueError,
        match=r"layer='s6' is not .* one of 'lssl', .* 'mamba3'; .*register_layer",
    ):
        SSMStack(4, layer="s6")
    with pytest.raises(ValueError, match="n_layers must be at least 1, got 0"):
        SSMStack(4, 0)
    with pytest.raises(ValueError, match="mlp_ratio must be at least 0"):
        SSMStack(4, mlp_ratio=-1.0)
