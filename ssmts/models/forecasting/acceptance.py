"""What extra parts of a model have to gain in cross-validation to be kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ssmts.data.series import Panel
from ssmts.models.config import LinearConfig
from ssmts.models.linear.path import LinearFit, fit_linear
from ssmts.models.linear.selection import choose_context, choose_period
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import SequenceStack, stack_sequences
from ssmts.models.sequences.training_sequences import ExtraFeatures, RowWeights, training_sequences

__all__ = ["Parts", "better"]

_LEAST_GAIN = 1e-3
_CONTEXT_GAIN = 1e-2
T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """What the linear path was fitted on: the panel minus what covariates do, its sequences, the config."""

    panel: Panel
    weights: RowWeights | None
    stacks: list[SequenceStack]
    config: LinearConfig
    linear: LinearFit

    def anew(
        self,
        panel: Panel,
        scaling: Scaling,
        step: float,
        extra: ExtraFeatures | None = None,
        *,
        choose: bool = False,
        seconds: float | None = None,
        weakest: float = 0.0,
    ) -> Parts:
        """The linear path fitted on another panel, with other groups or extra features.

        `choose` looks for its period again; `seconds` is the length of a step where it has one; penalties
        below `weakest` are not offered.
        """
        stacks = stack_sequences(training_sequences(panel, scaling, step, extra, weights=self.weights))
        config = self.config
        if choose:
            config = replace(config, period=choose_period(stacks, config, seconds)[0])
        linear = fit_linear(stacks, config, scaling.n_groups, weakest=weakest)
        return Parts(panel, self.weights, stacks, config, linear)

    def with_own_context(self, scaling: Scaling) -> Parts:
        """The context chosen again, as what covariates leave over may have less memory than the whole.

        Another one has to gain a hundredth: on short data contexts differ by less than chance.
        """
        context, errors = choose_context(self.stacks, self.config)
        before = errors.get(f"{self.config.context:g}")
        if context is None or before is None or errors[f"{context:g}"] > (1.0 - _CONTEXT_GAIN) * before:
            return self
        config = replace(self.config, context=context)
        return replace(self, config=config, linear=fit_linear(self.stacks, config, scaling.n_groups))


def better(found: T, rest: Parts, plain: Parts, record: dict[str, Any]) -> tuple[T | None, Parts]:
    """What was found and the path with it, or None and the one without, by cross-validated error.

    A gain of less than a thousandth is none.
    """
    record |= {"mse_without": plain.linear.penalties.error, "mse_with": rest.linear.penalties.error}
    gains = record["mse_with"] < (1.0 - _LEAST_GAIN) * record["mse_without"]
    return (found, rest) if gains else (None, plain)
