"""Which parameters mattered, drawn."""

from __future__ import annotations

from typing import Any

from optuna import Study
from optuna.importance import get_param_importances
from optuna.trial import TrialState

from ssmts.errors import TuningError

__all__ = ["plot_importances"]


def plot_importances(study: Study, *, ax: Any = None) -> Any:
    """Draw how much of the variance of the value each parameter explains (fANOVA), as Optuna computes it.

    Parameters
    ----------
    study : optuna.Study
        `study_` of a tuned estimator.
    ax : matplotlib.axes.Axes, optional
        Made if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TuningError
        If no two complete trials have different values: there is no variance to explain.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plot_importances() needs matplotlib: pip install "ssmts[plot]"') from error
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < 2:
        raise TuningError(
            f"Study {study.study_name!r} has {len(complete)} complete trial(s) without two different values: "
            "there is no variance to explain. Run more trials."
        )
    shares = get_param_importances(study)
    if ax is None:
        _, ax = plt.subplots(figsize=(6, 1.0 + 0.35 * len(shares)), layout="constrained")
    names = list(shares)[::-1]
    bars = ax.barh(names, [shares[name] for name in names], color="tab:blue")
    ax.bar_label(bars, fmt="%.2f", padding=3)
    ax.set_xlabel("share of the variance of the value")
    ax.margins(x=0.12)
    return ax
