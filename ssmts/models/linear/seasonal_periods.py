"""Candidate periods of the data: peaks of the average spectrum, snapped to calendar units."""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np

from ssmts.data.arrays import Float
from ssmts.models.sequences.sequence import SequenceStack

__all__ = ["CALENDAR_SECONDS", "candidate_periods"]


CALENDAR_SECONDS = {"hour": 3600.0, "day": 86400.0, "week": 604800.0, "year": 365.2425 * 86400.0}

_MOST_SEQUENCES = 16
_MOST_ROWS = 2**17
_CHANCE = 0.05  # of a peak in white noise


def candidate_periods(
    stacks: Seq[SequenceStack], longest: float, step_seconds: float | None = None, most: int = 3
) -> list[float]:
    """Periods that the data may have, the most powerful first.

    Parameters
    ----------
    stacks : sequence of SequenceStack
        Training data; irregular clocks are interpolated onto the reference step for the spectrum alone.
    longest : float
        The longest period of interest, in reference steps.
    step_seconds : float, optional
        Length of the reference step in seconds; peaks within their own width of an hour, a day, a week or a
        year then take its exact length. None for unit-less clocks.
    most : int
        The most candidates to return.

    Returns
    -------
    list of float
        In reference steps, each between 3 and `longest`; empty if no peak stands out.
    """
    frequencies, power, resolution = _average_spectrum(stacks)
    if len(frequencies) < 8:
        return []
    calendar = [] if step_seconds is None else [unit / step_seconds for unit in CALENDAR_SECONDS.values()]
    found: list[float] = []
    peaks = _peaks(frequencies, power, longest)
    fundamental = _common_fundamental(peaks, resolution, longest)
    for frequency in [*fundamental, *peaks]:
        period = 1.0 / frequency
        near = [unit for unit in calendar if abs(1.0 / unit - frequency) <= 1.5 * resolution]
        # A peak at a low harmonic of a calendar unit speaks for the unit: its shape, not its sine, repeats.
        near += [unit for unit in calendar for h in (2, 3) if abs(h / unit - frequency) <= 0.5 * resolution]
        period = next((unit for unit in near if 3.0 <= unit <= longest), period)
        # A bank on a period holds its harmonics: a whole fraction of a known period says nothing new.
        ratios = [known / period for known in found]
        known = any(r > 0.98 and abs(r - round(r)) < 0.01 * r for r in ratios)
        if 3.0 <= period <= longest and not known:
            found.append(period)
    return found[:most]


def _average_spectrum(stacks: Seq[SequenceStack]) -> tuple[Float, Float, float]:
    """Frequencies per reference step, mean normalised power, and the width of a bin in independent units."""
    longest = max(stacks, key=lambda stack: stack.times[-1])
    n_rows = int(min(longest.times[-1] + 1e-6, _MOST_ROWS)) + 1
    n_fft = 2 * n_rows
    total, count = np.zeros(n_fft // 2 + 1), 0
    taper = np.hanning(n_rows)
    ramp = np.linspace(-1.0, 1.0, n_rows)
    for stack in stacks:
        if stack.times[-1] + 1 < n_rows // 2:
            continue
        for values in stack.values[:_MOST_SEQUENCES]:
            series = np.interp(np.arange(n_rows), stack.times, values)
            series = series - series.mean()
            series -= ramp * (ramp @ series) / (ramp @ ramp)
            energy = float(series @ series)
            rounding = n_rows * (1e-13 * float(np.abs(values).max())) ** 2
            if energy > rounding:
                total += np.abs(np.fft.rfft(series * taper, n_fft)) ** 2 / energy
                count += 1
        if count >= _MOST_SEQUENCES:
            break
    frequencies: Float = np.fft.rfftfreq(n_fft).astype(np.float64)
    return frequencies, total / max(count, 1), 1.0 / n_rows


def _peaks(frequencies: Float, power: Float, longest: float) -> list[float]:
    """Frequencies of prominent local maxima, by falling power, refined by a parabola in the logarithm."""
    log_power = np.log(np.maximum(power, power.max() * 1e-14 + 1e-300))
    inner = np.flatnonzero((log_power[1:-1] >= log_power[:-2]) & (log_power[1:-1] > log_power[2:])) + 1
    inner = inner[frequencies[inner] >= 1.0 / longest * 0.9]
    # In white noise the power is exponential: its median is log 2 of its mean.
    prominence = np.log(np.log(max(len(inner), 1) / _CHANCE) / np.log(2.0))
    peaks = []
    for i in inner[np.argsort(-power[inner])][:32]:
        around = slice(max(1, int(i / 1.5)), max(int(i * 1.5), i + 9))
        if log_power[i] - np.median(log_power[around]) < prominence:
            continue
        low, mid, high = log_power[i - 1 : i + 2]
        curvature = low - 2.0 * mid + high
        shift = 0.5 * (low - high) / curvature if curvature < 0 else 0.0
        peaks.append(float((i + shift) * frequencies[1]))
    return peaks


def _common_fundamental(peaks: list[float], resolution: float, longest: float) -> list[float]:
    """The frequency of which at least three peaks are multiples, the one that chance explains least."""
    best, least = [], np.log(1e-3)
    observed = np.array(peaks)
    spacings = np.abs(observed[:, None] - observed).ravel()
    for candidate in {*peaks, *spacings[spacings > 0].tolist()}:
        if candidate < max(1.0 / longest, 3.0 * resolution):
            continue
        multiple = np.rint(observed / candidate)
        hit = (np.abs(observed - multiple * candidate) < 0.75 * resolution) & (multiple > 0)
        if hit.sum() < 3:
            continue
        chance = min(1.0, 1.5 * resolution / candidate)
        surprise = float(hit.sum() * np.log(chance))
        if surprise < least - 1e-9:
            # Refined by least squares over the multiples it explains.
            refined = float((multiple[hit] @ observed[hit]) / (multiple[hit] @ multiple[hit]))
            best, least = [refined], surprise
    return best
