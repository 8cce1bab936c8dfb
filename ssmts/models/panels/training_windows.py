"""Training windows of a batch of series as features and targets, and their moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float
from ssmts.models.panels.grid_series import GridBatch
from ssmts.models.panels.member import Member, window_features

__all__ = ["TrainingWindows", "moments", "rows_before", "training_windows"]

_FAR = 3.0  # times the usual size of targets from which windows lose weight
_RARE = 0.01  # of the windows of a series
_LATEST = 20_000  # windows of a series that count
_CHUNK_BYTES = 256 * 2**20


@dataclass
class TrainingWindows:
    """Windows of some series of one batch, as features and targets."""

    features: Float  # (n, n_windows, F)
    targets: Float  # (n, n_windows, H), in units from the anchor
    weights: Float  # (n, n_windows), 0 where the window is none
    seen: NDArray[np.bool_] | None  # (n, n_windows, H)


def training_windows(
    member: Member, batch: GridBatch, unit: Float, horizon: int
) -> Iterator[tuple[slice, TrainingWindows]]:
    """Training windows of a batch, some series at a time."""
    length, c = batch.values.shape[1], member.context
    n_windows = length - c - horizon + 1
    if n_windows < 1:
        return
    skip = max(0, n_windows - _LATEST)
    n_windows -= skip
    width = member.basis.shape[1] + 1 + 2 * horizon + c
    together = max(1, int(_CHUNK_BYTES // (8 * n_windows * width)))
    for begin in range(0, len(batch.values), together):
        some = slice(begin, begin + together)
        windows = np.lib.stride_tricks.sliding_window_view(batch.values[some, skip:], c + horizon, axis=1)
        features, anchor, own_unit = window_features(member, windows[..., :c], unit[some, None, None])
        targets = (windows[..., c:] - anchor) / own_unit
        start = skip + np.arange(n_windows)
        weights = (start[None, :] >= batch.first[some, None]).astype(np.float64)
        seen = None
        if batch.weights is not None:
            weights *= batch.weights[some, skip + c - 1 : skip + c - 1 + n_windows]
        if batch.seen is not None:
            ahead = np.lib.stride_tricks.sliding_window_view(batch.seen[some, skip + c :], horizon, axis=1)
            ahead = ahead[:, :n_windows]
            weights *= batch.seen[some, skip + c - 1 : skip + c - 1 + n_windows]
            # A lead that hardly any window of a series observed takes the lines between its neighbours.
            observed = np.einsum("nw,nwh->nh", weights, ahead.astype(np.float64))
            rare = observed < _RARE * weights.sum(axis=1, keepdims=True)
            seen = ahead | rare[:, None]
            targets = targets * seen
        size = np.abs(targets).mean(axis=2)
        usual = np.maximum(np.median(size, axis=1, keepdims=True), 1.0)
        weights *= np.minimum(1.0, _FAR * usual / np.maximum(size, 1e-300))  # a spike does not decide
        yield some, TrainingWindows(features, targets, weights, seen)


def moments(block: TrainingWindows, rows: slice) -> tuple[Float, Float, Float]:
    """Σ w z zᵀ (n, F, F), Σ w z yᵀ (n, F, H) and Σ w (n,) of some of the windows."""
    Z, w = block.features[:, rows], block.weights[:, rows]
    weighted = Z * w[..., None]
    A = np.matmul(weighted.transpose(0, 2, 1), Z)
    B = np.matmul(weighted.transpose(0, 2, 1), block.targets[:, rows])
    n = w.sum(axis=1)
    if block.seen is not None:
        # As if leads were missing at random: windows that observed a lead stand for all of them.
        observed = np.einsum("nw,nwh->nh", w, block.seen[:, rows].astype(np.float64))
        B *= np.divide(n[:, None], observed, out=np.zeros_like(observed), where=observed > 0)[:, None, :]
    return A, B, n


def rows_before(n_windows: int, n_held: int, horizon: int) -> slice:
    """Windows whose targets end before those of the held-out origins begin."""
    return slice(0, max(0, n_windows - n_held - (horizon - 1)) if n_held else n_windows)
