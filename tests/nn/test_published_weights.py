"""Mamba and Mamba-2 with the weights of independent implementations: the same numbers, to 1e-4 and better."""

import os

import pytest
import torch

from ssmts.nn import Mamba, Mamba2, SSMStack

BATCH, LENGTH, D_MODEL, D_STATE = 2, 70, 16, 8


def randomise(module):
    """Weights away from their special initial values, so that no error can hide behind a 1 or a 0."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return module.eval()


def mambapy_block():
    mambapy = pytest.importorskip("mambapy.mamba", reason="mambapy is not installed: pip install mambapy")
    return mambapy.MambaBlock(mambapy.MambaConfig(d_model=D_MODEL, n_layers=1, d_state=D_STATE))


def import_transformers():
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    reason = "transformers is not installed: pip install transformers"
    return pytest.importorskip("transformers", reason=reason)


def transformers_mixer(generation):
    transformers = import_transformers()
    if generation == 1:
        config = transformers.MambaConfig(hidden_size=D_MODEL, state_size=D_STATE, num_hidden_layers=1)
        return transformers.MambaModel(config).layers[0].mixer
    config = transformers.Mamba2Config(
        hidden_size=D_MODEL, state_size=D_STATE, num_heads=8, head_dim=4, n_groups=2, chunk_size=16,
        num_hidden_layers=1,
    )  # fmt: skip
    return transformers.Mamba2Model(config).layers[0].mixer


@pytest.fixture
def signal():
    return torch.randn(BATCH, LENGTH, D_MODEL, generator=torch.Generator().manual_seed(6))


def assert_same(ours, theirs):
    error = (ours - theirs).abs().max() / theirs.abs().max()
    assert error < 1e-5, error


def assert_loaded_layer_is(block, layer, signal):
    """The whole series at once and one observation after the other give what the other library gives."""
    layer.load_published(block.state_dict())
    with torch.no_grad():
        expected = block(signal)
        assert expected.abs().max() > 0.1
        assert_same(layer(signal), expected)
        state = layer.initial_state(BATCH)
        interval = torch.zeros(BATCH)
        for k in range(LENGTH):
            y, state = layer.step(signal[:, k], interval, state)
            assert_same(y, expected[:, k])
            interval = torch.ones(BATCH)


def test_mamba_is_that_of_mambapy(signal):
    block = randomise(mambapy_block())
    assert_loaded_layer_is(block, Mamba(D_MODEL, D_STATE, hold="euler"), signal)


@pytest.mark.slow
def test_mamba_is_that_of_transformers(signal):
    block = randomise(transformers_mixer(1))
    assert_loaded_layer_is(block, Mamba(D_MODEL, D_STATE, hold="euler"), signal)


@pytest.mark.slow
def test_mamba2_is_that_of_transformers(signal):
    block = randomise(transformers_mixer(2))
    layer = Mamba2(D_MODEL, D_STATE, hold="euler", head_dim=4, n_groups=2)
    assert_loaded_layer_is(block, layer, signal)


def test_gradients_are_those_of_mambapy(signal):
    block = randomise(mambapy_block())
    layer = Mamba(D_MODEL, D_STATE, hold="euler")
    layer.load_published(block.state_dict())
    for module in (block, layer):
        module(signal).square().mean().backward()
    ours = {name: value.grad for name, value in layer.named_parameters()}
    for name, value in block.named_parameters():
        assert_same(ours[layer.PUBLISHED.get(name, name)], value.grad)


def language_model(generation):
    """A small model with its head, and a stack of its sizes."""
    transformers = import_transformers()
    sizes = {"hidden_size": D_MODEL, "state_size": D_STATE, "num_hidden_layers": 3, "vocab_size": 29}
    if generation == 1:
        model = transformers.MambaForCausalLM(transformers.MambaConfig(**sizes))
        options = {"hold": "euler"}
    else:
        config = transformers.Mamba2Config(**sizes, num_heads=8, head_dim=4, n_groups=2, chunk_size=16)
        model = transformers.Mamba2ForCausalLM(config)
        options = {"hold": "euler", "head_dim": 4, "n_groups": 2}
    layer = "mamba" if generation == 1 else "mamba2"
    stack = SSMStack(D_MODEL, 3, layer=layer, d_state=D_STATE, layer_options=options, norm="rms")
    return randomise(model), stack.eval()


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("head", [True, False])
def test_a_whole_model_is_that_of_transformers(generation, head):
    model, stack = language_model(generation)
    words = torch.randint(29, (BATCH, LENGTH), generator=torch.Generator().manual_seed(7))
    others = stack.load_published((model if head else model.backbone).state_dict())
    assert set(others) == {"embeddings.weight", "lm_head.weight"} if head else {"embeddings.weight"}
    u = others["embeddings.weight"][words]
    with torch.no_grad():
        expected = model.backbone(words).last_hidden_state
        assert_same(stack(u), expected)
        state, interval = stack.initial_state(BATCH), torch.zeros(BATCH)
        for k in range(LENGTH):
            y, state = stack.step(u[:, k], interval, state)
            assert_same(y, expected[:, k])
            interval = torch.ones(BATCH)
        if head:
            assert_same(stack(u) @ others["lm_head.weight"].T, model(words).logits)


def test_a_model_of_another_kind_is_refused():
    model, stack = language_model(1)
    with pytest.raises(RuntimeError, match=r"Missing key.*blocks.0.ssm.delta_bias"):
        language_model(2)[1].load_published(model.state_dict())
    with pytest.raises(RuntimeError, match=r"Unexpected key.*extra"):
        stack.load_published({**model.state_dict(), "layers.0.extra": torch.zeros(1)})
    with pytest.raises(TypeError, match=r"load_published needs layer='mamba', .*not S4D"):
        SSMStack(D_MODEL).load_published(model.state_dict())
