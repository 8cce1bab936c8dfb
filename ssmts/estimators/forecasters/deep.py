"""Forecasters whose deep path adds to the linear one what it has proved to gain."""

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
from ssmts.training import Callback, TrainingConfig

__all__ = ["S4DForecaster", "S4Forecaster"]

_N_COMPONENTS = 32
_N_MEMBERS = 3
_MOST_RECENT = 96


@dataclass(eq=False, repr=False)
class DeepForecaster(SSMForecaster):
    """A linear path and a deep one; `S4Forecaster` documents the parameters."""

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
    verbose: int = 0

    _layer: ClassVar[str]

    def _deep_fitter(
        self, callbacks: Seq[Callback] | None, resume_from: str | os.PathLike[str] | None
    ) -> DeepFitter:
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
        training = TrainingConfig(**{name: getattr(self, name) for name in names})

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
            layer=self._layer,
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


@dataclass(eq=False, repr=False)
class S4Forecaster(DeepForecaster):
    """Forecaster in continuous time: a linear path in closed form and S4 layers on what it leaves over.

    The linear path is that of `LinearSSMForecaster`. The deep path reads whitened states of the same bank
    (and the latest values) through gated S4 layers and adds a correction, behind a gate that starts at zero.
    Three members are trained, each without a third of the blocks of time; the correction is kept, by a share
    solved on the blocks that members have not seen, only if it gains more there than the spread of the
    blocks. `history_["deep"]` says what was measured and decided.

    Parameters
    ----------
    horizon : int or duration, default=24
        How far to forecast: a number of reference steps, or a duration such as ``"4D"``.
    context_length : int or duration, optional
        How much history a forecast uses; None chooses among multiples of the horizon by cross-validation.
    id_col, time_col : str, optional
        Data: columns of long and wide frames; a frame with exactly ``unique_id, ds, y`` needs no names.
    channel_col : str, optional
        Data: column of a frame whose rows are single observations: which channel each is of. Every channel of
        every series then has a clock of its own, and is forecast on it; see docs/data.md.
    target_cols : str or list, optional
        Data: channels to forecast; all numeric columns by default.
    past_covariates, future_covariates : str or list, optional
        Data: Columns known up to the origin, and ahead of it; numbers or categories: see docs/covariates.md.
    static_covariates : str or list, optional
        Data: Columns with one value a series, which tell classes of series apart.
    calendar : bool, default=False
        Data: Take the hour of the day, the day of the week and the day of the year as covariates.
    channel_mixing : bool, default=False
        Data: Let every channel of a series read the states of the others, where held-out blocks gain.
    quantiles : list of float, optional
        Forecast: levels to learn, between 0 and 1; by default 25 from 0.005 to 0.995. `predict_quantiles` and
        `predict_interval` answer for levels between the outermost.
    n_modes : int, default=128
        Linear path: the most modes of the bank.
    hold : {"auto", "foh", "gp", "zoh"}, default="auto"
        How a window is read between its observations: on lines (``"foh"``), by conditional expectation under
        the autocovariance of the training data (``"gp"``), or each value until the next (``"zoh"``).
        ``"auto"`` takes the expectation where lines would miss 3% of the variance; see docs/irregular.md.
    store_tail : bool, default=True
        Keep the end of the training data in saved files, so that ``predict()`` without X works after `load`.
    d_model, d_state, n_layers : int, default=64, 64, 2
        Deep path: features of a token, real state size of each feature's system, gated blocks.
    dropout : float, default=0.5
        Deep path.
    token_stride : duration, optional
        Deep path: spacing of the tokens over the context. None: one token, the origin's; the states are the
        memory (docs/decisions/002-deep-path-by-cross-fitting.md).
    loss : {"smooth_l1", "mse", "mae"}, default="smooth_l1"
        Deep path.
    max_epochs, max_steps, max_time, batch_size, learning_rate, weight_decay, patience
        Training of each member, see `ssmts.training.TrainingConfig`; `max_time` holds for all together. An
        epoch is at most 150 steps on a fresh sample of the windows.
    checkpoint_dir : path-like, optional
        Training: where each member leaves its state, for ``fit(resume_from=...)``.
    device, devices, strategy, precision
        Machine, see `ssmts.training.TrainingConfig`. The linear path is computed on the CPU.
    random_state : int, optional
        Seed of the deep path; the linear path has no randomness.
    verbose : int, default=0
        1 shows a progress bar with the time left.

    Attributes
    ----------
    reference_step_ : pandas.Timedelta or float
        Median interval of the training data: the unit in which the model counts time.
    horizon_, context_length_ : int, float
        In reference steps.
    history_ : dict
        What fit chose and measured.
    model_ : ForecastModel
        The fitted model.
    module_ : torch.nn.ModuleList or None
        Members of the deep path; None where it did not earn its place.
    device_ : torch.device
        Where the deep path runs.
    n_features_in_, feature_names_in_ : int, ndarray
        Number and names of the channels.

    References
    ----------
    Gu, Goel and Ré, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022.

    Examples
    --------
    >>> from ssmts import S4Forecaster
    >>> from ssmts_datasets import make_sines
    >>> frame = make_sines(600, random_state=0).frame
    >>> model = S4Forecaster(horizon=24, context_length=96, random_state=0).fit(frame)
    >>> model.predict(frame).shape
    (24, 1)
    """

    _layer: ClassVar[str] = "s4"


@dataclass(eq=False, repr=False)
class S4DForecaster(DeepForecaster):
    """`S4Forecaster` with diagonal (S4D) layers; it takes the same parameters.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the Parameterization and Initialization of Diagonal State Space Models",
    NeurIPS 2022.
    """

    _layer: ClassVar[str] = "s4d"
