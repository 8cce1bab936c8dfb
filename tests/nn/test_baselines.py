"""The networks that the papers measure against do what their names promise."""

import math

import pytest
import torch
from torch import nn

from ssmts.nn.baselines import (
    ContextMLP,
    DilatedCNN,
    DLinear,
    Informer,
    Recurrent,
    SpeechCNN,
    Transformer,
)

CAUSAL = {
    "rnn": lambda: Recurrent(8, 2, cell="rnn"),
    "lstm": lambda: Recurrent(8, 2, cell="lstm"),
    "transformer": lambda: Transformer(8, 2, n_heads=2),
    "cnn": lambda: DilatedCNN(8, 3, width=2),
}


@pytest.fixture
def signal():
    return torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CAUSAL)
def test_outputs_are_causal_and_see_the_past(name, signal):
    torch.manual_seed(0)
    model = CAUSAL[name]().eval()
    changed = signal.clone()
    changed[:, 6, 0] += 1
    with torch.no_grad():
        moved = (model(changed) - model(signal)).abs().amax((0, 2))
    assert moved.shape == (12,)
    assert (moved[:6] < 1e-6).all()
    assert (moved[6:] > 1e-6).all()


@pytest.mark.parametrize("name", ["rnn", "lstm", "transformer"])
def test_steps_are_forward(name, signal):
    torch.manual_seed(0)
    model = CAUSAL[name]().eval()
    state = model.cache(2, 12) if name == "transformer" else None
    with torch.no_grad():
        expected = model(signal)
        for k in range(12):
            y, state = model.step(signal[:, k], state)
            torch.testing.assert_close(y, expected[:, k], atol=1e-5, rtol=1e-4)


def test_a_transformer_is_torchs_own(signal):
    """Same weights in `nn.TransformerEncoderLayer`, over the positions of the paper's formula."""
    torch.manual_seed(0)
    model = Transformer(8, 1, n_heads=2).double().eval()
    block = model.blocks[0]
    peer = nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).double()
    with torch.no_grad():
        for theirs, ours in (
            (peer.self_attn.in_proj_weight, block.qkv.weight),
            (peer.self_attn.in_proj_bias, block.qkv.bias),
            (peer.self_attn.out_proj.weight, block.out.weight),
            (peer.self_attn.out_proj.bias, block.out.bias),
            (peer.linear1.weight, block.mlp[0].weight),
            (peer.linear1.bias, block.mlp[0].bias),
            (peer.linear2.weight, block.mlp[2].weight),
            (peer.linear2.bias, block.mlp[2].bias),
        ):
            theirs.copy_(ours)
    position = torch.zeros(12, 8, dtype=torch.float64)
    for k in range(12):
        for n in range(4):
            angle = k / 10_000 ** (2 * n / 8)
            position[k, n], position[k, 4 + n] = math.sin(angle), math.cos(angle)
    u = signal.double()
    mask = torch.triu(torch.full((12, 12), -math.inf, dtype=torch.float64), diagonal=1)
    expected = model.norm(peer(u + position, src_mask=mask))
    torch.testing.assert_close(model(u), expected, atol=1e-6, rtol=1e-5)
    free = Transformer(8, 1, n_heads=2, causal=False).double().eval()
    free.load_state_dict(model.state_dict())
    torch.testing.assert_close(free(u), model.norm(peer(u + position)), atol=1e-6, rtol=1e-5)


def test_a_dilated_network_sees_its_receptive_field_and_no_more():
    torch.manual_seed(0)
    model = DilatedCNN(4, 3, width=2).eval()
    assert model.receptive_field == 8
    u = torch.randn(1, 20, 4, requires_grad=True)
    model(u)[0, -1].sum().backward()
    seen = u.grad[0].abs().sum(-1) > 0
    assert seen[-8:].all()
    assert not seen[:-8].any()


def test_a_speech_network_classifies_any_length():
    torch.manual_seed(0)
    model = SpeechCNN(10).eval()
    for length in (400, 8000, 9001):
        assert model(torch.randn(2, length)).shape == (2, 10)


def test_dlinear_forecasts_a_constant_and_fits_a_line():
    model = DLinear(20, 5, kernel_size=7).double()
    u = torch.full((1, 20, 2), 3.0, dtype=torch.float64)
    with torch.no_grad():
        for layer in (model.trend, model.rest):
            layer.bias.zero_()
    torch.testing.assert_close(model(u), torch.full((1, 5, 2), 3.0, dtype=torch.float64))
    with torch.no_grad():  # trend: last value plus slope times lead; rest: the same of what is left
        for layer in (model.trend, model.rest):
            layer.weight.zero_()
            lead = torch.arange(1.0, 6.0, dtype=torch.float64)
            layer.weight[:, -1], layer.weight[:, 0] = 1 + lead / 19, -lead / 19
    line = torch.arange(20.0, dtype=torch.float64)[None, :, None]
    torch.testing.assert_close(model(line)[0, :, 0], torch.arange(20.0, 25.0, dtype=torch.float64))


def test_a_perceptron_knows_no_level():
    torch.manual_seed(0)
    model = ContextMLP(10, 4, hidden=8).double()
    u = torch.randn(2, 10, 3, dtype=torch.float64)
    assert model(u).shape == (2, 4, 3)
    torch.testing.assert_close(model(u + 7), model(u) + 7)


@pytest.mark.slow
def test_informer_reads_the_context_and_learns():
    pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    torch.manual_seed(0)
    model = Informer(2, 24, 6, d_model=16, n_heads=2)
    u = torch.randn(3, 24, 2, requires_grad=True)
    y = model(u)
    assert y.shape == (3, 6, 2)
    y.square().sum().backward()
    assert (u.grad.abs().sum((0, 2)) > 0).all()
    assert all(
        p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad
    )


def test_bad_arguments_name_themselves(signal):
    with pytest.raises(ValueError, match="cell must be 'rnn' or 'lstm'"):
        Recurrent(8, cell="gru")
    with pytest.raises(ValueError, match="a multiple of n_heads=3"):
        Transformer(8, n_heads=3)
    with pytest.raises(ValueError, match="kernel_size must be odd"):
        DLinear(10, 2, kernel_size=4)
    with pytest.raises(ValueError, match=r"start_length must be in \[1, 24\]"):
        Informer(2, 24, 6, start_length=25)
    model = Transformer(8, 1, n_heads=2)
    _, cache = model.step(signal[:, 0], model.cache(2, 1))
    with pytest.raises(ValueError, match="room for 1 observations and is full"):
        model.step(signal[:, 1], cache)
    free = Transformer(8, 1, n_heads=2, causal=False)
    with pytest.raises(ValueError, match="step needs causal=True"):
        free.step(signal[:, 0], free.cache(2, 1))
