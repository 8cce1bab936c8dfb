"""One member of the panel branch: a context, a normalisation, and the features of a window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from ssmts.data.arrays import Float
from ssmts.models.state_space.modes import make_bank
from ssmts.models.state_space.window_states import final_weights

__all__ = ["Member", "members_for", "window_features"]

_MOST_LAG_BYTES = 2 * 2**30  # of the moments of all series; members with more are fitted on states
_N_MODES = 128
_LEAST_SINGULAR = 1e-3  # of the largest: what states say below it no ridge weight of ours can use
_OWN_SHARE = 0.3  # of a series' own unit that a window's unit never falls below
_UNITS: tuple[Literal["series", "window"], ...] = ("series", "window")
_RATIO = 1.4  # between contexts
_MOST_CONTEXTS = 6


@dataclass(frozen=True)
class Member:
    """A linear forecast from the values or the states of a window.

    Parameters
    ----------
    context : int
        Grid steps that it sees.
    unit : {"series", "window"}
        What windows are measured in: the mean absolute (seasonal) difference of the series, or of the
        window, never below 0.3 of that of the series. The first weighs volatile stretches by what they are,
        the second makes all windows count alike.
    period : int
        Season of the differences and of the mode bank; 1 for none.
    kind : {"lags", "states"}
        Features: the values themselves, or states of a mode bank, which are fewer where contexts are long.
    """

    context: int
    unit: Literal["series", "window"]
    period: int
    kind: Literal["lags", "states"] = "states"

    @property
    def name(self) -> str:
        """E.g. ``lags_96_window``."""
        return f"{self.kind}_{self.context}_{self.unit}"

    @property
    def basis(self) -> Float:
        """Features as weights of the values, (context, n_features)."""
        return np.eye(self.context) if self.kind == "lags" else _basis(self.context, self.period)


@lru_cache(maxsize=64)
def _basis(context: int, period: int) -> Float:
    """Principal directions of the bank's states: ridge weights in them are ridge weights of the states.

    The states of a window are values @ M; with M = U S Vᵀ a ridge solution in U S is that in M, turned by V.
    """
    bank = make_bank(float(context), _N_MODES, float(period) if 1 < period <= context else None)
    M = final_weights(np.arange(context, dtype=np.float64), bank)
    U, S, _ = np.linalg.svd(M, full_matrices=False)
    kept = _LEAST_SINGULAR * S[0] < S
    return np.asarray(U[:, kept] * S[kept])


def members_for(
    horizon: int, periods: list[int], length: int, n_series: int, context: int | None = None
) -> list[Member]:
    """Members for series of a typical length: contexts from half a horizon on, each in both units.

    Parameters
    ----------
    horizon : int
    periods : list of int
        Seasons, the main one first.
    length : int
        Contexts leave room for as long a context and a horizon.
    n_series : int
    context : int, optional
        The longest one.
    """
    period = periods[0] if periods else 1
    wanted = {max(2, horizon * k // 2) for k in (1, 2, 4, 8, 16)} | {2 * p for p in periods} | set(periods)
    limit = max(2, (length - horizon) // 2)
    contexts: list[int] = []
    for steps in sorted(wanted):
        whole = -(-steps // period) * period if steps > period else steps
        if 2 <= whole <= limit and (not contexts or whole >= _RATIO * contexts[-1]):
            contexts.append(whole)
    if context is not None:
        contexts = [c for c in contexts if c <= context] or [context]
    if not contexts:
        contexts = [limit]
    return [
        Member(c, unit, period if c > period + 1 else 1, _kind(c, n_series))
        for c in contexts[-_MOST_CONTEXTS:]
        for unit in _UNITS
    ]


def _kind(context: int, n_series: int) -> Literal["lags", "states"]:
    """Values of the window, as long as the moments of all series (before and with what is held out) fit."""
    return "lags" if 16 * n_series * context**2 <= _MOST_LAG_BYTES else "states"


def window_features(member: Member, windows: Float, unit: Float) -> tuple[Float, Float, Float]:
    """Features, anchor and unit of windows.

    Parameters
    ----------
    member : Member
    windows : ndarray of float64, shape (..., context)
    unit : ndarray of float64, shape (..., 1)
        Of the series.

    Returns
    -------
    features : ndarray of float64, shape (..., n_features + 1)
        Values or states of the window minus its mean in units; the last one is 1.
    anchor : ndarray of float64, shape (..., 1)
        Mean of the window.
    unit : ndarray of float64, shape (..., 1)
    """
    anchor = windows.mean(axis=-1, keepdims=True)
    if member.unit == "window":
        m = member.period
        own = np.abs(windows[..., m:] - windows[..., :-m]).mean(axis=-1, keepdims=True)
        unit = np.sqrt(own**2 + (_OWN_SHARE * unit) ** 2)
    if member.kind == "lags":
        features = np.empty((*windows.shape[:-1], member.context + 1))
        np.subtract(windows, anchor, out=features[..., :-1])
    else:
        basis = member.basis
        features = np.empty((*windows.shape[:-1], basis.shape[1] + 1))
        # The states of a constant are taken out of the basis: no centred copy of all windows is made.
        np.matmul(windows, basis, out=features[..., :-1])
        features[..., :-1] -= anchor * basis.sum(axis=0)
    features[..., :-1] /= unit
    features[..., -1] = 1.0
    return features, anchor, np.broadcast_to(unit, anchor.shape)
