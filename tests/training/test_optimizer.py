import torch
from torch import nn

from ssmts.training.optimizer import WARM_UP_STEPS, build_optimizer, warm_up


def groups_by_parameter(module, optimizer):
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return {names[id(p)]: (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}


def test_marked_parameters_have_their_own_groups():
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Linear(3, 3)
            self.log_delta = nn.Parameter(torch.zeros(3))
            self.A = nn.Parameter(torch.zeros(3, 3))
            self.B = nn.Parameter(torch.zeros(3, 3))
            self.frozen = nn.Parameter(torch.zeros(3), requires_grad=False)
            self.log_delta._learning_rate = 1e-4
            self.A._learning_rate = 1e-4
            self.A._no_weight_decay = True
            self.B._learning_rate = 1.0

    module = Layer()
    found = groups_by_parameter(module, build_optimizer(module, learning_rate=1e-3, weight_decay=0.1))
    assert found == {
        "mix.weight": (1e-3, 0.1),
        "mix.bias": (1e-3, 0.0),
        "log_delta": (1e-4, 0.0),
        "A": (1e-4, 0.0),
        "B": (1e-3, 0.1),  # its own rate is an upper bound
    }


def test_warm_up_rises_evenly_to_the_full_rate():
    shares = [warm_up(step) for step in range(3 * WARM_UP_STEPS)]
    assert shares[0] == 1 / WARM_UP_STEPS
    assert shares[WARM_UP_STEPS // 2 - 1] == 0.5
    assert set(shares[WARM_UP_STEPS - 1 :]) == {1.0}
