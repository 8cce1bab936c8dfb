"""The names of the state-space layers, to which users add their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ssmts.errors import ParameterError
from ssmts.nn.layer import SSMLayer
from ssmts.nn.lssl import LSSL
from ssmts.nn.mamba import Mamba
from ssmts.nn.mamba2 import Mamba2
from ssmts.nn.mamba3 import Mamba3
from ssmts.nn.s4 import S4
from ssmts.nn.s4d import S4D
from ssmts.nn.s5 import S5

__all__ = ["LAYERS", "build_layer", "layer_class", "register_layer"]

LAYERS: dict[str, type[SSMLayer]] = {
    "lssl": LSSL,
    "s4": S4,
    "s4d": S4D,
    "s5": S5,
    "mamba": Mamba,
    "mamba2": Mamba2,
    "mamba3": Mamba3,
}
"""Name -> class. Add to it with `register_layer`."""


def register_layer(name: str, layer: type[SSMLayer]) -> type[SSMLayer]:
    """Give a layer a name that stacks, estimators and saved models know.

    A saved model holds the name alone: the module that registers the layer must be imported before `load`.

    Parameters
    ----------
    name : str
        Its name from now on.
    layer : type
        A subclass of `SSMLayer` that can be called as ``layer(d_model, d_state, **options)``.

    Returns
    -------
    type
        The layer.

    Raises
    ------
    TypeError
        If `layer` is not a subclass of SSMLayer.
    ValueError
        If the name belongs to another layer.
    """
    if not (isinstance(layer, type) and issubclass(layer, SSMLayer)):
        raise TypeError(f"layer must be a subclass of ssmts.nn.SSMLayer, got {layer!r}")
    known = LAYERS.setdefault(name, layer)
    # A notebook cell that is run again defines the class again.
    if (known.__module__, known.__qualname__) != (layer.__module__, layer.__qualname__):
        raise ValueError(f"{name!r} is the name of {known.__module__}.{known.__qualname__}: take another one")
    LAYERS[name] = layer
    return layer


def layer_class(layer: str | type[SSMLayer]) -> type[SSMLayer]:
    """Return the class of a registered name, or the class given.

    Parameters
    ----------
    layer : str or type
        A key of `LAYERS`, or a subclass of SSMLayer.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ParameterError
        If the name is not registered.
    TypeError
        If `layer` is neither a name nor a subclass of SSMLayer.
    """
    if isinstance(layer, str):
        if layer not in LAYERS:
            allowed = (
                f"one of {', '.join(map(repr, LAYERS))}; a layer of your own is known once "
                "ssmts.nn.register_layer has been called in this process"
            )
            raise ParameterError("layer", layer, allowed)
        return LAYERS[layer]
    if isinstance(layer, type) and issubclass(layer, SSMLayer):
        return layer
    raise TypeError(f"layer must be a name or a subclass of ssmts.nn.SSMLayer, got {layer!r}")


def build_layer(layer: str | type[SSMLayer], d_model: int, d_state: int, **options: Any) -> SSMLayer:
    """Build a layer by its name or class; see `layer_class` for the errors."""
    return cast("Callable[..., SSMLayer]", layer_class(layer))(d_model, d_state, **options)
