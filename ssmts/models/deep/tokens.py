"""Tokens of the deep branch: whitened principal components of the stem's states, and the latest values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float
from ssmts.models.linear.moments import floored

__all__ = ["LARGEST", "TokenEncoder", "normalized", "recent_values", "token_intervals"]

LARGEST = 6.0  # whitened components beyond this many deviations are cut


@dataclass(frozen=True)
class TokenEncoder:
    """Projection of window features onto whitened principal components.

    Parameters
    ----------
    mean : ndarray of float64, shape (n_features,)
    projection : ndarray of float64, shape (n_features, n_components)
    """

    mean: Float
    projection: Float

    @classmethod
    def fit(cls, features: Float, n_components: int) -> TokenEncoder:
        """Components of largest variance of features (n_windows, n_features)."""
        mean = features.mean(axis=0)
        covariance = (features - mean).T @ (features - mean) / len(features)
        values, vectors = np.linalg.eigh(covariance)
        projection = vectors[:, -n_components:] / np.sqrt(np.maximum(values[-n_components:], 1e-12))
        return cls(mean, projection)

    def encode(self, features: Float, recent: Float) -> Tensor:
        """Tokens from normalised features and values.

        Parameters
        ----------
        features : ndarray of float64, shape (n_windows, n_tokens, n_features)
            In units of the window's deviation.
        recent : ndarray of float64, shape (n_windows, n_tokens, n_recent)
            Values minus the window's mean, in units of its deviation.

        Returns
        -------
        Tensor of float32, shape (n_windows, n_tokens, n_components + n_recent)
        """
        components = np.clip((features - self.mean) @ self.projection, -LARGEST, LARGEST)
        return torch.from_numpy(np.concatenate([components, recent], axis=-1).astype(np.float32))


def normalized(features: Float, recent: Float, mean: Float, deviation: Float) -> tuple[Float, Float]:
    """Features and values of windows in units of their deviation.

    Parameters
    ----------
    features : ndarray of float64, shape (n_windows, n_tokens, n_features)
        Of the window minus its mean.
    recent : ndarray of float64, shape (n_windows, n_tokens, n_recent)
    mean, deviation : ndarray of float64, shape (n_windows,)

    Returns
    -------
    features : ndarray of float64, shape (n_windows, n_tokens, n_features)
    recent : ndarray of float64, shape (n_windows, n_tokens, n_recent)
    """
    scale = floored(deviation)[:, None, None]
    return features / scale, (recent - mean[:, None, None]) / scale


def recent_values(times: Float, values: Float, instants: Float, first: Float, n_recent: int) -> Float:
    """Values 0, 1, ..., n_recent - 1 reference steps before some instants, linear between observations.

    Parameters
    ----------
    times, values : ndarray of float64, shape (length,)
    instants : ndarray of float64, shape (n_windows, n_tokens)
    first : ndarray of float64, shape (n_windows,)
        First observation of each window; what lies before takes its value.
    n_recent : int

    Returns
    -------
    ndarray of float64, shape (n_windows, n_tokens, n_recent)
    """
    asked = instants[..., None] - np.arange(n_recent)
    return np.asarray(np.interp(np.maximum(asked, first[:, None, None]), times, values))


def token_intervals(token_times: Float, stride: float) -> Tensor:
    """Time since the previous token in strides, 0 for the first, (n_windows, n_tokens) in float32."""
    intervals = np.diff(token_times, axis=1, prepend=token_times[:, :1]) / stride
    return torch.from_numpy(intervals.astype(np.float32))
