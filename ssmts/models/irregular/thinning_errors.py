"""What lines and expectations miss on training windows of which observations are left out."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.models.irregular.autocovariance import Autocovariance
from ssmts.models.irregular.kriging import conditional
from ssmts.models.sequences.sequence import SequenceStack, window_at

__all__ = ["GapErrors", "gap_errors", "thinned_errors"]

_N_WINDOWS = 48
_KEPT = 0.25
_MOST_SERIES = 4  # of a window, where one covariance is judged for all
_SHARES = (0.85, 0.5, 0.2, 0.05)  # of the observations: gaps from one to some hundred
_N_OF_SHARE = 12
_MOST_MEMBERS = 16
_LONGEST = 384.0  # reference steps


@dataclass(frozen=True)
class GapErrors:
    """Errors of expectations inside gaps, each array (n,): claimed variance, squared error, group."""

    claimed: Float
    squared: Float
    groups: Rows


def thinned_errors(
    covariance: Autocovariance, stacks: Seq[SequenceStack], context: float
) -> tuple[float, float, float]:
    """Mean squared errors on training windows of which a quarter of the observations is kept.

    Returns
    -------
    lines, expectation, expected : float
        Of the first-order hold and of the conditional expectation, at the observations left out, and the
        latter as the covariance expects it; 0 where no stack holds a window.
    """
    rng = np.random.default_rng(0)
    by_lines, by_expectation, by_covariance, count = 0.0, 0.0, 0.0, 0
    for window in _windows(stacks, context, _N_WINDOWS):
        kept = _kept(window, _KEPT, rng)
        if kept.all():
            continue
        times, values = window.times, window.values[:_MOST_SERIES]
        truth = values[:, ~kept]
        lines = np.array([np.interp(times[~kept], times[kept], own[kept]) for own in values])
        expected, variance = conditional(
            covariance, times[kept], values[:, kept], times[~kept], with_variance=True
        )
        by_lines += float(((lines - truth) ** 2).sum())
        by_expectation += float(((expected - truth) ** 2).sum())
        by_covariance += float(variance.sum()) * len(values)
        count += truth.size
    count = max(count, 1)
    return by_lines / count, by_expectation / count, by_covariance / count


def gap_errors(covariance: Autocovariance, stacks: Seq[SequenceStack], context: float) -> GapErrors:
    """Errors on training windows of which a twentieth to most of the observations are kept.

    Parameters
    ----------
    covariance : Autocovariance
    stacks : sequence of SequenceStack
        Standardised training data.
    context : float
        In reference steps.
    """
    rng = np.random.default_rng(1)
    claimed, squared, groups = [np.empty(0)], [np.empty(0)], [np.empty(0, dtype=np.int64)]
    for share in _SHARES:
        for window in _windows(stacks, min(context, _LONGEST), _N_OF_SHARE):
            kept = _kept(window, share, rng)
            if kept.all():
                continue
            members = np.arange(len(window.values))
            if len(members) > _MOST_MEMBERS:
                members = rng.choice(members, _MOST_MEMBERS, replace=False)
            times, values = window.times, window.values[members]
            expected, variance = conditional(
                covariance, times[kept], values[:, kept], times[~kept], with_variance=True
            )
            claimed.append(np.tile(variance, len(members)))
            squared.append(((expected - values[:, ~kept]) ** 2).ravel())
            groups.append(np.repeat(window.groups[members], len(variance)))
    return GapErrors(np.concatenate(claimed), np.concatenate(squared), np.concatenate(groups))


def _windows(stacks: Seq[SequenceStack], context: float, n_windows: int) -> Iterator[SequenceStack]:
    """About so many windows, spread evenly over the stacks that are long enough."""
    long_enough = [stack for stack in stacks if len(stack.times) >= 8]
    for stack in long_enough:
        for row in np.linspace(7, len(stack.times) - 1, max(1, n_windows // len(long_enough))).astype(int):
            yield window_at(stack, int(row), context)


def _kept(window: SequenceStack, share: float, rng: np.random.Generator) -> np.ndarray:
    """Which observations are kept: the first, the last, and others by chance."""
    kept = rng.random(len(window.times)) < share
    kept[[0, -1]] = True
    return kept
