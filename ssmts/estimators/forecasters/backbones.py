"""Forecasters by the name of the layer in their deep branch; `S4Forecaster` documents the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ssmts.estimators.forecasters.deep import DeepForecaster

__all__ = [
    "LSSLForecaster",
    "Mamba2Forecaster",
    "Mamba3Forecaster",
    "MambaForecaster",
    "S4DForecaster",
    "S4Forecaster",
    "S5Forecaster",
]


@dataclass(eq=False, repr=False)
class S4Forecaster(DeepForecaster):
    """Forecaster in continuous time: a linear branch in closed form and S4 layers on its residuals.

    The linear branch is that of `LinearSSMForecaster`. The deep branch reads whitened states of the same mode
    bank, and the latest values, through gated S4 layers, and adds a correction behind a gate that starts at
    zero. Three networks are trained, each without a third of the blocks of time. Their mean correction gets a
    weight solved on the held-out blocks, and is kept only if its gain there exceeds the standard error over
    the blocks. `history_["deep"]` records the gain and the decision.

    Parameters
    ----------
    horizon : int or duration, default=24
        How far to forecast: a number of reference steps, or a duration such as ``"4D"``.
    context_length : int or duration, optional
        How much history a forecast uses; None chooses among multiples of the horizon by cross-validation.
    id_col, time_col : str, optional
        Data: columns of long and wide frames; a frame with exactly ``unique_id, ds, y`` needs no names.
    channel_col : str, optional
        Data: column that names the channel of each row, in a frame with one observation a row. Each channel
        of each series is then forecast on its own clock; see docs/data.md.
    target_cols : str or list, optional
        Data: channels to forecast; all numeric columns by default.
    freq : str or pandas offset, optional
        Data: calendar of the rows, e.g. ``"B"`` for business days: an integer horizon counts its steps.
        Months, quarters and years are found by their stamps, a pandas index says its own; see docs/data.md.
    past_covariates, future_covariates : str or list, optional
        Data: columns known up to the origin, and ahead of it; numbers or categories, see docs/covariates.md.
    static_covariates : str or list, optional
        Data: columns with one value a series, which define classes of series.
    calendar : bool, default=False
        Data: use the hour of the day, the day of the week and the day of the year as covariates.
    holidays : str, optional
        Data: a country, or a part of one, whose public holidays are a covariate, with the days before and
        after: ``"DE"`` or ``"DE-BY"``. Needs the extra ``ssmts[holidays]``.
    channel_mixing : bool, default=False
        Data: let every channel of a series read the states of the others, if that lowers the error on
        held-out blocks.
    quantiles : list of float, optional
        Forecast: quantile levels to learn, between 0 and 1; by default 25 from 0.005 to 0.995.
        `predict_quantiles` and `predict_interval` interpolate between them.
    bounds : pair or mapping, optional
        Forecast: lowest and highest value that can be observed, e.g. ``(0, None)`` for counts, or a mapping
        from channels to pairs. Forecasts, quantiles and trajectories stay between them.
    n_modes : int, default=128
        Linear branch: the largest number of modes in the bank.
    hold : {"auto", "foh", "gp", "zoh"}, default="auto"
        Interpolation of a window between its observations: linear (``"foh"``), the conditional expectation
        under the autocovariance of the training data (``"gp"``), or the last value (``"zoh"``). ``"auto"``
        uses the expectation where linear interpolation would miss 3% of the variance; see docs/irregular.md.
    store_tail : bool, default=True
        Keep the end of the training data in saved files, so that ``predict()`` without X works after `load`.
    d_model, d_state, n_layers : int, default=64, 64, 2
        Deep branch: features of a token, real state size of each feature's system, gated blocks.
    dropout : float, default=0.5
        Deep branch.
    token_stride : duration, optional
        Deep branch: interval of the tokens over the context. None: one token, at the origin, whose states
        summarise the context (docs/decisions/002-deep-path-by-cross-fitting.md).
    loss : {"smooth_l1", "mse", "mae"}, default="smooth_l1"
        Deep branch.
    max_epochs, max_steps, max_time, batch_size, learning_rate, weight_decay, patience
        Training of each network, see `ssmts.training.TrainingConfig`; `max_time` is for all together. An
        epoch is at most 150 steps on a new sample of the windows.
    checkpoint_dir : path-like, optional
        Training: folder for the checkpoints of each network, for ``fit(resume_from=...)``.
    device, devices, strategy, precision
        Machine, see `ssmts.training.TrainingConfig`. The linear branch is computed on the CPU.
    random_state : int, optional
        Seed of the deep branch; the linear branch has no randomness.
    verbose : bool, int or "auto", default="auto"
        Progress of `fit`, `cross_validate`, `backtest` and `fit_shards` on stderr, with the time left:
        ``"auto"`` shows it after two seconds on a terminal or in a notebook, True at once and anywhere,
        False never.

    Attributes
    ----------
    reference_step_ : pandas.Timedelta or float
        Median interval of the training data: the unit in which the model counts time.
    horizon_, context_length_ : int, float
        In reference steps.
    history_ : dict
        Choices and errors of the fit.
    model_ : ForecastModel
        The fitted model.
    module_ : torch.nn.ModuleList or None
        Networks of the deep branch; None if the branch was not kept.
    device_ : torch.device
        Device of the deep branch.
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

    layer: ClassVar[str] = "s4"


@dataclass(eq=False, repr=False)
class S4DForecaster(DeepForecaster):
    """`S4Forecaster` with diagonal (S4D) layers; it takes the same parameters.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the Parameterization and Initialization of Diagonal State Space Models",
    NeurIPS 2022.
    """

    layer: ClassVar[str] = "s4d"


@dataclass(eq=False, repr=False)
class LSSLForecaster(DeepForecaster):
    """`S4Forecaster` with LSSL layers (dense A, slower than S4); it takes the same parameters.

    References
    ----------
    Gu et al., "Combining Recurrent, Convolutional, and Continuous-time Models with Linear State-Space
    Layers", NeurIPS 2021.
    """

    layer: ClassVar[str] = "lssl"


@dataclass(eq=False, repr=False)
class S5Forecaster(DeepForecaster):
    """`S4Forecaster` with S5 layers (one multi-input, multi-output diagonal system); same parameters.

    References
    ----------
    Smith, Warrington and Linderman, "Simplified State Space Layers for Sequence Modeling", ICLR 2023.
    """

    layer: ClassVar[str] = "s5"


@dataclass(eq=False, repr=False)
class MambaForecaster(DeepForecaster):
    """`S4Forecaster` with Mamba blocks, exact zero-order hold and no short convolution; same parameters.

    References
    ----------
    Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023.
    """

    layer: ClassVar[str] = "mamba"
    d_state: int = 16


@dataclass(eq=False, repr=False)
class Mamba2Forecaster(DeepForecaster):
    """`S4Forecaster` with Mamba-2 blocks, exact zero-order hold and no short convolution; same parameters.

    References
    ----------
    Dao and Gu, "Transformers are SSMs", ICML 2024.
    """

    layer: ClassVar[str] = "mamba2"


@dataclass(eq=False, repr=False)
class Mamba3Forecaster(DeepForecaster):
    """`S4Forecaster` with Mamba-3 blocks (trapezoidal rule, rotary state); it takes the same parameters.

    References
    ----------
    "Mamba-3: Improved Sequence Modeling using State Space Principles", 2025.
    """

    layer: ClassVar[str] = "mamba3"
