"""How a window is read between its observations: on lines, by conditional expectation, or the last value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.models.irregular.autocovariance import Autocovariance
from ssmts.models.irregular.grid_kriging import GridConditional
from ssmts.models.irregular.kriging import conditional
from ssmts.models.sequences.sequence import SequenceStack

__all__ = ["HOLDS", "Hold"]

HOLDS = ("auto", "foh", "gp", "zoh")
_MOST_LOST = 0.03  # of the variance of the series
_BLOCK = 1024  # rows of the grid that are filled together
_MARGIN = 256
_SAME = 1e-6  # reference steps


@dataclass(frozen=True)
class Hold:
    """The hold of a model, which was fitted with lines (``"foh"``) between observations.

    The others put a window on the reference grid, where lines between observations add nothing: the weights
    of the fit stay.

    Parameters
    ----------
    kind : {"auto", "foh", "gp", "zoh"}
        ``"foh"``: lines. ``"gp"``: the conditional expectation under the autocovariance of the training data.
        ``"zoh"``: every value holds until the next observation. ``"auto"``: the conditional expectation for
        windows whose lines are expected to miss more than 3% of the variance, lines for the others.
    covariance : Autocovariance or None
        None: no gap is filled by expectation.
    context : float
        In reference steps.
    """

    kind: str
    covariance: Autocovariance | None
    context: float

    def applies(self, times: Float) -> bool:
        """Whether a window with observations at these instants has gaps that are not read on lines."""
        if self.kind == "foh" or len(times) < 2 or (self.kind != "zoh" and self.covariance is None):
            return False
        gaps = np.rint(np.diff(times)).astype(np.int64)
        if gaps.max() < 2:
            return False
        return self.kind != "auto" or self._lost(gaps) > _MOST_LOST * (times[-1] - times[0])

    def _lost(self, gaps: Rows) -> float:
        """Expected squared error of lines, summed over the reference grid, in units of the variance."""
        table = self._lost_by_gap
        beyond = np.maximum(gaps - (len(table) - 1), 0)  # a gap of more than a context: all of it is lost
        return float(table[np.minimum(gaps, len(table) - 1)].sum() + beyond.sum())

    @cached_property
    def _lost_by_gap(self) -> Float:
        """Expected squared error of a line over a gap of 0, 1, 2, ... steps, summed over its inner steps."""
        if self.covariance is None:
            return np.zeros(1)
        longest = int(self.context) + 1
        k = self.covariance(np.arange(longest + 1).astype(np.float64))
        whole = k[0] + self.covariance.nugget
        lost = np.zeros(longest + 1)
        for gap in range(2, longest + 1):
            inner = np.arange(1, gap)
            share = inner / gap
            ends = (share**2 + (1 - share) ** 2) * whole + 2 * share * (1 - share) * k[gap]
            with_ends = (1 - share) * k[inner] + share * k[gap - inner]
            lost[gap] = (k[0] + ends - 2 * with_ends).sum()
        return np.asarray(lost / whole)

    def filled(self, windows: SequenceStack) -> SequenceStack:
        """Windows of one clock on the reference grid that ends at their last observation.

        Parameters
        ----------
        windows : SequenceStack
            One window a sequence.

        Returns
        -------
        SequenceStack
        """
        real = slice(1, None) if windows.lead_in else slice(None)
        times, values = windows.times[real], windows.values[:, real]
        # A window that was cut begins at a grid instant; one that was not, at its first observation.
        n_rows = int(windows.times[-1] - windows.times[0] + 1e-6) + 1
        grid = windows.times[-1] - np.arange(float(n_rows))[::-1]
        if self.kind == "zoh":
            times, values = windows.times, windows.values
            out = values[:, np.searchsorted(times, grid + 1e-6, side="right") - 1]
        elif self.covariance is None:
            raise ValueError("a hold without a covariance fills no gap by expectation")
        else:
            out = self._expected(times, values, grid)
        return replace(
            windows,
            times=grid - grid[0],
            values=np.ascontiguousarray(out),
            starts=windows.starts + grid[0] - windows.times[0],
            lead_in=False,
        )

    def _expected(self, times: Float, values: Float, grid: Float) -> Float:
        """Conditional expectation on the grid, by what is known of grids where all observations lie on it."""
        rows = np.rint(times - grid[0]).astype(np.int64)
        long = len(grid) > _BLOCK and np.diff(rows, prepend=0).max() > _MARGIN
        if long or rows[0] < 0 or np.abs(times - grid[rows]).max() > _SAME:
            assert self.covariance is not None
            return conditional(self.covariance, times, values, grid)[0]
        seen = np.zeros(len(grid), dtype=bool)
        seen[rows] = True
        return self._grids(seen, values)

    @cached_property
    def _grids(self) -> GridConditional:
        assert self.covariance is not None
        return GridConditional(self.covariance, min(int(self.context + 1e-6), _BLOCK), _MARGIN)
