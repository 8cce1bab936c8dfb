"""How errors at different leads go together: a Gaussian copula with few factors and a fading remainder.

A path of errors is the quantile function of every lead at a normal score z(h) = Σ_k f_k L_k(h) + d(h) e(h):
factors f_k are standard normal, d(h)² is what the loadings leave of a variance of 1, and e(h) is a stationary
autoregression. All z(h) are standard normal, so that paths and quantiles agree at every lead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float, Rows

__all__ = ["ErrorCopula", "fit_copula", "path_leads"]

_MOST_LEADS = 256  # whose correlations are estimated; loadings of the others are linear in between
_N_FACTORS = 16
_LARGEST_SHARE = 0.99  # of a lead's variance that factors explain


@dataclass(frozen=True)
class ErrorCopula:
    """The copula of errors over leads 0, 1, ..., horizon.

    Parameters
    ----------
    loadings : ndarray of float64, shape (horizon + 1, n_factors)
    persistence : float
        Correlation of the remainder over one reference step.
    """

    loadings: Float
    persistence: float

    def scores(self, n: int, leads: Float, generator: np.random.Generator) -> Float:
        """Draw paths of standard normal scores.

        Parameters
        ----------
        n : int
        leads : ndarray of float64, shape (n_leads,)
            Beyond the horizon a path stays as it is.
        generator : numpy.random.Generator
            In the same state it gives the same paths, whatever leads are asked.

        Returns
        -------
        ndarray of float64, shape (n, n_leads)
        """
        n_grid, n_factors = self.loadings.shape
        factors, noise = generator.normal(size=(n, n_factors)), generator.normal(size=(n, n_grid))
        fresh = np.sqrt(1.0 - self.persistence**2)
        for k in range(1, n_grid):
            noise[:, k] = self.persistence * noise[:, k - 1] + fresh * noise[:, k]
        rest = np.sqrt(1.0 - (self.loadings**2).sum(axis=1))
        grid = factors @ self.loadings.T + rest * noise
        before = np.clip(np.floor(leads + 1e-9).astype(np.int64), 0, n_grid - 1)
        after = np.minimum(before + 1, n_grid - 1)
        weight = np.clip(leads - before, 0.0, 1.0)
        # Between two leads the mean of correlated scores varies less than they do: brought back to 1.
        together = (self.loadings[before] * self.loadings[after]).sum(axis=1)
        together += np.where(before == after, 1.0, self.persistence) * rest[before] * rest[after]
        variance = (1.0 - weight) ** 2 + weight**2 + 2.0 * weight * (1.0 - weight) * together
        return np.asarray(((1.0 - weight) * grid[:, before] + weight * grid[:, after]) / np.sqrt(variance))

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything fitted, by name."""
        return {
            "loadings": torch.from_numpy(self.loadings.astype(np.float32)),
            "persistence": torch.tensor(self.persistence, dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> ErrorCopula:
        """Inverse of :meth:`to_tensors`."""
        return cls(tensors["loadings"].numpy().astype(np.float64), float(tensors["persistence"]))


def path_leads(horizon: int) -> Rows:
    """Leads at which :func:`fit_copula` looks: all of them, or 256 even ones."""
    return np.unique(np.linspace(0, horizon, min(horizon + 1, _MOST_LEADS)).round().astype(np.int64))


def fit_copula(scores: Float, horizon: int) -> ErrorCopula:
    """Loadings by probabilistic principal components of normal scores, and how fast the remainder fades.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_windows, n_leads)
        Of held-out errors at :func:`path_leads`; NaN where a lead was not observed.
    horizon : int

    References
    ----------
    Tipping and Bishop, "Probabilistic Principal Component Analysis", Journal of the Royal Statistical Society
    B 61(3), 1999.
    """
    leads = path_leads(horizon)
    seen = ~np.isnan(scores)
    known = np.where(seen, scores, 0.0)
    size = np.sqrt((known**2).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))
    known /= np.where(size > 0, size, 1.0)
    weights = seen.astype(np.float64)
    correlation = known.T @ known / np.maximum(weights.T @ weights, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    n_factors = min(_N_FACTORS, len(values))
    # Less what every direction has (probabilistic PCA): errors that do not go together make no factors.
    common = float(np.maximum(values[:-n_factors], 0.0).mean()) if n_factors < len(values) else 0.0
    loadings = vectors[:, -n_factors:] * np.sqrt(np.maximum(values[-n_factors:] - common, 0.0))
    rest = correlation - loadings @ loadings.T
    explained = (loadings**2).sum(axis=1, keepdims=True)
    loadings *= np.sqrt(np.minimum(1.0, _LARGEST_SHARE / np.maximum(explained, _LARGEST_SHARE)))
    own = np.sqrt(np.maximum(np.diag(rest), 0.0))
    between = float((own[1:] * own[:-1]).sum())
    fading = float(np.diag(rest, 1).sum()) / between if between > 1e-9 else 0.0
    spacing = horizon / max(len(leads) - 1, 1)
    persistence = float(np.clip(fading, 0.0, 0.999) ** (1.0 / spacing))
    every = np.arange(horizon + 1.0)
    filled = np.stack([np.interp(every, leads, column) for column in loadings.T], axis=1)
    return ErrorCopula(filled.astype(np.float32).astype(np.float64), persistence)
