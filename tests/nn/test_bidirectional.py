"""Both directions of time at once."""

import pytest
import torch

from ssmts.nn import S4D, Bidirectional, Mamba, SSMStack


def make(kind):
    torch.manual_seed(0)
    if kind == "stack":
        return Bidirectional(*(SSMStack(3, 2, d_state=4, dropout=0.0) for _ in range(2))).double()
    if kind == "mamba":
        return Bidirectional(*(Mamba(3, 4) for _ in range(2))).double()
    return Bidirectional(*(S4D(3, 4, hold=kind, delta_range=(0.1, 1.0)) for _ in range(2))).double()


@pytest.fixture(params=["foh", "zoh", "mamba", "stack"])
def layer(request):
    return make(request.param)


def test_forward_is_scan_on_a_regular_grid(layer, irregular, regular):
    u, _ = irregular()
    torch.testing.assert_close(layer(u, 2.5), layer.scan(u, regular(2, 20, 2.5)), atol=1e-10, rtol=0)


def test_time_reversed_data_through_exchanged_layers_is_time_reversed(layer, irregular):
    u, intervals = irregular()
    times = intervals.cumsum(1)
    back = (times[:, -1:] - times).flip(1)
    exchanged = Bidirectional(layer.backward_layer, layer.forward_layer)
    y = exchanged.scan(u.flip(1), torch.diff(back, dim=1, prepend=back[:, :1]))
    torch.testing.assert_close(y.flip(1), layer.scan(u, intervals), atol=1e-10, rtol=0)


def test_outputs_see_both_sides(layer, irregular):
    u, intervals = irregular()
    u.requires_grad_()
    (gradient,) = torch.autograd.grad(layer.scan(u, intervals)[:, 10].square().sum(), u)
    assert (gradient.abs().sum((0, 2)) > 0).all()


def test_padding_never_leaks(layer, irregular):
    u, intervals = irregular(batch=3)
    lengths = torch.tensor([20, 7, 1])
    for row, length in enumerate(lengths):
        u[row, length:], intervals[row, length:] = float("nan"), 5.0
    y = layer.scan(u, intervals, lengths)
    for row, length in enumerate(lengths):
        one = slice(row, row + 1)
        torch.testing.assert_close(y[one, :length], layer.scan(u[one, :length], intervals[one, :length]))
        assert (y[row, length:] == 0).all()
