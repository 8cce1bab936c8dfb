"""Covariate stages of a fit: static classes, effect of covariates known ahead, mixing of channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ssmts.data.covariates import CovariateColumns
from ssmts.models.covariates.channel_mixing import Mixing, fit_mixing
from ssmts.models.covariates.effect import CovariateEffect
from ssmts.models.covariates.fit import fit_effect
from ssmts.models.forecasting.acceptance import LinearBranch, better
from ssmts.models.forecasting.options import ForecastOptions
from ssmts.progress import stage

__all__ = ["CovariateStages", "fit_covariates"]

# States of other channels are nearly combinations of a channel's own: weaker penalties magnify rounding.
_WEAKEST_OF_MIXED = 1e-4


@dataclass(frozen=True)
class CovariateStages:
    """Outcome of the covariate stages.

    Parameters
    ----------
    branch : LinearBranch
        Fitted with all parts that were kept.
    effect : CovariateEffect or None
        Effect of the calendar and of covariates known ahead.
    mixing : Mixing or None
        Features from past covariates and other channels.
    history : dict
        Cross-validated errors with and without each part.
    """

    branch: LinearBranch
    effect: CovariateEffect | None
    mixing: Mixing | None
    history: dict[str, Any]


def fit_covariates(branch: LinearBranch, options: ForecastOptions) -> CovariateStages:
    """Fit each part that covariates or other channels can add, and keep those that lower the error.

    Parameters
    ----------
    branch : LinearBranch
        Fitted on the window alone.
    options : ForecastOptions

    Returns
    -------
    CovariateStages
    """
    columns = CovariateColumns() if options.columns is None else options.columns
    history: dict[str, Any] = {}
    effect, mixing = None, None
    if columns.static:
        branch, history["static"] = _with_classes(branch, columns)
    if options.calendar or options.holidays is not None or columns.future:
        with stage("covariates known ahead", 0.0, 0.6):
            effect, branch, history["covariates"] = _with_effect(branch, columns, options)
    if columns.past or (options.channel_mixing and branch.panel.n_channels > 1):
        with stage("past covariates and channels", 0.6, 1.0):
            mixing, branch, history["mixing"] = _with_mixing(branch, columns, options)
    return CovariateStages(branch=branch, effect=effect, mixing=mixing, history=history)


def _with_classes(branch: LinearBranch, columns: CovariateColumns) -> tuple[LinearBranch, dict[str, Any]]:
    """Weights shared within classes of static covariates; without a gain the effect alone uses classes."""
    record: dict[str, Any] = {}
    scaling = branch.scaling.with_classes(branch.panel, columns)
    kept, branch = better(scaling, branch.refitted(scaling=scaling), branch, record)
    branch = replace(branch, scaling=replace(branch.scaling, classes=scaling.classes))
    n_classes = 0 if scaling.classes is None else len(scaling.classes)
    return branch, record | {"accepted": kept is not None, "n_classes": n_classes}


def _with_effect(
    branch: LinearBranch, columns: CovariateColumns, options: ForecastOptions
) -> tuple[CovariateEffect | None, LinearBranch, dict[str, Any]]:
    """The effect of the calendar and of covariates known ahead, subtracted from the panel."""
    with stage("effects", 0.0, 0.5):
        found, record = fit_effect(
            branch.panel,
            branch.stacks,
            branch.scaling,
            branch.config,
            branch.step,
            columns,
            calendar=options.calendar,
            holidays=options.holidays,
        )
    effect = None
    if found.used:
        residual = found.without(branch.panel, branch.step, branch.scaling)
        with stage("residuals", 0.5, 0.8):
            refitted = branch.refitted(panel=residual, choose=True)
        effect, branch = better(found, refitted, branch, record)
        if effect is not None and options.context_length is None:
            with stage("context of residuals", 0.8, 1.0):
                branch = branch.with_own_context()
    return effect, branch, record | {"accepted": effect is not None}


def _with_mixing(
    branch: LinearBranch, columns: CovariateColumns, options: ForecastOptions
) -> tuple[Mixing | None, LinearBranch, dict[str, Any]]:
    """Components of the states of past covariates and other channels, as further features of a window."""
    record: dict[str, Any] = {}
    found = fit_mixing(
        branch.panel,
        branch.scaling,
        branch.config.context,
        branch.config.period,
        branch.step,
        columns,
        channels=options.channel_mixing,
    )
    weakest = _WEAKEST_OF_MIXED if options.channel_mixing else 0.0
    mixed = branch.refitted(extra=found.features, weakest=weakest)
    mixing, branch = better(found, mixed, branch, record)
    return mixing, branch, record | {"accepted": mixing is not None}
