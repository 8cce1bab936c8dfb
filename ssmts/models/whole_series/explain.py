"""What each channel's observations of each period change in what is said of a sparse case, as a table."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ssmts.errors import ParameterError
from ssmts.models.whole_series.fitted import FittedCases
from ssmts.models.whole_series.observation_model import ObservationModel
from ssmts.models.whole_series.observed_case import ObservedCase
from ssmts.wording import Described

__all__ = ["explained_cases"]


def explained_cases(
    fitted: FittedCases, ids: Sequence[Hashable | None], cases: Sequence[Any], n_periods: int
) -> pd.DataFrame:
    """Effects by case, channel and period; a part of a case without observations has no row.

    Parameters
    ----------
    fitted : FittedCases
    ids : sequence
        One a case.
    cases : sequence of ObservedCase
    n_periods : int
        Equal parts of a typical case.

    Returns
    -------
    pandas.DataFrame
        Columns id, channel, begin and end in units of the clock since the first observation, n_observations,
        and effect: the answer less that to the case without these observations. Of a classifier one column
        a class, in log-probability; of two classes one column, the log-odds of the second; of a regressor
        one column in the unit of the target.

    Raises
    ------
    ParameterError
        If the model reads cases as held between their observations.
    """
    model = fitted.model
    if not isinstance(model, ObservationModel):
        raise ParameterError(
            "hold", Described("that of this fit"), "'none', or sparse cases that are read so by themselves"
        )
    edges = np.linspace(0.0, model.duration, n_periods + 1)
    keys, without, of_case = [], [], []
    for number, case in enumerate(cases):
        period = np.clip(np.searchsorted(edges, case.times, side="right") - 1, 0, n_periods - 1)
        for part in range(n_periods):
            inside = (period == part)[:, None] & ~np.isnan(case.values)
            end = edges[part + 1] if part + 1 < n_periods else max(edges[-1], case.elapsed)
            for channel in np.flatnonzero(inside.any(axis=0)):
                values = case.values.copy()
                values[inside[:, channel], channel] = np.nan
                left = ~np.isnan(values).all(axis=1)
                if left.any():
                    name, count = fitted.layout.channels[channel], int(inside[:, channel].sum())
                    keys.append((ids[number], name, edges[part], end, count))
                    without.append(ObservedCase(case.times[left], values[left]))
                    of_case.append(number)
    effects = np.asarray(fitted(cases))[of_case] - (fitted(without) if without else 0.0)
    table = pd.DataFrame(keys, columns=["id", "channel", "begin", "end", "n_observations"])
    for name in ("begin", "end"):
        since = table[name] * float(model.input.step)
        table[name] = pd.to_timedelta(since) if fitted.layout.clock.kind == "datetime" else since
    if fitted.classes is None:
        return table.assign(effect=effects[:, 0])
    if len(fitted.classes) == 2:
        return table.assign(effect=effects[:, 1] - effects[:, 0])
    return table.assign(**{f"effect_{label}": own for label, own in zip(fitted.classes, effects.T)})
