r"""Widths of intervals that follow how forecasts have lately done: adaptive conformal inference.

The logarithm of a width moves against coverage: truths that fall outside widen the intervals to come, those
inside narrow them, each by how far the stated coverage is from what happened. With steps of size
:math:`\gamma` the mean coverage after time T is off by at most :math:`O(1 / \gamma T)`, whatever the data
does. Small steps are late, large ones restless: several walk side by side, and the mean of them is used.

References
----------
Gibbs and Candès, "Adaptive Conformal Inference Under Distribution Shift", NeurIPS 2021. Angelopoulos, Candès
and Tibshirani, "Conformal PID Control for Time Series Prediction", NeurIPS 2023. Zaffran et al., "Adaptive
Conformal Predictions for Time Series", ICML 2022, for several step sizes at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.models.sequences.origins import future_observed
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.uncertainty.error_quantiles import ErrorQuantiles

__all__ = ["Judged", "judge", "width_path"]

# The two intervals that are watched, and how much each counts: few truths lie outside the wider one.
_WATCHED = ((0.8, 1.0 / 3.0), (0.9, 2.0 / 3.0))
_PACES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])  # in a span; docs/decisions/074-several-paces.md
_WIDEST = np.log(10.0)
_LARGEST_STEP = 0.5


@dataclass(frozen=True)
class Judged:
    """Forecasts of one sequence and how wide intervals would have had to be.

    Parameters
    ----------
    issued : ndarray of float64, shape (n_windows,)
        Instants of the origins, increasing, in reference steps.
    known : ndarray of float64, shape (n_windows, n_leads)
        When the truth is known.
    needs : ndarray of float64, shape (n_watched, n_windows, n_leads)
        Factor on the width of the table's interval that just holds the truth; NaN where it was not observed.
    lead_weights : ndarray of float64, shape (n_leads,)
        How much of the horizon each lead stands for.
    end : float
        When the sequence ends.
    """

    issued: Float
    known: Float
    needs: Float
    lead_weights: Float
    end: float

    @property
    def count(self) -> int:
        """Truths that were seen."""
        return int((~np.isnan(self.needs[0])).sum())


def judge(
    error_quantiles: ErrorQuantiles,
    stack: SequenceStack,
    member: int,
    rows: Rows,
    forecast: Float,
    deviation: Float,
) -> Judged:
    """Put forecasts from some origins of a sequence beside what came, at the leads of the table.

    Parameters
    ----------
    error_quantiles : ErrorQuantiles
    stack : SequenceStack
    member : int
    rows : ndarray of int64, shape (n_windows,)
        Of the origins, increasing.
    forecast : ndarray of float64, shape (n_windows, horizon + 1)
    deviation : ndarray of float64, shape (n_windows,)
    """
    leads = error_quantiles.knots[error_quantiles.knots > 0].astype(np.int64)
    known = stack.times[rows][:, None] + leads
    truth = np.interp(known, stack.times, stack.values[member], right=np.nan)
    observed = future_observed(stack, rows, forecast.shape[1] - 1)
    if observed is not None:
        truth[~observed[:, leads]] = np.nan
    errors = (truth - forecast[:, leads]) / error_quantiles.scale(deviation)[:, None]
    needs = []
    for coverage, _ in _WATCHED:
        ends = np.array([0.5 - coverage / 2, 0.5, 0.5 + coverage / 2])
        low, middle, high = error_quantiles.plain.offsets(
            ends, leads.astype(np.float64), int(stack.groups[member])
        ).T
        above = (errors - middle) / np.maximum(high - middle, 1e-9)
        below = (middle - errors) / np.maximum(middle - low, 1e-9)
        needs.append(np.maximum(above, below))
    lead_weights = np.gradient(leads.astype(np.float64)) if len(leads) > 1 else np.ones(1)
    return Judged(
        issued=stack.times[rows],
        known=known,
        needs=np.stack(needs),
        lead_weights=lead_weights,
        end=float(stack.times[-1]),
    )


def width_path(judged: Judged, span: float, begin: float) -> Float:
    """Factors on the width of intervals: what was known at each origin, and last at the end of the sequence.

    Parameters
    ----------
    judged : Judged
    span : float
        In which the paces are counted, in reference steps: the longer truth is delayed, the smaller the step.
    begin : float
        Factor at the first origin.

    Returns
    -------
    ndarray of float64, shape (n_windows + 1,)
    """
    window, lead = np.nonzero(~np.isnan(judged.needs[0]))
    known = judged.known[window, lead]
    seen = known <= judged.end + 1e-9
    window, lead, known = window[seen], lead[seen], known[seen]
    turn = np.searchsorted(judged.issued, known - 1e-6)  # the first origin that knows the truth
    order = np.argsort(turn, kind="stable")
    lead_weights = judged.lead_weights[lead[order]]
    window, needs = window[order], judged.needs[:, window[order], lead[order]]
    bounds = np.searchsorted(turn[order], np.arange(len(judged.issued) + 2))
    instants = np.append(judged.issued, judged.end)
    log_widths = np.full((len(instants), len(_PACES)), np.log(begin))
    for k in range(1, len(instants)):
        own = slice(bounds[k], bounds[k + 1])
        steps = np.zeros(len(_PACES))
        if own.stop > own.start:
            inside = needs[:, own, None] <= np.exp(log_widths[window[own]])
            found = np.average(inside, axis=1, weights=lead_weights[own])
            off = sum(weight * (coverage - seen) for (coverage, weight), seen in zip(_WATCHED, found))
            passed = (instants[k] - instants[k - 1]) / span
            steps = np.minimum(_PACES * passed, _LARGEST_STEP) * off
        log_widths[k] = np.clip(log_widths[k - 1] + steps, -_WIDEST, _WIDEST)
    return np.asarray(np.exp(log_widths.mean(axis=1)))
