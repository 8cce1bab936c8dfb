"""A panel: many series in one frame, and the windows that a forecast of it is judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Panel", "Task"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """What is forecast, and what is known of it.

    Parameters
    ----------
    frame : DataFrame
        Columns unique_id, ds, y; sorted. The last ``(n_windows - 1) * stride + horizon`` rows of every series
        are the futures of its windows.
    horizon, season : int
        In rows.
    rate : str
        Of the rows: 15min, h, D, W, M, Q or Y.
    n_windows, stride : int
        Origins of every series, and the rows from one to the next.
    refitted : bool
        Whether our model is fitted anew at each origin, or once at the first.
    name : str
    """

    name: str
    frame: pd.DataFrame
    horizon: int
    season: int
    rate: str
    n_windows: int
    stride: int
    refitted: bool

    @property
    def n_judged(self) -> int:
        """Rows of a series from the first origin on."""
        return (self.n_windows - 1) * self.stride + self.horizon

    @property
    def ids(self) -> list[str]:
        """Names of the series, in the order of `series`."""
        return [str(name) for name in self.frame["unique_id"].unique()]

    @property
    def series(self) -> list[Array]:
        """Values of every series, futures included."""
        y = self.frame["y"].to_numpy(dtype=np.float64)
        starts = np.flatnonzero(np.r_[True, np.diff(self.frame["unique_id"].factorize()[0]) != 0])
        return np.split(y, starts[1:])

    def cutoff(self, length: int, window: int) -> int:
        """Rows that are known at a window of a series of that many rows."""
        return length - self.n_judged + window * self.stride

    def known(self, window: int = 0) -> pd.DataFrame:
        """Rows of the frame that are known at a window."""
        from_end = self.frame.groupby("unique_id", sort=False).cumcount(ascending=False)
        return self.frame[from_end >= self.n_judged - window * self.stride].reset_index(drop=True)

    def truth(self) -> Array:
        """What comes, shape (n_series, n_windows, horizon)."""
        futures = []
        for y in self.series:
            windows = np.lib.stride_tricks.sliding_window_view(y[len(y) - self.n_judged :], self.horizon)
            futures.append(windows[:: self.stride])
        return np.stack(futures)


@dataclass(frozen=True)
class Panel:
    """A data set with its rule of judging.

    Parameters
    ----------
    name : str
    frame : DataFrame
        Columns unique_id, ds, y; sorted by series and time, regular, nothing missing.
    horizon, season : int
        In rows. Methods that want a season or a rate are told it, ours is not.
    rate : str
        Of the rows: 15min, h, D, W, M, Q or Y.
    n_test : int or None
        Rows at the end of each series that are kept for the test; None: those of its windows. Without a look
        at the test they are dropped, and the windows end where they began.
    n_windows, stride, refitted
        As of :class:`Task`.
    n_windows_validation : int or None
        Windows of validation where they are not as many as those of the test.
    """

    name: str
    frame: pd.DataFrame
    horizon: int
    season: int
    rate: str
    n_test: int | None = None
    n_windows: int = 1
    stride: int = 1
    refitted: bool = False
    n_windows_validation: int | None = None

    def task(self, *, test: bool) -> Task:
        """The test span, or the last windows before it.

        Raises
        ------
        ValueError
            If a series has no row before its first window.
        """
        frame, n_windows = self.frame, self.n_windows
        if not test:
            n_test = self.n_test or (self.n_windows - 1) * self.stride + self.horizon
            from_end = frame.groupby("unique_id", sort=False).cumcount(ascending=False)
            frame = frame[from_end >= n_test].reset_index(drop=True)
            n_windows = self.n_windows_validation or n_windows
        task = Task(
            name=self.name,
            frame=frame,
            horizon=self.horizon,
            season=self.season,
            rate=self.rate,
            n_windows=n_windows,
            stride=self.stride,
            refitted=self.refitted,
        )
        lengths = frame.groupby("unique_id", sort=False).size()
        if (short := lengths <= task.n_judged).any():
            raise ValueError(f"{self.name}: {short.idxmax()} has no row before its first window.")
        return task
