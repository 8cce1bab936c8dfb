"""A made-up ward: stays whose outcome depends on values, trends and how often something was measured."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ._frames import build_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ward", "make_ward"]

_RATES = {"heart_rate": 0.8, "temperature": 0.25, "lactate": 0.06, "sodium": 0.1}  # observations an hour


@dataclass(frozen=True, eq=False)
class Ward:
    """Observations, outcomes, and the truth behind them.

    Attributes
    ----------
    observations : pandas or polars DataFrame
        Columns ``stay``, ``hour``, ``parameter``, ``value``; a row an observation, by stay and hour. The age
        is one row of the first hour.
    stays : ndarray of int64, shape (n_stays,)
        In the order in which they come in `observations`.
    died : ndarray of int64, shape (n_stays,)
        0 or 1.
    probability : ndarray of float64, shape (n_stays,)
        Of death, given everything that the law knows of a stay.
    """

    observations: Any = field(repr=False)
    stays: "NDArray[np.int64]" = field(repr=False)
    died: "NDArray[np.int64]" = field(repr=False)
    probability: "NDArray[np.float64]" = field(repr=False)


def make_ward(
    n_stays: int = 1000,
    *,
    hours: float = 48.0,
    backend: str = "pandas",
    random_state: int | None = None,
) -> Ward:
    """Draw stays.

    The log-odds of death are ``-2.2 + age + 1.5 worry + 1.2 trend``, three independent standard normal
    numbers: the standardised age; how worried the staff are, of which only the frequency of lactate tells,
    ``exp(0.8 worry)`` times the usual one; and the trend of the heart rate, 6 beats a day for each unit.
    Temperature and sodium say nothing, nor do values of lactate.

    Parameters
    ----------
    n_stays : int, default 1000
    hours : float, default 48
        Length of a stay.
    backend : {"pandas", "polars"}, default "pandas"
    random_state : int, optional

    Returns
    -------
    Ward

    Raises
    ------
    ValueError
        If a number is not positive.
    """
    if n_stays < 1 or not hours > 0:
        raise ValueError(f"n_stays and hours must be positive, got {n_stays} and {hours}")
    rng = np.random.default_rng(random_state)
    age, worry, trend = rng.normal(size=(3, n_stays))
    probability = 1.0 / (1.0 + np.exp(2.2 - age - 1.5 * worry - 1.2 * trend))
    died = (rng.random(n_stays) < probability).astype(np.int64)
    rows: list[tuple[NDArray[Any], ...]] = []
    for stay in range(n_stays):
        rows.append(
            (np.array([stay]), np.zeros(1), np.array(["age"]), np.round(65.0 + 12.0 * age[stay : stay + 1]))
        )
        for parameter, rate in _RATES.items():
            often = np.exp(0.8 * worry[stay]) if parameter == "lactate" else 1.0
            count = rng.poisson(rate * often * hours)
            hour = np.unique(np.round(rng.uniform(0.0, hours, count), 2))
            level, noise = {
                "heart_rate": (84.0, 8.0),
                "temperature": (37.0, 0.5),
                "lactate": (1.8, 0.6),
                "sodium": (139.0, 3.0),
            }[parameter]
            value = level + noise * rng.normal() + 0.4 * noise * rng.normal(size=len(hour))
            if parameter == "heart_rate":
                value += 6.0 * trend[stay] * (hour - 0.5 * hours) / 24.0
            rows.append((np.full(len(hour), stay), hour, np.full(len(hour), parameter), value))
    stay_of, hour_of, parameter_of, value_of = (np.concatenate(part) for part in zip(*rows))
    order = np.lexsort((hour_of, stay_of))
    columns = {
        "stay": stay_of[order],
        "hour": hour_of[order],
        "parameter": parameter_of[order].astype(object),
        "value": value_of[order],
    }
    return Ward(build_frame(columns, backend), np.arange(n_stays), died, probability)
