"""Irregularly sampled cases of two classes, with the posterior of the Bayes classifier."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["IrregularCases", "make_irregular_rhythms"]


@dataclass(frozen=True, eq=False)
class IrregularCases:
    """Cases, labels and posteriors.

    Attributes
    ----------
    times, values : list of ndarray of float64, shape (length_i,)
        Instants and observations; lengths differ.
    labels : ndarray of int64, shape (n_cases,)
        0 or 1.
    posterior : ndarray of float64, shape (n_cases, 2)
        Probability of each class given the observations of a case and the generating law.
    """

    times: "list[NDArray[np.float64]]" = field(repr=False)
    values: "list[NDArray[np.float64]]" = field(repr=False)
    labels: "NDArray[np.int64]" = field(repr=False)
    posterior: "NDArray[np.float64]" = field(repr=False)

    @property
    def bayes_accuracy(self) -> float:
        """Highest expected accuracy of any classifier on these observations."""
        return float(self.posterior.max(axis=1).mean())


def make_irregular_rhythms(
    n_cases: int = 400,
    *,
    duration: float = 100.0,
    density: float = 0.5,
    periods: tuple[float, float] = (12.0, 16.0),
    decay: float = 12.0,
    noise: float = 0.3,
    random_state: int | None = None,
) -> IrregularCases:
    r"""Damped random rhythms of two periods, observed at random instants.

    A case is a stationary Gaussian process of covariance
    :math:`e^{-|\tau|/d} \cos(2\pi\tau/p)`, p the period of its class, observed with white noise at the
    instants of a Poisson process. Both classes are equally likely: the posterior of a case is a ratio of
    Gaussian likelihoods, and exact.

    Parameters
    ----------
    n_cases : int, default 400
    duration : float, default 100
        Span of the instants.
    density : float, default 0.5
        Observations a unit of time, on average; a case has at least four.
    periods : tuple of float, default (12, 16)
        Of the two classes.
    decay : float, default 12
        Decay time of the covariance.
    noise : float, default 0.3
        Standard deviation of the measurement noise; that of the process is 1.
    random_state : int, optional

    Returns
    -------
    IrregularCases

    Raises
    ------
    ValueError
        If a number is not positive.

    References
    ----------
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, sections 2.2 and 4.2.
    """
    for name, value in {
        "n_cases": n_cases,
        "duration": duration,
        "density": density,
        "periods": min(periods),
        "decay": decay,
        "noise": noise,
    }.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value!r}.")
    rng = np.random.default_rng(random_state)
    labels = rng.integers(0, 2, n_cases)
    all_times, all_values, log_likelihood = [], [], np.empty((n_cases, 2))
    for case, label in enumerate(labels):
        times = np.sort(rng.uniform(0.0, duration, max(4, rng.poisson(density * duration))))
        lags = np.abs(times[:, None] - times)
        factors = []
        for period in periods:
            covariance = np.exp(-lags / decay) * np.cos(2.0 * np.pi * lags / period)
            factors.append(np.linalg.cholesky(covariance + noise**2 * np.eye(len(times))))
        values = factors[label] @ rng.normal(size=len(times))
        for k, factor in enumerate(factors):
            white = np.linalg.solve(factor, values)
            log_likelihood[case, k] = -0.5 * white @ white - np.log(np.diag(factor)).sum()
        all_times.append(times)
        all_values.append(values)
    ratio = np.clip(log_likelihood[:, 1] - log_likelihood[:, 0], -700.0, 700.0)
    second = 1.0 / (1.0 + np.exp(-ratio))
    return IrregularCases(all_times, all_values, labels, np.stack([1.0 - second, second], axis=1))
