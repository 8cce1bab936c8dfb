"""Sufficient statistics for exact `partial_fit`, `unlearn` and sharded fits of the linear branch."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float
from ssmts.data.covariate_rows import covariates_since
from ssmts.data.series import Panel, Series
from ssmts.errors import CovariateError, ParameterError
from ssmts.models.forecasting.fitted import FittedForecaster, TrainingSums
from ssmts.models.forecasting.history import continued, tail_of
from ssmts.models.forecasting.panel_updates import refitted_panel
from ssmts.models.linear.moments import Moments, accumulate
from ssmts.models.linear.path import LinearFit, LinearPath
from ssmts.models.linear.ridge import Penalties, solve
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.sequence import stack_sequences
from ssmts.models.sequences.training_sequences import RowWeights
from ssmts.wording import Described, shown

__all__ = [
    "updated",
    "sums_from_state",
    "sums_to_state",
    "no_sums",
    "training_sums_of",
    "summed",
    "downdated",
]


_SUMS = ("A", "B", "c", "count", "observed")


def training_sums_of(
    linear: LinearFit, panel: Panel, weights: RowWeights | None, step: float, run_in: float
) -> TrainingSums:
    """Training sums of a fit; covariates have an effect for `run_in` reference steps."""
    tail = _long_tail(panel, linear.path, step, run_in)
    return TrainingSums(
        moments=linear.sums,
        rare=linear.rare,
        penalties=linear.penalties,
        tail=tail,
        weights=_of_rows(weights, panel, tail),
    )


def no_sums(fitted: FittedForecaster) -> ParameterError:
    """The error for a model without training sums."""
    if "n_shards" in fitted.history:
        allowed = "one of the shards of a new fit_shards: this model does not keep the ends of its series"
    else:
        allowed = "learnt by fit: this model was saved without sums=True"
    return ParameterError("X", Described("given"), allowed)


def updated(
    fitted: FittedForecaster,
    training_sums: TrainingSums,
    panel: Panel,
    weights: RowWeights | None,
    half_life: float | None,
) -> FittedForecaster:
    """A fitted forecaster with later rows added to its linear branch.

    Parameters
    ----------
    fitted : FittedForecaster
    training_sums : TrainingSums
        Sums of the forecaster.
    panel : Panel
        Rows that follow those of the tail, and further series.
    weights : mapping of id to ndarray, optional
        Weights of the rows of the panel.
    half_life : float, optional
        Age at which the weight of a window is 1/2, in the unit of the clock.

    Raises
    ------
    InstantError
        If later rows of a series do not begin after its earlier ones.
    """
    config = fitted.model.config.linear
    whole = continued(training_sums.tail, panel, "X")
    ends = {series.id: series.times[-1].item() for series in training_sums.tail.series}
    end = max(series.times[-1].item() for series in whole.series)
    decay = 1.0
    if half_life is not None:
        decay = float(0.5 ** ((end - max(ends.values())) / half_life))
    rows = _weights_of(whole, training_sums, panel, weights, decay, end, half_life)
    fitted = replace(fitted, scaling=fitted.scaling.extended(panel))
    if fitted.model.panel is not None:
        return refitted_panel(fitted, whole, fitted.scaling, rows)
    n_groups = fitted.scaling.n_groups
    touched = {series.id for series in panel.series}
    new = replace(whole, series=tuple(series for series in whole.series if series.id in touched))
    sums = _with_groups(training_sums.moments, n_groups)
    added = sums.mapped(np.zeros_like)
    if stacks := stack_sequences(fitted.sequences(new, weights=rows, ends=ends)):
        if n_groups > 1 and any((stack.groups < 0).any() for stack in stacks):
            raise CovariateError(
                "X holds a class of static covariates that fit did not see. Call fit on all data to add the "
                "class."
            )
        one = BlockedFolds(np.array([np.inf]))
        bank, context, horizon = fitted.model.bank, config.context, config.horizon
        added = accumulate(stacks, bank, context, horizon, one, n_groups, rare=training_sums.rare)
    sums = summed(sums, decay, added)
    path = LinearPath(config, *solve(sums.completed(), training_sums.penalties, config.horizon))
    model_config = replace(fitted.model.config, n_groups=n_groups)
    tail = _long_tail(whole, path, fitted.step, fitted.run_in)
    return replace(
        fitted,
        model=fitted.model.replaced(config=model_config, linear=path),
        tail=_later(fitted.tail, tail_of(whole, config.context, fitted.step, fitted.run_in)),
        history=fitted.history | {"n_windows": float(sums.count.sum())},
        sums=TrainingSums(
            moments=sums,
            rare=training_sums.rare,
            penalties=training_sums.penalties,
            tail=tail,
            weights=_of_rows(rows, whole, tail),
        ),
    )


def downdated(fitted: FittedForecaster, training_sums: TrainingSums, panel: Panel) -> FittedForecaster:
    """A fitted forecaster with some series removed from its linear branch.

    Raises
    ------
    ParameterError
        If X does not hold all rows of these series as in training, if no other series is left, or if the fit
        used weights, forgetting, covariates or channel mixing.
    """
    if training_sums.weights is not None or fitted.effect is not None or fitted.mixing is not None:
        raise ParameterError(
            "X",
            Described("series to unlearn"),
            "left out of a new fit: weights, forgetting, covariates and channel mixing cannot be undone",
        )
    tails = {series.id: series for series in training_sums.tail.series}
    for series in panel.series:
        tail = tails.get(series.id)
        if tail is None or not _ends_with(series, tail):
            raise ParameterError(
                "X",
                Described(f"series {shown(series.id)}"),
                "all rows of series of the training data, unchanged",
            )
    gone = set(panel.ids)
    if fitted.model.panel is not None:
        stay = tuple(series for series in training_sums.tail.series if series.id not in gone)
        if not stay:
            raise ParameterError("X", Described("all series"), "some of the series: none would be left")
        scaling, _ = fitted.scaling.without(gone)
        return refitted_panel(fitted, replace(training_sums.tail, series=stay), scaling, None)
    config, n_groups = fitted.model.config.linear, fitted.scaling.n_groups
    sums = training_sums.moments
    if stacks := stack_sequences(fitted.sequences(panel)):
        one = BlockedFolds(np.array([np.inf]))
        bank, context, horizon = fitted.model.bank, config.context, config.horizon
        taken = accumulate(stacks, bank, context, horizon, one, n_groups, rare=training_sums.rare)
        sums = summed(sums, 1.0, taken.mapped(np.negative))
    scaling, kept = fitted.scaling.without(gone)
    sums = sums.mapped(lambda own: own[:, kept])
    if sums.count.sum() < 0.5:
        raise ParameterError(
            "X", Described("all series with a whole window"), "some of the series: none would be left"
        )
    path = LinearPath(config, *solve(sums.completed(), training_sums.penalties, config.horizon))
    rest = replace(training_sums.tail, series=tuple(s for s in training_sums.tail.series if s.id not in gone))
    end = fitted.tail
    if end is not None:
        end = replace(end, series=tuple(s for s in end.series if s.id not in gone))
    error_quantiles, gap_widths = fitted.model.error_quantiles, fitted.model.gap_widths
    if error_quantiles is not None:
        error_quantiles = error_quantiles.of_groups(np.asarray(kept))
    if gap_widths is not None:
        gap_widths = gap_widths.of_groups(np.asarray(kept))
    model_config = replace(fitted.model.config, n_groups=len(kept))
    return replace(
        fitted,
        model=fitted.model.replaced(
            config=model_config, linear=path, error_quantiles=error_quantiles, gap_widths=gap_widths
        ),
        scaling=scaling,
        tail=end,
        history=fitted.history | {"n_windows": float(sums.count.sum())},
        sums=replace(training_sums, moments=sums, tail=rest),
    )


def _ends_with(series: Series, tail: Series) -> bool:
    """Whether the last rows of a series are those of its tail."""
    n_rows = len(tail.times)
    return np.array_equal(series.times[-n_rows:], tail.times) and np.array_equal(
        series.values[-n_rows:], tail.values, equal_nan=True
    )


def _later(known: Panel | None, tail: Panel) -> Panel:
    """For each series the tail that ends later: `update` may have seen later rows than `partial_fit`."""
    ahead = {} if known is None else {series.id: series for series in known.series}
    series = [
        ahead[one.id] if one.id in ahead and ahead[one.id].times[-1] > one.times[-1] else one
        for one in tail.series
    ]
    here = {one.id for one in series}
    return replace(tail, series=(*series, *(one for id_, one in ahead.items() if id_ not in here)))


def _weights_of(
    whole: Panel,
    training_sums: TrainingSums,
    panel: Panel,
    weights: RowWeights | None,
    decay: float,
    end: float,
    half_life: float | None,
) -> RowWeights | None:
    """Weights of the rows of tail and panel together, None if all are 1."""
    if training_sums.weights is None and weights is None and half_life is None:
        return None
    old: dict[Hashable | None, Float] = {}
    for series in training_sums.tail.series:
        known = (
            np.ones(len(series.times)) if training_sums.weights is None else training_sums.weights[series.id]
        )
        old[series.id] = decay * known
    new: dict[Hashable | None, Float] = {}
    for series in panel.series:
        own = np.ones(len(series.times)) if weights is None else weights[series.id]
        with np.errstate(over="ignore"):  # a half-life so short that nothing before the end counts
            new[series.id] = own if half_life is None else own * 0.5 ** ((end - series.times) / half_life)
    nothing = np.zeros(0)
    return {id_: np.concatenate([old.get(id_, nothing), new.get(id_, nothing)]) for id_ in whole.ids}


def _with_groups(sums: Moments, n_groups: int) -> Moments:
    """Sums extended by groups without windows."""

    def padded(own: Float) -> Float:
        missing = n_groups - own.shape[1]
        return own if not missing else np.pad(own, [(0, 0), (0, missing)] + [(0, 0)] * (own.ndim - 2))

    return sums.mapped(padded)


def summed(old: Moments, decay: float, new: Moments) -> Moments:
    """Old moments times `decay`, plus new ones."""
    assert old.observed is not None
    assert new.observed is not None
    return Moments(
        A=decay * old.A + new.A,
        B=decay * old.B + new.B,
        c=decay * old.c + new.c,
        count=decay * old.count + new.count,
        observed=decay * old.observed + new.observed,
    )


def _long_tail(panel: Panel, path: LinearPath, step: float, run_in: float) -> Panel:
    """A copy of the observations in windows that still lack their future."""
    reach = (path.config.context + path.config.horizon) * step
    series = []
    for one in panel.series:
        begin = len(one.times)
        for channel in range(panel.n_channels):
            rows = np.flatnonzero(~np.isnan(one.values[:, channel]))
            if len(rows):  # with the observation before, for the interpolation at the start of the window
                first = int(np.searchsorted(one.times[rows], one.times[rows[-1]] - reach, side="right"))
                begin = min(begin, int(rows[max(first - 2, 0)]))
        known = covariates_since(one.covariates, one.times[begin] - run_in * step)
        series.append(Series(one.id, one.times[begin:].copy(), one.values[begin:].copy(), known))
    return replace(panel, series=tuple(series))


def _of_rows(weights: RowWeights | None, panel: Panel, tail: Panel) -> RowWeights | None:
    """Weights of the rows of a panel's tail."""
    if weights is None:
        return None
    return {s.id: weights[s.id][len(s.times) - len(t.times) :] for s, t in zip(panel.series, tail.series)}


def sums_to_state(training_sums: TrainingSums) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Everything but the tail: tensors by name, and what JSON can hold."""
    arrays: dict[str, Any] = {name: getattr(training_sums.moments, name) for name in _SUMS}
    arrays |= {
        "rare": training_sums.rare,
        "shared": training_sums.penalties.shared,
        "group": training_sums.penalties.group,
        "share": training_sums.penalties.share,
    }
    if training_sums.weights is not None:
        arrays["weights"] = np.concatenate([training_sums.weights[id_] for id_ in training_sums.tail.ids])
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return tensors, {"error": float(training_sums.penalties.error)}


def sums_from_state(tensors: Mapping[str, Tensor], state: Mapping[str, Any], tail: Panel) -> TrainingSums:
    """Inverse of :func:`sums_to_state`."""
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    weights = None
    if "weights" in arrays:
        ends = np.cumsum([len(series.times) for series in tail.series])
        weights = dict(zip(tail.ids, np.split(arrays["weights"], ends[:-1]), strict=True))
    return TrainingSums(
        moments=Moments(**{name: arrays[name] for name in _SUMS}),
        rare=arrays["rare"],
        penalties=Penalties(
            shared=arrays["shared"], group=arrays["group"], error=state["error"], share=arrays["share"]
        ),
        tail=tail,
        weights=weights,
    )
