"""How far forecasts miss: quantiles of held-out errors by lead and group, in units of a window's scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from ssmts.data.arrays import Float, Rows
from ssmts.models.linear.cv_residuals import HeldOutErrors
from ssmts.models.uncertainty.copula import ErrorCopula, fit_copula, path_leads

__all__ = ["DEFAULT_LEVELS", "ErrorQuantiles", "fit_error_quantiles"]

DEFAULT_LEVELS = (0.005, 0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99, 0.995)
# The scale of a window's errors is sqrt(deviation² + 0.6²) in standardised units: between the training scale
# and the window's own deviation (docs/decisions/050-spread-of-forecasts.md).
_SHARED_SCALE = 0.6
_N_KNOTS = 40
_GROUP_PRIOR = 300.0  # windows: a group with so many of its own is half shared, half its own
_MOST_PATHS = 4_000  # windows that say how errors at different leads go together
_FEW = 20  # errors: of fewer, both signs count as seen
_STEEP = 4.0  # reference steps: errors rise too steeply before this lead to be smoothed over leads


@dataclass(frozen=True)
class ErrorQuantiles:
    """Quantiles of what a forecast misses.

    Parameters
    ----------
    levels : ndarray of float64, shape (n_levels,)
        Increasing, between 0 and 1.
    knots : ndarray of float64, shape (n_knots,)
        Leads of the table, increasing from 0 to the horizon; between them it is linear.
    shared : ndarray of float64, shape (n_knots, n_levels)
        In units of the window's scale, never decreasing along levels.
    by_group : ndarray of float64, shape (n_groups, n_knots, n_levels)
    copula : ErrorCopula, optional
        How errors at different leads go together; None in files of versions before there was one.
    widths : ndarray of float64, shape (n_groups + 1,), optional
        How much wider than the tables intervals have lately had to be, by group and last for all others;
        None: as wide as the tables say.
    shared_scale : float
        Of the errors of a window without any deviation.
    """

    levels: Float
    knots: Float
    shared: Float
    by_group: Float
    copula: ErrorCopula | None = None
    widths: Float | None = None
    shared_scale: float = _SHARED_SCALE

    def scale(self, deviation: Float) -> Float:
        """Scale of the errors of windows of a deviation, both in standardised units."""
        return np.asarray(np.sqrt(deviation**2 + self.shared_scale**2))

    def offsets(self, levels: Float, leads: Float, group: int) -> Float:
        """What to add to a forecast, in units of the window's scale.

        Parameters
        ----------
        levels : ndarray of float64, shape (n,)
            Within the levels of the table; between them linear in the normal quantile.
        leads : ndarray of float64, shape (n_leads,)
            In reference steps; beyond the last one the table stays as it is.
        group : int
            -1, or one that fit did not see, for the shared table.

        Returns
        -------
        ndarray of float64, shape (n_leads, n)
            Never decreasing along levels.
        """
        by_level = _interpolated(ndtri(levels), ndtri(self.levels), self._table_of(group).T)
        return _interpolated(leads, self.knots, by_level.T)

    def at_scores(self, scores: Float, leads: Float, group: int) -> Float:
        """Quantiles at normal scores, a score for each lead.

        Parameters
        ----------
        scores : ndarray of float64, shape (n, n_leads)
            Beyond the outermost levels the quantiles go on in a line, as those of a normal distribution do.
        leads : ndarray of float64, shape (n_leads,)
        group : int

        Returns
        -------
        ndarray of float64, shape (n, n_leads)
            In units of the window's scale.
        """
        at, table = ndtri(self.levels), _interpolated(leads, self.knots, self._table_of(group))
        after = np.clip(np.searchsorted(at, scores), 1, len(at) - 1)
        weight = (scores - at[after - 1]) / (at[after] - at[after - 1])
        lead = np.arange(len(leads))
        return np.asarray((1.0 - weight) * table[lead, after - 1] + weight * table[lead, after])

    def _table_of(self, group: int) -> Float:
        own = len(self.by_group) > 1 and 0 <= group < len(self.by_group)
        table = self.by_group[group] if own else self.shared
        if self.widths is None:
            return table
        middle = _interpolated(np.zeros(1), ndtri(self.levels), table.T).T
        return np.asarray(middle + self.width(group) * (table - middle))

    @property
    def plain(self) -> ErrorQuantiles:
        """As fit left it: as wide as the tables say."""
        return replace(self, widths=None)

    def width(self, group: int) -> float:
        """Factor on the width of a group's intervals."""
        if self.widths is None:
            return 1.0
        return float(self.widths[group if 0 <= group < len(self.widths) - 1 else -1])

    def of_groups(self, kept: Rows) -> ErrorQuantiles:
        """The tables of some groups, in their order; those that fit did not see have the shared one."""
        if self.widths is not None:
            widths = np.array([self.width(int(group)) for group in [*kept, -1]])
            return replace(self.plain.of_groups(kept), widths=widths)
        if len(self.by_group) == 1:
            return self
        known = [self.by_group[k] if k < len(self.by_group) else self.shared for k in kept]
        return replace(self, by_group=np.stack(known))

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything fitted, by name; tables as float32, which is all the digits that they have."""
        tensors = {} if self.copula is None else self.copula.to_tensors()
        tensors["shared_scale"] = torch.tensor([self.shared_scale], dtype=torch.float64)
        if self.widths is not None:
            tensors["widths"] = torch.from_numpy(self.widths)
        return tensors | {
            "levels": torch.from_numpy(self.levels),
            "knots": torch.from_numpy(self.knots),
            "shared": torch.from_numpy(self.shared.astype(np.float32)),
            "by_group": torch.from_numpy(self.by_group.astype(np.float32)),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> ErrorQuantiles:
        """Inverse of :meth:`to_tensors`."""
        levels, knots, shared, by_group = (
            tensors[name].numpy().astype(np.float64) for name in ("levels", "knots", "shared", "by_group")
        )
        for one in (levels, knots):
            if one.ndim != 1 or not np.isfinite(one).all() or (np.diff(one) <= 0).any():
                raise ValueError("levels and lead times of the error quantiles do not increase")
        if not shared.shape == by_group.shape[1:] == (len(knots), len(levels)):
            raise ValueError(f"error quantiles are {shared.shape}, {by_group.shape}; not knots by levels")
        copula = ErrorCopula.from_tensors(tensors) if "loadings" in tensors else None
        widths = tensors["widths"].numpy().copy() if "widths" in tensors else None
        scale = float(tensors["shared_scale"]) if "shared_scale" in tensors else _SHARED_SCALE
        return cls(
            levels=levels,
            knots=knots,
            shared=shared,
            by_group=by_group,
            copula=copula,
            widths=widths,
            shared_scale=scale,
        )


def _interpolated(at: Float, knots: Float, rows: Float) -> Float:
    """Rows (n_knots, n) linear between knots, at some places within them, (n_at, n)."""
    after = np.clip(np.searchsorted(knots, at), 1, max(len(knots) - 1, 1))
    if len(knots) == 1:
        return np.repeat(rows, len(at), axis=0)
    weight = np.clip((at - knots[after - 1]) / (knots[after] - knots[after - 1]), 0.0, 1.0)[:, None]
    return np.asarray((1.0 - weight) * rows[after - 1] + weight * rows[after])


def fit_error_quantiles(
    held_out: HeldOutErrors, n_groups: int, levels: Float, shared_scale: float = _SHARED_SCALE
) -> ErrorQuantiles:
    """Quantiles of held-out errors, smoothed over leads; those of a group are drawn towards the shared ones.

    Parameters
    ----------
    held_out : HeldOutErrors
    n_groups : int
        1: all windows together.
    levels : ndarray of float64, shape (n_levels,)
        Increasing.
    shared_scale : float
        Of the errors of a window without any deviation.

    Returns
    -------
    ErrorQuantiles

    Notes
    -----
    Errors are those of paths that have not seen the targets, as in the jackknife+ and CV+; a quantile of n
    errors is the one at (n + 1) times the level, as in split conformal prediction, so that few windows make
    wide intervals.

    References
    ----------
    Barber, Candès, Ramdas and Tibshirani, "Predictive inference with the jackknife+", Annals of Statistics
    49(1), 2021.
    """
    horizon = held_out.errors.shape[1] - 1
    near, even = np.geomspace(1, horizon, _N_KNOTS // 2), np.linspace(0, horizon, _N_KNOTS // 2)
    knots = np.unique(np.round(np.concatenate([near, even])))
    empty = np.zeros((0, 0)), np.zeros((0, 0, 0))
    unit = ErrorQuantiles(levels, knots, *empty, shared_scale=shared_scale).scale(held_out.deviation)
    errors = held_out.errors[:, knots.astype(np.int64)] / unit[:, None]
    shared = _table(errors, levels, knots)
    by_group = np.repeat(shared[None], n_groups, axis=0)
    for group in range(n_groups if n_groups > 1 else 0):
        own = errors[held_out.groups == group]
        if len(own):
            weight = len(own) / (len(own) + _GROUP_PRIOR)
            by_group[group] += weight * (_table(own, levels, knots) - shared)
    shared, by_group = (table.astype(np.float32).astype(np.float64) for table in (shared, by_group))
    error_quantiles = ErrorQuantiles(levels, knots, shared, by_group, shared_scale=shared_scale)
    return (
        replace(error_quantiles, copula=_copula(held_out, error_quantiles))
        if len(levels) > 1
        else error_quantiles
    )


def _copula(held_out: HeldOutErrors, error_quantiles: ErrorQuantiles) -> ErrorCopula:
    """The copula of normal scores by the shared table."""
    horizon = held_out.errors.shape[1] - 1
    some = slice(None, None, -(-len(held_out.errors) // _MOST_PATHS) or 1)
    leads, unit = path_leads(horizon), error_quantiles.scale(held_out.deviation[some])[:, None]
    scores = held_out.errors[some][:, leads] / unit
    table = error_quantiles.offsets(error_quantiles.levels, leads.astype(np.float64), -1)
    for own, ends in zip(scores.T, table, strict=True):
        own[:] = np.interp(own, ends, ndtri(error_quantiles.levels)) if ends[-1] > ends[0] else 0.0
    return fit_copula(scores, horizon)


def _table(errors: Float, levels: Float, knots: Float) -> Float:
    """Quantiles of every knot, (n_knots, n_levels); a knot that nobody observed is like its neighbours."""
    table = np.full((errors.shape[1], len(levels)), np.nan)
    for knot, own in enumerate(errors.T):
        seen = own[~np.isnan(own)]
        if len(seen):
            seen = seen if len(seen) >= _FEW else np.concatenate([seen, -seen])
            table[knot] = np.quantile(seen, levels, method="weibull")
    known = np.flatnonzero(~np.isnan(table[:, 0]))
    if not len(known):
        return np.zeros_like(table)
    table = table[known[np.abs(np.arange(len(table))[:, None] - known).argmin(axis=1)]]
    padded = np.concatenate([table[:1], table, table[-1:]])
    smooth = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return np.where(knots[:, None] < _STEEP, table, smooth)
