"""Explanations in the forecaster's public API."""

from __future__ import annotations

from typing import Any

from ssmts.data import write_contributions
from ssmts.estimators.forecasters.reader import FittedBase
from ssmts.models.forecasting.explain import explain_panel

__all__ = ["ExplainingMixin"]


class ExplainingMixin(FittedBase):
    """What a forecast is made of."""

    def explain(
        self, X: Any = None, *, horizon: Any = None, step: Any = None, at: Any = None, future: Any = None
    ) -> Any:
        """What each part of the model adds to the forecast; for every instant the parts sum to `predict`.

        Parameters
        ----------
        X, horizon, step, at, future
            As for :meth:`predict`.

        Returns
        -------
        pandas.DataFrame, or polars.DataFrame where polars came in
            Columns id (where series have one), channel (where there are several), time, `part` and
            `contribution`, in the units of the data. The parts are

            - ``level``, the mean of the context;
            - ``decay 30min to 3h`` and the like, of modes that remember the recent past for so long;
            - ``cycle 12h to 1D`` and the like, of modes that follow a cycle of such a period;
            - ``constant``, what comes whatever the context looks like, in proportion to its deviation;
            - ``channels and past covariates``, ``deep`` and ``covariates``, where the model has them.

        Raises
        ------
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        The linear path is a sum over features of the context, and each of them belongs to one mode: the split
        is exact, not an approximation around some reference. Modes of like time scale see much of the
        same, so that a large part may be answered by a neighbour of the opposite sign.
        """
        panel = self._history(X, future)
        fitted = self._check_fitted()
        times, parts, values = explain_panel(fitted, panel, horizon=horizon, step=step, at=at)
        return write_contributions(panel.layout, panel.ids, times, parts, values)
