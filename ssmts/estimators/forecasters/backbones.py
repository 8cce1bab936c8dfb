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
    """Forecaster in continuous time: a linear path in closed form and S4 layers on what it leaves over.

    The linear path is that of `LinearSSMForecaster`. The deep path reads whitened states of the same bank
    (and the latest values) through gated S4 layers and adds a correction, behind a gate that starts at zero.
    Three members are trained, each without a third of the blocks of time; the correction is kept, by a share
    solved on the blocks that members have not seen, only if it gains more there than its standard
    error over the blocks. `history_["deep"]` says what was measured and decided.

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
    """`S4Forecaster` with LSSL layers (dense A, the slow ancestor of S4); it takes the same parameters.

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
