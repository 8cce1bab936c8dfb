"""A linear model on bands beside the networks, and the factors of both at every octave of rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from ssmts.data.arrays import Float, Rows
from ssmts.models.whole_series.octave_kernels import cuts_of, fit_bands
from ssmts.models.whole_series.rate_augmentation import copy_pairs_of
from ssmts.models.whole_series.tokens import CaseTokens, Tokens

__all__ = ["Loss", "OctaveWeights"]

_ENOUGH = 50  # cases of a rate that decide the factors at this rate

Loss = Callable[[Tensor, Tensor], Tensor]


class OctaveWeights:
    """A closed form over bands, fitted to the tokens of training cases.

    Parameters
    ----------
    encoder : CaseTokens
    tokens : sequence of Tokens
    intervals : ndarray of float64, shape (n_cases,)
        In reference steps.
    answers : ndarray of float64, shape (n_cases, n_targets)
        What ridge regression is to give.
    weights : ndarray of float64, shape (n_cases,)
    of_case : ndarray of int64, shape (n_cases,)
        Number of the case that each is, or is a copy of.
    seed : int
    """

    def __init__(
        self,
        encoder: CaseTokens,
        tokens: Sequence[Tokens],
        intervals: Float,
        answers: Float,
        weights: Float,
        of_case: Rows,
        seed: int,
    ) -> None:
        copy_pairs = copy_pairs_of(of_case)
        self.weights = weights
        self.bands, self.left_out = fit_bands(
            encoder,
            tokens,
            intervals=intervals,
            targets=answers,
            weights=weights,
            copy_pairs=copy_pairs,
            seed=seed,
        )
        self.cuts = cuts_of(self.bands.intervals, intervals)

    @property
    def n_cuts(self) -> int:
        """Number of octaves of rates."""
        return len(self.bands.intervals)

    def factors(self, unseen: Float, targets: Tensor, loss: Loss) -> tuple[Float, Float]:
        """Factors on networks and linear model for every cut, fitted on cases that they have not seen.

        Cases at the rates of a cut decide; where training has few of these, all cases without the bands that
        the cut leaves out.

        Parameters
        ----------
        unseen : ndarray of float64, shape (n_cuts, n_cases, n_targets)
            What the networks say.
        targets, loss
            As for `fit_case_deep`.

        Returns
        -------
        factors : ndarray of float64, shape (n_cuts, 2)
        together : ndarray of float64, shape (n_cases, n_targets)
            The sum by these factors, every case at its own cut.
        """
        factors, together = np.empty((self.n_cuts, 2)), np.empty_like(unseen[0])
        for cut in range(self.n_cuts):
            own, finer = np.flatnonzero(self.cuts == cut), np.flatnonzero(self.cuts <= cut)
            known = finer[~np.isnan(self.left_out[cut, finer]).any(axis=1)]
            judged = np.intersect1d(own, known) if len(own) >= _ENOUGH else known
            both = np.stack([unseen[cut], self.left_out[cut]])
            factors[cut] = _fitted(both[:, judged], targets[judged], self.weights[judged], loss)
            together[own] = np.tensordot(factors[cut], np.nan_to_num(both[:, own]), 1)
        return factors, together

    def record(self, factors: Float) -> list[dict[str, Any]]:
        """Shares by the longest interval that they are for, as JSON can hold them."""
        return [
            {"interval": float(interval), "networks": float(own[0]), "closed_form": float(own[1])}
            for interval, own in zip(self.bands.intervals, factors)
        ]


def _fitted(both: Float, targets: Tensor, weights: Float, loss: Loss) -> Float:
    """Factors, neither negative, that make the weighted loss of the sum smallest."""
    parts, weigh = torch.from_numpy(both), torch.from_numpy(weights / weights.sum())

    def mean_loss(factors: Float) -> float:
        answers = torch.tensordot(torch.from_numpy(factors), parts, 1)
        return float((loss(answers, targets) * weigh).sum())

    bounds = [(0.0, 50.0)] * 2
    return np.asarray(minimize(mean_loss, x0=np.ones(2), bounds=bounds, method="L-BFGS-B").x)
