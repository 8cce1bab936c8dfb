"""Fit of the panel branch: members, mixtures and the scale of errors, from held-out origins."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmts.models.panels.branch import PanelBranch
from ssmts.models.panels.combination import pulled_errors
from ssmts.models.panels.fitted_member import FittedMember
from ssmts.models.panels.grid_series import GridSeries, batches
from ssmts.models.panels.held_out import held_out_origins
from ssmts.models.panels.held_out_errors import (
    PanelErrors,
    error_scale,
    held_out_forecasts,
    inflation_by_history,
    panel_errors,
)
from ssmts.models.panels.member import members_for
from ssmts.models.panels.shrinkage import MemberFit, fit_member
from ssmts.models.panels.simple_forecasts import simple_names
from ssmts.models.panels.units import recent_unit, series_unit
from ssmts.progress import stage, tracked

__all__ = ["PanelFit", "fit_panel"]

_MOST_ORIGINS = 16  # held out of a series
_FEW = 24  # series
_MOST_ORIGINS_OF_FEW = 48
_MOST_OWN = 50_000  # series: more of them share weights, and differ by their mixtures
_LEAST_REACH = 60


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
            held_out_forecasts(fits, *three, number, horizon, tuple(periods), reach)
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
    relative, typical_error = error_scale(n_series, parts, splits, mixed, recent, horizon, usual)
    histories, inflation = inflation_by_history(members, reach, panel)
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
    return PanelFit(branch, panel_errors(parts, splits, mixed, recent, branch), record, short)


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
