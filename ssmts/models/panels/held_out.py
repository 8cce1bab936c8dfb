"""Held-out origins of every series and the windows that end there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.panels.grid_series import GridBatch
from ssmts.models.panels.member import Member, window_features

__all__ = ["HeldOutWindows", "Split", "held_out_origins", "held_out_windows"]


@dataclass(frozen=True)
class Split:
    """Which origins of the series of a batch are held out.

    Parameters
    ----------
    origins : ndarray of int64, shape (n_origins,)
        Columns, the latest first.
    inside : ndarray of bool, shape (n, n_origins)
        Whether a series has enough history for the origin to be held out.
    n_held : ndarray of int64, shape (n,)
        Every origin so far from the last is left out of training, and those whose targets reach among its
        targets.
    """

    origins: Rows
    inside: NDArray[np.bool_]
    n_held: Rows


def held_out_origins(batch: GridBatch, horizon: int, region: int, most: int) -> Split:
    """The last origins of every series, at most a quarter of those that it has, evenly thinned to `most`."""
    length = batch.values.shape[1]
    n_held = np.clip((batch.lengths - horizon) // 4, 0, region)
    stride = max(1, -(-int(n_held.max(initial=0)) // most))
    back = np.arange(0, max(int(n_held.max(initial=0)), 1), stride)
    origins = np.maximum(length - 1 - horizon - back, 0)  # where there is room for none, none is inside
    return Split(origins, (back[None, :] < n_held[:, None]) & (origins >= batch.first[:, None] + 1), n_held)


@dataclass
class HeldOutWindows:
    """Held-out windows: features (n, q, F), targets in units (n, q, H), anchor and unit (n, q, 1)."""

    features: Float
    targets: Float
    anchor: Float
    unit: Float
    relative: Float  # (n, q, 1): unit of the window in units of the series
    inside: NDArray[np.bool_]  # (n, q): enough history

    def of(self, rows: slice | Rows) -> HeldOutWindows:
        """Some of the series."""
        return HeldOutWindows(
            features=self.features[rows],
            targets=self.targets[rows],
            anchor=self.anchor[rows],
            unit=self.unit[rows],
            relative=self.relative[rows],
            inside=self.inside[rows],
        )

    def mean_absolute(self, missed: Float) -> Float:
        """Mean absolute error of each series in its own unit, (n,), from errors (n, q, H) in the window's."""
        known = self.inside[..., None] & np.isfinite(missed)
        total = (np.abs(np.where(known, missed, 0.0)) * self.relative).sum(axis=(1, 2))
        return np.asarray(total / np.maximum(known.sum(axis=(1, 2)), 1))


def held_out_windows(
    member: Member, batch: GridBatch, split: Split, unit: Float, horizon: int
) -> HeldOutWindows:
    """The windows of a batch that end at its held-out origins."""
    c, origins = member.context, split.origins
    inside = split.inside & (origins[None, :] - c + 1 >= batch.first[:, None])
    columns = np.maximum(origins[:, None] + np.arange(1 - c, 1), 0)
    windows = batch.values[:, columns]
    features, anchor, own = window_features(member, windows, unit[:, None, None])
    ahead = np.minimum(origins[:, None] + np.arange(1, horizon + 1), batch.values.shape[1] - 1)
    targets = (batch.values[:, ahead] - anchor) / own
    if batch.seen is not None:
        targets = np.where(batch.seen[:, ahead], targets, np.nan)
    return HeldOutWindows(
        features=features,
        targets=targets,
        anchor=anchor,
        unit=own,
        relative=own / unit[:, None, None],
        inside=inside,
    )
