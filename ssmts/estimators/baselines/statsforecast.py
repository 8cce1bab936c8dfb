"""Local models of statsforecast, such as AutoETS, with the verbs of the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.errors import ParameterError
from ssmts.estimators.baselines.base import BaselineForecaster

__all__ = ["StatsForecaster"]


@dataclass(frozen=True)
class _StatsMethod:
    """A class of statsforecast.models, made anew for each series."""

    model: type[Any]
    has_quantiles = True

    def forecast(self, values: Float, n_steps: int, season: int, levels: Float) -> tuple[Float, Float]:
        percents = [round(abs(2.0 * float(q) - 1.0) * 100.0, 6) for q in levels]
        asked = sorted({percent for percent in percents if percent > 0.0})
        found = self.model(season_length=season).forecast(
            y=np.ascontiguousarray(values), h=n_steps, level=asked or None
        )
        mean = np.asarray(found["mean"], dtype=np.float64)
        ends = [
            np.asarray(found[f"{'lo' if q < 0.5 else 'hi'}-{percent}"]) if percent else mean
            for q, percent in zip(levels, percents)
        ]
        return mean, np.stack(ends, axis=1) if ends else np.empty((n_steps, 0))


@dataclass(eq=False, repr=False)
class StatsForecaster(BaselineForecaster):
    """A local model of statsforecast, fitted to each series at each forecast.

    Parameters
    ----------
    model : str, default="AutoETS"
        Name of a class in ``statsforecast.models`` that takes ``season_length``, such as ``"AutoTheta"``.
    horizon, season, id_col, time_col, channel_col, target_cols, freq, verbose
        As for :class:`ssmts.NaiveForecaster`, whose attributes it has.

    Notes
    -----
    Intervals are the model's own. Gaps are read on lines between the observations.
    """

    model: str = "AutoETS"

    @property
    def _method(self) -> _StatsMethod:
        from statsforecast import models

        found = getattr(models, self.model, None) if isinstance(self.model, str) else None
        if found is None:
            raise ParameterError("model", self.model, "the name of a class in statsforecast.models")
        return _StatsMethod(found)
