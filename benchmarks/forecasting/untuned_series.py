"""Series that nothing here was tuned on, from packages that anyone can install."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Series", "untuned_series"]


@dataclass(frozen=True)
class Series:
    """A series, how far it is forecast, and the season that seasonal methods are told.

    Parameters
    ----------
    name : str
    values : ndarray of float64, shape (length,)
        Regular; the 59 holes of CO2 are filled by lines, for everyone.
    horizon, season : int
        In rows.
    """

    name: str
    values: NDArray[np.float64]
    horizon: int
    season: int


def untuned_series() -> list[Series]:
    """Twelve series of statsmodels, vega_datasets and sktime: yearly to half-hourly."""
    from sktime.datasets import load_airline, load_lynx, load_PBS_dataset
    from statsmodels.datasets import co2, elnino, macrodata, nile, sunspots
    from vega_datasets import data

    macro = macrodata.load_pandas().data
    months = elnino.load_pandas().data.drop(columns="YEAR")
    found = [
        ("CO2, weekly (statsmodels)", co2.load_pandas().data["co2"].interpolate(), 52, 52),
        ("El Nino, monthly (statsmodels)", months.to_numpy().ravel(), 12, 12),
        ("sunspots, yearly (statsmodels)", sunspots.load_pandas().data["SUNACTIVITY"], 11, 11),
        ("Nile, yearly (statsmodels)", nile.load_pandas().data["volume"], 5, 1),
        ("GDP of the USA, quarterly (statsmodels)", macro["realgdp"], 8, 4),
        ("unemployment in the USA, quarterly (statsmodels)", macro["unemp"], 8, 4),
        ("temperature of Seattle, hourly (vega_datasets)", data.seattle_temps()["temp"], 48, 24),
        ("temperature of San Francisco, hourly (vega_datasets)", data.sf_temps()["temp"], 48, 24),
        ("highest temperature of Seattle, daily (vega_datasets)", data.seattle_weather()["temp_max"], 28, 7),
        ("airline passengers, monthly (sktime)", load_airline(), 12, 12),
        ("prescriptions, monthly (sktime)", load_PBS_dataset(), 12, 12),
        ("lynx, yearly (sktime)", load_lynx(), 10, 10),
    ]
    return [Series(name, np.asarray(values, dtype=float), *more) for name, values, *more in found]
