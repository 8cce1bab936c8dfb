"""Generators of sums of modes: sines and damped oscillators."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._clock import Clock
from ._frames import Backend
from ._processes import Modes
from ._sampling import Seed, check_sizes, observe
from .generated import GeneratedDataset, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray


def make_sines(
    length: int = 1000,
    *,
    n_series: int = 1,
    n_channels: int = 1,
    n_components: int = 3,
    periods: Sequence[float] | None = None,
    noise: float = 0.1,
    start: Any = None,
    step: Any = "1h",
    layout: Layout | None = None,
    frame: Backend = "pandas",
    random_state: Seed = None,
) -> GeneratedDataset:
    """Sums of sines, y(t) = Σ_k b_k sin(2πt / T_k + φ_k), with white noise.

    Periods belong to a series; amplitudes b (uniform in 0.5..1.5) and phases φ to a channel of it.

    Parameters
    ----------
    length : int, default 1000
        Observations a series.
    n_series, n_channels : int, default 1
    n_components : int, default 3
        Sines a series, when `periods` is not given.
    periods : sequence of float, optional
        T, in steps, for all series; drawn log-uniformly from 4 to length / 2 when not given.
    noise : float, default 0.1
        Standard deviation of the measurement noise.
    start : date-like or float, optional
        First time; 2020-01-01, or 0.0 when `step` is a number.
    step : duration or float, default "1h"
        Spacing; a number gives unit-less times.
    layout : {"wide", "long"}, optional
        Wide for one series and long for several unless given.
    frame : {"pandas", "polars"}, default "pandas"
    random_state : int or numpy.random.Generator, optional

    Returns
    -------
    GeneratedDataset
        `parameters` holds ``periods`` (n_series, n_components), ``amplitudes`` and ``phases`` (n_series,
        n_channels, n_components).

    Raises
    ------
    ValueError
        Sizes below 1, non-positive periods, negative noise, several series in wide layout.

    Examples
    --------
    >>> from ssmts_datasets import make_sines
    >>> sines = make_sines(48, periods=[24.0], noise=0.0, random_state=0)
    >>> sines.frame.shape
    (48, 1)
    >>> bool(abs(sines.truth(["2020-01-01T00:30"]) - sines.truth(["2020-01-02T00:30"])) < 1e-12)
    True
    """
    check_sizes(length=length, n_series=n_series, n_channels=n_channels, n_components=n_components)
    rng = np.random.default_rng(random_state)
    drawn = _periods(periods, (n_series, n_components), max(length / 2, 8.0), rng)
    shape = (n_series, n_channels, drawn.shape[1])
    amplitudes = rng.uniform(0.5, 1.5, shape)
    phases = rng.uniform(0.0, 2 * np.pi, shape)
    poles = np.zeros(drawn.shape, np.complex128)
    poles.imag = 2 * np.pi / drawn
    process = Modes(amplitudes * np.exp(1j * (phases - np.pi / 2)), poles)
    parameters = {"periods": drawn, "amplitudes": amplitudes, "phases": phases}
    return observe(
        "sines", process, parameters, length, noise, Clock.of(start, step), layout, frame, rng, shape
    )


def make_damped_oscillators(
    length: int = 1000,
    *,
    n_series: int = 1,
    n_channels: int = 1,
    n_components: int = 2,
    periods: Sequence[float] | None = None,
    damping: float | Sequence[float] = 0.02,
    noise: float = 0.01,
    start: Any = None,
    step: Any = "1h",
    layout: Layout | None = None,
    frame: Backend = "pandas",
    random_state: Seed = None,
) -> GeneratedDataset:
    """Sums of free damped oscillators, each x'' + 2ζω x' + ω² x = 0 with ω = 2π/T, with white noise.

    Periods and damping belong to a series, the initial displacement and velocity of each oscillator to a
    channel.

    Parameters
    ----------
    length : int, default 1000
        Observations a series.
    n_series, n_channels : int, default 1
    n_components : int, default 2
        Oscillators a series, when `periods` is not given.
    periods : sequence of float, optional
        Undamped T, in steps, for all series; drawn log-uniformly from 4 to length / 4 when not given.
    damping : float or sequence of float, default 0.02
        Damping ratio ζ in [0, 1), for all oscillators or one each.
    noise : float, default 0.01
        Standard deviation of the measurement noise.
    start, step, layout, frame, random_state
        As in `make_sines`.

    Returns
    -------
    GeneratedDataset
        `parameters` holds ``periods`` and ``damping`` (n_series, n_components), ``displacements`` x(0) and
        ``velocities`` x'(0), per step, (n_series, n_channels, n_components).

    Raises
    ------
    ValueError
        As `make_sines`, and a damping ratio outside [0, 1) or of the wrong number.

    Notes
    -----
    The underdamped solution is x(t) = Re(c exp(st)) with s = ω(-ζ + i√(1-ζ²)).
    """
    check_sizes(length=length, n_series=n_series, n_channels=n_channels, n_components=n_components)
    rng = np.random.default_rng(random_state)
    drawn = _periods(periods, (n_series, n_components), max(length / 4, 8.0), rng)
    ratios = np.asarray(damping, dtype=np.float64)
    if ratios.ndim > 1 or (ratios.ndim == 1 and ratios.shape != drawn.shape[1:]):
        raise ValueError(f"damping must be one number or {drawn.shape[1]} numbers, got {damping!r}.")
    if not ((ratios >= 0) & (ratios < 1)).all():
        raise ValueError(f"damping ratios must lie in [0, 1), got {damping!r}.")
    ratios = np.broadcast_to(ratios, drawn.shape).copy()
    shape = (n_series, n_channels, drawn.shape[1])
    omega = 2 * np.pi / drawn
    poles = omega * (-ratios + 1j * np.sqrt(1 - ratios**2))
    displacements = rng.normal(size=shape)
    velocities = rng.normal(size=shape) * omega[:, None, :]
    # x(0) = Re c, and x'(0) = Re c Re s - Im c Im s.
    s = poles[:, None, :]
    coefficients = displacements + 1j * (displacements * s.real - velocities) / s.imag
    parameters = {
        "periods": drawn,
        "damping": ratios,
        "displacements": displacements,
        "velocities": velocities,
    }
    process = Modes(coefficients, poles)
    clock = Clock.of(start, step)
    return observe("damped_oscillators", process, parameters, length, noise, clock, layout, frame, rng, shape)


def _periods(
    given: Sequence[float] | None, shape: tuple[int, int], longest: float, rng: np.random.Generator
) -> "NDArray[np.float64]":
    """Periods in steps, (n_series, n_components): those given, or drawn log-uniformly from 4 to `longest`."""
    if given is None:
        return np.exp(rng.uniform(np.log(4.0), np.log(longest), shape))
    periods = np.asarray(given, dtype=np.float64)
    if periods.ndim != 1 or not periods.size or not (np.isfinite(periods) & (periods > 0)).all():
        raise ValueError(f"periods must be one or more positive numbers of steps, got {given!r}.")
    return np.tile(periods, (shape[0], 1))
