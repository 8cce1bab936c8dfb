"""A linear path from more data than fits in memory, or in one process: its sums are added shard by shard."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from ssmts.errors import EmptyDataError, InstantError, ParameterError
from ssmts.estimators.forecasters.reader import FittedBase, read_history
from ssmts.models import ForecastModel, LinearPath
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.partial_fit import summed
from ssmts.models.linear.moments import Moments, accumulate
from ssmts.models.linear.ridge import solve
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.sequence import stack_sequences

__all__ = ["ShardSums", "ShardingMixin"]


class ShardingMixin(FittedBase):
    """Adds `fit_shards` to a forecaster."""

    def fit_shards(self, shards: Iterable[Any], *, n_jobs: int | None = None) -> Self:
        """Solve the linear path anew from all shards, with the choices of the fit before.

        Fit on a sample first: it chooses reference step, context, bank and penalties, and says how far
        forecasts miss. The weights are then those of all windows in the shards, to rounding the same however
        the series are dealt out. The deep path stays as it is.

        Parameters
        ----------
        shards : iterable of long frames
            Every series whole in one of them; those of the sample too, if they are to count.
            `ssmts.data.read_row_groups` makes them from parquet. A few shards are in memory at once.
        n_jobs : int, optional
            Processes, as joblib counts them: -1 for one a core.

        Returns
        -------
        self
            Its `history_["n_windows"]` counts the windows of all shards. It keeps neither the end of the
            series nor what `partial_fit` needs: `predict` takes X.

        Raises
        ------
        ParameterError
            If the sample was no long frame of more than 24 series and channels, which share weights, or if
            the model uses covariates.
        InstantError
            If a series lies in two shards: windows across the cut would be lost.
        EmptyDataError
            If no series of the shards is long enough for one window.
        """
        sums = self._shard_sums()
        return self._solve_shards(
            Parallel(n_jobs=n_jobs, return_as="generator")(delayed(sums)(shard) for shard in shards)
        )

    def _shard_sums(self) -> ShardSums:
        """What adds up a shard, wherever it lies."""
        fitted = self._check_fitted()
        training_sums = fitted.sums
        if training_sums is None:
            raise ParameterError("shards", "given", "added to a model that was fitted here, on a sample")
        if fitted.layout.form != "long" or fitted.scaling.grouping not in ("none", "channel"):
            raise ParameterError(
                "shards",
                "given",
                "added to a model fitted on a long frame of so many series that they share weights (25)",
            )
        if fitted.columns is not None:
            raise ParameterError("shards", "given", "added to a model without covariates")
        linear = ForecastModel(fitted.model.config, fitted.model.linear)
        return ShardSums(replace(fitted, model=linear, tail=None, sums=None), training_sums.rare, self._roles)

    def _solve_shards(self, found: Iterable[tuple[Sequence[Hashable | None], Moments]]) -> Self:
        """Solve from the ids and sums of all shards."""
        fitted = self._check_fitted()
        assert fitted.sums is not None
        config, total, n_shards = fitted.model.config.linear, None, 0
        seen: set[Hashable | None] = set()
        for ids, sums in found:
            if twice := seen.intersection(ids):
                raise InstantError(
                    f"Series {next(iter(twice))!r} lies in two shards: windows across the cut would be lost. "
                    "Give every series whole, sorted by id."
                )
            seen.update(ids)
            n_shards += 1
            total = sums if total is None else summed(total, 1.0, sums)
        if total is None or not total.count.any():
            raise EmptyDataError("No series of the shards holds a context and a horizon. Give longer series.")
        path = LinearPath(config, *solve(total.completed(), fitted.sums.penalties, config.horizon))
        model = fitted.model.replaced(linear=path)
        history = fitted.history | {"n_windows": float(total.count.sum()), "n_shards": n_shards}
        self._adopt(replace(fitted, model=model, history=history, tail=None, sums=None))
        return self


@dataclass(frozen=True)
class ShardSums:
    """Ids and moments of a shard; light enough to be sent to other processes.

    Parameters
    ----------
    fitted : FittedForecaster
    rare : ndarray of bool, shape (horizon + 1,)
        Leads that take interpolated values.
    roles : dict
        How shards are read.
    """

    fitted: FittedForecaster
    rare: NDArray[np.bool_]
    roles: dict[str, Any]

    def __call__(self, shard: Any) -> tuple[tuple[Hashable | None, ...], Moments]:
        """Add up a long frame."""
        fitted = self.fitted
        config, bank, n_groups = fitted.model.config.linear, fitted.model.bank, fitted.scaling.n_groups
        panel = read_history(shard, fitted.layout, None, self.roles)
        stacks = stack_sequences(fitted.sequences(panel))
        if not stacks:
            return panel.ids, Moments.zeros(1, n_groups, bank.n_features + 1, config.horizon + 1)
        one = BlockedFolds(np.array([np.inf]))
        return panel.ids, accumulate(
            stacks, bank, config.context, config.horizon, one, n_groups, rare=self.rare
        )
