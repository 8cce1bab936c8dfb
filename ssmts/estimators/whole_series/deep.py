"""The deep path as a part of classifiers and regressors."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from torch import nn

from ssmts.data import is_integer, is_number, parse_duration
from ssmts.data.arrays import Float, Rows
from ssmts.errors import ParameterError
from ssmts.estimators.whole_series.base import CaseEstimator
from ssmts.models.whole_series.deep_fit import (
    N_MEMBERS,
    DeepOutcome,
    Loss,
    fit_case_deep,
)
from ssmts.models.whole_series.fitted import FittedCases, TrainingCases
from ssmts.models.whole_series.network import CaseDeepConfig
from ssmts.nn.registry import layer_class
from ssmts.training import TrainingConfig

__all__ = ["DeepCases"]

_FEWEST = {"auto": 100, "always": 2 * N_MEMBERS}
_COARSER = 1.25  # times the coarsest training case: what the closed form has not seen
_TOKENS = 64  # in a typical case, unless a stride is given


@dataclass(eq=False, repr=False)
class DeepCases(CaseEstimator):
    """Parameters and training of the deep path; `S4Classifier` documents them.

    Attributes
    ----------
    layer : str
        Name of the layer of the deep path, a key of `ssmts.nn.LAYERS`. A subclass may name another.
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
    verbose: int = 0

    layer: ClassVar[str]

    def _check_deep(self) -> TrainingConfig:
        if self.deep not in _FEWEST:
            raise ParameterError("deep", self.deep, f"one of {', '.join(map(repr, _FEWEST))}")
        layer_class(self.layer)
        for name in ("d_model", "d_state", "n_layers", "n_modes"):
            value = getattr(self, name)
            if not is_integer(value) or value < 1:
                raise ParameterError(name, value, "an integer >= 1")
        if self.d_state % 2:
            raise ParameterError("d_state", self.d_state, "even: modes come in conjugate pairs")
        if not is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise ParameterError("dropout", self.dropout, "a number in [0, 1)")
        names = [name for name in TrainingConfig.__dataclass_fields__ if hasattr(self, name)]
        return TrainingConfig(**{name: getattr(self, name) for name in names})

    def _fit_deep(
        self, training: TrainingCases, targets: Any, groups: Rows, loss: Loss
    ) -> DeepOutcome | str | None:
        config = self._check_deep()
        if len(training.cases) < _FEWEST[self.deep]:
            return f"fewer than {_FEWEST[self.deep]} distinct cases"
        return fit_case_deep(
            training.cases,
            targets,
            training.targets,
            training.weights,
            groups,
            training.of_case,
            CaseDeepConfig(
                layer=self.layer,
                n_features=0,
                n_targets=training.targets.shape[1],
                d_model=self.d_model,
                d_state=self.d_state,
                n_layers=self.n_layers,
                dropout=self.dropout,
                n_members=N_MEMBERS,
            ),
            config,
            loss=loss,
            n_modes=self.n_modes,
            stride=self._stride(training),
            band_dropout=bool(self.band_dropout),
            seed=self._seed(),
            callbacks=training.callbacks,
        )

    def _stride(self, training: TrainingCases) -> float:
        """Length of a token in reference steps."""
        if self.token_stride is None:
            return max(1.0, float(np.median([case.times[-1] for case in training.cases])) / _TOKENS)
        stride = float(parse_duration(self.token_stride, training.layout.clock) / training.step)
        if stride < 1:
            raise ParameterError("token_stride", self.token_stride, "at least one reference step")
        return stride

    def _alone(self, training: TrainingCases, share: float) -> tuple[float, float] | None:
        if not self.band_dropout:
            return None
        return _COARSER * max(case.interval for case in training.cases), share

    def _judge(self, gains: Float, share: Float, record: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        record, accepted = super()._judge(gains, share, record)
        return record, accepted or self.deep == "always"

    def _adopt(self, fitted: FittedCases) -> None:
        super()._adopt(fitted)
        self.module_: nn.ModuleList | None = None if fitted.deep is None else fitted.deep.members
