"""What a model fitted on whole contexts is worth where a window holds less: its weight, and wider intervals.

The weights of the linear branch are learnt on windows as long as the context. On windows cut short its error
is measured beside that of simple forecasts; both are mixed by their errors, and intervals grow by what is
lost.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float
from ssmts.models.panels.combination import combination_weights
from ssmts.models.panels.simple_forecasts import simple_forecasts
from ssmts.models.sequences.sequence import SequenceStack, window_at

__all__ = ["ShortHistory", "fit_short_history"]

_FRACTIONS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the context
_WHOLE = 0.95  # of the context: windows that are no shorter are whole
_STACKS, _ORIGINS, _MEMBERS = 8, 8, 64  # that errors are measured on


class Forecasts(Protocol):
    """What is measured: forecasts of windows, their values on the grid and the scale of their errors."""

    def forecast(self, windows: SequenceStack) -> Float:
        """Forecasts, (n, horizon + 1)."""

    def on_grid(self, windows: SequenceStack) -> Float:
        """Values on the reference grid that ends at the origin, (n, n_steps)."""

    def deviation(self, windows: SequenceStack) -> Float:
        """What errors are measured in, (n,)."""


@dataclass(frozen=True)
class ShortHistory:
    """Mixtures and widths by the length of a window.

    Parameters
    ----------
    fractions : ndarray of float64, shape (n,)
        Increasing lengths in contexts, the last one 1.
    weights : ndarray of float64, shape (n, n_methods + 1)
        Of the model's own forecast and of simple forecasts; each row sums to 1, in the last one the model has
        all.
    widths : ndarray of float64, shape (n,)
        Factors on the scale of errors, the last one 1.
    period : int
        Season of the simple forecasts in reference steps; 1 for none.
    """

    fractions: Float
    weights: Float
    widths: Float
    period: int

    def is_short(self, windows: SequenceStack, context: float) -> bool:
        """Whether the windows of a stack hold clearly less than the context."""
        return _span(windows) < _WHOLE * context

    def mixed(self, own: Float, values: Float, span: float, context: float) -> Float:
        """Forecasts of short windows.

        Parameters
        ----------
        own : ndarray of float64, shape (n, horizon + 1)
            Of the model.
        values : ndarray of float64, shape (n, n_steps)
            Of the windows on the reference grid.
        span, context : float
            Length of the windows and of the context, in reference steps.
        """
        weights = self._at(self.weights, span / context)
        found = np.array(own)
        simple = simple_forecasts(values, own.shape[1] - 1, _periods(self.period))
        found[:, 1:] = weights[0] * own[:, 1:] + np.einsum("k,nkh->nh", weights[1:], simple)
        return found

    def width(self, windows: SequenceStack, context: float) -> float:
        """Factor on the scale of the errors of the windows of a stack."""
        return float(self._at(self.widths[:, None], _span(windows) / context)[0])

    def _at(self, rows: Float, fraction: float) -> Float:
        """Rows between those of the fractions, by their logarithm."""
        at = np.log(np.clip(fraction, self.fractions[0], 1.0))
        known = np.log(self.fractions)
        return np.array([np.interp(at, known, own) for own in rows.T])

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything fitted, by name."""
        return {
            "fractions": torch.from_numpy(self.fractions),
            "weights": torch.from_numpy(self.weights),
            "widths": torch.from_numpy(self.widths),
            "period": torch.tensor([self.period]),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> ShortHistory:
        """Inverse of :meth:`to_tensors`."""
        arrays = {name: tensors[name].numpy() for name in ("fractions", "weights", "widths")}
        return cls(**arrays, period=int(tensors["period"][0]))


def fit_short_history(
    model: Forecasts, stacks: Seq[SequenceStack], context: float, horizon: int, period: float | None
) -> ShortHistory | None:
    """Measure a model on windows cut short, at some origins of the training data.

    Parameters
    ----------
    model : Forecasts
        Fitted on windows as long as the context.
    stacks : sequence of SequenceStack
        Training data.
    context : float
    horizon : int
        Both in reference steps.
    period : float or None
        Season in reference steps.

    Returns
    -------
    ShortHistory or None
        None where no sequence holds a context and a horizon after it.
    """
    season = 1 if period is None or period < 1.5 else round(period)
    known = [fraction for fraction in _FRACTIONS if fraction == 1.0 or fraction * context >= 2.0]
    n_methods = simple_forecasts(np.zeros((1, 2)), 1, _periods(season)).shape[1]
    totals, own = np.zeros((len(known), n_methods + 1)), list[list[tuple[Float, Float]]]()
    own = [[] for _ in known]
    for stack in stacks[:: max(1, -(-len(stacks) // _STACKS))]:
        some = stack.of_members(slice(None, None, max(1, -(-len(stack.values) // _MEMBERS))))
        begin = int(np.searchsorted(some.times, some.times[0] + context - 1.0 - 1e-6))
        end = int(np.searchsorted(some.times, some.times[-1] - horizon + 1e-6, side="right"))
        if end <= begin or some.extra is not None:
            continue
        for row in np.unique(np.linspace(begin, end - 1, _ORIGINS).astype(int)).tolist():
            leads = some.times[row] + np.arange(1.0, horizon + 1.0)
            truth = np.stack([np.interp(leads, some.times, values) for values in some.values])
            for number, fraction in enumerate(known):
                windows = window_at(some, row, max(fraction * context, 2.0))
                forecasts = _all_forecasts(model, windows, horizon, season)
                missed = np.abs(forecasts - truth[:, None])
                totals[number] += missed.mean(axis=2).sum(axis=0)
                own[number].append((forecasts - truth[:, None], model.deviation(windows)))
    if not own[-1]:
        return None
    usable = np.ones((1, n_methods + 1), dtype=bool)
    weights = np.concatenate([combination_weights(one[None] + 1e-12, usable) for one in totals])
    weights[-1] = np.eye(n_methods + 1)[0]
    relative = np.array([_relative(parts, one) for parts, one in zip(own, weights, strict=True)])
    widths = np.maximum.accumulate((relative / max(relative[-1], 1e-12))[::-1])[::-1]
    return ShortHistory(np.array(known), weights, np.maximum(widths, 1.0), season)


def _all_forecasts(model: Forecasts, windows: SequenceStack, horizon: int, season: int) -> Float:
    """The model's forecasts and the simple ones, (n, n_methods + 1, horizon)."""
    simple = simple_forecasts(model.on_grid(windows), horizon, _periods(season))
    return np.concatenate([model.forecast(windows)[:, None, 1:], simple], axis=1)


def _relative(parts: list[tuple[Float, Float]], weights: Float) -> float:
    """Mean absolute error of a mixture in deviations of the windows."""
    errors = [np.abs(np.einsum("k,nkh->nh", weights, missed)).mean(axis=1) for missed, _ in parts]
    scale = np.concatenate([deviation for _, deviation in parts])
    usual = float(np.median(scale)) or 1.0
    return float((np.concatenate(errors) / np.sqrt(scale**2 + (0.1 * usual) ** 2)).mean())


def _span(windows: SequenceStack) -> float:
    return float(windows.times[-1] - windows.times[0]) + 1.0


def _periods(season: int) -> list[int]:
    return [season] if season > 1 else []
