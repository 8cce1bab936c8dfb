"""Frozen descriptions of a model, which is built from them; they survive a JSON round trip."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["DeepConfig", "LinearConfig", "ModelConfig"]


@dataclass(frozen=True)
class LinearConfig:
    """The stem, under the first-order hold, and the linear branch over it.

    Parameters
    ----------
    context : float
        Time that the model sees, in reference steps.
    horizon : int
        Time that it forecasts, in reference steps.
    n_modes : int
        The most modes of the bank.
    period : float or None
        Fundamental period of the bank, in reference steps.
    interpolate : bool
        Whether leads without an observation take the line between their neighbours in training; else they are
        left out of the sums.
    """

    context: float
    horizon: int
    n_modes: int = 128
    period: float | None = None
    interpolate: bool = False


@dataclass(frozen=True)
class DeepConfig:
    """The deep branch over tokens of the stem's states.

    Parameters
    ----------
    layer : str
        Name of the SSM layer, as in `ssmts.nn.LAYERS`.
    d_model, d_state, n_layers : int
        Width, state size and depth of the backbone.
    dropout : float
    n_tokens : int
        Tokens in a context; the last one is the origin's.
    token_stride : float
        Time between tokens in reference steps.
    n_components : int
        Principal components of the states that a token carries.
    n_recent : int
        Normalised values of the last `n_recent` reference steps that a token carries.
    n_members : int
        Networks of different seeds whose outputs are averaged.
    """

    layer: str
    d_model: int
    d_state: int
    n_layers: int
    dropout: float
    n_tokens: int
    token_stride: float
    n_components: int
    n_recent: int
    n_members: int


@dataclass(frozen=True)
class ModelConfig:
    """A whole forecasting model.

    Parameters
    ----------
    linear : LinearConfig
    n_groups : int
        Groups of sequences with linear weights of their own.
    deep : DeepConfig or None
        None: the linear branch alone.
    hold : str
        How windows are read between observations, see `ssmts.models.irregular.hold.Hold`.
    panel : dict or None
        Shape of the panel branch, see `ssmts.models.panels.branch.PanelBranch.to_state`.
    """

    linear: LinearConfig
    n_groups: int
    deep: DeepConfig | None = None
    hold: str = "foh"
    panel: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Builtins that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> ModelConfig:
        """Inverse of :meth:`to_dict`."""
        deep = state["deep"]
        return cls(
            linear=LinearConfig(**state["linear"]),
            n_groups=state["n_groups"],
            deep=None if deep is None else DeepConfig(**deep),
            hold=state.get("hold", "foh"),
            panel=state.get("panel"),
        )
