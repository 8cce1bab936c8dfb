"""Conversion between steps of a generated grid and times."""

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Clock:
    """A regular grid of times: integers are nanoseconds of naive dates, floats are unit-less."""

    start: int | float
    step: int | float

    @classmethod
    def of(cls, start: Any, step: Any) -> "Clock":
        """Clock of `start` and `step`: numbers for unit-less times, else a date and a duration.

        Raises
        ------
        ValueError
            A step that is not positive, or a start that has a time zone.
        TypeError
            A unit-less step with a start that is a date, or the reverse.
        """
        if isinstance(step, Real):
            if not 0 < float(step) < np.inf:
                raise ValueError(f"step must be positive, got {step!r}.")
            if not (start is None or isinstance(start, Real)):
                raise TypeError(f"A unit-less step, {step!r}, needs a number as start, got {start!r}.")
            return cls(0.0 if start is None else float(start), float(step))
        if isinstance(start, Real):
            raise TypeError(f"step {step!r} is a duration, so start must be a date, got {start!r}.")
        import pandas as pd

        nanoseconds = pd.Timedelta(step).as_unit("ns").value
        if nanoseconds <= 0:
            raise ValueError(f"step must be positive, got {step!r}.")
        first = pd.Timestamp("2020-01-01" if start is None else start)
        if first.tzinfo is not None:
            raise ValueError(f"start {start!r} has a time zone; give a naive one and localise the frame.")
        return cls(first.as_unit("ns").value, nanoseconds)

    def times(self, steps: "NDArray[Any]") -> "NDArray[Any]":
        """Times at `steps`: float64, or datetime64[ns] rounded to whole nanoseconds."""
        if isinstance(self.step, float):
            times: NDArray[Any] = self.start + steps * self.step
            return times
        nanoseconds: NDArray[np.int64] = self.start + np.rint(steps * self.step).astype(np.int64)
        return nanoseconds.view("datetime64[ns]")

    def steps(self, times: "ArrayLike") -> "NDArray[np.float64]":
        """Steps since the start at `times`; dates are subtracted before they become floats.

        Raises
        ------
        TypeError
            Numbers where the times are dates, or the reverse.
        """
        given = np.atleast_1d(np.asarray(times))
        if isinstance(self.step, float) != (given.dtype.kind in "iuf"):
            kind = "numbers" if isinstance(self.step, float) else "dates"
            raise TypeError(f"The times of this data set are {kind}, got {given.dtype}.")
        if given.dtype.kind not in "iuf":
            given = given.astype("datetime64[ns]").view(np.int64)
        steps: NDArray[np.float64] = (given - self.start) / self.step
        return steps
