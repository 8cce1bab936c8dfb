"""A callback of training that lets Optuna stop a trial."""

from __future__ import annotations

from optuna import Trial, TrialPruned

from ssmts.training import Callback, TrainingState

__all__ = ["PruningCallback"]


class PruningCallback(Callback):
    """Report minus the validation loss after every epoch, and end the trial when its pruner says so.

    Given to ``fit(X, callbacks=[PruningCallback(trial, max_epochs=8)])``. An estimator that trains several
    networks one after another calls it for each of them; steps are counted on, so that trials are compared
    at the same network and epoch. The study must maximize.

    Parameters
    ----------
    trial : optuna.Trial
    max_epochs : int
        Most epochs of one network: `max_epochs` of the estimator.
    first_step : int, default=0
        Where steps begin, so that several fits of one trial do not share them.

    Raises
    ------
    optuna.TrialPruned
        Out of `fit`, which leaves the estimator as it was.
    """

    def __init__(self, trial: Trial, *, max_epochs: int, first_step: int = 0) -> None:
        self.trial, self.max_epochs, self.first_step = trial, max_epochs, first_step
        self.n_begun = 0

    def on_fit_start(self, state: TrainingState) -> None:
        """Count the networks."""
        self.n_begun += 1

    def on_epoch_end(self, state: TrainingState) -> None:
        """Report and ask."""
        loss = state.history[-1]["validation_loss"]
        if loss is None:
            return
        step = self.first_step + (self.n_begun - 1) * self.max_epochs + state.epoch
        self.trial.report(-loss, step)
        if self.trial.should_prune():
            raise TrialPruned(f"pruned after epoch {state.epoch} of network {self.n_begun}")
