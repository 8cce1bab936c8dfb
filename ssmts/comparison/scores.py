"""Errors of tidy forecasts by series and channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from ssmts.data import Panel
from ssmts.data.arrays import Float
from ssmts.models.baselines.grid import channel_on_grid, seasonal_scale

__all__ = ["DECILES", "Errors", "member_scales", "tidy_errors"]

DECILES = tuple(round(0.1 * k, 1) for k in range(1, 10))


@dataclass(frozen=True)
class Errors:
    """Errors of one model by series and channel, each (n_members,); NaN where there is no value or scale.

    `n` counts values; `mase` and `scaled_quantile_loss` are in units of the scale, `mae` in those of the
    data.
    """

    n: NDArray[np.int64]
    mase: Float
    mae: Float
    scaled_quantile_loss: Float
    coverage: Float

    def over_all(self) -> dict[str, float]:
        """Scaled errors averaged over series and channels, the others over all values."""
        seen = self.n > 0
        weights = self.n[seen] / self.n[seen].sum()
        scaled = np.isfinite(self.mase)
        means = {
            name: float(getattr(self, name)[scaled].mean()) if scaled.any() else float("nan")
            for name in ("mase", "scaled_quantile_loss")
        }
        plain = {name: float(weights @ getattr(self, name)[seen]) for name in ("mae", "coverage")}
        return {
            "mase": means["mase"],
            "mae": plain["mae"],
            "scaled_quantile_loss": means["scaled_quantile_loss"],
            "coverage": plain["coverage"],
        }


def member_scales(past: Panel, step: float, season: int) -> Float:
    """Unit of MASE of every series and channel, (n_series * n_channels,); NaN for constant ones."""
    scales = np.full((len(past.series), past.n_channels), np.nan)
    for number, series in enumerate(past.series):
        for channel in range(past.n_channels):
            grid = channel_on_grid(series, channel, step)
            if grid is not None:
                scale = seasonal_scale(*grid[:2], season)
                scales[number, channel] = scale if scale > 0 else np.nan
    return scales.ravel()


def tidy_errors(table: Any, members: NDArray[np.int64], scales: Float, level: float) -> Errors:
    """Errors of a tidy table of forecasts.

    Parameters
    ----------
    table : frame
        As `cross_validate` returns it, with columns for `level` and for all deciles; every value finite.
    members : ndarray of int64, shape (n_rows,)
        Number of the series and channel of each row.
    scales : ndarray of float64, shape (n_members,)
    level : float
        In percent.
    """
    frame = nw.from_native(table, eager_only=True)
    y, forecast = frame["y"].to_numpy(), frame["forecast"].to_numpy()
    low, high = (frame[f"{end}-{level:g}"].to_numpy() for end in ("lo", "hi"))
    pinball = np.zeros(len(y))
    for decile in DECILES:
        error = y - frame[f"q-{decile:g}"].to_numpy()
        pinball += np.maximum(decile * error, (decile - 1.0) * error)
    n_members = len(scales)
    n = np.bincount(members, minlength=n_members)

    def mean(values: Any) -> Float:
        sums = np.bincount(members, weights=values, minlength=n_members)
        return np.asarray(np.divide(sums, n, out=np.full(n_members, np.nan), where=n > 0))

    absolute = mean(np.abs(y - forecast))
    return Errors(
        n=n,
        mase=absolute / scales,
        mae=absolute,
        scaled_quantile_loss=mean(2.0 * pinball / len(DECILES)) / scales,
        coverage=mean((low <= y) & (y <= high)),
    )
