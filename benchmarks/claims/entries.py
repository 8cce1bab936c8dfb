"""Models of a contest: what stands between embedding and answer, and where it starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ssmts.nn import SSMStack
from ssmts.nn.baselines import DilatedCNN, Recurrent, Transformer
from ssmts.nn.lti import ModalLayer


@dataclass(frozen=True)
class Entry:
    """A model of a contest: what stands between embedding and answer, and its learning rate."""

    name: str
    backbone: Callable[[int], nn.Module]
    """d_model -> (batch, length, d_model) to the same."""
    learning_rate: float = 2e-3


def stack(layer: str, n_layers: int = 2, d_state: int = 64, **options: Any) -> Callable[[int], nn.Module]:
    """A stack of state-space layers."""
    return lambda d: SSMStack(d, n_layers, layer=layer, d_state=d_state, dropout=0.0, layer_options=options)


def spanning(span: int) -> dict[str, tuple[float, float]]:
    """Option of S4 and S4D that begins with memories of 1 to 10 spans, in steps.

    A mode of real part -1/2 fades to 1 / e in 2 / Δ steps; Δ is drawn from (0.2, 2) / span.
    """
    return {"delta_range": (0.2 / span, 2 / span)}


def started(
    backbone: Callable[[int], nn.Module], start: Callable[[ModalLayer], object]
) -> Callable[[int], nn.Module]:
    """The same backbone, where `start` changes what every layer of modes begins with."""

    def build(d_model: int) -> nn.Module:
        module = backbone(d_model)
        with torch.no_grad():
            for layer in module.modules():
                if isinstance(layer, ModalLayer):
                    start(layer)
        return module

    return build


def of_unit_variance(backbone: Callable[[int], nn.Module]) -> Callable[[int], nn.Module]:
    """Begin with C times Δ^-1/2: the answer to white noise is then as large whatever Δ is."""
    return started(backbone, lambda layer: layer.C.mul_(layer.delta[:, None, None] ** -0.5))


def of_even_frequencies(backbone: Callable[[int], nn.Module]) -> Callable[[int], nn.Module]:
    """Begin with frequencies drawn evenly up to half a cycle a step; B is 1, Δ stays as drawn.

    A mode then tells neighbouring steps apart however long it lasts: HiPPO's frequencies are multiples of Δ
    and become slow with it. The phase after a span is Δ times thousands of radians: a step of its logarithm
    would move all phases at once, so Δ is not trained.
    """

    def start(layer: ModalLayer) -> None:
        layer.A_imag.copy_(math.pi * torch.rand_like(layer.A_imag) / layer.delta[:, None])
        layer.B.copy_(torch.tensor([1.0, 0.0]).expand_as(layer.B))
        layer.log_delta.requires_grad_(False)

    return started(backbone, start)


def entries(
    span: int | None = None, d_state: int = 64, n_layers: int = 2, *, unit_variance: bool = False
) -> dict[str, Entry]:
    """Entries by name; with a span S4 and S4D begin with memories of it, with `unit_variance` C is scaled."""
    start, rate = ({}, 4e-3) if span is None else (spanning(span), 5e-3)
    s4, s4d = (stack(name, n_layers, d_state, **start) for name in ("s4", "s4d"))
    if unit_variance:
        s4, s4d = of_unit_variance(s4), of_unit_variance(s4d)
    every = (
        Entry("s4", s4, rate),
        Entry("s4d", s4d, rate),
        Entry("mamba", stack("mamba", n_layers, d_state=16), 4e-3),
        Entry("rnn", lambda d: Recurrent(d, n_layers, cell="rnn"), 1e-3),
        Entry("lstm", lambda d: Recurrent(d, n_layers, cell="lstm"), 4e-3),
        Entry("transformer", lambda d: Transformer(d, n_layers), 1e-3),
        Entry("cnn", lambda d: DilatedCNN(d, 4 * n_layers), 2e-3),
    )
    return {entry.name: entry for entry in every}


ENTRIES = entries()
