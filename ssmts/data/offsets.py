"""Length of a number of calendar steps, such as ten business days."""

from __future__ import annotations

import pandas as pd

from ssmts.data.duration import parse_step
from ssmts.data.instants import output_times
from ssmts.data.series import Panel

__all__ = ["longest_reach"]

_N_ORIGINS = 64  # two months of business days: every weekday and every month's end that matters


def longest_reach(panel: Panel, n_steps: int, step: float) -> float:
    """Longest time that `n_steps` steps of a panel take, over the latest origins of its first series.

    Parameters
    ----------
    panel : Panel
    n_steps : int
    step : int or float
        Reference step, in the unit of the clock: the length of a step where the panel came without a ``freq``
        or with one of fixed length.

    Returns
    -------
    float
        In the unit of the clock, at least n_steps * step.
    """
    reach = n_steps * step
    offset = None if panel.layout.offset is None else parse_step(panel.layout.offset, panel.clock)
    if not isinstance(offset, pd.tseries.offsets.BaseOffset):
        return reach
    far = 3 * reach + 10 * step
    for origin in panel.series[0].times[-_N_ORIGINS:].tolist():
        times = output_times(origin, horizon=far, step=offset, layout=panel.layout)[:n_steps]
        if len(times) == n_steps:
            reach = max(reach, times[-1] - origin)
    return reach
