"""The optimizer of the deep branch: AdamW with groups for SSM parameters, and its warm-up."""

from collections import defaultdict

from torch import nn
from torch.optim import AdamW

from ssmts.errors import ParameterError
from ssmts.wording import Described

WARM_UP_STEPS = 20


def build_optimizer(module: nn.Module, learning_rate: float, weight_decay: float) -> AdamW:
    """AdamW over the trainable parameters of a module, grouped by learning rate and weight decay.

    The parameters of a state equation (A, B, P, Δ) get a lower learning rate and no weight decay [1]_;
    Mamba's A and D get no weight decay [2]_. A layer names these parameters in the attributes ``SYSTEM``,
    ``system_rate`` and ``UNDECAYED``, see `ssmts.nn.layer.SSMLayer`; any module may have them. They belong to
    the class because attributes of a parameter do not survive a copy. Vectors and scalars (biases, norms,
    gates) are not decayed either.

    Parameters
    ----------
    module : Module
        Its parameters; those with ``requires_grad=False`` are left out.
    learning_rate, weight_decay : float
        Of the parameters that no layer names. Parameters in SYSTEM take the lower of `learning_rate` and
        `system_rate`.

    Returns
    -------
    AdamW
        Each group keeps its full learning rate as ``initial_lr``.

    Raises
    ------
    ParameterError
        If the module has nothing to train.

    References
    ----------
    .. [1] Gu, Goel, Ré, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022,
           appendix D.
    .. [2] Gu, Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023: the authors'
           code marks both.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    seen: set[nn.Parameter] = set()
    for owner in module.modules():
        system, undecayed = getattr(owner, "SYSTEM", ()), getattr(owner, "UNDECAYED", ())
        for name, parameter in owner.named_parameters(recurse=False):
            if not parameter.requires_grad or parameter in seen:
                continue
            seen.add(parameter)
            highest: float = getattr(owner, "system_rate", learning_rate) if name in system else learning_rate
            rate = min(learning_rate, highest)
            fixed = parameter.ndim < 2 or name in system or name in undecayed
            groups[rate, 0.0 if fixed else weight_decay].append(parameter)
    if not groups:
        raise ParameterError(
            "module", Described(type(module).__name__), "a module with a parameter that requires a gradient"
        )
    return AdamW(
        [
            {"params": parameters, "lr": rate, "initial_lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ]
    )


def warm_up(step: int) -> float:
    """Factor on the learning rate: it rises to 1 over the first steps and stays there.

    It does not depend on the planned number of epochs, so that 5 epochs resumed to 10 equal 10 epochs. A half
    cosine over all steps was no better; halving after each epoch without improvement was worse.

    Parameters
    ----------
    step : int
        Steps done before this one.

    Returns
    -------
    float
        In (0, 1].
    """
    return min(1.0, (step + 1) / WARM_UP_STEPS)
