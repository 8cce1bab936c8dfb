"""Calendar features in continuous time: harmonics of day, week and year at any instant."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data.series import Layout, Times

__all__ = ["DAY", "Calendar", "wall_clock", "weekdays"]

DAY = 86_400_000_000_000  # nanoseconds
_MOST = {"day": 6, "week": 3, "year": 6}
_LENGTH = {"day": DAY, "week": 7 * DAY, "year": 365.2425 * DAY}
_SEEN = 1.5  # periods that the data must span: less does not tell a cycle from a trend


@dataclass(frozen=True)
class Calendar:
    """Harmonics of the calendar that describe an instant.

    Parameters
    ----------
    day, week, year : int
        Number of harmonics of the hour of the day, of the day of the week and of the day of the year.
    """

    day: int
    week: int
    year: int

    @classmethod
    def suited(cls, step: float, span: float) -> Calendar:
        """Harmonics supported by sampling rate and span: one for each period observed.

        Parameters
        ----------
        step, span : int or float
            Reference step and length of the longest series, in nanoseconds.
        """
        counts = {
            unit: min(most, int(length / (2.0 * step)), int(span / length)) if span >= _SEEN * length else 0
            for (unit, most), length in zip(_MOST.items(), _LENGTH.values(), strict=True)
        }
        return cls(**counts)

    @property
    def n_features(self) -> int:
        """A sine and a cosine for each harmonic."""
        return 2 * (self.day + self.week + self.year)

    def features(self, times: Times, layout: Layout) -> NDArray[np.float64]:
        """Sines and cosines at some instants.

        Parameters
        ----------
        times : ndarray of int64, shape (n,)
            Nanoseconds, as a datetime clock counts them.
        layout : Layout
            Gives the wall clock, which human activity follows: a clock change moves the day.

        Returns
        -------
        ndarray of float64, shape (n, n_features)
        """
        local = wall_clock(times, layout)
        year = local.view("M8[ns]").astype("M8[Y]")
        begin, end = (y.astype("M8[ns]").astype(np.int64) for y in (year, year + 1))
        phases = {
            "day": (local % DAY) / DAY,
            "week": ((local + 3 * DAY) % (7 * DAY)) / (7 * DAY),  # 1970-01-01 was a Thursday
            "year": (local - begin) / (end - begin),
        }
        angles = [2.0 * np.pi * k * phases[u] for u in _MOST for k in range(1, getattr(self, u) + 1)]
        waves = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
        return np.stack(waves, axis=1) if waves else np.empty((len(times), 0))

    def columns(self, unit: str, most: int) -> NDArray[np.int64]:
        """Columns of the features that hold the first harmonics of a unit, at most so many of them."""
        counts = {name: getattr(self, name) for name in _MOST}
        begin = 2 * sum(list(counts.values())[: list(_MOST).index(unit)])
        return np.arange(begin, begin + 2 * min(most, counts[unit]))

    def to_dict(self) -> dict[str, Any]:
        """Builtins that JSON can hold."""
        return asdict(self)


def wall_clock(times: Times, layout: Layout) -> NDArray[np.int64]:
    """Instants on the wall clock of a layout's time zone, all in nanoseconds."""
    times = layout.to_stamps(times)
    if layout.tz is None:
        return np.asarray(times, dtype=np.int64)
    index = pd.DatetimeIndex(times.view("M8[ns]"), tz="UTC")
    return np.asarray(index.tz_convert(layout.tz).tz_localize(None).asi8)


def weekdays(times: Times, layout: Layout) -> NDArray[np.int64]:
    """Day of the week on the wall clock, 0 for Monday."""
    return np.asarray((wall_clock(times, layout) // DAY + 3) % 7)  # 1970-01-01 was a Thursday
