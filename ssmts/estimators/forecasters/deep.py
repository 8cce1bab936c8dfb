"""Forecasters with a deep branch, which is kept if it lowers the error on held-out blocks."""

from __future__ import annotations

import os
from collections.abc import Sequence as Seq
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from ssmts.data import Clock, is_integer, is_number, parse_duration
from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.base import SSMForecaster
from ssmts.models import DeepConfig, LinearFit
from ssmts.models.deep.fit import LOSSES, DeepFit, fit_deep
from ssmts.models.forecasting.fit import DeepFitter
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.nn.registry import layer_class
from ssmts.training import Callback, TrainingConfig

__all__ = ["DeepForecaster"]

_N_COMPONENTS = 32
_N_MEMBERS = 3
_MOST_RECENT = 96


@dataclass(eq=False, repr=False)
class DeepForecaster(SSMForecaster):
    """A linear branch and a deep one; `S4Forecaster` documents the parameters.

    Attributes
    ----------
    layer : str
        Name of the layer of the deep branch, a key of `ssmts.nn.LAYERS`. A subclass may name another.
    """

    _: KW_ONLY
    d_model: int = 64
    d_state: int = 64
    n_layers: int = 2
    dropout: float = 0.5
    token_stride: Any = None
    loss: str = "smooth_l1"
    max_epochs: int = 8
    max_steps: int | None = None
    max_time: Any = None
    batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    patience: int | None = 5
    checkpoint_dir: Any = None
    device: Any = "auto"
    devices: Any = 1
    strategy: Any = "auto"
    precision: str = "32-true"
    random_state: int | None = None

    layer: ClassVar[str]

    def _deep_fitter(
        self, callbacks: Seq[Callback] | None, resume_from: str | os.PathLike[str] | None
    ) -> DeepFitter:
        layer_class(self.layer)
        for name in ("d_model", "d_state", "n_layers"):
            value = getattr(self, name)
            if not is_integer(value) or value < 1:
                raise ParameterError(name, value, "an integer >= 1")
        if self.d_state % 2:
            raise ParameterError("d_state", self.d_state, "even: modes come in conjugate pairs")
        if not is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise ParameterError("dropout", self.dropout, "a number in [0, 1)")
        if not isinstance(self.loss, str) or self.loss not in LOSSES:
            raise ParameterError("loss", self.loss, f"one of {', '.join(map(repr, LOSSES))}")
        names = TrainingConfig.__dataclass_fields__
        given = {name: getattr(self, name) for name in names if name != "verbose"}
        training = TrainingConfig(**given)  # the bar is that of the whole fit

        def fit(stacks: list[SequenceStack], linear: LinearFit, step: float, clock: Clock) -> DeepFit:
            return fit_deep(
                stacks,
                linear,
                self._deep_config(linear, step, clock),
                training,
                loss=self.loss,
                callbacks=callbacks,
                resume_from=resume_from,
            )

        return fit

    def _deep_config(self, linear: LinearFit, step: float, clock: Clock) -> DeepConfig:
        config = linear.path.config
        stride, n_tokens = config.context, 1
        if self.token_stride is not None:
            stride = parse_duration(self.token_stride, clock) / step
            if stride < 1:
                raise ParameterError("token_stride", self.token_stride, "at least one reference step")
            n_tokens = max(1, int(np.ceil(config.context / stride - 1e-9)))
        recent = config.period if config.period is not None else 24.0
        return DeepConfig(
            layer=self.layer,
            d_model=self.d_model,
            d_state=self.d_state,
            n_layers=self.n_layers,
            dropout=self.dropout,
            n_tokens=n_tokens,
            token_stride=stride,
            n_components=_N_COMPONENTS,
            n_recent=int(min(recent, config.context, _MOST_RECENT)),
            n_members=_N_MEMBERS,
        )

    def _adopt(self, fitted: FittedForecaster) -> None:
        super()._adopt(fitted)
        deep = fitted.model.deep
        self.module_ = None if deep is None else nn.ModuleList(deep.members)
        self.device_ = torch.device("cpu") if deep is None else deep.members[0].gate.device
