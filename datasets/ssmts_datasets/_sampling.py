"""Observation of a process on a regular grid, common to all generators."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ._clock import Clock
from ._frames import Backend
from ._processes import Process
from .generated import GeneratedDataset, Layout

Seed = int | np.random.Generator | None


def check_sizes(**sizes: int) -> None:
    """Raise unless all sizes are whole numbers from 1."""
    for name, size in sizes.items():
        if not isinstance(size, int | np.integer) or size < 1:
            raise ValueError(f"{name} must be a whole number from 1, got {size!r}.")


def observe(
    name: str,
    process: Process,
    parameters: Mapping[str, Any],
    length: int,
    noise: float,
    clock: Clock,
    layout: Layout | None,
    backend: Backend,
    rng: np.random.Generator,
    shape: tuple[int, ...],
) -> GeneratedDataset:
    """Observe `process` on the regular grid; `shape` begins with n_series, n_channels."""
    n_series, n_channels = shape[:2]
    if not (np.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise must be a standard deviation, 0 or more, got {noise!r}.")
    if layout not in (None, "wide", "long"):
        raise ValueError(f'layout must be "wide" or "long", got {layout!r}.')
    if layout == "wide" and n_series > 1:
        raise ValueError(
            f'{n_series} series need layout="long": wide columns are the channels of one series.'
        )
    times = clock.times(np.arange(length))
    steps = clock.steps(times)
    values = tuple(
        process.evaluate(steps, i) + noise * rng.normal(size=(length, n_channels)) for i in range(n_series)
    )
    return GeneratedDataset(
        name=name,
        ids=tuple(f"series_{i}" for i in range(n_series)),
        channels=("y",) if n_channels == 1 else tuple(f"y{c}" for c in range(n_channels)),
        times=(times,) * n_series,
        values=values,
        noise=float(noise),
        parameters=MappingProxyType(dict(parameters)),
        regular=True,
        layout=layout or ("wide" if n_series == 1 else "long"),
        backend=backend,
        clock=clock,
        process=process,
    )
