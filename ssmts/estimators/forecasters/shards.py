"""A linear branch from more data than one process can hold: sums over windows are added shard by shard."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence, Sized
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from ssmts.errors import EmptyDataError, InstantError, ParameterError
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models import ForecastModel, LinearPath
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.panel_updates import PanelShard, panel_from_shards, panel_shard
from ssmts.models.forecasting.partial_fit import summed
from ssmts.models.linear.moments import Moments, accumulate
from ssmts.models.linear.ridge import solve
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.sequence import stack_sequences
from ssmts.progress import tracked
from ssmts.wording import Described, shown

__all__ = ["ShardPart", "ShardSums", "fit_shards", "shard_sums", "solve_shards"]

ShardPart = Moments | PanelShard | None  # None: no series of the shard can be fitted


def fit_shards(
    fitted: FittedForecaster, reader: HistoryReader, shards: Iterable[Any], *, n_jobs: int | None
) -> FittedForecaster:
    """The forecaster with its linear branch solved from all shards; see `ForecasterVerbs.fit_shards`."""
    sums = shard_sums(fitted, reader)
    found = Parallel(n_jobs=n_jobs, return_as="generator")(delayed(sums)(shard) for shard in shards)
    return solve_shards(fitted, tracked(found, "shard", len(shards) if isinstance(shards, Sized) else None))


def shard_sums(fitted: FittedForecaster, reader: HistoryReader) -> ShardSums:
    """Adds up a shard, in this process or another.

    Raises
    ------
    ParameterError
        If the model cannot be fitted shard by shard.
    """
    if fitted.sums is None:
        raise ParameterError(
            "shards", Described("given"), "added to a model that was fitted here, on a sample"
        )
    if fitted.layout.form != "long" or fitted.scaling.grouping not in ("none", "channel", "panel"):
        raise ParameterError(
            "shards",
            "given",
            "added to a model fitted on a long frame of so many series that they share weights (25)",
        )
    if fitted.columns is not None:
        raise ParameterError("shards", Described("given"), "added to a model without covariates")
    linear = ForecastModel(fitted.model.config, fitted.model.linear, panel=fitted.model.panel)
    light = replace(fitted, model=linear, tail=None, sums=None)
    return ShardSums(light, fitted.sums.rare, replace(reader, tail=None))


def solve_shards(
    fitted: FittedForecaster, found: Iterable[tuple[Sequence[Hashable | None], ShardPart]]
) -> FittedForecaster:
    """The forecaster with its linear branch solved from the ids and sums of all shards.

    Raises
    ------
    InstantError
        If a series lies in two shards.
    EmptyDataError
        If no series is long enough for one window.
    """
    assert fitted.sums is not None
    config, total, n_shards = fitted.model.config.linear, None, 0
    seen: set[Hashable | None] = set()
    of_panels: list[PanelShard] = []
    for ids, sums in found:
        if twice := seen.intersection(ids):
            raise InstantError(
                f"Series {shown(next(iter(twice)))} lies in two shards: windows across the cut would be "
                "lost. Give every series whole, sorted by id."
            )
        seen.update(ids)
        n_shards += 1
        if isinstance(sums, PanelShard):
            of_panels.append(sums)
        elif sums is not None:
            total = sums if total is None else summed(total, 1.0, sums)
    if of_panels:
        return panel_from_shards(fitted, of_panels, n_shards)
    if total is None or not total.count.any():
        raise EmptyDataError("No series of the shards holds a context and a horizon. Give longer series.")
    path = LinearPath(config, *solve(total.completed(), fitted.sums.penalties, config.horizon))
    history = fitted.history | {"n_windows": float(total.count.sum()), "n_shards": n_shards}
    return replace(fitted, model=fitted.model.replaced(linear=path), history=history, tail=None, sums=None)


@dataclass(frozen=True)
class ShardSums:
    """Ids and moments of a shard; light enough to be sent to other processes.

    Parameters
    ----------
    fitted : FittedForecaster
    rare : ndarray of bool, shape (horizon + 1,)
        Leads that take interpolated values.
    reader : HistoryReader
    """

    fitted: FittedForecaster
    rare: NDArray[np.bool_]
    reader: HistoryReader

    def __call__(self, shard: Any) -> tuple[tuple[Hashable | None, ...], ShardPart]:
        """Add up a long frame, or fit its series where the model is one of a panel."""
        fitted = self.fitted
        config, bank, n_groups = fitted.model.config.linear, fitted.model.bank, fitted.scaling.n_groups
        panel = self.reader.read(shard)
        if fitted.model.panel is not None:
            return panel.ids, panel_shard(fitted, panel)
        stacks = stack_sequences(fitted.sequences(panel))
        if not stacks:
            return panel.ids, Moments.zeros(1, n_groups, bank.n_features + 1, config.horizon + 1)
        one = BlockedFolds(np.array([np.inf]))
        return panel.ids, accumulate(
            stacks, bank, config.context, config.horizon, one, n_groups, rare=self.rare
        )
