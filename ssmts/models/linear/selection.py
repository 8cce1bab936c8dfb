"""Choice of period, context and stand-ins for missing leads, by cross-validation on a share of windows."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Seq
from dataclasses import replace
from typing import Any

import numpy as np

from ssmts.models.config import LinearConfig
from ssmts.models.linear.cv_residuals import held_out_errors
from ssmts.models.linear.path import fit_linear, origin_span
from ssmts.models.linear.seasonal_periods import candidate_periods
from ssmts.models.sequences.origins import future_observed, origin_rows
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.progress import tracked

__all__ = ["choose_context", "choose_interpolation", "choose_period", "with_interpolation"]

_MOST_SEQUENCES = 4
_MOST_WINDOWS = 12_000
_CONTEXTS = (1, 2, 4, 8, 16, 32)  # in horizons


def choose_period(
    stacks: Seq[SequenceStack], config: LinearConfig, step_seconds: float | None = None
) -> tuple[float | None, dict[str, float]]:
    """Fundamental period of the bank with the least cross-validated error, or None for no period.

    Parameters
    ----------
    stacks : sequence of SequenceStack
        Standardised training data.
    config : LinearConfig
        Its own period is not looked at.
    step_seconds : float, optional
        Length of the reference step; None for unit-less clocks.

    Returns
    -------
    period : float or None
        In reference steps.
    errors : dict
        Cross-validated mean squared error by candidate, as text for the history.
    """
    longest = max(config.context, 2.0 * config.horizon)
    candidates: list[float | None] = [None, *candidate_periods(stacks, longest, step_seconds)]
    if len(candidates) == 1:
        return None, {}
    errors = [_error(stacks, replace(config, period=period)) for period in tracked(candidates, "season")]
    named = {"none" if p is None else f"{p:.6g}": e for p, e in zip(candidates, errors)}
    return candidates[int(np.argmin(errors))], named


def choose_context(stacks: Seq[SequenceStack], config: LinearConfig) -> tuple[float | None, dict[str, float]]:
    """Context with the least cross-validated error among multiples of the horizon, on the same origins.

    Parameters
    ----------
    stacks : sequence of SequenceStack
        Standardised training data.
    config : LinearConfig
        Its own context is not looked at.

    Returns
    -------
    context : float or None
        In reference steps; None if no sequence is long enough for any.
    errors : dict
        Cross-validated mean squared error by context.
    """
    spans = [float(stack.times[-1]) for stack in stacks]
    # Half of the longest series stays for origins and their futures.
    contexts = [float(m * config.horizon) for m in _CONTEXTS]
    possible = [c for c in contexts if c >= 2 and c + config.horizon <= 0.5 * max(spans)]
    if not possible:
        possible = [max(2.0, np.floor(0.25 * max(spans)))]
        if possible[0] + config.horizon > max(spans):
            return None, {}
    if len(possible) == 1:
        return possible[0], {}
    errors = [
        _error(stacks, replace(config, context=c), history=possible[-1]) for c in tracked(possible, "context")
    ]
    return possible[int(np.argmin(errors))], {f"{c:g}": e for c, e in zip(possible, errors)}


def choose_interpolation(stacks: Seq[SequenceStack], config: LinearConfig) -> tuple[bool, dict[str, float]]:
    """Whether leads without an observation are to take lines, by errors where leads were observed.

    Left out they cost nothing where rows are missing by chance; where a clock says which are, as that of
    business days or of a plant that rests at night, the windows that observed a lead do not stand for all.

    Returns
    -------
    interpolate : bool
    errors : dict
        Mean squared error on held-out blocks, in standardised units; {} where every lead was observed.
    """
    few, stride = _share(stacks, config.context, config.horizon)
    rows = [(stack, origin_rows(stack, config.context, config.horizon, stride)) for stack in few]
    if all((known := future_observed(*own, config.horizon)) is None or known.all() for own in rows):
        return False, {}
    errors = {}
    for name, interpolate in (("left_out", False), ("lines", True)):
        linear = fit_linear(few, replace(config, interpolate=interpolate), 1, stride=stride)
        errors[name] = float(np.nanmean(held_out_errors(few, linear).errors.astype(np.float64) ** 2))
    return errors["lines"] < errors["left_out"], errors


def with_interpolation(
    stacks: list[SequenceStack], config: LinearConfig, history: dict[str, Any]
) -> LinearConfig:
    """The config that says what stands for leads without an observation."""
    if origin_span(stacks, config.context, config.horizon) is None:
        return config
    interpolate, errors = choose_interpolation(stacks, config)
    if errors:
        history["errors_by_missing_leads"] = errors
    return replace(config, interpolate=interpolate)


def _error(stacks: Seq[SequenceStack], config: LinearConfig, history: float | None = None) -> float:
    """Cross-validated error of shared weights on a few sequences and a share of the origins."""
    history = config.context if history is None else history
    few, stride = _share(stacks, history, config.horizon)
    return fit_linear(few, config, 1, stride=stride, history=history).penalties.error


def _share(stacks: Seq[SequenceStack], history: float, horizon: int) -> tuple[list[SequenceStack], int]:
    """A few sequences, and the stride of their origins that leaves about 12,000 windows."""
    few = list(_spread(stacks))
    n_windows = sum(len(origin_rows(stack, history, horizon)) * len(stack.values) for stack in few)
    return few, max(1, n_windows // _MOST_WINDOWS)


def _spread(stacks: Seq[SequenceStack]) -> Iterable[SequenceStack]:
    """A few sequences, from all over the stacks."""
    total = sum(len(stack.values) for stack in stacks)
    wanted = np.unique(np.linspace(0, total - 1, min(total, _MOST_SEQUENCES)).astype(int))
    before = 0
    for stack in stacks:
        inside = wanted[(wanted >= before) & (wanted < before + len(stack.values))] - before
        before += len(stack.values)
        if len(inside):
            yield stack.of_members(inside)
