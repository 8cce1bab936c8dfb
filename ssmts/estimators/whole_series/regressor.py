"""The regressing estimator: whole series to a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sklearn.base import RegressorMixin

from ssmts.data import collected_cases
from ssmts.data.arrays import Float
from ssmts.estimators.whole_series.base import CaseEstimator
from ssmts.estimators.whole_series.deep import deep_fitter
from ssmts.models.whole_series.fit import fit_whole_series
from ssmts.models.whole_series.regression import RegressionTask
from ssmts.progress import reporting
from ssmts.training import Callback

__all__ = ["LinearSSMRegressor", "SSMRegressor"]


@dataclass(eq=False, repr=False)
class SSMRegressor(RegressorMixin, CaseEstimator):
    """What all regressors share; use `LinearSSMRegressor`, `S4Regressor` or another named backbone."""

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        times: Any = None,
        sample_weight: Any = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Self:
        """Fit on whole series; a fit that fails leaves an earlier one as it was.

        Parameters
        ----------
        X, times, sample_weight, callbacks
            As for :meth:`SSMClassifier.fit`.
        y : array-like of float, shape (n_cases,)
            A number a case. For a long frame in the order in which ids first appear, or a pandas Series
            whose index is the ids.

        Returns
        -------
        self

        Raises
        ------
        ssmts.errors.SSMTSError
            One class per fault; the message names case, channel and remedy.
        """
        options = self._linear_options()
        deep = deep_fitter(self, options.seed, callbacks)
        given = self._read_training(X, y, times, sample_weight)
        task, targets = RegressionTask.encode(given.y)
        with reporting("fit", self.verbose):
            fitted = fit_whole_series(given.panel, targets, given.weights, task, options, deep)
        self._become_fitted(fitted, given.signature)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Coefficient of determination of `predict`.

        Parameters
        ----------
        X : like fit's
        y : like fit's
            A Series that is indexed by the ids of a long frame goes by them.
        sample_weight : array-like, optional
            One number a case.

        Returns
        -------
        float

        Raises
        ------
        ssmts.errors.SSMTSError
            As for `predict`; a `TargetError` where y does not suit.
        """
        from sklearn.metrics import r2_score  # takes its time to import

        X = collected_cases(X)
        return self._score(r2_score, self.predict(X), X, y, sample_weight)

    def predict(self, X: Any, *, rate: Any = None, times: Any = None) -> Float:
        """Number of every case.

        Parameters
        ----------
        X : like fit's
            A table (two-dimensional array or frame) has the width of the training data unless `rate` or
            `times` is given.
        rate : float, optional
            Interval of X in those of the training data: 2.0 is sampled half as often.
        times : array-like, optional
            Instants of an array X, counted as at fit.

        Returns
        -------
        ndarray of float64, shape (n_cases,)

        Raises
        ------
        ssmts.errors.SSMTSError
            For malformed X.
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        numbers: Float = self._check_fitted().decide(self._answers(X, rate, times))
        return numbers


@dataclass(eq=False, repr=False)
class LinearSSMRegressor(SSMRegressor):
    """Regressor of whole series in continuous time, fitted in closed form in seconds.

    Features as of `LinearSSMClassifier`, mapped to a number by ridge regression.

    Parameters
    ----------
    id_col, time_col : str, optional
        Columns of a long frame; a frame with exactly ``unique_id, ds, y`` needs no names.
    value_cols : str or list, optional
        Channels of a long frame; all numeric columns beside id and time by default.
    channel_col : str, optional
        Column of a long frame whose rows are single observations: which channel each is of. Several
        observations of a channel at one instant become their mean. A value that holds for the whole case,
        such as an age, is one row.
    n_readouts : int, default=256
        Readouts of each kind and time scale; fewer where there are very many cases.
    hold : {"auto", "foh", "gp", "none"}, default="auto"
        How a case is read between its observations: on lines (``"foh"``) or, where a gap exceeds the
        reference step, by conditional expectation under their autocovariance (``"gp"``). ``"none"``: not at
        all, but for each channel how often and how lately it was observed, and what its values and changes
        were. ``"auto"`` tries what the gaps suggest and keeps what errs least on cases that were left out.
    rate_range : (float, float), optional
        Every case is trained on a second time, as a slower sensor would record it; its interval is
        longer by a factor drawn from this range, such as (0.25, 4).
    random_state : int, optional
        Seed of the readouts.
    verbose : bool, int or "auto", default="auto"
        Progress of `fit` on stderr, with the time left: ``"auto"`` shows it after two seconds on a terminal
        or in a notebook, True at once and anywhere, False never.

    Attributes
    ----------
    reference_step_ : pandas.Timedelta or float
        Median interval of the training data: the unit in which the model counts time.
    history_ : dict
        What fit chose and measured.
    n_features_in_ : int
        Instants of a table, else channels.
    feature_names_in_ : ndarray
        Columns of a frame whose rows are cases.

    Examples
    --------
    >>> import numpy as np
    >>> from ssmts import LinearSSMRegressor
    >>> rng = np.random.default_rng(0)
    >>> speed = rng.uniform(0.1, 0.5, 60)
    >>> X = np.sin(speed[:, None] * np.arange(80) + rng.uniform(0, 6.28, (60, 1)))
    >>> model = LinearSSMRegressor(random_state=0).fit(X, speed)
    >>> bool(model.score(X, speed) > 0.9)
    True
    """
