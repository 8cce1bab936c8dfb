"""The linear branch of a fit, and the rule by which a further part of the model is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ssmts.data.series import Panel
from ssmts.models.config import LinearConfig
from ssmts.models.forecasting.training_data import TrainingData
from ssmts.models.linear.path import LinearFit, fit_linear
from ssmts.models.linear.selection import choose_context, choose_period
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import SequenceStack, stack_sequences
from ssmts.models.sequences.training_sequences import ExtraFeatures, RowWeights, training_sequences

__all__ = ["LinearBranch", "better", "fit_linear_branch"]

_LEAST_GAIN = 1e-3
_CONTEXT_GAIN = 1e-2
T = TypeVar("T")


@dataclass(frozen=True)
class LinearBranch:
    """A linear fit and the data that it was fitted on.

    Parameters
    ----------
    panel : Panel
        Training data, minus the effect of covariates where one is subtracted.
    weights : mapping of id to ndarray of float64, or None
        Weights of its rows; None: all 1.
    step : int or float
        Reference step in the unit of the clock.
    scaling : Scaling
        Scale of every series, and which series share weights.
    stacks : list of SequenceStack
        The panel in reference steps, standardised.
    config : LinearConfig
    fit : LinearFit
    """

    panel: Panel
    weights: RowWeights | None
    step: int | float
    scaling: Scaling
    stacks: list[SequenceStack]
    config: LinearConfig
    fit: LinearFit

    @property
    def error(self) -> float:
        """Cross-validated mean squared error, in standardised units."""
        return self.fit.penalties.error

    def refitted(
        self,
        *,
        panel: Panel | None = None,
        scaling: Scaling | None = None,
        extra: ExtraFeatures | None = None,
        choose: bool = False,
        weakest: float = 0.0,
    ) -> LinearBranch:
        """The branch fitted on another panel, with other groups or with extra features.

        Parameters
        ----------
        panel : Panel, optional
        scaling : Scaling, optional
        extra : callable, optional
            Further features of a window, as for :func:`training_sequences`.
        choose : bool, default=False
            Whether to choose the seasonal period again.
        weakest : float, default=0.0
            The smallest penalty to try.
        """
        panel = self.panel if panel is None else panel
        scaling = self.scaling if scaling is None else scaling
        stacks = stack_sequences(training_sequences(panel, scaling, self.step, extra, weights=self.weights))
        config = self.config
        if choose:
            period, _ = choose_period(stacks, config, panel.clock.seconds(self.step))
            config = replace(config, period=period)
        fit = fit_linear(stacks, config, scaling.n_groups, weakest=weakest)
        return replace(self, panel=panel, scaling=scaling, stacks=stacks, config=config, fit=fit)

    def with_own_context(self) -> LinearBranch:
        """The branch with its context chosen again: residuals of covariates may have a shorter memory.

        Another context must lower the error by 1%: on short data contexts differ by less than chance.
        """
        context, errors = choose_context(self.stacks, self.config)
        before = errors.get(f"{self.config.context:g}")
        if context is None or before is None or errors[f"{context:g}"] > (1.0 - _CONTEXT_GAIN) * before:
            return self
        config = replace(self.config, context=context)
        return replace(self, config=config, fit=fit_linear(self.stacks, config, self.scaling.n_groups))

    def summary(self) -> dict[str, Any]:
        """Choices and error of the fit, as JSON can hold them."""
        penalties = self.fit.penalties
        return {
            "context": self.config.context,
            "period": self.config.period,
            "cross_validated_mse": self.error,
            "penalties": {name: getattr(penalties, name).tolist() for name in ("shared", "group", "share")},
            "n_windows": float(self.fit.moments.count.sum()),
        }


def fit_linear_branch(data: TrainingData, config: LinearConfig) -> LinearBranch:
    """Fit the linear branch of the window alone.

    Parameters
    ----------
    data : TrainingData
    config : LinearConfig
        As :func:`choose_structure` chose it.

    Returns
    -------
    LinearBranch
        With the weights, their penalties, and the sums that held-out blocks are solved from.
    """
    return LinearBranch(
        panel=data.whole,
        weights=data.weights,
        step=data.step,
        scaling=data.scaling,
        stacks=data.stacks,
        config=config,
        fit=fit_linear(data.stacks, config, data.scaling.n_groups),
    )


def better(
    part: T, extended: LinearBranch, plain: LinearBranch, record: dict[str, Any]
) -> tuple[T | None, LinearBranch]:
    """A part of the model and the branch fitted with it, or None and the branch without.

    The part is kept if it lowers the cross-validated error by at least 0.1%. Both errors are written to the
    record.
    """
    record |= {"mse_without": plain.error, "mse_with": extended.error}
    gains = extended.error < (1.0 - _LEAST_GAIN) * plain.error
    return (part, extended) if gains else (None, plain)
