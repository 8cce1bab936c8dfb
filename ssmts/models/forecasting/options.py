"""What a user asks of a fit, as the models take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssmts.data._convert import is_integer
from ssmts.data.arrays import Float
from ssmts.data.covariates import CovariateColumns
from ssmts.errors import ParameterError
from ssmts.models.irregular.hold import HOLDS

__all__ = ["ForecastOptions"]


@dataclass(frozen=True)
class ForecastOptions:
    """Parameters of a fit that the data do not decide; the estimators document them for users.

    Parameters
    ----------
    horizon : int or duration
        An int counts reference steps.
    context_length : int, duration or None
        None: chosen by cross-validation.
    n_modes : int
        The most modes of the bank.
    hold : str
        One of `ssmts.models.irregular.hold.HOLDS`.
    columns : CovariateColumns or None
        Covariates of the panel; None where there are none.
    calendar : bool
        Whether the calendar is a covariate.
    holidays : str or None
        Region whose public holidays are a covariate.
    channel_mixing : bool
        Whether channels may read each other.
    levels : ndarray of float64, shape (n_levels,)
        Quantile levels to learn, increasing.

    Raises
    ------
    ParameterError
        If `n_modes` or `hold` cannot be.
    """

    horizon: Any
    context_length: Any
    n_modes: int
    hold: str
    columns: CovariateColumns | None
    calendar: bool
    holidays: Any
    channel_mixing: bool
    levels: Float

    def __post_init__(self) -> None:
        if not is_integer(self.n_modes) or self.n_modes < 1:
            raise ParameterError("n_modes", self.n_modes, "an integer >= 1")
        if not isinstance(self.hold, str) or self.hold not in HOLDS:
            raise ParameterError("hold", self.hold, f"one of {', '.join(map(repr, HOLDS))}")
