"""Parameters of the deep branch of classifiers and regressors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from ssmts.data import is_integer, is_number
from ssmts.errors import ParameterError
from ssmts.models.whole_series.deep_fit import N_MEMBERS, DeepFitter
from ssmts.models.whole_series.network import CaseDeepConfig
from ssmts.nn.registry import layer_class
from ssmts.training import Callback, TrainingConfig

__all__ = ["DeepParameters", "deep_fitter"]

_MODES = ("auto", "always")


@dataclass(eq=False, repr=False)
class DeepParameters:
    """Parameters of the deep branch; `S4Classifier` documents them.

    Attributes
    ----------
    layer : str
        Name of the layer of the deep branch, a key of `ssmts.nn.LAYERS`. A subclass may name another.
    """

    _: KW_ONLY
    deep: str = "auto"
    d_model: int = 64
    d_state: int = 64
    n_layers: int = 2
    dropout: float = 0.2
    n_modes: int = 64
    token_stride: Any = None
    band_dropout: bool = False
    max_epochs: int = 40
    max_steps: int | None = None
    max_time: Any = None
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    patience: int | None = 8
    device: Any = "auto"
    devices: Any = 1
    strategy: Any = "auto"
    precision: str = "32-true"

    layer: ClassVar[str]


def deep_fitter(estimator: Any, seed: int, callbacks: Sequence[Callback] | None) -> DeepFitter | None:
    """Training of an estimator's deep branch by its parameters; None where it has no such branch.

    Parameters
    ----------
    estimator : CaseEstimator
    seed : int
    callbacks : sequence of Callback or None

    Raises
    ------
    ParameterError
        If a parameter is malformed, or callbacks are given to an estimator without a deep branch.
    """
    if not isinstance(estimator, DeepParameters):
        if callbacks:
            raise ParameterError("callbacks", callbacks, "None: nothing is trained by gradient here")
        return None
    if not isinstance(estimator.deep, str) or estimator.deep not in _MODES:
        raise ParameterError("deep", estimator.deep, f"one of {', '.join(map(repr, _MODES))}")
    layer_class(estimator.layer)
    for name in ("d_model", "d_state", "n_layers", "n_modes"):
        value = getattr(estimator, name)
        if not is_integer(value) or value < 1:
            raise ParameterError(name, value, "an integer >= 1")
    if estimator.d_state % 2:
        raise ParameterError("d_state", estimator.d_state, "even: modes come in conjugate pairs")
    if not is_number(estimator.dropout) or not 0 <= estimator.dropout < 1:
        raise ParameterError("dropout", estimator.dropout, "a number in [0, 1)")
    fields = TrainingConfig.__dataclass_fields__
    names = [name for name in fields if name != "verbose" and hasattr(estimator, name)]
    return DeepFitter(
        config=CaseDeepConfig(
            layer=estimator.layer,
            n_features=0,
            n_targets=0,
            d_model=estimator.d_model,
            d_state=estimator.d_state,
            n_layers=estimator.n_layers,
            dropout=estimator.dropout,
            n_members=N_MEMBERS,
        ),
        training=TrainingConfig(**{name: getattr(estimator, name) for name in names}),
        n_modes=estimator.n_modes,
        token_stride=estimator.token_stride,
        band_dropout=bool(estimator.band_dropout),
        always=estimator.deep == "always",
        seed=seed,
        callbacks=callbacks,
    )
