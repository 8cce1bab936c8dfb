"""A member of the panel branch with its weights: shared ones, and a correction for every series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.panels.member import Member, window_features

__all__ = ["FittedMember"]


@dataclass(frozen=True)
class FittedMember:
    """A member with its weights.

    Parameters
    ----------
    member : Member
    shared : ndarray of float64, shape (n_features + 1, horizon)
    groups : ndarray of int64, shape (n_own,)
        Increasing: which series correct the shared weights.
    own : ndarray of float32, shape (n_own, n_features + 1, horizon)
    usual : ndarray of float64, shape (2, 7)
        See :class:`ssmts.models.panels.shrinkage.MemberFit`.
    """

    member: Member
    shared: Float
    groups: Rows
    own: NDArray[np.float32]
    usual: Float

    def forecast(self, windows: Float, unit: Float, groups: Rows) -> Float:
        """Forecast windows (n, context) at leads 1, ..., horizon, (n, horizon)."""
        features, anchor, unit = window_features(self.member, windows, unit[:, None])
        out = features @ self.shared
        at = np.searchsorted(self.groups, groups)
        at = np.minimum(at, max(len(self.groups) - 1, 0))
        known = self.groups[at] == groups if len(self.groups) else np.zeros(len(groups), dtype=bool)
        rows = np.flatnonzero(known)
        if len(rows):
            out[rows] += np.einsum("nf,nfh->nh", features[rows], self.own[at[rows]])
        return np.asarray(anchor + unit * out)
