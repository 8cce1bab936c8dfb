"""What is said of sparse cases, by statistics of their observations, at every age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ssmts.data.arrays import Float
from ssmts.data.series import Series
from ssmts.models.whole_series.linear_model import CaseFit
from ssmts.models.whole_series.observation_readout import ObservationReadout, fit_readout
from ssmts.models.whole_series.observation_statistics import observation_statistics
from ssmts.models.whole_series.observed_case import (
    ObservationInput,
    ObservationTable,
    ObservedCase,
    fit_observation_input,
)

__all__ = ["ObservationModel", "fit_observations"]

_BLOCK = 1024  # cases judged at once
_FRACTIONS = (0.0, 1 / 8, 1 / 2)  # of the shortest usual case: ages at which cases are judged early
_SHORT = 0.02  # fraction of training cases that may be shorter than a usual one
_PREFIX = "observations."


@dataclass(frozen=True)
class ObservationModel:
    """A readout for whole cases, and one for each of several earlier ages.

    Parameters
    ----------
    input : ObservationInput
    duration : float
        Of a typical case, in reference steps.
    ages : ndarray of float64, shape (n_ages,)
        Increasing times since the first observation, in reference steps; the last is that of the shortest
        usual case. Between two of them the answers of both readouts are mixed; an older case is judged by
        the last one alone.
    readouts : tuple of ObservationReadout
        One an age.
    """

    input: ObservationInput
    duration: float
    ages: Float
    readouts: tuple[ObservationReadout, ...]

    def __call__(self, cases: Sequence[ObservedCase]) -> Float:
        """Answers, (n_cases, n_targets)."""
        out = np.empty((len(cases), len(self.readouts[-1].intercept)))
        for begin in range(0, len(cases), _BLOCK):
            block = cases[begin : begin + _BLOCK]
            features = self.features(block)
            weights = self._weights(np.array([case.elapsed for case in block]))
            answers = np.zeros((len(block), out.shape[1]))
            for weight, readout in zip(weights.T, self.readouts):
                own = weight > 0
                if own.any():
                    answers[own] += weight[own, None] * readout(features[own])
            out[begin : begin + len(block)] = answers
        return out

    def features(self, cases: Sequence[ObservedCase]) -> Float:
        """Statistics, (n_cases, n_features): those of one channel after another."""
        statistics = observation_statistics(ObservationTable.of(cases), self.duration)
        return statistics.reshape(len(cases), -1)

    def _weights(self, elapsed: Float) -> Float:
        """Share of every readout in the answer to a case, (n_cases, n_ages)."""
        place = np.interp(elapsed, self.ages, np.arange(len(self.ages)))
        return np.asarray(np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(len(self.ages)))))

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Everything but the step."""
        arrays: dict[str, Any] = {
            "level": self.input.level,
            "scale": self.input.scale,
            "lowest": self.input.lowest,
            "highest": self.input.highest,
            "duration": np.array(self.duration),
            "ages": self.ages,
        }
        tensors = {_PREFIX + name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
        for number, readout in enumerate(self.readouts):
            own = readout.to_tensors()
            tensors |= {f"{_PREFIX}{number}.{name}": tensor for name, tensor in own.items()}
        return tensors

    @classmethod
    def from_tensors(cls, tensors: dict[str, torch.Tensor], step: int | float) -> ObservationModel | None:
        """Inverse of :meth:`to_tensors`; None where the tensors are those of another model."""
        if _PREFIX + "ages" not in tensors:
            return None

        def get(name: str) -> Any:
            return np.array(tensors[_PREFIX + name].numpy())

        def readout(number: int) -> ObservationReadout:
            begin = f"{_PREFIX}{number}."
            own = {name.removeprefix(begin): t for name, t in tensors.items() if name.startswith(begin)}
            return ObservationReadout.from_tensors(own)

        ages = get("ages")
        read = ObservationInput(
            level=get("level"), scale=get("scale"), lowest=get("lowest"), highest=get("highest"), step=step
        )
        return cls(read, get("duration").item(), ages, tuple(map(readout, range(len(ages)))))


def fit_observations(
    series: Sequence[Series],
    step: int | float,
    targets: Float,
    weights: Float,
    seed: int,
    *,
    classes: bool,
) -> CaseFit:
    """Fit whole cases, then the same cases as they were known at earlier ages.

    Parameters
    ----------
    series : sequence of Series
    step : int or float
        Reference step in the unit of the clock.
    targets : ndarray of float64, shape (n_cases, n_targets)
        Of classes 1 for that of a case, -1 for the others.
    weights : ndarray of float64, shape (n_cases,)
    seed : int
        Of the trees.
    classes : bool
        Whether targets are classes: their log-odds are then fitted, not the targets.
    """
    read = fit_observation_input(series, step)
    cases = read(series)
    elapsed = np.array([case.elapsed for case in cases])
    duration = float(np.median(elapsed)) or 1.0
    usual = float(np.quantile(elapsed, _SHORT))
    ages = usual * np.array([*_FRACTIONS, 1.0]) if usual >= 1.0 else np.array([usual])
    model = ObservationModel(read, duration, ages, ())
    data = targets, weights / weights.mean(), seed, classes
    whole = fit_readout(model.features(cases), *data)
    readouts = [whole.readout]
    for age in ages[-2::-1]:
        young = model.features([case.until(age) for case in cases])
        readouts.append(fit_readout(young, *data, like=whole).readout)
    model = replace(model, readouts=tuple(readouts[::-1]))
    return CaseFit(model, whole.left_out, {"kind": "observations"} | whole.record)
