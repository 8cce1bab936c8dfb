"""What a fitted forecaster knows beyond its model: layout, scale, unit of time, end of the training data."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.covariates import CovariateColumns
from ssmts.data.series import Layout, Panel
from ssmts.models.covariates.channel_mixing import Mixing
from ssmts.models.covariates.effect import CovariateEffect
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
    """Sums over all windows seen, and the rows that windows to come begin in.

    Parameters
    ----------
    moments : Moments
        One segment; by group.
    rare : ndarray of bool, shape (horizon + 1,)
        Leads that take interpolated values.
    penalties : Penalties
    tail : Panel
        A context and a horizon of every series: windows whose future is still to come.
    weights : mapping of id to ndarray, or None
        Of the rows of the tail; None: all 1.
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
        Of the training data.
    scaling : Scaling
    step : int or float
        Reference step in nanoseconds, or in the unit of a number clock.
    horizon : int or float
        Longest forecast, likewise.
    tail : Panel or None
        The last context of every training series.
    history : dict
        What fit chose and measured, as JSON can hold it.
    columns : CovariateColumns or None
        The covariates that fit was given.
    effect : CovariateEffect or None
        What those that are known ahead do; None where there are none, or held-out blocks saw no gain.
    mixing : Mixing or None
        What past covariates and other channels add to a window; likewise.
    sums : TrainingSums or None
        What `partial_fit` needs; None for a model from a file that was saved without it.
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

    @property
    def run_in(self) -> float:
        """How long before a window its covariates begin to matter, in reference steps."""
        return 0.0 if self.effect is None else self.effect.bank.run_in

    def sequences(
        self,
        panel: Panel,
        *,
        weights: RowWeights | None = None,
        ends: Mapping[Hashable | None, float] | None = None,
    ) -> list[Sequence]:
        """What the model reads of a panel, window by window; see :func:`training_sequences`."""
        extra = None if self.mixing is None else self.mixing.features
        panel = self.without_effect(panel)
        return training_sequences(panel, self.scaling, self.step, extra, weights=weights, ends=ends)

    def without_effect(self, panel: Panel) -> Panel:
        """A panel minus what its covariates do: what the model forecasts."""
        return panel if self.effect is None else self.effect.without(panel, self.step, self.scaling)
