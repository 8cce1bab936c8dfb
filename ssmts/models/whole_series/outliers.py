"""Cases with values far beyond those of all others, which must not set the scale of the others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ssmts.data.series import Series
from ssmts.errors import OutlierWarning
from ssmts.wording import shown

__all__ = ["usual_cases"]

_TIMES = 20.0  # what nine tenths of the cases stay within, to be an outlier
_FEWEST_CASES = 8
_MOST_NAMED = 5


def usual_cases(series: Sequence[Series]) -> NDArray[np.bool_]:
    """Which cases stay, in every channel, within 20 times the deviation that 90% of the cases stay within.

    Deviations are counted from the median over cases of their means. The others are named in a warning. Of
    fewer than 8 cases all are usual.

    Parameters
    ----------
    series : sequence of Series

    Returns
    -------
    ndarray of bool, shape (n_cases,)
    """
    usual = np.ones(len(series), dtype=bool)
    if len(series) < _FEWEST_CASES:
        return usual
    observed = [~np.isnan(one.values) for one in series]
    any_observed = np.stack([seen.any(axis=0) for seen in observed])
    low = np.stack([np.min(s.values, 0, initial=np.inf, where=seen) for s, seen in zip(series, observed)])
    high = np.stack([np.max(s.values, 0, initial=-np.inf, where=seen) for s, seen in zip(series, observed)])
    for channel in range(low.shape[1]):
        rows = np.flatnonzero(any_observed[:, channel])
        if len(rows) < _FEWEST_CASES:
            continue
        least, most = low[rows, channel], high[rows, channel]
        middle = np.median(0.5 * least + 0.5 * most)
        deviations = np.maximum(most - middle, middle - least)
        common = np.quantile(deviations, 0.9, method="lower")
        if common > 0.0:
            usual[rows[deviations > _TIMES * common]] = False
    if not usual.all():
        rows = np.flatnonzero(~usual)
        named = [
            f"{shown(series[row].id)} (from {low[row].min():.3g} to {high[row].max():.3g})"
            for row in rows[:_MOST_NAMED]
        ]
        more = f" and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""
        warnings.warn(
            f"Case {', '.join(named)}{more}: values more than {_TIMES:.0f} times as far out as those of 90% "
            "of the cases. They count, but scales are taken from the other cases. Make such values NaN if "
            "they stand for missing ones.",
            OutlierWarning,
            stacklevel=4,  # the line that calls fit
        )
    return usual
