import copy

import pytest
import torch
from torch import nn

from ssmts.nn import LAYERS
from ssmts.training.optimizer import WARM_UP_STEPS, build_optimizer, warm_up


def groups_by_parameter(module, optimizer):
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return {names[id(p)]: (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}


def test_parameters_that_a_layer_names_have_their_own_groups():
    class Layer(nn.Module):
        SYSTEM = frozenset({"log_delta", "A"})
        UNDECAYED = frozenset({"B"})
        system_rate = 1e-4

        def __init__(self):
            super().__init__()
            self.mix = nn.Linear(3, 3)
            self.log_delta = nn.Parameter(torch.zeros(3))
            self.A = nn.Parameter(torch.zeros(3, 3))
            self.B = nn.Parameter(torch.zeros(3, 3))
            self.C = nn.Parameter(torch.zeros(3, 3))
            self.again = self.C
            self.frozen = nn.Parameter(torch.zeros(3), requires_grad=False)

    expected = {
        "mix.weight": (1e-3, 0.1),
        "mix.bias": (1e-3, 0.0),
        "log_delta": (1e-4, 0.0),
        "A": (1e-4, 0.0),
        "B": (1e-3, 0.0),
        "C": (1e-3, 0.1),
    }
    for module in (Layer(), copy.deepcopy(Layer())):
        found = groups_by_parameter(module, build_optimizer(module, learning_rate=1e-3, weight_decay=0.1))
        assert found == expected
    module.system_rate = 1.0  # an upper bound
    found = groups_by_parameter(module, build_optimizer(module, learning_rate=1e-3, weight_decay=0.1))
    assert found["A"] == (1e-3, 0.0)


SYSTEMS = {
    "lssl": {"log_delta", "A", "B"},
    "s4": {"log_delta", "log_A_real", "A_imag", "B", "P"},
    "s4d": {"log_delta", "log_A_real", "A_imag", "B"},
    "s5": {"log_delta", "log_A_real", "A_imag", "B"},
    "mamba": set(),
    "mamba2": set(),
    "mamba3": set(),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_step_moves_systems_less_and_decays_none_of_them(name):
    # The first step of Adam moves every entry with a gradient by its learning rate, whatever the gradient is,
    # after weight decay took rate x decay of the value.
    rate, decay = 1e-2, 0.5
    torch.manual_seed(0)
    layer = LAYERS[name](8, 4)
    before = {key: value.detach().clone() for key, value in layer.named_parameters()}
    optimizer = build_optimizer(layer, learning_rate=rate, weight_decay=decay)
    (1e4 * layer(torch.randn(3, 6, 8)).square().sum()).backward()
    optimizer.step()
    kept = SYSTEMS[name] | ({"log_A_real", "D", "B_bias", "C_bias"} if layer.GATED else set())
    assert SYSTEMS[name] <= set(before)
    for key, parameter in layer.named_parameters():
        own = 1e-3 if key in SYSTEMS[name] else rate
        share = 0.0 if key in kept or parameter.ndim < 2 else own * decay
        moved = (parameter.detach() - before[key] * (1 - share)).abs()
        steady = parameter.grad.abs() > 1e-6  # far above the 1e-8 that Adam adds
        assert steady.any(), key
        torch.testing.assert_close(moved[steady], torch.full_like(moved[steady], own), rtol=0.02, atol=1e-6)


def test_warm_up_rises_evenly_to_the_full_rate():
    shares = [warm_up(step) for step in range(3 * WARM_UP_STEPS)]
    assert shares[0] == 1 / WARM_UP_STEPS
    assert shares[WARM_UP_STEPS // 2 - 1] == 0.5
    assert set(shares[WARM_UP_STEPS - 1 :]) == {1.0}
