"""Bounds of what can be observed: forecasts, quantiles and trajectories stay between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmts.data._convert import is_number, to_float
from ssmts.data.arrays import Float
from ssmts.data.series import Panel
from ssmts.errors import ParameterError

__all__ = ["Bounds"]

_ALLOWED = "None, a pair such as (0, None), or a mapping from channels to pairs, each lowest below highest"


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest value of every channel.

    Parameters
    ----------
    low, high : ndarray of float64, shape (n_channels,)
        -inf and inf where a channel has none.
    """

    low: Float
    high: Float

    @classmethod
    def of(cls, given: Any, panel: Panel) -> Bounds | None:
        """Bounds as a user gives them, checked against the training data.

        Parameters
        ----------
        given : None, pair, or mapping from channels to pairs
            None in a pair is no bound on that side; channels that a mapping leaves out have none.
        panel : Panel

        Raises
        ------
        ParameterError
            If they are malformed, or a value of `panel` lies outside.
        """
        if given is None:
            return None
        names = panel.layout.channels
        ends = np.tile([-np.inf, np.inf], (len(names), 1))
        if isinstance(given, Mapping):
            unknown = [name for name in given if name not in names]
            if unknown:
                raise ParameterError(
                    "bounds", given, f"of the channels {list(names)}: {unknown[0]!r} is none"
                )
            for name, pair in given.items():
                ends[names.index(name)] = _pair(given, pair)
        else:
            ends[:] = _pair(given, given)
        bounds = cls(ends[:, 0], ends[:, 1])
        bounds._require_inside(panel, given)
        return bounds

    def clipped(self, values: Float) -> Float:
        """Values (n_instants, n_channels, ...) moved between the bounds."""
        shape = (-1, *(1 for _ in values.shape[2:]))
        return np.clip(values, self.low.reshape(shape), self.high.reshape(shape))

    def to_list(self) -> list[list[float | None]]:
        """As JSON can hold it: a pair a channel, None for no bound."""
        return [[None if np.isinf(end) else float(end) for end in pair] for pair in zip(self.low, self.high)]

    @classmethod
    def from_list(cls, pairs: list[list[float | None]] | None) -> Bounds | None:
        """Inverse of :meth:`to_list`; None of None."""
        if pairs is None:
            return None
        low = np.array([-np.inf if pair[0] is None else pair[0] for pair in pairs])
        return cls(low, np.array([np.inf if pair[1] is None else pair[1] for pair in pairs]))

    def _require_inside(self, panel: Panel, given: Any) -> None:
        for series in panel.series:
            with np.errstate(invalid="ignore"):
                outside = (series.values < self.low) | (series.values > self.high)
            if outside.any():
                row, channel = map(int, np.argwhere(outside)[0])
                where = panel.layout.show_instant(series.times[row])
                raise ParameterError(
                    "bounds",
                    given,
                    f"wide enough for X: column {panel.layout.channels[channel]!r}{series.whose} holds "
                    f"{series.values[row, channel]:g} at {where}. Correct the value, or widen the bounds",
                )


def _pair(given: Any, pair: Any) -> tuple[float, float]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ParameterError("bounds", given, _ALLOWED)
    if any(end is not None and (not is_number(end) or np.isnan(to_float(end))) for end in pair):
        raise ParameterError("bounds", given, _ALLOWED)
    low, high = (missing if end is None else to_float(end) for end, missing in zip(pair, (-np.inf, np.inf)))
    if not low < high:
        raise ParameterError("bounds", given, _ALLOWED)
    return low, high
