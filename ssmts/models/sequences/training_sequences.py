"""The training panel as sequences: every channel on its own clock, in reference steps and standardised."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.data.series import Panel, Series, Times
from ssmts.models.sequences.grid import on_reference_grid
from ssmts.models.sequences.scaling import Scaling, require_squares
from ssmts.models.sequences.sequence import Sequence

__all__ = ["ExtraFeatures", "RowWeights", "training_sequences"]

ExtraFeatures = Callable[[Series, Any], Float]
RowWeights = Mapping[Hashable | None, Float]


def training_sequences(
    panel: Panel,
    scaling: Scaling,
    step: float,
    extra: ExtraFeatures | None = None,
    *,
    weights: RowWeights | None = None,
    ends: Mapping[Hashable | None, float] | None = None,
) -> list[Sequence]:
    """Every channel of every series on its own clock, in reference steps and standardised.

    Parameters
    ----------
    panel : Panel
    scaling : Scaling
        Of the same series.
    step : int or float
        Reference step in the unit of the panel's clock.
    extra : callable, optional
        Further features of the windows of a series that end at some instants: (n_instants, n_extra).
    weights : mapping of id to ndarray of float64, shape (length,), optional
        How much the window counts that ends at each row of a series.
    ends : mapping of id to instant, optional
        Where the series ended when their windows were last counted.

    Returns
    -------
    list of Sequence
        Channels with fewer than two observations are left out: they hold no window.

    Raises
    ------
    InfiniteValueError
        If values are too far from those that the scale is of.
    """
    sequences = []
    for number, series in enumerate(panel.series):
        scale, groups = scaling.of_series(series)
        for channel in range(panel.n_channels):
            seen = ~np.isnan(series.values[:, channel])
            times, values = series.times[seen], series.values[seen, channel]
            if len(times) < 2:
                continue
            # The mean is taken out here for the digits' sake; windows are centred anyway.
            with np.errstate(over="ignore", invalid="ignore"):
                rows = [(values - values.mean()) / scale[channel]]
            require_squares(rows[0][None], values[None], [panel.layout.channels[channel]], series)
            if weights is not None:
                rows.append(weights[series.id][seen])
            if ends is not None:  # which observations were there, in whatever way they are put on the grid
                rows.append((times <= ends.get(series.id, -np.inf)).astype(np.float64))
            start = scaling.steps_of(times[0], step)  # absolute: token grids agree between calls
            relative = (times - times[0]) / step
            sequences += [
                Sequence(
                    times=clock - clock[0],
                    values=own[0],
                    start=start + float(clock[0]),
                    group=int(groups[channel]),
                    weights=None if weights is None else own[1],
                    extra=None if extra is None else extra(series, _instants(times, clock * step)),
                    counted=0 if ends is None else int((own[-1] > 0.5).sum()),
                    source=(number, channel),
                )
                for clock, own in on_reference_grid(relative, np.stack(rows), every_phase=True)
                if len(clock) > 1
            ]
    return sequences


def _instants(times: Times, since: Float) -> Any:
    """Instants so long after the first one; nanoseconds since 1970 are added up as integers."""
    return times[0] + (since if times.dtype.kind == "f" else np.rint(since).astype(np.int64))
