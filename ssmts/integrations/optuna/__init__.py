"""Hyper-parameter search with Optuna: pruned, resumable, and spread over processes (docs/production.md)."""

from ssmts.integrations.optuna.plotting import plot_importances
from ssmts.integrations.optuna.pruning import PruningCallback
from ssmts.integrations.optuna.spaces import default_space
from ssmts.integrations.optuna.tuning import tune

__all__ = ["PruningCallback", "default_space", "plot_importances", "tune"]
