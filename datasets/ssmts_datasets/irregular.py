"""Irregular sampling of any generated data set, with its truth."""

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ._processes import Autoregression
from ._sampling import Seed
from .generated import GeneratedDataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

Method = Literal["thin", "jitter", "poisson"]


def make_irregular(
    dataset: GeneratedDataset,
    *,
    method: Method = "thin",
    density: float = 0.5,
    jitter: float = 0.8,
    shared_clock: bool = True,
    random_state: Seed = None,
) -> GeneratedDataset:
    """Observe a generated data set at irregular times.

    Parameters
    ----------
    dataset : GeneratedDataset
        From any ``make_*``; its layout and kind of frame are kept.
    method : {"thin", "jitter", "poisson"}, default "thin"
        ``"thin"`` keeps a random fraction of the observations, for AR too. ``"jitter"`` moves every time by
        a uniform fraction of a step and ``"poisson"`` draws arrival times at random over the same span;
        both observe the truth again, with new noise.
    density : float, default 0.5
        Fraction of observations kept by ``"thin"`` (at least two remain); arrivals per step of
        ``"poisson"``.
    jitter : float, default 0.8
        Width of the uniform move, in steps; below 1 the order of a regular grid is kept.
    shared_clock : bool, default True
        Whether the channels of a series are observed together; otherwise each has its own times, and the
        frame holds NaN where only another channel was observed.
    random_state : int or numpy.random.Generator, optional

    Returns
    -------
    GeneratedDataset
        With ``regular=False``; `parameters` gains ``sampling``, the arguments used.

    Raises
    ------
    ValueError
        Unknown method, density or jitter out of range, or times off the grid of an AR process.
    """
    if method not in ("thin", "jitter", "poisson"):
        raise ValueError(f'method must be "thin", "jitter" or "poisson", got {method!r}.')
    if not density > 0 or (method == "thin" and density > 1) or not np.isfinite(density):
        raise ValueError(f"density must be positive, and at most 1 for thinning; got {density!r}.")
    if not 0 < jitter < 1:
        raise ValueError(f"jitter must lie strictly between 0 and 1 steps, got {jitter!r}.")
    if method != "thin" and isinstance(dataset.process, Autoregression):
        raise ValueError(f'An AR process exists on its grid only: use method="thin" instead of {method!r}.')

    rng = np.random.default_rng(random_state)
    times, values = [], []
    for series in range(len(dataset.ids)):
        clocks = []
        for channel in range(1 if shared_clock else len(dataset.channels)):
            columns = slice(None) if shared_clock else slice(channel, channel + 1)
            observed = ~np.isnan(dataset.values[series][:, columns]).all(axis=1)
            before, kept = dataset.times[series][observed], dataset.values[series][observed, columns]
            if method == "thin":
                rows = _thin(len(before), density, rng)
                clocks.append((before[rows], kept[rows]))
                continue
            steps = dataset.clock.steps(before)
            if method == "jitter":
                steps = steps + jitter * rng.uniform(-0.5, 0.5, len(steps))
            else:
                span = steps[-1] - steps[0]
                steps = rng.uniform(steps[0], steps[-1], max(2, rng.poisson(density * span)))
            now = np.unique(dataset.clock.times(steps))
            exact = dataset.truth(now, series=series)[:, columns]
            clocks.append((now, exact + dataset.noise * rng.normal(size=exact.shape)))
        merged = _merge(clocks)
        times.append(merged[0])
        values.append(merged[1])
    sampling = {"method": method, "density": density, "jitter": jitter, "shared_clock": shared_clock}
    return replace(
        dataset,
        times=tuple(times),
        values=tuple(values),
        regular=False,
        parameters=MappingProxyType({**dataset.parameters, "sampling": sampling}),
    )


def _thin(length: int, density: float, rng: np.random.Generator) -> "NDArray[np.int64]":
    """Rows to keep, in order: a fraction `density`, at least two."""
    count = min(length, max(2, round(density * length)))
    return np.sort(rng.choice(length, count, replace=False))


def _merge(
    clocks: "list[tuple[NDArray[Any], NDArray[np.float64]]]",
) -> "tuple[NDArray[Any], NDArray[np.float64]]":
    """All times of channels with their own clocks, in order; NaN where a channel has no observation."""
    if len(clocks) == 1:
        return clocks[0]
    times = np.unique(np.concatenate([times for times, _ in clocks]))
    values = np.full((len(times), len(clocks)), np.nan)
    for channel, (own, observed) in enumerate(clocks):
        values[np.searchsorted(times, own), channel] = observed[:, 0]
    return times, values
