"""Classifiers and regressors by the name of their backbone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ssmts.estimators.whole_series.classifier import SSMClassifier
from ssmts.estimators.whole_series.deep import DeepParameters
from ssmts.estimators.whole_series.regressor import SSMRegressor

__all__ = [
    "LSSLClassifier",
    "LSSLRegressor",
    "Mamba2Classifier",
    "Mamba2Regressor",
    "Mamba3Classifier",
    "Mamba3Regressor",
    "MambaClassifier",
    "MambaRegressor",
    "S4Classifier",
    "S4DClassifier",
    "S4DRegressor",
    "S4Regressor",
    "S5Classifier",
    "S5Regressor",
]


@dataclass(eq=False, repr=False)
class S4Classifier(DeepParameters, SSMClassifier):
    """Classifier of whole series in continuous time: a closed form, and S4 layers where they gain.

    The linear branch is `LinearSSMClassifier`. The deep branch reads tokens, the strength of the modes of
    a stem from one stretch of time to the next, through S4 layers. Three networks are trained, each without a
    third of the cases. Both branches are added, with factors fitted on cases that neither has seen, if the
    gain in log-loss there exceeds its standard error. `history_["deep"]` records gain and decision.

    Parameters
    ----------
    id_col, time_col : str, optional
        Data: columns of a long frame; a frame with exactly ``unique_id, ds, y`` needs no names.
    value_cols : str or list, optional
        Data: channels of a long frame; all numeric columns beside id and time by default.
    channel_col : str, optional
        Data: column of a long frame whose rows are single observations: which channel each is of. Several
        observations of a channel at one instant become their mean. A value that holds for the whole case,
        such as an age, is one row.
    n_readouts : int, default=256
        Closed form: readouts of each kind and time scale; fewer where there are very many cases.
    hold : {"auto", "foh", "gp", "none"}, default="auto"
        Data: how a case is read between its observations: on lines (``"foh"``) or, where a gap exceeds the
        reference step, by conditional expectation under their autocovariance (``"gp"``). ``"none"``: not at
        all, but for each channel how often and how lately it was observed, and what its values and changes
        were. ``"auto"`` tries what the gaps suggest and keeps what errs least on cases that were left out.
    rate_range : (float, float), optional
        Data: every case is trained on a second time, as a slower sensor would record it; its interval is
        longer by a factor drawn from this range, such as (0.25, 4).
    random_state : int, optional
        Seed of the readouts and of the deep branch.
    class_weight : dict or "balanced", optional
        Cost of missing a case of each class: probabilities are multiplied by these weights.
    deep : {"auto", "always"}, default="auto"
        Deep branch: "auto" tries it from 100 cases on and keeps it where it gains; "always" keeps it.
    d_model, d_state, n_layers : int, default=64, 64, 2
        Deep branch: features of a token, real state size of each feature's system, layers.
    dropout : float, default=0.2
        Deep branch.
    n_modes : int, default=64
        Deep branch: modes of the stem, over all channels together.
    token_stride : duration, optional
        Deep branch: length of a token. None: a 64th of a typical case.
    band_dropout : bool, default=False
        Deep branch: train with the modes above a random frequency left out, as a coarser sampling leaves them
        out, and fit a second linear model for every octave of rates. For predictions at coarser rates than
        those of training; about 4 MB in a file.
    max_epochs, max_steps, max_time, batch_size, learning_rate, weight_decay, patience
        Training of each network, see `ssmts.training.TrainingConfig`; `max_time` holds for all together.
    device, devices, strategy, precision
        Machine, see `ssmts.training.TrainingConfig`. The closed form is computed on the CPU.
    verbose : bool, int or "auto", default="auto"
        Progress of `fit` on stderr, with the time left: ``"auto"`` shows it after two seconds on a terminal
        or in a notebook, True at once and anywhere, False never.

    Attributes
    ----------
    classes_ : ndarray
        Labels.
    reference_step_ : pandas.Timedelta or float
        Median interval of the training data: the unit in which the model counts time.
    history_ : dict
        What fit chose and measured.
    module_ : torch.nn.ModuleList or None
        Networks of the deep branch; None where it was not accepted.
    n_features_in_ : int
        Instants of a table, else channels.
    feature_names_in_ : ndarray
        Columns of a frame whose rows are cases.

    References
    ----------
    Gu, Goel and Ré, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022.
    """

    layer: ClassVar[str] = "s4"


@dataclass(eq=False, repr=False)
class S4Regressor(DeepParameters, SSMRegressor):
    """Regressor of whole series in continuous time: a closed form, and S4 layers where they gain.

    It takes the parameters of `S4Classifier`, without `class_weight`; gains are measured in squared
    error.

    References
    ----------
    Gu, Goel and Ré, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022.
    """

    layer: ClassVar[str] = "s4"


@dataclass(eq=False, repr=False)
class LSSLClassifier(DeepParameters, SSMClassifier):
    """`S4Classifier` with LSSL layers (dense A, the slow ancestor of S4); same parameters.

    References
    ----------
    Gu et al., "Combining Recurrent, Convolutional, and Continuous-time Models with Linear State-Space
    Layers", NeurIPS 2021.
    """

    layer: ClassVar[str] = "lssl"


@dataclass(eq=False, repr=False)
class LSSLRegressor(DeepParameters, SSMRegressor):
    """`S4Regressor` with LSSL layers (dense A, the slow ancestor of S4); same parameters.

    References
    ----------
    Gu et al., "Combining Recurrent, Convolutional, and Continuous-time Models with Linear State-Space
    Layers", NeurIPS 2021.
    """

    layer: ClassVar[str] = "lssl"


@dataclass(eq=False, repr=False)
class S4DClassifier(DeepParameters, SSMClassifier):
    """`S4Classifier` with diagonal (S4D) layers; same parameters.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the Parameterization and Initialization of Diagonal State Space Models",
    NeurIPS 2022.
    """

    layer: ClassVar[str] = "s4d"


@dataclass(eq=False, repr=False)
class S4DRegressor(DeepParameters, SSMRegressor):
    """`S4Regressor` with diagonal (S4D) layers; same parameters.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the Parameterization and Initialization of Diagonal State Space Models",
    NeurIPS 2022.
    """

    layer: ClassVar[str] = "s4d"


@dataclass(eq=False, repr=False)
class S5Classifier(DeepParameters, SSMClassifier):
    """`S4Classifier` with S5 layers (one multi-input, multi-output diagonal system); same parameters.

    References
    ----------
    Smith, Warrington and Linderman, "Simplified State Space Layers for Sequence Modeling", ICLR 2023.
    """

    layer: ClassVar[str] = "s5"


@dataclass(eq=False, repr=False)
class S5Regressor(DeepParameters, SSMRegressor):
    """`S4Regressor` with S5 layers (one multi-input, multi-output diagonal system); same parameters.

    References
    ----------
    Smith, Warrington and Linderman, "Simplified State Space Layers for Sequence Modeling", ICLR 2023.
    """

    layer: ClassVar[str] = "s5"


@dataclass(eq=False, repr=False)
class MambaClassifier(DeepParameters, SSMClassifier):
    """`S4Classifier` with Mamba blocks, exact zero-order hold and no short convolution; same parameters.

    References
    ----------
    Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023.
    """

    layer: ClassVar[str] = "mamba"
    d_state: int = 16


@dataclass(eq=False, repr=False)
class MambaRegressor(DeepParameters, SSMRegressor):
    """`S4Regressor` with Mamba blocks, exact zero-order hold and no short convolution; same parameters.

    References
    ----------
    Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023.
    """

    layer: ClassVar[str] = "mamba"
    d_state: int = 16


@dataclass(eq=False, repr=False)
class Mamba2Classifier(DeepParameters, SSMClassifier):
    """`S4Classifier` with Mamba-2 blocks, exact zero-order hold and no short convolution; same parameters.

    References
    ----------
    Dao and Gu, "Transformers are SSMs", ICML 2024.
    """

    layer: ClassVar[str] = "mamba2"


@dataclass(eq=False, repr=False)
class Mamba2Regressor(DeepParameters, SSMRegressor):
    """`S4Regressor` with Mamba-2 blocks, exact zero-order hold and no short convolution; same parameters.

    References
    ----------
    Dao and Gu, "Transformers are SSMs", ICML 2024.
    """

    layer: ClassVar[str] = "mamba2"


@dataclass(eq=False, repr=False)
class Mamba3Classifier(DeepParameters, SSMClassifier):
    """`S4Classifier` with Mamba-3 blocks (trapezoidal rule, rotary state); same parameters.

    References
    ----------
    "Mamba-3: Improved Sequence Modeling using State Space Principles", 2025.
    """

    layer: ClassVar[str] = "mamba3"


@dataclass(eq=False, repr=False)
class Mamba3Regressor(DeepParameters, SSMRegressor):
    """`S4Regressor` with Mamba-3 blocks (trapezoidal rule, rotary state); same parameters.

    References
    ----------
    "Mamba-3: Improved Sequence Modeling using State Space Principles", 2025.
    """

    layer: ClassVar[str] = "mamba3"
