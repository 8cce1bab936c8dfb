"""Forecasters by the name of their backbone: `S4Forecaster` with another layer in the deep path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ssmts.estimators.forecasters.deep import DeepForecaster

__all__ = ["LSSLForecaster", "Mamba2Forecaster", "Mamba3Forecaster", "MambaForecaster", "S5Forecaster"]


@dataclass(eq=False, repr=False)
class LSSLForecaster(DeepForecaster):
    """`S4Forecaster` with LSSL layers (dense A, the slow ancestor of S4); it takes the same parameters.

    References
    ----------
    Gu et al., "Combining Recurrent, Convolutional, and Continuous-time Models with Linear State-Space
    Layers", NeurIPS 2021.
    """

    _layer: ClassVar[str] = "lssl"


@dataclass(eq=False, repr=False)
class S5Forecaster(DeepForecaster):
    """`S4Forecaster` with S5 layers (one multi-input, multi-output diagonal system); same parameters.

    References
    ----------
    Smith, Warrington and Linderman, "Simplified State Space Layers for Sequence Modeling", ICLR 2023.
    """

    _layer: ClassVar[str] = "s5"


@dataclass(eq=False, repr=False)
class MambaForecaster(DeepForecaster):
    """`S4Forecaster` with Mamba blocks, exact zero-order hold and no short convolution; same parameters.

    References
    ----------
    Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023.
    """

    _layer: ClassVar[str] = "mamba"
    d_state: int = 16


@dataclass(eq=False, repr=False)
class Mamba2Forecaster(DeepForecaster):
    """`S4Forecaster` with Mamba-2 blocks, exact zero-order hold and no short convolution; same parameters.

    References
    ----------
    Dao and Gu, "Transformers are SSMs", ICML 2024.
    """

    _layer: ClassVar[str] = "mamba2"


@dataclass(eq=False, repr=False)
class Mamba3Forecaster(DeepForecaster):
    """`S4Forecaster` with Mamba-3 blocks (trapezoidal rule, rotary state); it takes the same parameters.

    References
    ----------
    "Mamba-3: Improved Sequence Modeling using State Space Principles", 2025.
    """

    _layer: ClassVar[str] = "mamba3"
