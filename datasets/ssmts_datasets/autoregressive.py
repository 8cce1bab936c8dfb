"""Generator of autoregressions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._clock import Clock
from ._frames import Backend
from ._processes import Autoregression, autocovariances
from ._sampling import Seed, check_sizes, observe
from .generated import GeneratedDataset, Layout


def make_ar(
    length: int = 1000,
    *,
    coefficients: Sequence[float] = (1.5, -0.75),
    innovation_std: float = 1.0,
    n_series: int = 1,
    n_channels: int = 1,
    start: Any = None,
    step: Any = "1h",
    layout: Layout | None = None,
    frame: Backend = "pandas",
    random_state: Seed = None,
) -> GeneratedDataset:
    """Stationary autoregressions, x_k = Σ_i φ_i x_{k-i} + ε_k with ε ~ N(0, σ²), without measurement noise.

    The first p values are drawn from the stationary distribution, without burn-in. Series and channels
    are independent realisations of the same process.

    Parameters
    ----------
    length : int, default 1000
        Observations a series.
    coefficients : sequence of float, default (1.5, -0.75)
        φ_1 .. φ_p; the default cycles with a period of about 12 steps.
    innovation_std : float, default 1.0
        σ.
    n_series, n_channels : int, default 1
    start, step, layout, frame, random_state
        As in `make_sines`.

    Returns
    -------
    GeneratedDataset
        `parameters` holds ``coefficients`` (p,), ``innovation_std`` and ``variance``, that of the process.

    Raises
    ------
    ValueError
        Sizes below 1, no coefficients, a process that is not stationary, σ not positive.

    References
    ----------
    Box, Jenkins, Reinsel, Ljung (2015), Time Series Analysis, 5th edition, sections 3.2 and 5.1.
    """
    check_sizes(length=length, n_series=n_series, n_channels=n_channels)
    phi = np.asarray(coefficients, dtype=np.float64)
    if phi.ndim != 1 or not phi.size or not np.isfinite(phi).all():
        raise ValueError(f"coefficients must be one or more finite numbers, got {coefficients!r}.")
    radius = np.abs(np.roots([1.0, *-phi])).max(initial=0.0)
    if radius >= 1:
        raise ValueError(
            f"coefficients {coefficients!r} give no stationary process: the largest modulus of its "
            f"characteristic roots, {radius:.6g}, must be below 1."
        )
    if not (np.isfinite(innovation_std) and innovation_std > 0):
        raise ValueError(f"innovation_std must be positive, got {innovation_std!r}.")
    rng = np.random.default_rng(random_state)
    p = len(phi)
    gamma = autocovariances(phi, p)
    root = np.linalg.cholesky(gamma[np.abs(np.subtract.outer(np.arange(p), np.arange(p)))])
    paths = innovation_std * rng.normal(size=(max(length, p), n_series * n_channels))
    paths[:p] = root @ paths[:p]
    for k in range(p, length):
        paths[k] += phi @ paths[k - p : k][::-1]
    values = np.ascontiguousarray(paths[:length].reshape(length, n_series, n_channels).swapaxes(0, 1))
    parameters = {
        "coefficients": phi,
        "innovation_std": float(innovation_std),
        "variance": float(innovation_std**2 * gamma[0]),
    }
    process = Autoregression(phi, float(innovation_std), values)
    clock = Clock.of(start, step)
    return observe("ar", process, parameters, length, 0.0, clock, layout, frame, rng, (n_series, n_channels))
