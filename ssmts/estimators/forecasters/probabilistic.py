"""The probabilistic part of the forecaster's public API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np

from ssmts.data import is_integer, write_forecast
from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.quantile_levels import asked_levels, interval_levels
from ssmts.estimators.forecasters.reader import FittedBase
from ssmts.models.forecasting.calibration import calibrated
from ssmts.models.forecasting.quantiles import quantile_panel, sample_panel, spread_of
from ssmts.models.forecasting.score import with_context

__all__ = ["ProbabilisticMixin"]


class ProbabilisticMixin(FittedBase):
    """Quantiles, intervals and paths from the errors on blocks of time that fit held out."""

    def predict_quantiles(
        self,
        X: Any = None,
        *,
        quantiles: Any = (0.1, 0.5, 0.9),
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
    ) -> Any:
        """Quantiles of the forecast of every series of X; they never cross.

        Parameters
        ----------
        X : like predict's, optional
        quantiles : float or list of float, default=(0.1, 0.5, 0.9)
            Levels, within the outermost that fit learnt; in between they are interpolated.
        horizon, step, at, future
            As for :meth:`predict`.

        Returns
        -------
        Same kind as X
            A column ``<target>-q-<level>`` for every target and level, e.g. ``load-q-0.1``; arrays have a
            last axis of levels.

        Raises
        ------
        ParameterError
            If a level lies outside those that fit learnt.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        The median is that of the held-out errors around the forecast, which is a mean: they may differ.
        """
        fitted = self._check_fitted()
        levels = asked_levels(quantiles, spread_of(fitted).levels)
        return self._write(X, levels, [f"-q-{level:g}" for level in levels], horizon, step, at, future)

    def predict_interval(
        self,
        X: Any = None,
        *,
        level: Any = 90,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
    ) -> Any:
        """Central intervals of the forecast of every series of X.

        Parameters
        ----------
        X : like predict's, optional
        level : float or list of float, default=90
            Percent that an interval should cover: 90 is from the quantile 0.05 to 0.95.
        horizon, step, at, future
            As for :meth:`predict`.

        Returns
        -------
        Same kind as X
            Columns ``<target>-lo-90`` and ``<target>-hi-90`` for every target and level; arrays have a last
            axis of lower and upper ends, level by level.

        Raises
        ------
        ParameterError
            If an interval is wider than the levels that fit learnt.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.
        """
        suffixes, levels = interval_levels(level, spread_of(self._check_fitted()).levels)
        return self._write(X, levels, suffixes, horizon, step, at, future)

    def calibrate(self, X: Any) -> Self:
        """Widen or narrow the intervals by how well they covered X: data that fit has not seen.

        One walk through X, from origin to origin: truths outside the intervals widen those to come, truths
        inside narrow them, so that the stated share is covered in the long run even where the data drifts
        (adaptive conformal inference). At its end every channel or series has a factor on the width of its
        intervals, the mean over the end of the walk; those without truth in X have the mean of all.
        Quantiles and paths follow, `predict` does not.

        Parameters
        ----------
        X : like fit's
            Recent rows, the more the better: a context, and a horizon or more of truth behind it. If it
            begins where the training data ended, the end of that gives the first context.

        Returns
        -------
        self
            Each call begins anew from what fit learnt; `fit` forgets it.

        Raises
        ------
        TooShortError
            If X holds no truth behind a context.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        References
        ----------
        Gibbs and Candès, "Adaptive Conformal Inference Under Distribution Shift", NeurIPS 2021.
        """
        fitted = self._check_fitted()
        panel = with_context(fitted, self._read(X, fitted.layout))
        self._fitted = replace(fitted, model=calibrated(fitted, panel))
        return self

    def sample(
        self,
        n: int,
        X: Any = None,
        *,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
        random_state: Any = None,
    ) -> Any:
        """Draw futures that are consistent over time: a path that is high tends to stay high as errors do.

        Parameters
        ----------
        n : int
            Number of paths of every series.
        X : like predict's, optional
        horizon, step, at, future
            As for :meth:`predict`.
        random_state : int or numpy.random.Generator, optional
            The same seed gives the same paths, whatever `step` or `at` they are asked at.

        Returns
        -------
        Same kind as X
            Columns ``<target>-sample-0``, ... for every target; arrays have a last axis of paths.

        Raises
        ------
        ParameterError
            If `n` or `random_state` is malformed, or fit learnt a single quantile.
        ssmts.errors.SSMTSError
            As for :meth:`predict`.

        Notes
        -----
        The quantiles of many paths at an instant are those of :meth:`predict_quantiles`. Paths of different
        channels and series are drawn independently.
        """
        if not is_integer(n) or n < 1:
            raise ParameterError("n", n, "an integer >= 1")
        if not (
            random_state is None
            or isinstance(random_state, np.random.Generator)
            or (is_integer(random_state) and random_state >= 0)
        ):
            raise ParameterError("random_state", random_state, "None, an integer >= 0 or a numpy Generator")
        panel, generator = self._history(X, future), np.random.default_rng(random_state)
        times, values = sample_panel(
            self._check_fitted(), panel, n, generator, horizon=horizon, step=step, at=at
        )
        suffixes = [f"-sample-{k}" for k in range(n)]
        return write_forecast(panel.layout, panel.ids, times, values, suffixes=suffixes)

    def _write(
        self, X: Any, levels: Any, suffixes: list[str], horizon: Any, step: Any, at: Any, future: Any
    ) -> Any:
        """Quantiles in the kind of data that came in."""
        panel = self._history(X, future)
        times, values = quantile_panel(self._check_fitted(), panel, levels, horizon=horizon, step=step, at=at)
        return write_forecast(panel.layout, panel.ids, times, values, suffixes=suffixes)
