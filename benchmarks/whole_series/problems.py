"""Problems of whole series: those that ship with aeon and sktime, and some made of data at hand.

A problem is read from a split (`TRAIN` or `TEST`), as it is or with all cases of one length. The regression
problems made here were fixed before any estimator was run on them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from aeon.datasets import load_from_ts_file
from scipy.signal import decimate, lfilter

from ssmts_datasets import SpokenDigits, load_ett, load_spoken_digits

Cases = tuple[Any, Any]
UNEQUAL = ("JapaneseVowels", "PickupGestureWiimoteZ", "SpokenDigits", "SpokenPitch")
CLASSES = (
    "ACSF1",
    "ArrowHead",
    "BasicMotions",
    "Covid3Month_disc",
    "GunPoint",
    "ItalyPowerDemand",
    "JapaneseVowels",
    "PickupGestureWiimoteZ",
    "OSULeaf",
    "UnitTest",
    "SpokenDigits",
)
_SPEECH_FACTOR = 4  # 8 kHz -> 2 kHz
_LOWEST, _HIGHEST = 60, 400  # Hz, pitch of voices


def read(problem: str, split: str, *, unequal: bool) -> Cases:
    """Cases and labels, or numbers, of a split."""
    if problem in _MADE:
        return _MADE[problem](split, unequal)
    name = problem if unequal or problem not in UNEQUAL else f"{problem}_eq"
    library = "sktime" if problem == "Tecator" else "aeon"
    spec = find_spec(library)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{problem} ships with {library}: pip install {library}")
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / problem
    X, y = load_from_ts_file(str(folder / f"{name}_{split}.ts"))
    return X, y.astype(float) if problem in NUMBERS else y


def _days(values: np.ndarray, per_day: int, n_days: int) -> np.ndarray:
    """All runs of whole days of (length, n_channels), as cases (n_cases, n_channels, n_days * per_day)."""
    starts = range(0, len(values) - n_days * per_day + 1, per_day)
    return np.stack([values[start : start + n_days * per_day].T for start in starts])


def _ett_days(name: str, n_days: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Runs of days of an ETT set's 20 months, the month (of 30 days) of each, and the rows of a day."""
    dataset = load_ett(name)
    borders, per_day = dataset.borders, int(pd.Timedelta("1D") / dataset.reference_step)
    values = dataset.frame.to_numpy(dtype=np.float64)[: borders.test[1]]
    learnt = values[: borders.validation[1]]
    runs = _days((values - learnt.mean(axis=0)) / learnt.std(axis=0), per_day, n_days)
    return runs, np.arange(len(runs)) // 30, per_day


def _oil_of_loads(name: str) -> Callable[[str, bool], Cases]:
    """Mean oil temperature of a day from the six loads of that day; every third month tests."""

    def made(split: str, unequal: bool) -> Cases:
        days, month, _ = _ett_days(name, 1)
        rows = (month % 3 == 2) == (split == "TEST")
        return days[rows, :-1], days[rows, -1].mean(axis=1)

    return made


def _oil_of_tomorrow(split: str, unequal: bool) -> Cases:
    """ETTh2: mean oil temperature of a day from all channels of the three before; the last 4 months test."""
    runs, month, per_day = _ett_days("ETTh2", 4)
    rows = month >= 16 if split == "TEST" else month < 16
    return runs[rows, :, : 3 * per_day], runs[rows, -1, 3 * per_day :].mean(axis=1)


def _speech(split: str) -> SpokenDigits:
    train, test = load_spoken_digits().split(train=range(10, 20))
    return train if split == "TRAIN" else test


def _slow_waves(waves: list[np.ndarray], seconds: float, unequal: bool) -> Any:
    """Waves at 2 kHz, at most so many seconds of each; of one length with silence at the end."""
    longest = int(seconds * 8000 / _SPEECH_FACTOR)
    slow = [decimate(wave.astype(np.float64), _SPEECH_FACTOR, ftype="fir")[:longest] for wave in waves]
    if unequal:
        return slow
    padded = np.zeros((len(slow), 1, longest))
    for own, wave in zip(padded, slow):
        own[0, : len(wave)] = wave
    return padded


def _spoken_digits(split: str, unequal: bool) -> Cases:
    """Which of ten digits is spoken: 600 train, 300 test, 2 kHz, the first second."""
    speech = _speech(split)
    return _slow_waves(speech.recordings, 1.0, unequal), speech.labels.astype(str)


def _spoken_pitch(split: str, unequal: bool) -> Cases:
    """Pitch of the voice in octaves above 60 Hz (8 kHz), from the first half second at 2 kHz."""
    speech = _speech(split)
    pitch = np.array([_pitch(wave) for wave in speech.recordings])
    kept = np.flatnonzero(np.isfinite(pitch))
    return _slow_waves([speech.recordings[row] for row in kept], 0.5, unequal), np.log2(pitch[kept] / _LOWEST)


def _pitch(wave: np.ndarray) -> float:
    """Median over voiced frames of 40 ms of the frequency whose delay correlates most; NaN without any."""
    found = []
    for start in range(0, len(wave) - 320, 80):
        frame = wave[start : start + 320].astype(np.float64)
        frame = frame - frame.mean()
        spectrum = np.fft.rfft(frame, 1024)
        correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:320]
        if correlation[0] < 1e-4 * len(frame):
            continue
        correlation = correlation / correlation[0] * 320 / (320 - np.arange(320))
        delays = np.arange(8000 // _HIGHEST, 8000 // _LOWEST)
        best = delays[correlation[delays].argmax()]
        if correlation[best] > 0.6:
            found.append(8000 / best)
    return float(np.median(found)) if found else np.nan


def _el_nino(split: str, unequal: bool) -> Cases:
    """Mean sea surface temperature of a year from the twelve months of the year before (statsmodels)."""
    from statsmodels.datasets import elnino

    months = elnino.load_pandas().data.to_numpy(dtype=np.float64)[:, 1:]
    rows = slice(0, 40) if split == "TRAIN" else slice(40, None)
    return months[:-1][rows][:, None, :], months[1:].mean(axis=1)[rows]


def _seattle_maximum(split: str, unequal: bool) -> Cases:
    """Tomorrow's highest temperature from today's 24, every third week tests (vega_datasets)."""
    from vega_datasets import data

    hours = data.seattle_temps()["temp"].to_numpy(dtype=np.float64)
    days = hours[: len(hours) // 24 * 24].reshape(-1, 24)
    tests = np.arange(len(days) - 1) // 7 % 3 == 2
    rows = ~tests if split == "TRAIN" else tests
    return days[:-1][rows][:, None, :], days[1:].max(axis=1)[rows]


def _seattle_rain(split: str, unequal: bool) -> Cases:
    """Rain of a fortnight, log(1 + mm), from its temperatures and wind; the last of four years tests."""
    from vega_datasets import data

    frame = data.seattle_weather()
    days = _days(frame[["temp_max", "temp_min", "wind", "precipitation"]].to_numpy(dtype=np.float64), 14, 1)
    runs, rain = days[:, :3], days[:, 3].sum(axis=1)
    rows = slice(0, 78) if split == "TRAIN" else slice(78, None)
    return runs[rows], np.log1p(rain[rows])


def _relaxation(split: str, unequal: bool) -> Cases:
    """Generated: logarithm of the time constant, 2 to 30 steps, of first-order noise of unit variance."""
    rng = np.random.default_rng(0 if split == "TRAIN" else 1)
    y = rng.uniform(np.log(2.0), np.log(30.0), 200 if split == "TRAIN" else 500)
    rho = np.exp(-np.exp(-y))
    noise = rng.normal(size=(len(y), 150))
    noise[:, 1:] *= np.sqrt(1 - rho**2)[:, None]
    X = np.stack([lfilter([1.0], [1.0, -own], row) for own, row in zip(rho, noise)])
    return X[:, None, :], y


def _tone(split: str, unequal: bool) -> Cases:
    """Generated: frequency, .05 to .45 radians a step, of a tone with an overtone below as much noise."""
    rng = np.random.default_rng(2 if split == "TRAIN" else 3)
    y = rng.uniform(0.05, 0.45, 200 if split == "TRAIN" else 500)
    angle = y[:, None] * np.arange(150) + rng.uniform(0, 2 * np.pi, (len(y), 1))
    overtone = 0.5 * np.sin(2 * angle + rng.uniform(0, 2 * np.pi, (len(y), 1)))
    return (np.sin(angle) + overtone + 0.8 * rng.normal(size=angle.shape))[:, None, :], y


_MADE: dict[str, Callable[[str, bool], Cases]] = {
    "SpokenDigits": _spoken_digits,
    "OilOfLoads-ETTh1": _oil_of_loads("ETTh1"),
    "OilOfLoads-ETTm2": _oil_of_loads("ETTm2"),
    "OilOfTomorrow-ETTh2": _oil_of_tomorrow,
    "SpokenPitch": _spoken_pitch,
    "ElNino": _el_nino,
    "SeattleMaximum": _seattle_maximum,
    "SeattleRain": _seattle_rain,
    "Relaxation": _relaxation,
    "Tone": _tone,
}
NUMBERS = ("CardanoSentiment", "Covid3Month", "Tecator", *list(_MADE)[1:])
