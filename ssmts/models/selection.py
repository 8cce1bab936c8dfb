"""Choice of the bank's period and of the context by cross-validation on a share of the windows."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Seq
from dataclasses import replace

import numpy as np

from ssmts.models.config import LinearConfig
from ssmts.models.linear import fit_linear
from ssmts.models.origins import origin_rows
from ssmts.models.periods import candidate_periods
from ssmts.models.sequences import SequenceStack

__all__ = ["choose_context", "choose_period"]

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
    errors = [_error(stacks, replace(config, period=period)) for period in candidates]
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
    errors = [_error(stacks, replace(config, context=c), history=possible[-1]) for c in possible]
    return possible[int(np.argmin(errors))], {f"{c:g}": e for c, e in zip(possible, errors)}


def _error(stacks: Seq[SequenceStack], config: LinearConfig, history: float | None = None) -> float:
    """Cross-validated error of shared weights on a few sequences and a share of the origins."""
    few = list(_spread(stacks))
    history = config.context if history is None else history
    n_windows = sum(len(origin_rows(stack, history, config.horizon)) * len(stack.values) for stack in few)
    stride = max(1, n_windows // _MOST_WINDOWS)
    return fit_linear(few, config, 1, stride=stride, history=history).penalties.error


def _spread(stacks: Seq[SequenceStack]) -> Iterable[SequenceStack]:
    """A few sequences, from all over the stacks."""
    total = sum(len(stack.values) for stack in stacks)
    wanted = np.unique(np.linspace(0, total - 1, min(total, _MOST_SEQUENCES)).astype(int))
    before = 0
    for stack in stacks:
        inside = wanted[(wanted >= before) & (wanted < before + len(stack.values))] - before
        before += len(stack.values)
        if len(inside):
            weights = None if stack.weights is None else stack.weights[inside]
            yield replace(
                stack,
                values=stack.values[inside],
                starts=stack.starts[inside],
                groups=stack.groups[inside],
                weights=weights,
            )
