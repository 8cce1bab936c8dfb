"""Which series, channels and origins a picture shows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from ssmts.data import Panel, is_integer, parse_duration, parse_horizon, parse_instant
from ssmts.errors import ParameterError
from ssmts.models.forecasting.fitted import FittedForecaster

__all__ = ["chosen_labels", "chosen_series", "history_before", "origins_of", "reach_of"]

_MOST_ORIGINS = 20
_SHOWN = 5


def chosen_series(panel: Panel, id: Any) -> Panel:
    """The series with the ids given, in that order; the first one where none is given.

    Raises
    ------
    ParameterError
        If the panel does not hold an id.
    """
    if id is None:
        return replace(panel, series=panel.series[:1])
    if list(panel.ids) == [None]:
        raise ParameterError("id", id, "None: X holds a single series without an id")
    by_id = {series.id: series for series in panel.series}
    return replace(panel, series=tuple(by_id[one] for one in chosen_labels("id", id, list(by_id))))


def chosen_labels(name: str, value: Any, known: Sequence[Hashable]) -> list[Hashable]:
    """One label or a list of labels, all of them known.

    Raises
    ------
    ParameterError
        If one is not; the message shows similar ones.
    """
    one = isinstance(value, str) or not isinstance(value, list | tuple | np.ndarray) or _in(value, known)
    labels: list[Hashable] = [value] if one else list(value)
    for label in labels:
        if _in(label, known):
            continue
        text = {str(other): other for other in known}
        near = [text[match] for match in get_close_matches(str(label), list(text), n=3)]
        shown = ", ".join(map(repr, near or known[:_SHOWN]))
        more = "" if near or len(known) <= _SHOWN else " and others"
        raise ParameterError(name, label, f"one of the {len(known)} there are, such as {shown}{more}")
    if not labels or len(set(labels)) < len(labels):
        raise ParameterError(name, value, "one label, or a list of different ones")
    return labels


def _in(label: Any, known: Sequence[Hashable]) -> bool:
    try:
        return label in set(known)
    except TypeError:  # a list
        return False


def reach_of(fitted: FittedForecaster, horizon: Any) -> float:
    """How far a forecast goes, in the unit of the clock."""
    if horizon is None:
        return fitted.horizon
    return parse_horizon(horizon, fitted.layout.clock, fitted.layout.counted_step(fitted.step))


def history_before(fitted: FittedForecaster, history: Any, shown: float) -> float:
    """How much before the first origin is drawn, in the unit of the clock.

    Parameters
    ----------
    fitted : FittedForecaster
    history : int or duration, optional
        By default four times what is forecast, and at least 24 reference steps, up to the context.
    shown : float
        From the first origin to the last instant of a forecast.

    Raises
    ------
    ParameterError
        If it is no positive number of steps.
    DurationError
    """
    if history is None:
        context = fitted.model.config.linear.context * fitted.step
        return min(context, max(4.0 * shown, 24.0 * fitted.step))
    if is_integer(history):
        if history < 1:
            raise ParameterError("history", history, "at least 1 reference step, or a duration")
        return float(int(history) * fitted.layout.counted_step(fitted.step))
    return float(parse_duration(history, fitted.layout.clock))


def origins_of(panel: Panel, origins: Any, reach: float) -> list[list[float]]:
    """For each origin, oldest first, where every series is cut.

    Parameters
    ----------
    panel : Panel
    origins : int, instant or list of instants
        An integer counts: the last ones, a horizon apart, the very last where each series ends. Instants
        that are integers are given as a list.
    reach : float
        Horizon, in the unit of the clock.

    Raises
    ------
    ParameterError
        If the number is not from 1 to 20.
    InstantError
        If an instant cannot be read.
    """
    allowed = f"a number from 1 to {_MOST_ORIGINS}, or a list of at most as many instants"
    if is_integer(origins):
        if not 1 <= origins <= _MOST_ORIGINS:
            raise ParameterError("origins", origins, allowed)
        return [[series.origin - k * reach for series in panel.series] for k in reversed(range(origins))]
    many = isinstance(origins, list | tuple | np.ndarray) or hasattr(origins, "to_numpy")
    given = list(origins) if many else [origins]
    if not 1 <= len(given) <= _MOST_ORIGINS:
        raise ParameterError("origins", origins, allowed)
    instants = sorted({parse_instant(one, panel.layout) for one in given})
    return [[one] * len(panel.series) for one in instants]
