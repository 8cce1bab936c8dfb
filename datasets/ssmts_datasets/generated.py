"""A generated data set: frame and truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ._clock import Clock
from ._frames import Backend, build_frame, wide_columns
from ._processes import Process

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Layout = Literal["wide", "long"]


@dataclass(frozen=True, eq=False)
class GeneratedDataset:
    """Observations with known truth.

    Attributes
    ----------
    name : {"sines", "damped_oscillators", "ar"}
    ids : tuple of str
        One a series.
    channels : tuple of str
        ``("y",)``, or ``("y0", "y1", ...)``.
    times : tuple of ndarray, one a series, shape (length_i,)
        datetime64[ns], or float64 when `step` is a number.
    values : tuple of ndarray of float64, one a series, shape (length_i, n_channels)
        Observations; NaN where only another channel was observed.
    noise : float
        Standard deviation of the white measurement noise.
    parameters : mapping of str to object
        All arguments and draws. Periods, rates and times are in steps.
    regular : bool
        Whether the observations are the complete grid.
    layout : {"wide", "long"}
    backend : {"pandas", "polars"}
    clock : Clock
        Start and step of the grid.
    process : Process
        The law of the noise-free values.
    frame : pandas.DataFrame or polars.DataFrame
        Wide: one row a time, the DatetimeIndex ``ds`` in pandas and the column ``ds`` in polars or when
        times are numbers; one column a channel. Long: ``unique_id``, ``ds`` and the channels.
    """

    name: str
    ids: tuple[str, ...]
    channels: tuple[str, ...]
    times: "tuple[NDArray[Any], ...]" = field(repr=False)
    values: "tuple[NDArray[np.float64], ...]" = field(repr=False)
    noise: float
    parameters: Mapping[str, Any] = field(repr=False)
    regular: bool
    layout: Layout
    backend: Backend
    clock: Clock
    process: Process = field(repr=False)
    frame: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", self._build_frame())  # the dataclass is frozen

    def _build_frame(self) -> Any:
        if self.layout == "wide":
            times, values = self.times[0], self.values[0]
            index = "ds" if times.dtype.kind == "M" else None
            return build_frame(
                {"ds": times, **wide_columns(self.channels, values)}, self.backend, index=index
            )
        ids = np.repeat(np.array(self.ids), [len(times) for times in self.times])
        columns = wide_columns(self.channels, np.concatenate(self.values))
        return build_frame({"unique_id": ids, "ds": np.concatenate(self.times), **columns}, self.backend)

    def truth(self, times: "ArrayLike", *, series: int = 0) -> "NDArray[np.float64]":
        """Noise-free values at any times; for AR, at times of its grid.

        Parameters
        ----------
        times : array-like, shape (n,)
            Dates (anything that numpy reads as datetime64), or numbers when the data set has unit-less
            times.
        series : int, default 0
            Position in `ids`.

        Returns
        -------
        ndarray of float64, shape (n, n_channels)

        Raises
        ------
        ValueError
            AR only: a time off the grid.
        """
        return self.process.evaluate(self.clock.steps(times), series)

    def forecast_mse(self, horizon: "int | ArrayLike") -> "NDArray[np.float64]":
        """Mean squared error of the best possible forecast of an observation, `horizon` steps ahead.

        For sines and oscillators with known parameters it is the variance of the measurement noise. For
        AR(p) with known coefficients and the complete past it is σ² Σ_{j<h} ψ_j².

        Parameters
        ----------
        horizon : int or array-like of int
            One or more lead times, from 1.

        Returns
        -------
        ndarray of float64, of the shape of `horizon`

        Raises
        ------
        ValueError
            A lead below 1, or an AR process with removed rows, where the error depends on which are left.

        References
        ----------
        Box, Jenkins, Reinsel, Ljung (2015), Time Series Analysis, 5th edition, section 5.1.
        """
        leads = np.asarray(horizon)
        if leads.dtype.kind not in "iu" or leads.size == 0 or leads.min() < 1:
            raise ValueError(f"horizon must be whole numbers from 1, got {horizon!r}.")
        variance = self.process.forecast_variance(leads)
        if not self.regular and variance.any():
            raise ValueError(
                "The optimal error after removed rows depends on which are left. "
                "Ask the regular data set, the one given to make_irregular."
            )
        return variance + self.noise**2
