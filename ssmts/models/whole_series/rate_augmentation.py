"""Copies of cases as slower sensors would have sent them: augmentation over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmts.data.arrays import Rows
from ssmts.models.sequences.grid import regular_interval
from ssmts.models.whole_series.case import Case

__all__ = ["slower_copy", "copy_pairs_of", "with_copies"]

_FEWEST = 4  # observations of a copy


def slower_copy(case: Case, rate: float, rng: np.random.Generator) -> Case | None:
    """A case with `rate` times fewer observations, on a clock of the kind it had.

    Of a regular case every k-th row is kept, k the nearest whole number, after a low-pass filter or as it
    was, by chance; of an irregular one each row by chance. None where that changes nothing or leaves too few.

    Parameters
    ----------
    case : Case
    rate : float
    rng : numpy.random.Generator
    """
    if regular_interval(case.times) is None:
        rows = np.flatnonzero(rng.random(len(case.times)) < 1.0 / rate)
        values = case.values[:, rows]
    else:
        k = round(rate)
        plain = rng.random() < 0.5
        rows = np.arange(int(rng.integers(k)) if plain and k > 1 else 0, len(case.times), max(k, 1))
        if plain or k < 2:
            values = case.values[:, rows]
        else:
            from scipy.signal import resample_poly  # a tenth of the import of an estimator

            values = resample_poly(case.values, 1, k, axis=1, padtype="line")
    if len(rows) < _FEWEST or len(rows) == len(case.times):
        return None
    return Case(case.times[rows] - case.times[rows[0]], np.ascontiguousarray(values))


def with_copies(cases: Sequence[Case], rate_range: tuple[float, float], seed: int) -> tuple[list[Case], Rows]:
    """Every case, followed by a copy at a rate drawn evenly in the logarithm.

    A rate below 1 gives no copy: between two observations a finer clock shows no more than the line.

    Returns
    -------
    cases : list of Case
    rows : ndarray of int64, shape (n,)
        Number of the case that each is, or is a copy of.
    """
    rng = np.random.default_rng(seed)
    out, rows = [], []
    for number, case in enumerate(cases):
        out.append(case)
        rows.append(number)
        rate = float(np.exp(rng.uniform(*np.log(rate_range))))
        copy = slower_copy(case, rate, rng) if rate > 1.0 else None
        if copy is not None:
            out.append(copy)
            rows.append(number)
    return out, np.array(rows)


def copy_pairs_of(of_case: Rows) -> Rows:
    """Number of the copy of each case, or of the case that each is a copy of; its own where there is none."""
    copy_pairs = np.arange(len(of_case))
    copy = np.flatnonzero(np.diff(of_case) == 0) + 1  # each stands behind its case
    copy_pairs[copy], copy_pairs[copy - 1] = copy - 1, copy
    return copy_pairs
