"""The closed form over cases: features, ridge, and what leave-one-out says of every choice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Series
from ssmts.models.whole_series.case import Case, make_case
from ssmts.models.whole_series.features import BLOCKS, CaseFeatures, fit_features
from ssmts.models.whole_series.hold import CaseHold, has_gaps
from ssmts.models.whole_series.loo_ridge import fit_ridge
from ssmts.models.whole_series.random_readouts import ReadoutBank, draw_bank

__all__ = ["CaseFit", "CaseInput", "CaseModel", "distinct_cases", "fit_cases", "fit_input"]

_MOST_NUMBERS = 30_000_000  # cases times features


@dataclass(frozen=True)
class CaseInput:
    """How the values of a case are standardised.

    Parameters
    ----------
    level, scale : ndarray of float64, shape (n_channels,)
        Mean and deviation over all training cases.
    step : int or float
        Reference step in the unit of the clock.
    hold : CaseHold, optional
        How cases with gaps are read between their observations; None: on lines.
    """

    level: Float
    scale: Float
    step: int | float
    hold: CaseHold | None = None

    def __call__(self, series: Sequence[Series], rate: float = 1.0) -> list[Case]:
        """Cases in reference steps; `rate` stretches the times."""
        cases = []
        for one in series:
            times, values = (one.times - one.times[0]) * (rate / self.step), one.values
            if self.hold is not None and has_gaps(times, values):
                times, values = self.hold.filled(times, (values - self.level) / self.scale)
                cases.append(make_case(times, values, np.zeros_like(self.level), np.ones_like(self.scale)))
            else:
                cases.append(make_case(times, values, self.level, self.scale))
        return cases


def fit_input(series: Sequence[Series], step: int | float) -> CaseInput:
    """Mean and deviation of every channel over the observed values of all cases."""
    counts = np.maximum(sum((~np.isnan(one.values)).sum(axis=0) for one in series), 1)
    level = sum(np.nansum(one.values, axis=0) for one in series) / counts
    squares = sum(np.nansum((one.values - level) ** 2, axis=0) for one in series)
    scale = np.sqrt(squares / counts)
    return CaseInput(level, np.where(scale > 1e-12 * np.maximum(np.abs(level), 1e-300), scale, 1.0), step)


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
    """

    input: CaseInput
    features: CaseFeatures
    weights: tuple[Float, ...]
    intercept: Float

    def __call__(self, cases: Sequence[Case]) -> Float:
        """Answers, (n_cases, n_targets)."""
        out = np.empty((len(cases), len(self.intercept)))
        # A product a case: its rounding then does not depend on the company.
        for begin in range(0, len(cases), 256):
            blocks = self.features(cases[begin : begin + 256])
            for row, parts in enumerate(zip(*blocks), start=begin):
                out[row] = self.intercept + sum(part @ own for part, own in zip(parts, self.weights))
        return out

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Everything but the step."""
        bank = self.features.bank
        arrays = {
            "level": self.input.level,
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
        return cls(
            CaseInput(get("level"), get("scale"), step, hold),
            CaseFeatures(bank, get("thresholds"), get("knots")),
            tuple(get(f"weights.{name}") for name in BLOCKS),
            get("intercept"),
        )


@dataclass(frozen=True)
class CaseFit:
    """A fitted closed form, its leave-one-out answers and what was chosen.

    Parameters
    ----------
    model : CaseModel
    left_out : ndarray of float64, shape (n_cases, n_targets)
    record : dict
    """

    model: CaseModel
    left_out: Float
    record: dict[str, Any]


def fit_cases(
    read: CaseInput,
    cases: Sequence[Case],
    targets: Float,
    weights: Float,
    n_readouts: int,
    shares: Sequence[float],
    seed: int,
    copy_pairs: Rows | None = None,
) -> CaseFit:
    """Fit the closed form.

    Parameters
    ----------
    read : CaseInput
    cases : sequence of Case
    targets : ndarray of float64, shape (n_cases, n_targets)
    weights : ndarray of float64, shape (n_cases,)
    n_readouts : int
        Readouts of each kind and scale; fewer where there are very many cases.
    shares : sequence of float
        Weights of the blocks of `BLOCKS`.
    seed : int
    copy_pairs : ndarray of int64, shape (n_cases,), optional
        As for :func:`ssmts.models.whole_series.loo_ridge.fit_ridge`.
    """
    rng = np.random.default_rng(seed)
    duration = float(np.median([case.times[-1] for case in cases]))
    n_channels = len(cases[0].values)
    bank = draw_bank(n_channels, duration, 8, np.random.default_rng(seed))
    room = _MOST_NUMBERS // (len(cases) * len(bank.spacings) * 4)
    bank = draw_bank(n_channels, duration, max(8, min(n_readouts, room // 8 * 8)), rng)
    features = fit_features(cases, bank, rng)
    blocks = [block.astype(np.float64) for block in features(cases)]
    fit = fit_ridge(blocks, shares, targets, weights, copy_pairs)
    model = CaseModel(read, features, fit.weights, fit.intercept)
    record = {
        "n_readouts": bank.n_readouts * 2 * len(bank.spacings),
        "penalty": fit.penalty,
        "left_out_mse": fit.error,
    }
    return CaseFit(model, fit.left_out, record)
