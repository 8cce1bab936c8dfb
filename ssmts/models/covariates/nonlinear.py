"""Nonlinear functions of covariates: products with the calendar, and cosines of random projections.

The inputs are the numeric covariates and low-pass states of them, indicators of categories, the phases of the
calendar and holidays. Cosines of random projections of a few inputs each approximate a Gaussian process with
a sum of squared-exponential kernels over subsets of the inputs; products carry what changes with the hour of
the day. All of them are zero at the usual value of the covariates, so that what a weight adds is a departure
from the usual.

References
----------
Rahimi and Recht, Random features for large-scale kernel machines, NeurIPS 2007.
Sundararajan, Taly and Yan, Axiomatic attribution for deep networks, ICML 2017: the shares of the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float, Rows

__all__ = ["NonlinearTerms", "TermInputs", "draw_terms"]

_FREQUENCY = 0.5  # standard deviation of the random frequencies, per deviation of an input
_MOST_INPUTS = 5  # of one cosine


@dataclass(frozen=True)
class TermInputs:
    """What the terms are functions of, at some instants.

    Parameters
    ----------
    inputs : ndarray of float64, shape (n_instants, n_inputs)
    cycle : ndarray of float64, shape (n_instants, n_harmonics)
        Harmonics of the shortest cycle of the calendar, for the products.
    joint : ndarray of float64, shape (n_instants, n_joint)
        Products of calendar features with each other.
    """

    inputs: Float
    cycle: Float
    joint: Float


@dataclass(frozen=True)
class NonlinearTerms:
    """Which functions of the inputs are taken, in three blocks: calendar, products, cosines.

    Parameters
    ----------
    factors : ndarray of int64, shape (n_factors,)
        Inputs that are multiplied with the harmonics of the cycle.
    low, high, usual : ndarray of float64, shape (n_inputs,)
        Inputs are held between the first two; terms vanish at the third.
    frequencies : ndarray of float64, shape (n_inputs, n_cosines)
    phases : ndarray of float64, shape (n_cosines,)
    scale : ndarray of float64, shape (n_cosines,)
        Standard deviation of each cosine over the training data; the columns are in units of it.
    """

    factors: Rows
    low: Float
    high: Float
    usual: Float
    frequencies: Float
    phases: Float
    scale: Float

    def n_terms(self, given: TermInputs) -> int:
        """Number of columns of :meth:`features`."""
        n_products = len(self.factors) * given.cycle.shape[1]
        return int(given.joint.shape[1] + n_products + len(self.phases))

    def features(self, given: TermInputs) -> Float:
        """The terms at some instants, (n_instants, n_terms)."""
        away = np.clip(given.inputs, self.low, self.high) - self.usual
        start = self.usual @ self.frequencies + self.phases
        cosines = (np.cos(away @ self.frequencies + start) - np.cos(start)) / self.scale
        return np.concatenate([given.joint, self._products(away, given.cycle), cosines], axis=1)

    def _products(self, away: Float, cycle: Float) -> Float:
        products = away[:, self.factors, None] * cycle[:, None, :]
        return products.reshape(len(away), -1)

    def shares(self, given: TermInputs, weights: Float, owners: Rows, n_owners: int, calendar: int) -> Float:
        """What each covariate adds to the sum of the weighted terms; the shares add up to it.

        A product belongs to its factor. A cosine is divided among its inputs by the integral of its gradient
        along the straight line from the usual inputs, which has a closed form.

        Parameters
        ----------
        given : TermInputs
        weights : ndarray of float64, shape (n_channels, n_terms)
        owners : ndarray of int64, shape (n_inputs,)
            Covariate of each input.
        n_owners : int
        calendar : int
            The covariate that the products within the calendar belong to.

        Returns
        -------
        ndarray of float64, shape (n_owners, n_instants, n_channels)
        """
        n_joint, n_products = given.joint.shape[1], len(self.factors) * given.cycle.shape[1]
        out = np.zeros((n_owners, len(given.inputs), len(weights)))
        if n_joint:
            out[calendar] += given.joint @ weights[:, :n_joint].T
        away = np.clip(given.inputs, self.low, self.high) - self.usual
        products = self._products(away, given.cycle)
        by_factor = np.repeat(owners[self.factors], given.cycle.shape[1])
        W = weights[:, n_joint : n_joint + n_products]
        for owner in np.unique(by_factor):
            own = by_factor == owner
            out[owner] += products[:, own] @ W[:, own].T
        if len(self.phases):
            start = self.usual @ self.frequencies + self.phases
            half = 0.5 * (away @ self.frequencies)
            slope = -np.sin(start + half) * np.sinc(half / np.pi) / self.scale
            W = weights[:, n_joint + n_products :]
            for owner in np.unique(owners):
                own = owners == owner
                out[owner] += (away[:, own] @ self.frequencies[own] * slope) @ W.T
        return out

    def to_tensors(self) -> dict[str, Tensor]:
        """All of it, by name."""
        return {name: torch.from_numpy(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> NonlinearTerms:
        """Inverse of :meth:`to_tensors`."""
        return cls(**{name: tensors[name].numpy() for name in cls.__dataclass_fields__})


def draw_terms(
    inputs: Float, usual: Float, groups: Rows, factors: Rows, stages: Seq[tuple[Rows, int]], seed: int
) -> NonlinearTerms:
    """Draw random cosines for inputs as training has them.

    Parameters
    ----------
    inputs : ndarray of float64, shape (n_instants, n_inputs)
        At instants of the training data.
    usual : ndarray of float64, shape (n_inputs,)
    groups : ndarray of int64, shape (n_inputs,)
        Inputs that only say something together, such as the sine and cosine of a phase, have one number.
    factors : ndarray of int64, shape (n_factors,)
    stages : sequence of (ndarray of int64, int)
        Groups to draw from, and how many cosines of them.
    seed : int
    """
    rng = np.random.default_rng(seed)
    low, high = inputs.min(axis=0), inputs.max(axis=0)  # nothing nonlinear is extrapolated
    columns = []
    for among, count in stages:
        for number in range(count if len(among) else 0):
            n_chosen = min(1 + number % _MOST_INPUTS, len(among))
            chosen = np.isin(groups, rng.choice(among, n_chosen, replace=False))
            columns.append(_FREQUENCY * rng.standard_normal(len(groups)) * chosen)
    frequencies = np.stack(columns, axis=1) if columns else np.zeros((len(groups), 0))
    phases = np.asarray(rng.uniform(0.0, 2.0 * np.pi, frequencies.shape[1]))
    values = np.cos(inputs @ frequencies + phases)
    scale = np.asarray(np.maximum(values.std(axis=0), 1e-3))
    return NonlinearTerms(
        factors=factors, low=low, high=high, usual=usual, frequencies=frequencies, phases=phases, scale=scale
    )
