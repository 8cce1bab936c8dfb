"""The fitted state of a forecaster: its model, and layout, scale, unit of time and end of the data."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float
from ssmts.data.covariates import CovariateColumns
from ssmts.data.series import Layout, Panel
from ssmts.models.covariates.channel_mixing import Mixing
from ssmts.models.covariates.effect import CovariateEffect
from ssmts.models.forecasting.bounds import Bounds
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.linear.moments import Moments
from ssmts.models.linear.ridge import Penalties
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import Sequence
from ssmts.models.sequences.training_sequences import RowWeights, training_sequences

__all__ = [
    "FittedForecaster",
    "TrainingSums",
]


@dataclass(frozen=True)
class TrainingSums:
    """Sufficient statistics of the linear branch, and the rows that later windows begin in.

    Parameters
    ----------
    moments : Moments
        Sums over all windows, by group; one block of time.
    rare : ndarray of bool, shape (horizon + 1,)
        Lead times that take interpolated values.
    penalties : Penalties
    tail : Panel
        The last context and horizon of every series.
    weights : mapping of id to ndarray, or None
        Weights of the rows of the tail; None: all 1.
    """

    moments: Moments
    rare: NDArray[np.bool_]
    penalties: Penalties
    tail: Panel
    weights: RowWeights | None


@dataclass(frozen=True)
class FittedForecaster:
    """A fitted forecaster.

    Parameters
    ----------
    model : ForecastModel
    layout : Layout
        Layout of the training data.
    scaling : Scaling
    step : int or float
        Reference step in nanoseconds, or in the unit of a number clock.
    horizon : int or float
        Longest forecast, likewise.
    tail : Panel or None
        The last context of every training series.
    history : dict
        Choices and errors of the fit, as JSON can hold them.
    columns : CovariateColumns or None
        Covariates of the training data.
    effect : CovariateEffect or None
        Effect of covariates known ahead; None without such covariates, or without a gain on held-out blocks.
    mixing : Mixing or None
        Features from past covariates and other channels; None likewise.
    sums : TrainingSums or None
        Sufficient statistics for `partial_fit`; None for a model loaded from a file without them.
    bounds : Bounds or None
        What forecasts stay between.
    """

    model: ForecastModel
    layout: Layout
    scaling: Scaling
    step: int | float
    horizon: int | float
    tail: Panel | None
    history: dict[str, Any]
    columns: CovariateColumns | None = None
    effect: CovariateEffect | None = None
    mixing: Mixing | None = None
    sums: TrainingSums | None = None
    bounds: Bounds | None = None

    def bounded(self, values: list[Float]) -> list[Float]:
        """Forecasts (n_instants, n_channels, ...) of every series, moved between the bounds."""
        return values if self.bounds is None else [self.bounds.clipped(own) for own in values]

    @property
    def n_steps(self) -> int:
        """Longest forecast in reference steps, rounded up."""
        return self.model.config.linear.horizon

    @property
    def run_in(self) -> float:
        """How long before a window its covariates begin to matter, in reference steps."""
        return 0.0 if self.effect is None else self.effect.run_in

    def sequences(
        self,
        panel: Panel,
        *,
        weights: RowWeights | None = None,
        ends: Mapping[Hashable | None, float] | None = None,
    ) -> list[Sequence]:
        """A panel as standardised sequences with extra features; see :func:`training_sequences`."""
        extra = None if self.mixing is None else self.mixing.features
        panel = self.without_effect(panel)
        return training_sequences(panel, self.scaling, self.step, extra, weights=weights, ends=ends)

    def without_effect(self, panel: Panel) -> Panel:
        """A panel minus the effect of its covariates, which the model forecasts."""
        return panel if self.effect is None else self.effect.without(panel, self.step, self.scaling)
