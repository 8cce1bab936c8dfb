"""Ways to read the same training cases: on lines or filled by expectation, with copies at other rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmts.data._convert import is_number
from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Series
from ssmts.errors import ParameterError
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.hold import fit_case_hold, has_gaps
from ssmts.models.whole_series.linear_model import CaseInput
from ssmts.models.whole_series.rate_augmentation import copy_pairs_of, with_copies

__all__ = ["CaseReading", "checked_rates", "readings"]

_HOLDS = ("auto", "foh", "gp")
_LONGEST = 1024  # observations of a typical case that "auto" tries to fill: the cost grows with their square


@dataclass(frozen=True)
class CaseReading:
    """Training cases read one way: cases, targets and weights; whose copies they are; their copy pairs."""

    model_input: CaseInput
    data: tuple[list[Case], Float, Float]
    of_case: Rows
    copy_pairs: Rows | None


def readings(
    series: list[Series],
    read: CaseInput,
    targets: Float,
    weights: Float,
    hold: Any,
    rate_range: Any,
    seed: int,
) -> Iterator[CaseReading]:
    """Training cases on lines, filled by expectation, or in both ways where the fit is to decide.

    Raises
    ------
    ParameterError
        If hold or rate_range is none that the estimators know.
    """
    if hold not in _HOLDS:
        raise ParameterError("hold", hold, f"one of {', '.join(map(repr, _HOLDS))}")
    rates = None if rate_range is None else checked_rates(rate_range)
    for own in _inputs(series, read, hold):
        cases, of_case, copy_pairs = own(series), np.arange(len(series)), None
        if rates is not None:
            cases, of_case = with_copies(cases, rates, seed)
            copy_pairs = copy_pairs_of(of_case)
        yield CaseReading(own, (cases, targets[of_case], weights[of_case]), of_case, copy_pairs)


def checked_rates(rate_range: Any) -> tuple[float, float]:
    """The parameter `rate_range`: two positive numbers, the lower one first.

    Raises
    ------
    ParameterError
    """
    allowed = "None or (low, high) with 0 < low < high and high > 1, such as (0.25, 4)"
    if (
        not isinstance(rate_range, tuple | list)
        or len(rate_range) != 2
        or not all(map(is_number, rate_range))
    ):
        raise ParameterError("rate_range", rate_range, allowed)
    low, high = map(float, rate_range)
    if not (0.0 < low < high < np.inf and high > 1.0):
        raise ParameterError("rate_range", rate_range, allowed)
    return low, high


def _inputs(series: list[Series], read: CaseInput, hold: str) -> list[CaseInput]:
    """How to read cases: on lines, filled, or both."""
    if hold == "foh":
        return [read]
    gaps = any(has_gaps((one.times - one.times[0]) / read.step, one.values) for one in series)
    length = float(np.median([len(one.times) for one in series]))
    if hold == "auto" and not (gaps and length <= _LONGEST):
        return [read]
    filled = replace(read, hold=fit_case_hold(series, read.step, read.level, read.scale))
    return [filled] if hold == "gp" else [read, filled]
