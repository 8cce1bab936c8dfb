"""Quantile levels and interval coverages as users give them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.errors import ParameterError
from ssmts.models.uncertainty.error_quantiles import DEFAULT_LEVELS

__all__ = ["asked_levels", "central_levels", "interval_levels", "tidy_levels", "training_levels"]

_LEAST_PERCENT = 1.0 - 1e-9  # a level below it is a fraction that was meant as percents
_SLACK = 1e-9  # (100 - 99) / 200 is not quite 0.005


def training_levels(quantiles: Any) -> Float:
    """Quantile levels that fit learns, increasing."""
    if quantiles is None:
        return np.array(DEFAULT_LEVELS)
    return np.sort(_numbers("quantiles", quantiles, 0.0, 1.0, "different numbers between 0 and 1"))


def asked_levels(quantiles: Any, trained: Float) -> Float:
    """Quantile levels of a forecast, in the order given.

    Raises
    ------
    ParameterError
        If a level lies outside the range that fit learnt.
    """
    low, high = float(trained[0]), float(trained[-1])
    allowed = f"different numbers from {low:g} to {high:g}, the outermost levels that fit learnt (quantiles=)"
    levels = _numbers("quantiles", quantiles, low - 2 * _SLACK, high + 2 * _SLACK, allowed)
    return np.clip(levels, low, high)


def interval_levels(level: Any, trained: Float) -> tuple[list[str], Float]:
    """Column suffixes and quantile levels of the ends of intervals.

    Raises
    ------
    ParameterError
        If an end lies outside the range that fit learnt.
    """
    widest = 100.0 * (1.0 - 2.0 * max(float(trained[0]), 1.0 - float(trained[-1])))
    if widest <= 0:
        one = trained[0] if len(trained) == 1 else trained.tolist()
        raise ParameterError("level", level, f"left out: no interval lies between {one}, all that fit learnt")
    allowed = (
        f"different percents of at least 1 (90, not 0.9) and at most {widest:g}, what fit learnt (quantiles=)"
    )
    percents = _numbers("level", level, _LEAST_PERCENT, widest + 400 * _SLACK, allowed)
    suffixes, ends = _ends(percents)
    return suffixes, np.clip(ends, trained[0], trained[-1])


def tidy_levels(trained: Float, level: Any, quantiles: Any) -> tuple[list[str], Float]:
    """Columns of a tidy table of forecasts and their quantile levels: ends of intervals, then quantiles.

    Raises
    ------
    ParameterError
        As :func:`interval_levels` and :func:`asked_levels`.
    """
    names: list[str] = []
    levels = np.empty(0)
    if level is not None:
        suffixes, levels = interval_levels(level, trained)
        names = [suffix.removeprefix("-") for suffix in suffixes]
    if quantiles is not None:
        own = asked_levels(quantiles, trained)
        names += [f"q-{one:g}" for one in own]
        levels = np.concatenate([levels, own])
    return names, levels


def central_levels(level: Any) -> tuple[list[str], Float]:
    """Column suffixes and quantile levels of the ends of central intervals, of any coverage.

    Raises
    ------
    ParameterError
        If a coverage is not between 1 and 100 percent.
    """
    allowed = "different percents of at least 1 (90, not 0.9) and below 100"
    return _ends(_numbers("level", level, _LEAST_PERCENT, 100.0, allowed))


def _ends(percents: Float) -> tuple[list[str], Float]:
    """Suffixes and quantile levels of the lower and the upper end of every interval."""
    ends = np.stack([0.5 - percents / 200.0, 0.5 + percents / 200.0], axis=1)
    return [f"-{end}-{percent:g}" for percent in percents for end in ("lo", "hi")], ends.ravel()


def _numbers(name: str, value: Any, above: float, below: float, allowed: str) -> Float:
    """Different numbers strictly between two bounds."""
    given = value if isinstance(value, list | tuple | np.ndarray) else [value]
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(name, value, allowed) from None
    inside = numbers.ndim == 1 and len(numbers) and ((numbers > above) & (numbers < below)).all()
    if not inside or len(np.unique(numbers)) < len(numbers) or any(isinstance(v, bool) for v in given):
        raise ParameterError(name, value, allowed)
    return numbers
