"""Fit of the panel branch: members, mixtures and the scale of errors, from held-out origins."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.panels.branch import FittedMember, PanelBranch, recent_unit, series_unit
from ssmts.models.panels.combination import combination_weights, pulled_errors
from ssmts.models.panels.grid_series import GridBatch, GridSeries, batches
from ssmts.models.panels.member import Member, members_for
from ssmts.models.panels.shrinkage import MemberFit, Split, fit_member, held_out_origins
from ssmts.models.panels.simple_forecasts import simple_forecasts, simple_names
from ssmts.progress import stage, tracked

__all__ = ["PanelErrors", "PanelFit", "fit_panel"]

_MOST_ORIGINS = 16  # held out of a series
_FEW = 24  # series
_MOST_ORIGINS_OF_FEW = 48
_MOST_OWN = 50_000  # series: more of them share weights, and differ by their mixtures
_LEAST_REACH = 60
_SCALE_PRIOR = 3.0


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
class PanelFit:
    """A fitted panel branch, its held-out errors, what the fit measured, and groups without a window."""

    branch: PanelBranch
    held_out: PanelErrors
    record: dict[str, Any]
    short: list[int]


def fit_panel(
    series: Seq[GridSeries],
    n_series: int,
    horizon: int,
    periods: Seq[int],
    *,
    context: int | None = None,
    like: PanelBranch | None = None,
    prior: PanelBranch | None = None,
) -> PanelFit:
    """Fit the panel branch.

    Parameters
    ----------
    series : sequence of GridSeries
        Their groups lie below `n_series`.
    n_series : int
    horizon : int
    periods : sequence of int
        Seasons in reference steps, the main one first.
    context : int, optional
        The longest context; None: as long as the typical series allows.
    like : PanelBranch, optional
        A branch whose choices of members and reach are taken.
    prior : PanelBranch, optional
        The same, and its shared weights and the errors of its panel stay as they are: every series is then
        fitted as if it were alone with that panel, whichever others are there.
    """
    like = like if prior is None else prior
    season = periods[0] if periods else 1
    parts = list(batches(series))
    units = [series_unit(batch.values, batch.first, season) for batch in parts]
    longest = max(len(one.values) for one in series)
    region, most = max(horizon, season), _MOST_ORIGINS
    if n_series <= _FEW and prior is None:  # few series have to say with many origins what many say with few
        region, most = max(region, longest), _MOST_ORIGINS_OF_FEW
    splits = [held_out_origins(batch, horizon, region, most) for batch in parts]
    if like is not None:
        members = [one.member for one in like.members]
    else:
        typical = int(np.quantile([len(one.values) for one in series], 0.9))
        members = members_for(horizon, list(periods), typical, n_series, context)
    reach = max([_LEAST_REACH, 8 * season, *(member.context for member in members)])
    if like is not None:
        reach = like.reach
    elif context is not None:
        reach = max(context, 2)
    reach = max(2, min(reach, longest)) if like is None else reach
    own = n_series <= _MOST_OWN
    known = [None] * len(members) if prior is None else [(one.shared, one.usual) for one in prior.members]
    with stage("weights", 0.0, 0.9):
        fits = [
            fit_member(member, parts, splits, units, horizon, own=own, prior=given)
            for member, given in tracked(list(zip(members, known)), "weights")
        ]
    with stage("held-out origins", 0.9, 1.0):
        found = [
            _held_out(fits, *three, number, horizon, tuple(periods), reach)
            for number, three in enumerate(zip(tracked(parts, "held-out origins"), splits, units))
        ]
    names = [fit.member.name for fit in fits] + simple_names(periods)
    errors, counts, reference = (np.full((n_series, len(names)), np.nan) for _ in range(3))
    unit = np.ones(n_series)
    for batch, own_unit, own_errors in zip(parts, units, found):
        unit[batch.groups] = own_unit
        errors[batch.groups], counts[batch.groups], reference[batch.groups] = own_errors.table(len(fits))
    given = None if prior is None else prior.panel_errors
    pulled, panel = pulled_errors(errors, np.nan_to_num(counts), reference, panel=given)
    if np.isnan(panel).all():  # nothing could be held out: all simple forecasts count the same
        panel = np.where(np.arange(len(names)) < len(fits), np.nan, 1.0)
    pulled = np.where(np.isfinite(pulled), pulled, panel)
    mixed = [one.mixed(pulled[batch.groups]) for batch, one in zip(parts, found)]
    recent = [
        np.stack(
            [recent_unit(batch.values[:, : o + 1], unit, season) for o in split.origins.tolist()], axis=1
        )
        for batch, split, unit in zip(parts, splits, units)
    ]
    usual = None if prior is None else float(prior.error_scale[-1]) / 2.0
    relative, typical_error = _error_scale(n_series, parts, splits, mixed, recent, horizon, usual)
    histories, inflation = _inflation(members, reach, panel)
    branch = PanelBranch(
        horizon=horizon,
        reach=reach,
        periods=tuple(periods),
        members=tuple(_fitted(fit) for fit in fits),
        errors=pulled,
        panel_errors=panel,
        unit=unit,
        error_scale=np.append(relative, typical_error),
        histories=histories,
        inflation=inflation,
    )
    weights = branch.mixture(np.arange(n_series), reach).mean(axis=0)
    record = {
        "members": names[: len(fits)],
        "relative_errors": {name: float(e) for name, e in zip(names, panel)},
        "mean_weights": {name: float(w) for name, w in zip(names, weights)},
        "n_own": {fit.member.name: len(fit.own) for fit in fits},
        "periods": list(periods),
        "n_windows": float(sum(max(0, len(one.values) - reach - horizon + 1) for one in series)),
        "reach": reach,
    }
    least = min(member.context for member in members) + horizon
    short = [one.group for one in series if len(one.values) < least]
    return PanelFit(branch, _errors(parts, splits, mixed, recent, branch), record, short)


def _fitted(fit: MemberFit) -> FittedMember:
    groups = np.array(sorted(fit.own), dtype=np.int64)
    shape = (0, *fit.shared.shape)
    own = (
        np.stack([fit.own[group] for group in groups.tolist()])
        if len(groups)
        else np.zeros(shape, np.float32)
    )
    shared = np.ascontiguousarray(fit.shared)  # as a file holds it: the same sums to the last bit
    return FittedMember(member=fit.member, shared=shared, groups=groups, own=own, usual=fit.usual)


@dataclass(frozen=True)
class _HeldOutForecasts:
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


def _held_out(
    fits: Seq[MemberFit],
    batch: GridBatch,
    split: Split,
    unit: Float,
    number: int,
    horizon: int,
    periods: tuple[int, ...],
    reach: int,
) -> _HeldOutForecasts:
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
    return _HeldOutForecasts(np.concatenate([*learnt, simple], axis=2), truth, split.inside, unit)


def _error_scale(
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


def _inflation(members: Seq[Member], reach: int, panel: Float) -> tuple[Float, Float]:
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


def _errors(
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
