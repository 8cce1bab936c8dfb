"""The linear branch: states times weights, solved in closed form, chosen by blocked cross-validation."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.config import LinearConfig
from ssmts.models.linear.moments import Moments, accumulate, floored
from ssmts.models.linear.ridge import Penalties, choose_penalties, solve
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.origins import origin_rows, rarely_observed
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import ModeBank, make_bank

__all__ = ["LinearFit", "LinearPath", "fit_linear", "origin_span"]


_MOST_BLOCKS = 7


@dataclass(frozen=True)
class LinearPath:
    """Weights from the features of a window to its future, for leads 0, 1, ..., horizon.

    Parameters
    ----------
    config : LinearConfig
    shared : ndarray of float64, shape (n_features + 1, horizon + 1)
        For sequences of no known group. Features of the bank come first, then the extra ones that channels or
        covariates add; the last row belongs to the constant feature, the window's deviation.
    by_group : ndarray of float64, shape (n_groups, n_features + 1, horizon + 1)
    """

    config: LinearConfig
    shared: Float
    by_group: Float

    @property
    def bank(self) -> ModeBank:
        """The mode bank that the config describes."""
        return make_bank(self.config.context, self.config.n_modes, self.config.period)

    @classmethod
    def flat(cls, config: LinearConfig) -> LinearPath:
        """The path that forecasts the mean of every window."""
        bank = make_bank(config.context, config.n_modes, config.period)
        nothing = np.zeros((bank.n_features + 1, config.horizon + 1))
        return cls(config, nothing, nothing[None])

    def weights_of(self, group: int) -> Float:
        """Weights (n_features + 1, horizon + 1) of a group; -1 for the shared ones."""
        return self.shared if group < 0 or len(self.by_group) == 1 else self.by_group[group]

    def forecast(self, features: Float, mean: Float, deviation: Float, groups: Rows) -> Float:
        """Forecast windows at leads 0, 1, ..., horizon.

        Parameters
        ----------
        features : ndarray of float64, shape (n_windows, n_features)
            Features of the centred window, and the extra ones if fit had any.
        mean, deviation : ndarray of float64, shape (n_windows,)
        groups : ndarray of int64, shape (n_windows,)
            -1 for the shared weights.

        Returns
        -------
        ndarray of float64, shape (n_windows, horizon + 1)
        """
        constant = floored(deviation)[:, None]
        out = np.empty((len(features), self.shared.shape[1]))
        for group in np.unique(groups):
            members = groups == group
            W = self.weights_of(int(group))
            out[members] = features[members] @ W[:-1] + constant[members] * W[-1] + mean[members, None]
        return out


@dataclass(frozen=True)
class LinearFit:
    """A fitted linear branch with what its selection left behind.

    Parameters
    ----------
    path : LinearPath
        From all data.
    penalties : Penalties
    moments : Moments
        By segment and group.
    segments : BlockedFolds
    sums : Moments
        Of all segments together, before leads that were not always observed are made up for: further windows
        can be added to them.
    rare : ndarray of bool, shape (horizon + 1,)
        Leads that take interpolated values.
    """

    path: LinearPath
    penalties: Penalties
    moments: Moments
    segments: BlockedFolds
    sums: Moments
    rare: NDArray[np.bool_]

    def without_block(self, block: int) -> LinearPath:
        """The branch solved without one block, which it can be judged on."""
        rest = self.moments.merged(self.segments.training(block))
        shared, by_group = solve(rest, self.penalties, self.path.config.horizon)
        return LinearPath(self.path.config, shared, by_group)


def origin_span(stacks: Seq[SequenceStack], history: float, horizon: float) -> tuple[float, float] | None:
    """First and last instant of all training origins, or None if no sequence holds a whole window."""
    first, last = np.inf, -np.inf
    for stack in stacks:
        rows = origin_rows(stack, history, horizon)
        if len(rows):
            first = min(first, float(stack.starts.min() + stack.times[rows[0]]))
            last = max(last, float(stack.starts.max() + stack.times[rows[-1]]))
    return (first, last) if last >= first else None


def fit_linear(
    stacks: Seq[SequenceStack],
    config: LinearConfig,
    n_groups: int,
    *,
    stride: int = 1,
    history: float | None = None,
    weakest: float = 0.0,
) -> LinearFit:
    """Solve the linear branch on standardised sequences.

    Parameters
    ----------
    stacks : sequence of SequenceStack
        Values standardised; at least one sequence holds a context and a horizon.
    config : LinearConfig
    n_groups : int
        Groups with weights of their own; 1 for shared weights alone.
    stride : int
        Every `stride`-th row is an origin.
    history : float, optional
        Time that lies before every origin; the context by default.
    weakest : float
        Penalties below it are not offered.

    Returns
    -------
    LinearFit

    Raises
    ------
    ValueError
        If no sequence holds a whole window.
    """
    bank = make_bank(config.context, config.n_modes, config.period)
    span = origin_span(stacks, config.context if history is None else history, config.horizon)
    if span is None:
        raise ValueError("no sequence holds a whole window")
    segments = BlockedFolds.over(*span, config.horizon, _MOST_BLOCKS)
    rare = np.ones(config.horizon + 1, dtype=bool)
    if not config.interpolate:
        rare = rarely_observed(stacks, config.context if history is None else history, config.horizon, stride)
    sums = accumulate(stacks, bank, config.context, config.horizon, segments, n_groups, stride, history, rare)
    moments = sums.completed()
    penalties = choose_penalties(moments, segments, config.horizon, weakest=weakest)
    shared, by_group = solve(moments, penalties, config.horizon)
    return LinearFit(
        path=LinearPath(config, shared, by_group),
        penalties=penalties,
        moments=moments,
        segments=segments,
        sums=sums.merged(),
        rare=rare,
    )
