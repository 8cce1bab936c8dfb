"""Closed-form weights from moments, and the choice of their penalties by blocked cross-validation.

Shared weights W0 = (Σ A_g + λ I)⁻¹ Σ B_g and a shrunken correction per group g (a channel),
W_g = W0 + ρ (A_g + λ_g I)⁻¹ (B_g - A_g W0). Penalties are in units of the mean diagonal of A, and chosen by
band of lead time. One eigendecomposition gives a whole path of penalties, held-out errors included.

The share ρ is a half: the mean of the shared weights and of the group's own. Blocks that are held out between
others look more like them than the future does, so they see what a correction gains and not what it costs
(docs/decisions/007-half-a-correction.md). Groups that differ clearly keep their whole correction.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.models.linear.moments import Moments
from ssmts.models.sequences.blocked_folds import BlockedFolds

__all__ = ["Penalties", "RidgePath", "choose_penalties", "cross_validate", "lead_bands", "solve"]


SHARED_PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0)
GROUP_PENALTIES = (1e-2, 1e-1, 1.0, 10.0, np.inf)
SHARES = (0.5, 1.0)
_N_BANDS = 5
_N_LEADS = 40  # leads at which penalties are compared
_CLEARLY = 0.98  # error with whole corrections over that with halves, below which groups differ clearly


@dataclass(frozen=True)
class Penalties:
    """Chosen penalties by band of lead time and the cross-validated error they had.

    Parameters
    ----------
    shared, group : ndarray of float64, shape (n_bands,)
        λ and λ_g; an infinite λ_g leaves the shared weights.
    error : float
        Mean squared error over held-out blocks and leads, in standardised units.
    share : ndarray of float64, shape (n_bands,)
        ρ, the share of a group's correction that is added to the shared weights.
    """

    shared: Float
    group: Float
    error: float
    share: Float = field(default_factory=lambda: np.ones(_N_BANDS))


def lead_bands(leads: Rows, horizon: int) -> Rows:
    """Band of each lead: five, evenly spaced in the logarithm of the lead."""
    position = np.log(np.maximum(leads, 1)) / np.log(horizon + 1.0)
    bands: Rows = np.minimum((position * _N_BANDS).astype(np.int64), _N_BANDS - 1)
    return bands


def _compared_leads(horizon: int) -> Rows:
    near, even = np.geomspace(1, horizon, _N_LEADS // 2), np.linspace(1, horizon, _N_LEADS // 2)
    return np.unique(np.round(np.concatenate([near, even])).astype(np.int64))


class RidgePath:
    """(A + λ m I)⁻¹ B for any λ, m the mean diagonal of A, from one eigendecomposition."""

    def __init__(self, A: Float) -> None:
        self.values, self.vectors = np.linalg.eigh(A)
        self.unit = max(float(np.trace(A)) / len(A), 1e-300)

    def solve(self, rotated: Float, penalty: float) -> Float:
        """Solution in the original coordinates for a right-hand side in those of the eigenvectors."""
        shrunk = np.maximum(self.values, 0.0) + penalty * self.unit
        return np.asarray(self.vectors @ (rotated / shrunk[:, None]))


def cross_validate(
    moments: Moments,
    segments: BlockedFolds,
    horizon: int,
    shared: tuple[float, ...] = SHARED_PENALTIES,
    group: tuple[float, ...] = GROUP_PENALTIES,
) -> tuple[Float, Rows]:
    """Held-out mean squared error of every pair of penalties with every share of the corrections.

    Parameters
    ----------
    moments : Moments
        By segment and group.
    segments : BlockedFolds
    horizon : int
    shared, group : tuple of float
        Penalties to compare.

    Returns
    -------
    errors : ndarray of float64, shape (len(SHARES), len(shared), len(group), n_compared)
        Mean over held-out windows of all groups, by lead.
    leads : ndarray of int64, shape (n_compared,)
        The leads compared.
    """
    leads = _compared_leads(horizon)
    n_groups = moments.A.shape[1]
    errors = np.zeros((len(SHARES), len(shared), len(group), len(leads)))
    shares = np.array(SHARES)[:, None]
    windows = 0.0
    corrections = [penalty for penalty in group if np.isfinite(penalty)] if n_groups > 1 else []
    for block in range(segments.n_blocks):
        held = [(moments.A[2 * block, g], moments.B[2 * block, g][:, leads]) for g in range(n_groups)]
        if not moments.count[2 * block].any():
            continue
        windows += moments.count[2 * block].sum()
        constant = moments.c[2 * block][:, leads]
        train = segments.training(block)
        A = moments.A[train].sum(axis=0)
        B = moments.B[train][..., leads].sum(axis=0)
        path = RidgePath(A.sum(axis=0))
        rotated = path.vectors.T @ B.sum(axis=0)
        weights = [path.solve(rotated, penalty) for penalty in shared]
        for g in range(n_groups):
            own = RidgePath(A[g]) if corrections else None
            for i, W in enumerate(weights):
                A_held, B_held = held[g]
                AW = A_held @ W
                plain = constant[g] + _by_lead(W, AW - 2.0 * B_held)
                residual = own.vectors.T @ (B[g] - A[g] @ W) if own is not None else None
                for j, penalty in enumerate(group):
                    errors[:, i, j] += plain
                    if own is not None and residual is not None and np.isfinite(penalty):
                        correction = own.solve(residual, penalty)
                        slope = 2.0 * _by_lead(correction, AW - B_held)
                        errors[:, i, j] += shares * slope + shares**2 * _by_lead(
                            correction, A_held @ correction
                        )
    return errors / max(windows, 1.0), leads


def _by_lead(left: Float, right: Float) -> Float:
    return np.asarray(np.einsum("dl,dl->l", left, right))


def choose_penalties(
    moments: Moments, segments: BlockedFolds, horizon: int, *, weakest: float = 0.0
) -> Penalties:
    """Penalties with the least held-out error in each band of lead times.

    Half a correction is preferred to a whole one that gains less than a fiftieth.

    Parameters
    ----------
    moments : Moments
    segments : BlockedFolds
    horizon : int
    weakest : float
        Shared penalties below it are left out.
    """
    offered = tuple(penalty for penalty in SHARED_PENALTIES if penalty >= weakest)
    errors, leads = cross_validate(moments, segments, horizon, offered)
    bands = lead_bands(leads, horizon)
    chosen_shared, chosen_group, chosen_share = np.full((3, _N_BANDS), np.nan)
    by_lead = np.empty(len(leads))
    for band in np.unique(bands):
        inside = bands == band
        mean = errors[..., inside].mean(axis=-1)
        half, whole = mean.min(axis=(1, 2))
        share = int(whole < _CLEARLY * half)
        # Where nothing can be told apart, the strongest penalty: the least is looked for from the end.
        backwards = mean[share, ::-1, ::-1]
        i, j = np.unravel_index(backwards.argmin(), backwards.shape)
        i, j = len(offered) - 1 - i, len(GROUP_PENALTIES) - 1 - j
        chosen_shared[band], chosen_group[band] = offered[i], GROUP_PENALTIES[j]
        chosen_share[band] = SHARES[share]
        by_lead[inside] = errors[share, i, j, inside]
    for values in (chosen_shared, chosen_group, chosen_share):  # a short horizon leaves bands empty
        known = np.flatnonzero(~np.isnan(values))
        values[:] = values[known[np.abs(np.arange(_N_BANDS)[:, None] - known).argmin(axis=1)]]
    # Every lead counts the same in the error: compared ones stand for those around them.
    error = float(np.interp(np.arange(1, horizon + 1), leads, by_lead).mean())
    return Penalties(chosen_shared, chosen_group, error, chosen_share)


def solve(moments: Moments, penalties: Penalties, horizon: int) -> tuple[Float, Float]:
    """Weights from all segments of the moments given.

    Returns
    -------
    shared : ndarray of float64, shape (n_features, n_leads)
    by_group : ndarray of float64, shape (n_groups, n_features, n_leads)
    """
    A, B = moments.A.sum(axis=0), moments.B.sum(axis=0)
    bands = lead_bands(np.arange(horizon + 1), horizon)
    path = RidgePath(A.sum(axis=0))
    rotated = path.vectors.T @ B.sum(axis=0)
    shared = np.empty_like(B[0])
    for band in np.unique(bands):
        inside = bands == band
        shared[:, inside] = path.solve(rotated[:, inside], penalties.shared[band])
    by_group = np.broadcast_to(shared, B.shape).copy()
    if len(A) > 1:
        for g in range(len(A)):
            corrected = [band for band in np.unique(bands) if np.isfinite(penalties.group[band])]
            if not corrected:
                continue
            own = RidgePath(A[g])
            residual = own.vectors.T @ (B[g] - A[g] @ shared)
            for band in corrected:
                inside = bands == band
                correction = own.solve(residual[:, inside], penalties.group[band])
                by_group[g][:, inside] += penalties.share[band] * correction
    return shared, by_group
