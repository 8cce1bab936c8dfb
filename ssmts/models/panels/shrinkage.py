"""Ridge weights shared by a panel, and those of every series shrunk towards them.

W0 = (Σ A_g / tr A_g + λ I)⁻¹ Σ B_g / tr A_g, each series times the square root of its number of windows;
W_g = W0 + (A_g + λ_g I)⁻¹ (B_g - A_g W0), penalties in units of the mean diagonal. λ is chosen on the panel's
held-out windows, λ_g on those of the series, drawn towards what the panel's say (empirical Bayes: series of a
panel are draws of one distribution).
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ssmts.data.arrays import Float, Rows
from ssmts.models.panels.grid_series import GridBatch
from ssmts.models.panels.held_out import HeldOutWindows, Split, held_out_windows
from ssmts.models.panels.member import Member
from ssmts.models.panels.training_windows import moments, rows_before, training_windows

__all__ = ["MemberFit", "fit_member"]

SHARED_PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
OWN_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, np.inf)
SHARES = (0.5, 1.0)  # of a correction that is added
_LEAST_ENERGY = 0.1  # of windows, in that of white noise as large as a series' unit
_FLOOR = 0.02  # of a series' unit: an error below it is none
_CLEARLY = 0.98  # error with whole corrections over that with halves, below which series differ clearly
_MOST_WINDOWS = 200  # windows beyond which a series counts no more in the shared weights
_PULL = 2.0  # held-out errors of the panel count so many times those of a series

_JUDGED = 3_000  # series that the shared penalty is chosen on
_ONE_BY_ONE = 64  # features: larger systems are solved one at a time


@dataclass(frozen=True)
class MemberFit:
    """A fitted member.

    Parameters
    ----------
    member : Member
    shared : ndarray of float64, shape (n_features + 1, horizon)
    own : dict of int to ndarray of float32, shape (n_features + 1, horizon)
        Correction of the shared weights, by group.
    held_out : list of ndarray of float64, each (n, n_origins, horizon)
        Forecasts from the held-out origins of each batch; NaN where it sees too little history.
    usual : ndarray of float64, shape (2, 7)
        Mean held-out errors of the panel by share of a correction and its penalty, relative to their mean.
    """

    member: Member
    shared: Float
    own: dict[int, NDArray[np.float32]]
    held_out: list[Float]
    usual: Float


def fit_member(
    member: Member,
    batches: Seq[GridBatch],
    splits: Seq[Split],
    units: Seq[Float],
    horizon: int,
    *,
    own: bool = True,
    prior: tuple[Float, Float] | None = None,
) -> MemberFit:
    """Fit shared and own weights of one member.

    Parameters
    ----------
    member : Member
    batches : sequence of GridBatch
    splits : sequence of Split
        Held-out origins of each batch.
    units : sequence of ndarray of float64, each (n,)
        Mean absolute (seasonal) difference of every series.
    horizon : int
    own : bool
        Whether series get weights of their own.
    prior : tuple of ndarray, optional
        Shared weights and usual errors of an earlier fit, which stay as they are.
    """
    F = member.basis.shape[1] + 1
    A0, B0, A1, B1 = np.zeros((F, F)), np.zeros((F, horizon)), np.zeros((F, F)), np.zeros((F, horizon))
    kept: list[_Kept] = []
    for number, (batch, split, unit) in enumerate(zip(batches, splits, units)):
        for some, block in training_windows(member, batch, unit, horizon):
            n_held = int(split.n_held[some].max(initial=0))
            rows = rows_before(block.features.shape[1], n_held, horizon)
            A, B, n = moments(block, rows)
            A_rest, B_rest, n_rest = moments(block, slice(rows.stop, None))
            _add(A0, B0, A, B, n, member)
            _add(A1, B1, A + A_rest, B + B_rest, n + n_rest, member)
            if own:
                both = A + A_rest, B + B_rest
                kept.append(_Kept(number, some, batch.groups[some], n, A, B, *both))
    checks = [held_out_windows(member, *three, horizon) for three in zip(batches, splits, units)]
    if prior is not None:
        shared_held = shared = prior[0]
    elif A0.any():
        candidates = [_ridge(A0, B0, penalty) for penalty in SHARED_PENALTIES]
        best = int(np.argmin([_panel_error(checks, W) for W in candidates]))
        shared_held, shared = candidates[best], _ridge(A1, B1, SHARED_PENALTIES[best])
    else:  # nothing is left before what is held out
        shared_held = shared = _ridge(A1, B1, SHARED_PENALTIES[-1])
    corrections: dict[int, NDArray[np.float32]] = {}
    residual: dict[int, Float] = {}
    usual = np.ones((len(SHARES), len(OWN_PENALTIES))) if prior is None else prior[1]
    if kept:
        known = None if prior is None else usual
        residual, usual = _own_weights(kept, checks, shared_held, shared, corrections, known)
    held_out = []
    for batch, check in zip(batches, checks):
        forecast = np.full((*check.inside.shape, horizon), np.nan)
        W = shared_held
        forecast[check.inside] = check.anchor[check.inside] + check.unit[check.inside] * (
            check.features[check.inside] @ W
        )
        for row, group in enumerate(batch.groups.tolist()):
            if group in residual:
                inside = check.inside[row]
                forecast[row, inside] += check.unit[row, inside] * (
                    check.features[row, inside] @ residual[group]
                )
        held_out.append(forecast)
    return MemberFit(member=member, shared=shared, own=corrections, held_out=held_out, usual=usual)


def _add(A_sum: Float, B_sum: Float, A: Float, B: Float, n: Float, member: Member) -> None:
    size = n
    if member.unit == "series":
        # No series counts for much more than others because it hardly moves.
        least = _LEAST_ENERGY * float((member.basis**2).sum()) / A.shape[1]
        size = np.maximum(np.trace(A, axis1=1, axis2=2) / A.shape[1], least * n)
    known = (n > 0) & (size > 0)
    factor = np.zeros(len(n))
    factor[known] = np.sqrt(np.minimum(n[known], _MOST_WINDOWS)) / size[known]
    A_sum += np.einsum("g,gij->ij", factor, A)
    B_sum += np.einsum("g,gij->ij", factor, B)


def _ridge(A: Float, B: Float, penalty: float) -> Float:
    unit = max(float(np.trace(A)) / len(A), 1e-300)
    return np.asarray(cho_solve(cho_factor(A + penalty * unit * np.eye(len(A))), B))


def _ridges(A: Float, B: Float, penalty: float) -> Float:
    """Ridge solutions of many systems, (n, F, H); large ones one by one."""
    if A.shape[-1] > _ONE_BY_ONE:
        return np.stack([_ridge(*both, penalty) for both in zip(A, B)])
    unit = np.maximum(np.trace(A, axis1=1, axis2=2) / A.shape[-1], 1e-300)
    return np.asarray(np.linalg.solve(A + (penalty * unit)[:, None, None] * np.eye(A.shape[-1]), B))


@dataclass(frozen=True)
class _Kept:
    """Moments of some rows of a batch: of the windows before the held-out part, and of all."""

    batch: int
    rows: slice
    groups: Rows
    count: Float
    A: Float
    B: Float
    A_all: Float
    B_all: Float


def _panel_error(checks: Seq[HeldOutWindows], W: Float) -> float:
    """Mean logarithm of the absolute held-out errors of series in their own units, of at most 3,000."""
    total, count = 0.0, 0
    for check in checks:
        able = np.flatnonzero(check.inside.any(axis=1))[: _JUDGED - count]
        if len(able):
            own = check.of(able)
            missed = own.mean_absolute(own.features @ W - own.targets)
            total += float(np.log(missed + _FLOOR).sum())
            count += len(able)
    return total / max(count, 1)


def _own_weights(
    kept: list[_Kept],
    checks: Seq[HeldOutWindows],
    shared_held: Float,
    shared: Float,
    corrections: dict[int, NDArray[np.float32]],
    usual: Float | None,
) -> tuple[dict[int, Float], Float]:
    """Corrections of series, chosen and solved; returns those of the fits that saw no held-out window.

    Beside them the usual errors of the panel, from these series where they are not given.
    """
    errors, at = [], []
    for part in kept:
        check = checks[part.batch].of(part.rows)
        able = np.flatnonzero(check.inside.any(axis=1) & (part.count > 0))
        if not len(able):
            continue
        check = check.of(able)
        base = check.features @ shared_held - check.targets
        rest = part.B[able] - part.A[able] @ shared_held
        own = np.empty((len(able), len(SHARES), len(OWN_PENALTIES)))
        for j, penalty in enumerate(OWN_PENALTIES):
            correction = np.zeros_like(base)
            if np.isfinite(penalty):
                correction = check.features @ _ridges(part.A[able], rest, penalty)
            for i, share in enumerate(SHARES):
                own[:, i, j] = check.mean_absolute(base + share * correction)
        errors.append(own)
        at.append(part.groups[able])
    if not errors:
        return {}, np.ones((len(SHARES), len(OWN_PENALTIES))) if usual is None else usual
    table = np.concatenate(errors)
    table /= np.maximum(table.mean(axis=(1, 2), keepdims=True), 1e-300)
    usual = table.mean(axis=0) if usual is None else usual
    pulled = table + _PULL * usual
    half, whole = usual.min(axis=1)
    number = int(whole < _CLEARLY * half)
    choice = dict(zip(np.concatenate(at).tolist(), pulled[:, number].argmin(axis=1).tolist()))
    held: dict[int, Float] = {}
    for part in kept:
        chosen = np.array([choice.get(group, len(OWN_PENALTIES) - 1) for group in part.groups.tolist()])
        for j in np.unique(chosen[chosen < len(OWN_PENALTIES) - 1]).tolist():
            some = np.flatnonzero(chosen == j)
            groups = part.groups[some].tolist()
            for A, B, W, found in (
                (part.A, part.B, shared_held, held),
                (part.A_all, part.B_all, shared, corrections),
            ):
                solved = SHARES[number] * _ridges(A[some], B[some] - A[some] @ W, OWN_PENALTIES[j])
                found.update(zip(groups, solved.astype(np.float32)))
    return held, usual
