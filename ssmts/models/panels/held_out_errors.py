"""Forecasts from held-out origins, the errors of their mixture, and what these say of errors ahead."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.panels.branch import PanelBranch
from ssmts.models.panels.combination import combination_weights
from ssmts.models.panels.grid_series import GridBatch
from ssmts.models.panels.held_out import Split
from ssmts.models.panels.member import Member
from ssmts.models.panels.shrinkage import MemberFit
from ssmts.models.panels.simple_forecasts import simple_forecasts

__all__ = [
    "HeldOutForecasts",
    "PanelErrors",
    "error_scale",
    "held_out_forecasts",
    "inflation_by_history",
    "panel_errors",
]

_SCALE_PRIOR = 3.0  # horizons of history that the panel's error scale counts as


@dataclass(frozen=True)
class PanelErrors:
    """Held-out errors of the mixture.

    Parameters
    ----------
    errors : ndarray of float32, shape (n_windows, horizon + 1)
        Truth minus forecast in standardised units; NaN where nothing was observed.
    scale : ndarray of float64, shape (n_windows,)
        What :meth:`PanelBranch.scale` says of the windows.
    groups : ndarray of int64, shape (n_windows,)
    back : ndarray of int64, shape (n_windows,)
        Grid steps from the origin to the end of the series.
    """

    errors: NDArray[np.float32]
    scale: Float
    groups: Rows
    back: Rows


@dataclass(frozen=True)
class HeldOutForecasts:
    """All forecasts of a batch from its held-out origins.

    `forecasts` (n, q, n_forecasts, horizon), NaN where one cannot be made; `truth` (n, q, horizon), NaN where
    nothing was observed; `inside` (n, q): held-out origins; `unit` (n,).
    """

    forecasts: Float
    truth: Float
    inside: NDArray[np.bool_]
    unit: Float

    def table(self, reference: int) -> tuple[Float, Float, Float]:
        """Mean absolute errors in units, number of origins, error of the reference on them; each (n, K)."""
        missed = np.abs(self.forecasts - self.truth[:, :, None])
        seen = np.isfinite(self.truth)[:, :, None]
        counted = np.maximum(seen.sum(axis=-1), 1)
        errors = np.where(seen, missed, 0.0).sum(axis=-1) / counted / self.unit[:, None, None]
        known = np.isfinite(errors) & self.inside[:, :, None] & seen.any(axis=-1)
        count = known.sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean = np.where(known, errors, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)
            same = np.where(known, errors[:, :, reference : reference + 1], 0.0)
            return mean, count, same.sum(axis=1) / np.where(count > 0, count, np.nan)

    def mixed(self, pulled: Float) -> Float:
        """Truth minus the mixture of the forecasts that could be made, (n, q, horizon)."""
        n, q, n_forecasts, _ = self.forecasts.shape
        usable = np.isfinite(self.forecasts[..., 0])
        weights = combination_weights(
            np.repeat(pulled[:, None], q, axis=1).reshape(-1, n_forecasts), usable.reshape(-1, n_forecasts)
        ).reshape(n, q, n_forecasts)
        mixture = np.matmul(weights[:, :, None], np.nan_to_num(self.forecasts))[:, :, 0]
        return np.where(self.inside[..., None], self.truth - mixture, np.nan)


def held_out_forecasts(
    fits: Seq[MemberFit],
    batch: GridBatch,
    split: Split,
    unit: Float,
    number: int,
    horizon: int,
    periods: tuple[int, ...],
    reach: int,
) -> HeldOutForecasts:
    """Members' and simple forecasts of batch `number` from its held-out origins."""
    simple = np.stack(
        [
            simple_forecasts(batch.values[:, max(0, o + 1 - reach) : o + 1], horizon, periods)
            for o in split.origins
        ],
        axis=1,
    )
    learnt = [fit.held_out[number][:, :, None] for fit in fits]
    ahead = np.minimum(split.origins[:, None] + np.arange(1, horizon + 1), batch.values.shape[1] - 1)
    truth = batch.values[:, ahead]
    if batch.seen is not None:
        truth = np.where(batch.seen[:, ahead], truth, np.nan)
    return HeldOutForecasts(np.concatenate([*learnt, simple], axis=2), truth, split.inside, unit)


def error_scale(
    n_series: int,
    parts: Seq[GridBatch],
    splits: Seq[Split],
    mixed: Seq[Float],
    units: Seq[Float],
    horizon: int,
    usual: float | None,
) -> tuple[Float, float]:
    """Mean absolute error of the mixture in recent units (n, q), by series, drawn towards the usual one."""
    own, horizons, optimism = np.full(n_series, np.nan), np.zeros(n_series), np.ones(n_series)
    for batch, split, errors, unit in zip(parts, splits, mixed, units):
        known = np.isfinite(errors)
        count = known.sum(axis=(1, 2))
        total = (np.abs(np.where(known, errors, 0.0)) / unit[..., None]).sum(axis=(1, 2))
        some = count > 0
        own[batch.groups[some]] = total[some] / count[some]
        horizons[batch.groups] = 1.0 + split.n_held / horizon
        optimism[batch.groups] = _optimism(batch, horizon)
    if usual is None:
        usual = float(np.nanmedian(own)) if np.isfinite(own).any() else 1.0
    usual = max(usual, 1e-6)
    known = np.isfinite(own)
    weight = np.where(known, horizons, 0.0)
    drawn = (weight * np.where(known, own, 0.0) + _SCALE_PRIOR * usual) / (weight + _SCALE_PRIOR)
    return drawn * optimism, 2.0 * usual


def _optimism(batch: GridBatch, horizon: int) -> Float:
    """What is chosen on n horizons of history looks better on them than ahead, by about one in n; (n,)."""
    return 1.0 + np.minimum(horizon / np.maximum(batch.lengths - horizon, 1), 1.0)


def inflation_by_history(members: Seq[Member], reach: int, panel: Float) -> tuple[Float, Float]:
    """How much the mixture's error grows where histories are short, by which members are left."""
    lengths = sorted({2.0, float(reach), *(float(member.context) for member in members)})
    n_members = len(members)
    best = np.nanmin(panel) if np.isfinite(panel).any() else 1.0
    found = []
    for length in lengths:
        usable = np.ones(len(panel), dtype=bool)
        usable[:n_members] = [member.context <= length for member in members]
        left = panel[usable]
        left = left[np.isfinite(left)]
        found.append(float(left.min()) / best if len(left) else 1.0)
    return np.array(lengths), np.maximum.accumulate(np.array(found)[::-1])[::-1].copy()


def panel_errors(
    parts: Seq[GridBatch],
    splits: Seq[Split],
    mixed: Seq[Float],
    units: Seq[Float],
    branch: PanelBranch,
) -> PanelErrors:
    """Errors of all held-out windows that observed anything ahead."""
    errors, scales, groups, backs, horizon = [], [], [], [], branch.horizon
    for batch, split, own, unit in zip(parts, splits, mixed, units):
        row, origin = np.nonzero(np.isfinite(own).any(axis=-1))
        missed = np.zeros((len(row), own.shape[-1] + 1), dtype=np.float32)
        missed[:, 1:] = own[row, origin]
        errors.append(missed)
        groups.append(batch.groups[row])
        short = _optimism(batch, horizon)[row]
        scales.append(unit[row, origin] * branch.error_scale[batch.groups[row]] / short)
        backs.append(batch.values.shape[1] - 1 - split.origins[origin])
    return PanelErrors(
        errors=np.concatenate(errors),
        scale=np.concatenate(scales),
        groups=np.concatenate(groups),
        back=np.concatenate(backs),
    )
