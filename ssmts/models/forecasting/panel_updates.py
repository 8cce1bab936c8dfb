"""Panel branches that learn later rows, forget series, or are put together from shards."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace

from ssmts.data.series import Panel
from ssmts.errors import EmptyDataError
from ssmts.models.forecasting.fitted import FittedForecaster, TrainingSums
from ssmts.models.forecasting.history import tail_of
from ssmts.models.panels.branch import PanelBranch
from ssmts.models.panels.fit import PanelFit, fit_panel
from ssmts.models.panels.grid_series import grid_series
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.training_sequences import RowWeights, training_sequences

__all__ = ["PanelShard", "panel_from_shards", "panel_shard", "refitted_panel"]


@dataclass(frozen=True)
class PanelShard:
    """Series of one shard, fitted with the panel of the sample as their prior.

    Parameters
    ----------
    scaling : Scaling
        Of the series of the shard.
    branch : PanelBranch
    n_windows : float
    """

    scaling: Scaling
    branch: PanelBranch
    n_windows: float


def refitted_panel(
    fitted: FittedForecaster, whole: Panel, scaling: Scaling, weights: RowWeights | None
) -> FittedForecaster:
    """The forecaster fitted on all rows of a panel, with the choices that it made before.

    Members, seasons and the quantiles of errors stay; weights, mixtures and the scale of errors are new: as
    those of a fit on these rows with the same choices.

    Parameters
    ----------
    fitted : FittedForecaster
    whole : Panel
        All rows, later ones included.
    scaling : Scaling
        Of its series.
    weights : mapping of id to ndarray, or None
        Of the rows of `whole`.
    """
    found = _fit(fitted, whole, scaling, weights)
    if found is None:
        raise EmptyDataError("No series is left that has two observations. Give longer series.")
    _, state = found.branch.to_state()
    model = fitted.model.replaced(config=replace(fitted.model.config, panel=state), panel=found.branch)
    history = fitted.history | {"n_windows": found.record["n_windows"]}
    history["panel"] = fitted.history["panel"] | found.record
    sums = fitted.sums
    assert sums is not None
    return replace(
        fitted,
        model=model,
        scaling=scaling,
        tail=tail_of(whole, model.config.linear.context, fitted.step, fitted.run_in),
        history=history,
        sums=TrainingSums(
            moments=sums.moments, rare=sums.rare, penalties=sums.penalties, tail=whole, weights=weights
        ),
    )


def _fit(
    fitted: FittedForecaster,
    panel: Panel,
    scaling: Scaling,
    weights: RowWeights | None,
    *,
    alone: bool = False,
) -> PanelFit | None:
    """Fit the branch anew; `alone`: with its shared weights as they are."""
    branch = fitted.model.panel
    assert branch is not None
    plain = fitted.without_effect(panel)
    sequences = training_sequences(plain, scaling, fitted.step, weights=weights)
    series = [one for one in grid_series(sequences) if len(one.values) > 1]
    if not series:
        return None
    return fit_panel(
        series,
        scaling.scale.size,
        branch.horizon,
        branch.periods,
        like=branch,
        prior=branch if alone else None,
    )


def panel_shard(fitted: FittedForecaster, panel: Panel) -> PanelShard | None:
    """Fit the series of a shard; None if none has two observations."""
    scaling = Scaling.of(panel, panel).as_panel
    found = _fit(fitted, panel, scaling, None, alone=True)
    return None if found is None else PanelShard(scaling, found.branch, found.record["n_windows"])


def panel_from_shards(fitted: FittedForecaster, shards: Seq[PanelShard], n_shards: int) -> FittedForecaster:
    """A forecaster of all series of some shards."""
    branch = PanelBranch.joined([shard.branch for shard in shards])
    scaling = Scaling.joined([shard.scaling for shard in shards])
    _, state = branch.to_state()
    model = fitted.model.replaced(config=replace(fitted.model.config, panel=state), panel=branch)
    n_windows = sum(shard.n_windows for shard in shards)
    history = fitted.history | {"n_windows": n_windows, "n_shards": n_shards}
    return replace(fitted, model=model, scaling=scaling, history=history, tail=None, sums=None)
