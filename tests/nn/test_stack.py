"""The stack: the layer's three views, through normalisation, gates and residuals."""

import pytest
import torch
from torch import nn

from ssmts.nn import LAYERS, SSMLayer, SSMStack


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


def test_bad_arguments_name_themselves():
    with pytest.raises(ValueError, match=r"layer must be one of 'lssl', .* 'mamba3', got 's6'"):
        SSMStack(4, layer="s6")
    with pytest.raises(ValueError, match="n_layers must be at least 1, got 0"):
        SSMStack(4, 0)
    with pytest.raises(ValueError, match="mlp_ratio must be at least 0"):
        SSMStack(4, mlp_ratio=-1.0)
