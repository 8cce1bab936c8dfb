"""Ways to read the same training cases: on lines or filled by expectation, with copies at other rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data._convert import is_number
from ssmts.data.arrays import Float
from ssmts.data.series import Series
from ssmts.errors import ParameterError
from ssmts.models.whole_series.hold import fit_case_hold, has_gaps
from ssmts.models.whole_series.linear_model import CaseInput, CaseReading
from ssmts.models.whole_series.rate_augmentation import copy_pairs_of, with_copies

__all__ = ["HOLDS", "LinearOptions", "checked_rates", "readings"]

HOLDS = ("auto", "foh", "gp", "none")
_LONGEST = 1024  # observations of a typical case that "auto" tries to fill: the cost grows with their square


@dataclass(frozen=True)
class LinearOptions:
    """Parameters of the linear branch.

    Parameters
    ----------
    n_readouts : int
        Readouts of each kind and time scale.
    hold, rate_range
        As for the estimators.
    seed : int
    """

    n_readouts: int
    hold: Any
    rate_range: Any
    seed: int


def readings(
    series: list[Series],
    model_input: CaseInput,
    targets: Float,
    weights: Float,
    usual: NDArray[np.bool_],
    options: LinearOptions,
) -> Iterator[CaseReading]:
    """Training cases on lines, filled by expectation, or in both ways where the fit is to decide.

    Parameters
    ----------
    series : list of Series
    model_input : CaseInput
        On lines.
    targets : ndarray of float64, shape (n_cases, n_targets)
    weights : ndarray of float64, shape (n_cases,)
    usual : ndarray of bool, shape (n_cases,)
    options : LinearOptions

    Raises
    ------
    ParameterError
        If rate_range is malformed.
    """
    rates = None if options.rate_range is None else checked_rates(options.rate_range)
    for own in _inputs(series, model_input, options.hold):
        cases, of_case, copy_pairs = own(series), np.arange(len(series)), None
        if rates is not None:
            cases, of_case = with_copies(cases, rates, options.seed)
            copy_pairs = copy_pairs_of(of_case)
        yield CaseReading(
            model_input=own,
            cases=cases,
            targets=targets[of_case],
            weights=weights[of_case],
            usual=usual[of_case],
            of_case=of_case,
            copy_pairs=copy_pairs,
        )


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
    filled = replace(read, hold=fit_case_hold(series, read.step, read.mean, read.scale))
    return [filled] if hold == "gp" else [read, filled]
