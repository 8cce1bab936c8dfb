"""Public holidays as a covariate that is known ahead: the day, the days before and after, which one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.calendar import DAY, wall_clock
from ssmts.data.series import Layout, Times
from ssmts.errors import CovariateError, ParameterError

__all__ = ["N_HOLIDAY_KINDS", "Holidays"]

_YEARS_AHEAD = 30
_EACH = ("holiday", "day before", "day after")
N_HOLIDAY_KINDS = len(_EACH)


@dataclass(frozen=True)
class Holidays:
    """The public holidays of a country over some years, as dates: a saved model needs no package for them.

    Parameters
    ----------
    region : str
        As the user gave it, such as ``"DE"`` or ``"DE-BY"``.
    first_year, last_year : int
        The years of which all holidays are known.
    dates : tuple of int
        Days since 1970-01-01, increasing.
    which : tuple of int
        Position of the holiday's name among `names`, -1 for one that training did not see.
    names : tuple of str
        Of the holidays within the training span.
    n_days : int
        Length of the reference step in days, at least 1: features of longer steps are shares of their days.
    """

    region: str
    first_year: int
    last_year: int
    dates: tuple[int, ...]
    which: tuple[int, ...]
    names: tuple[str, ...]
    n_days: int = 1

    @classmethod
    def of(cls, region: Any, first: int, last: int, step: float, layout: Layout) -> Holidays:
        """The holidays from the year before the first of two instants to 30 years after the last.

        Parameters
        ----------
        region : str
            ISO code of a country, with that of a part of it after a dash if there is one.
        first, last : int
            Instants, in nanoseconds.
        step : int or float
            Reference step, in nanoseconds.
        layout : Layout
            Of the training data.

        Raises
        ------
        ParameterError
            If the package `holidays` knows no such region.
        ImportError
            If it is not installed.
        """
        try:
            import holidays
        except ImportError as error:
            raise ImportError(
                'holidays=... needs the package holidays: pip install "ssmts[holidays]"'
            ) from error
        days = wall_clock(np.array([first, last]), layout) // DAY
        years = days.astype("M8[D]").astype("M8[Y]").astype(int) + 1970
        begin, end = int(years[0]) - 1, int(years[1]) + _YEARS_AHEAD
        allowed = "a region such as 'DE' or 'DE-BY' that the package holidays knows, or None"
        if not isinstance(region, str) or not region:
            raise ParameterError("holidays", region, allowed)
        country, _, part = region.partition("-")
        try:
            found = holidays.country_holidays(country, subdiv=part or None, years=range(begin, end + 1))
        except NotImplementedError as error:
            raise ParameterError("holidays", region, allowed) from error
        by_day = {int(np.datetime64(date, "D").astype(int)): name for date, name in found.items()}
        dates = sorted(by_day)
        names = sorted({by_day[day] for day in dates if days[0] <= day <= days[1]})
        which = tuple(names.index(by_day[day]) if by_day[day] in names else -1 for day in dates)
        return cls(
            region=region,
            first_year=begin,
            last_year=end,
            dates=tuple(dates),
            which=which,
            names=tuple(names),
            n_days=max(1, round(step / DAY)),
        )

    @property
    def n_features(self) -> int:
        """Number of features: any holiday, the day before, the day after, and each holiday by its name."""
        return N_HOLIDAY_KINDS + len(self.names)

    def features(self, times: Times, layout: Layout) -> NDArray[np.float64]:
        """Share of the days from an instant to a step later that are holidays, or lie beside them.

        Parameters
        ----------
        times : ndarray of int64, shape (n,)
            Nanoseconds, as a datetime clock counts them.
        layout : Layout
            A holiday begins and ends on the wall clock of its time zone.

        Returns
        -------
        ndarray of float64, shape (n, n_features)

        Raises
        ------
        CovariateError
            Beyond the years that are known.
        """
        day = wall_clock(times, layout) // DAY
        begin, end = _first_day(self.first_year), _first_day(self.last_year + 1)
        if len(day) and (day.min() < begin + 1 or day.max() + self.n_days + 1 > end):
            raise CovariateError(
                f"Holidays of {self.region!r} are known from {self.first_year} to {self.last_year}, not for "
                "all instants asked for. Fit again, on data nearer to them."
            )
        table = np.zeros((end - begin + 1, self.n_features))
        at = np.array(self.dates, dtype=np.int64) - begin
        table[at, 0] = 1.0
        for column, shift in ((1, -1), (2, 1)):
            beside = at + shift
            beside = beside[(beside >= 0) & (beside < len(table))]
            table[beside, column] = 1.0
        table[:, 1:3] *= 1.0 - table[:, :1]
        which = np.array(self.which, dtype=np.int64)
        table[at[which >= 0], N_HOLIDAY_KINDS + which[which >= 0]] = 1.0
        if self.n_days == 1:
            return np.asarray(table[day - begin])
        total = np.vstack([np.zeros(self.n_features), np.cumsum(table, axis=0)])
        return np.asarray((total[day - begin + self.n_days] - total[day - begin]) / self.n_days)

    def to_dict(self) -> dict[str, Any]:
        """Builtins that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Holidays:
        """Inverse of :meth:`to_dict`."""
        known = dict(state)
        for name in ("dates", "which", "names"):
            known[name] = tuple(state[name])
        return cls(**known)


def _first_day(year: int) -> int:
    """Days from 1970-01-01 to the first of January of a year."""
    return int(np.datetime64(f"{year}-01-01", "D").astype(int))
