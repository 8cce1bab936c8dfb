"""The linear branch: features, ridge regression, leave-one-out answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Series
from ssmts.models.whole_series.case import Case, make_case, require_near
from ssmts.models.whole_series.early_answers import PrefixAnswers, prefix_answers
from ssmts.models.whole_series.features import BLOCKS, CaseFeatures, fit_features
from ssmts.models.whole_series.hold import CaseHold, has_gaps
from ssmts.models.whole_series.loo_ridge import fit_ridge
from ssmts.models.whole_series.random_readouts import ReadoutBank, draw_bank
from ssmts.progress import stage

__all__ = ["CaseFit", "CaseInput", "CaseModel", "CaseReading", "distinct_cases", "fit_cases", "fit_input"]

_MOST_NUMBERS = 30_000_000  # cases times features


@dataclass(frozen=True)
class CaseInput:
    """How the values of a case are standardised.

    Parameters
    ----------
    mean, scale : ndarray of float64, shape (n_channels,)
        Mean and standard deviation over the usual training cases.
    step : int or float
        Reference step in the unit of the clock.
    hold : CaseHold, optional
        How cases with gaps are read between their observations; None: on lines.
    """

    mean: Float
    scale: Float
    step: int | float
    hold: CaseHold | None = None

    def __call__(self, series: Sequence[Series], rate: float = 1.0) -> list[Case]:
        """Cases in reference steps; `rate` stretches the times.

        Raises
        ------
        InfiniteValueError
            If a value is too far from those of training to be computed with.
        """
        cases = []
        for one in series:
            times = (one.times - one.times[0]) * (rate / self.step)
            values = self._standardised(one)
            if self.hold is not None and has_gaps(times, values):
                times, values = self.hold.filled(times, values)
            cases.append(make_case(times, values))
        return cases

    def _standardised(self, one: Series) -> Float:
        values = one.values
        with np.errstate(over="ignore"):
            standardised = (values - self.mean) / self.scale
        require_near(standardised, one)
        return np.asarray(standardised)


def fit_input(series: Sequence[Series], step: int | float) -> CaseInput:
    """Mean and standard deviation of every channel over the observed values of all cases.

    Parameters
    ----------
    series : sequence of Series
        The usual ones.
    step : int or float
        Reference step in the unit of the clock.

    Raises
    ------
    InfiniteValueError
        If a channel spans more than floating-point numbers can hold.
    """
    largest = np.max([np.nanmax(np.abs(one.values), axis=0, initial=0.0) for one in series], axis=0)
    # A power of two loses no digit, and squares of what is divided by it do not overflow.
    unit = np.where(largest > 0.0, np.exp2(np.floor(np.log2(np.where(largest > 0.0, largest, 1.0)))), 1.0)
    counts = np.maximum(sum((~np.isnan(one.values)).sum(axis=0) for one in series), 1)
    mean = sum(np.nansum(one.values / unit, axis=0) for one in series) / counts
    squares = sum(np.nansum((one.values / unit - mean) ** 2, axis=0) for one in series)
    scale = np.sqrt(squares / counts)
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(mean), 1e-300), scale * unit, 1.0)
    return CaseInput(mean * unit, scale, step)


def distinct_cases(series: Sequence[Series], targets: Float, weights: Float) -> tuple[Rows, Float]:
    """Cases of positive weight without repeats, in an order that depends on nothing but the cases.

    A case that comes twice counts twice, and leaving it out leaves both out; the order of rows has no effect
    on the model.

    Returns
    -------
    rows : ndarray of int64, shape (n_distinct,)
    weights : ndarray of float64, shape (n_distinct,)
        Summed over the repeats.
    """
    first: dict[bytes, int] = {}
    summed: dict[bytes, float] = {}
    for row, (one, target, weight) in enumerate(zip(series, targets, weights)):
        if weight > 0:
            shape = np.array(one.values.shape)
            parts = (shape, one.times - one.times[0], np.ascontiguousarray(one.values), target)
            key = hashlib.sha256(b"".join(part.tobytes() for part in parts)).digest()
            first.setdefault(key, row)
            summed[key] = summed.get(key, 0.0) + float(weight)
    keys = sorted(first)
    return np.array([first[key] for key in keys]), np.array([summed[key] for key in keys])


@dataclass(frozen=True)
class CaseModel:
    """Features of a case and their linear readout.

    Parameters
    ----------
    input : CaseInput
    features : CaseFeatures
    weights : tuple of ndarray, one a block, shape (n_features, n_targets)
    intercept : ndarray of float64, shape (n_targets,)
    bounds : tuple of ndarray or None, one a block, shape (2, n_features)
        Lowest and highest value that each feature is clipped to; None in files of 0.1.
    """

    input: CaseInput
    features: CaseFeatures
    weights: tuple[Float, ...]
    intercept: Float
    bounds: tuple[Float, ...] | None = None

    def __call__(self, cases: Sequence[Case]) -> Float:
        """Answers, (n_cases, n_targets)."""
        out = np.empty((len(cases), len(self.intercept)))
        # A product a case: its rounding then does not depend on the company.
        for begin in range(0, len(cases), 256):
            blocks = self.features(cases[begin : begin + 256])
            if self.bounds is not None:
                blocks = tuple(np.clip(block, *own) for block, own in zip(blocks, self.bounds))
            for row, parts in enumerate(zip(*blocks), start=begin):
                out[row] = self.intercept + sum(part @ own for part, own in zip(parts, self.weights))
        return out

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Everything but the step."""
        bank = self.features.bank
        arrays = {
            "level": self.input.mean,
            "scale": self.input.scale,
            "spacings": bank.spacings,
            "readouts": bank.weights,
            "mixtures": bank.mixtures,
            "fold": bank.fold,
            "thresholds": self.features.thresholds,
            "knots": self.features.knots,
            "intercept": self.intercept,
        }
        arrays |= {f"weights.{name}": own for name, own in zip(BLOCKS, self.weights)}
        if self.bounds is not None:
            arrays |= {f"bounds.{name}": own for name, own in zip(BLOCKS, self.bounds)}
        if self.input.hold is not None:
            arrays["hold.weights"] = self.input.hold.weights
            arrays["hold.duration"] = np.array(self.input.hold.duration)
        return {f"linear.{name}": torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, torch.Tensor], step: int | float) -> CaseModel:
        """Inverse of :meth:`to_tensors`."""

        def get(name: str) -> Any:
            # A copy: torch's complex arithmetic wants its operands aligned as a file's are not.
            return np.array(tensors[f"linear.{name}"].numpy())

        hold = None
        if "linear.hold.weights" in tensors:
            hold = CaseHold(get("hold.duration").item(), get("hold.weights"))
        bank = ReadoutBank(get("spacings"), get("readouts"), get("mixtures"), get("fold"))
        bounded = f"linear.bounds.{BLOCKS[0]}" in tensors
        return cls(
            input=CaseInput(get("level"), get("scale"), step, hold),
            features=CaseFeatures(bank, get("thresholds"), get("knots")),
            weights=tuple(get(f"weights.{name}") for name in BLOCKS),
            intercept=get("intercept"),
            bounds=tuple(get(f"bounds.{name}") for name in BLOCKS) if bounded else None,
        )


@dataclass(frozen=True)
class CaseReading:
    """Training cases, read in one of several ways.

    Parameters
    ----------
    model_input : CaseInput or ObservationInput
        How series became cases.
    cases : list of Case
    targets : ndarray of float64, shape (n_cases, n_targets)
    weights : ndarray of float64, shape (n_cases,)
    usual : ndarray of bool, shape (n_cases,)
        Cases that set scales.
    of_case : ndarray of int64, shape (n_cases,)
        Number of the case that each is, or is a copy of at another rate.
    copy_pairs : ndarray of int64, shape (n_cases,), or None
        As for :func:`ssmts.models.whole_series.loo_ridge.fit_ridge`.
    """

    model_input: Any
    cases: list[Case]
    targets: Float
    weights: Float
    usual: NDArray[np.bool_]
    of_case: Rows
    copy_pairs: Rows | None


@dataclass(frozen=True)
class CaseFit:
    """A fitted linear branch, its leave-one-out answers and what was chosen.

    Parameters
    ----------
    model : CaseModel, or an ObservationModel with the same methods
    left_out : ndarray of float64, shape (n_cases, n_targets)
    record : dict
    prefixes : PrefixAnswers or None
        Answers to cases that have only begun; None where the model knows of ages itself.
    """

    model: Any
    left_out: Float
    record: dict[str, Any]
    prefixes: PrefixAnswers | None = None


def fit_cases(reading: CaseReading, block_weights: Sequence[float], n_readouts: int, seed: int) -> CaseFit:
    """Fit the linear branch.

    Parameters
    ----------
    reading : CaseReading
    block_weights : sequence of float
        Total variance of each block of `BLOCKS`.
    n_readouts : int
        Readouts of each kind and scale; fewer where there are very many cases.
    seed : int
    """
    cases, rng = reading.cases, np.random.default_rng(seed)
    duration = float(np.median([case.times[-1] for case in cases]))
    n_channels = len(cases[0].values)
    bank = draw_bank(n_channels, duration, 8, np.random.default_rng(seed))
    room = _MOST_NUMBERS // (len(cases) * len(bank.spacings) * 4)
    bank = draw_bank(n_channels, duration, max(8, min(n_readouts, room // 8 * 8)), rng)
    with stage("thresholds", 0.0, 0.1):
        features = fit_features(cases, bank, rng, reading.usual)
    with stage("features", 0.1, 0.7):
        blocks = [block.astype(np.float64) for block in features(cases)]
    with stage("weights", 0.7, 0.8):
        fit = fit_ridge(
            blocks, block_weights, reading.targets, reading.weights, reading.copy_pairs, reading.usual
        )
    with stage("early answers", 0.8, 1.0):
        originals = np.unique(reading.of_case, return_index=True)[1]
        prefixes = prefix_answers(cases, originals, features, fit.without)
    model = CaseModel(
        input=reading.model_input,
        features=features,
        weights=fit.weights,
        intercept=fit.intercept,
        bounds=fit.bounds,
    )
    record = {
        "n_readouts": bank.n_readouts * 2 * len(bank.spacings),
        "penalty": fit.penalty,
        "left_out_mse": fit.error,
    }
    return CaseFit(model, fit.left_out, record, prefixes)
