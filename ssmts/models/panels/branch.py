"""The panel branch: every series forecast by its own mixture of simple forecasts and linear members."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmts.data.arrays import Float, Rows
from ssmts.models.panels.combination import combination_weights
from ssmts.models.panels.fitted_member import FittedMember
from ssmts.models.panels.member import Member
from ssmts.models.panels.simple_forecasts import simple_forecasts, simple_names
from ssmts.models.panels.units import recent_unit, series_unit

__all__ = ["PanelBranch"]

_JUST = 3  # last values that forecasts are held against
_FAR = 4.0  # usual errors, and those of the best forecast, beyond which one has lost its ground
_FALL = 8.0
_BATCH_VALUES = 4_000_000  # numbers of forecasts held at once


@dataclass(frozen=True)
class PanelBranch:
    """Mixtures of forecasts, by series.

    Parameters
    ----------
    horizon : int
    reach : int
        Grid steps before the origin that any forecast reads.
    periods : tuple of int
        Seasons of the simple forecasts.
    members : tuple of FittedMember
    errors : ndarray of float64, shape (n_series, n_forecasts)
        Held-out errors relative to the last value, drawn towards the panel's: members first, then the simple
        forecasts.
    panel_errors : ndarray of float64, shape (n_forecasts,)
        Those of the panel, for series that fit did not see.
    unit : ndarray of float64, shape (n_series,)
        Of every series, in standardised values.
    error_scale : ndarray of float64, shape (n_series + 1,)
        Mean absolute error of the mixture in recent units; the last one is for new series.
    histories : ndarray of float64, shape (n_histories,)
        Increasing lengths of history.
    inflation : ndarray of float64, shape (n_histories,)
        How much larger errors are where a window has no more history than that.
    """

    horizon: int
    reach: int
    periods: tuple[int, ...]
    members: tuple[FittedMember, ...]
    errors: Float
    panel_errors: Float
    unit: Float
    error_scale: Float
    histories: Float
    inflation: Float

    @cached_property
    def names(self) -> list[str]:
        """Names of the forecasts that are mixed."""
        return [one.member.name for one in self.members] + simple_names(self.periods)

    @property
    def season(self) -> int:
        """Main season; 1 where there is none."""
        return self.periods[0] if self.periods else 1

    def units(self, values: Float, groups: Rows) -> Float:
        """Unit of windows (n, length): that of their series, or for new series that of the window."""
        known = (groups >= 0) & (groups < len(self.unit))
        out = np.empty(len(groups))
        out[known] = self.unit[groups[known]]
        if not known.all():
            new = values[~known]
            out[~known] = series_unit(new, np.zeros(len(new), dtype=np.int64), self.season)
        return out

    def usable(self, length: int) -> NDArray[np.bool_]:
        """Which forecasts can be made from a history of some length, (n_forecasts,)."""
        n_simple = len(self.panel_errors) - len(self.members)
        return np.array([one.member.context <= length for one in self.members] + [True] * n_simple)

    def mixture(self, groups: Rows, length: int) -> Float:
        """Weights of the forecasts of windows of a length, (n, n_forecasts)."""
        known = (groups >= 0) & (groups < len(self.errors))
        errors = np.repeat(self.panel_errors[None], len(groups), axis=0)
        errors[known] = self.errors[groups[known]]
        return combination_weights(errors, self.usable(length)[None])

    def components(self, values: Float, groups: Rows) -> Float:
        """All forecasts of windows (n, length), (n, n_forecasts, horizon); 0 where one cannot be made."""
        n, length = values.shape
        unit, usable = self.units(values, groups), self.usable(length)
        out = np.zeros((n, len(usable), self.horizon))
        for number, one in enumerate(self.members):
            if usable[number]:
                out[:, number] = one.forecast(values[:, length - one.member.context :], unit, groups)
        out[:, len(self.members) :] = simple_forecasts(values, self.horizon, self.periods)
        return out

    def forecast(self, values: Float, groups: Rows) -> Float:
        """Forecast windows on the reference grid.

        Parameters
        ----------
        values : ndarray of float64, shape (n, length)
            Standardised, the origin last; what lies before `reach` is not read.
        groups : ndarray of int64, shape (n,)
            -1, or beyond those that fit saw, for new series.

        Returns
        -------
        ndarray of float64, shape (n, horizon + 1)
            At leads 0, 1, ..., horizon; lead 0 is the last value.
        """
        values = values[:, -self.reach :]
        out = np.empty((len(values), self.horizon + 1))
        out[:, 0] = values[:, -1]
        together = max(1, _BATCH_VALUES // (len(self.panel_errors) * self.horizon))
        for begin in range(0, len(values), together):
            some = slice(begin, begin + together)
            weights = self.weights(values[some], groups[some])
            found = self.components(values[some], groups[some])
            out[some, 1:] = np.matmul(weights[:, None], found)[:, 0]
        return out

    def weights(self, values: Float, groups: Rows) -> Float:
        """Weights of the forecasts of windows (n, length), as the windows themselves leave them."""
        weights = self.mixture(groups, values.shape[1]) * self._still_right(values, groups)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _still_right(self, values: Float, groups: Rows) -> Float:
        """Factors on the weights of forecasts that missed the last values by far, (n, n_forecasts).

        After a shift of its level a series is forecast by what has followed it: a forecast from three values
        ago that misses these by many times the usual error, and by more than the best one, loses its weight.
        """
        ahead = min(_JUST, self.horizon)
        if values.shape[1] < ahead + 2:
            return np.ones((len(values), len(self.panel_errors)))
        before = values[:, :-ahead]
        missed = np.abs(self.components(before, groups)[..., :ahead] - values[:, None, -ahead:]).mean(axis=2)
        usable = self.usable(before.shape[1])
        best = np.where(usable, missed, np.inf).min(axis=1, keepdims=True)
        usual = self.units(values, groups)[:, None] * self.error_scale[-1]
        far = missed / (_FAR * (usual + best) + 1e-12)
        return np.where(usable & (far > 1.0), np.exp(-_FALL * np.maximum(far - 1.0, 0.0)), 1.0)

    def scale(self, values: Float, groups: Rows) -> Float:
        """Scale of the forecast errors of windows, in standardised units, (n,)."""
        known = (groups >= 0) & (groups < len(self.unit))
        relative = self.error_scale[np.where(known, groups, -1)]
        short = np.interp(float(min(values.shape[1], self.reach)), self.histories, self.inflation)
        values = values[:, -self.reach :]
        unit = recent_unit(values, self.units(values, groups), self.season)
        return np.asarray(unit * relative * short)

    def parts(self, values: Float, groups: Rows) -> tuple[Float, Float]:
        """The last value and what each forecast adds to it, weighted: their sum is the forecast.

        Returns
        -------
        last : ndarray of float64, shape (n,)
        added : ndarray of float64, shape (n, n_forecasts, horizon + 1)
        """
        values = values[:, -self.reach :]
        weights, last = self.weights(values, groups), values[:, -1]
        added = np.zeros((*weights.shape, self.horizon + 1))
        added[..., 1:] = weights[..., None] * (self.components(values, groups) - last[:, None, None])
        return last, added

    @classmethod
    def joined(cls, parts: Seq[PanelBranch]) -> PanelBranch:
        """Branches of the same choices and shared weights as one; series are numbered through."""
        first = parts[0]
        begins = np.cumsum([0, *(len(part.unit) for part in parts)])
        members = []
        for number, one in enumerate(first.members):
            own = [part.members[number] for part in parts]
            groups = np.concatenate([member.groups + begin for member, begin in zip(own, begins)])
            weights = np.concatenate([member.own for member in own])
            members.append(
                FittedMember(
                    member=one.member, shared=one.shared, groups=groups, own=weights, usual=one.usual
                )
            )
        scales = np.concatenate([part.error_scale[:-1] for part in parts])
        return replace(
            first,
            members=tuple(members),
            errors=np.concatenate([part.errors for part in parts]),
            unit=np.concatenate([part.unit for part in parts]),
            error_scale=np.append(scales, first.error_scale[-1]),
        )

    def to_state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything fitted: tensors by name, and what JSON can hold."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        for number, one in enumerate(self.members):
            own = {name: getattr(one, name) for name in ("shared", "groups", "own", "usual")}
            arrays |= {f"{number}.{name}": array for name, array in own.items()}
        state = {
            "horizon": self.horizon,
            "reach": self.reach,
            "periods": list(self.periods),
            "members": [[getattr(one.member, name) for name in _MEMBER] for one in self.members],
        }
        return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}, state

    @classmethod
    def from_state(cls, tensors: dict[str, Tensor], state: dict[str, Any]) -> PanelBranch:
        """Inverse of :meth:`to_state`."""
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        members: Seq[FittedMember] = [
            FittedMember(
                member=Member(*member),
                shared=arrays[f"{number}.shared"],
                groups=arrays[f"{number}.groups"],
                own=arrays[f"{number}.own"],
                usual=arrays[f"{number}.usual"],
            )
            for number, member in enumerate(state["members"])
        ]
        return cls(
            horizon=state["horizon"],
            reach=state["reach"],
            periods=tuple(state["periods"]),
            members=tuple(members),
            **{name: arrays[name] for name in _ARRAYS},
        )


_MEMBER = ("context", "unit", "period", "kind")  # files of earlier versions have no kind: states
_ARRAYS = ("errors", "panel_errors", "unit", "error_scale", "histories", "inflation")
