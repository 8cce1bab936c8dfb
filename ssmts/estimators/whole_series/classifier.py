"""The classifying estimator: whole series to labels and calibrated probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from sklearn.base import ClassifierMixin

from ssmts.data import collected_cases
from ssmts.data.arrays import Float
from ssmts.estimators.whole_series.base import CaseEstimator
from ssmts.estimators.whole_series.deep import deep_fitter
from ssmts.models.whole_series.calibration import softmax
from ssmts.models.whole_series.classification import ClassificationTask
from ssmts.models.whole_series.fit import fit_whole_series
from ssmts.progress import reporting
from ssmts.training import Callback

__all__ = ["LinearSSMClassifier", "SSMClassifier"]


@dataclass(eq=False, repr=False)
class SSMClassifier(ClassifierMixin, CaseEstimator):
    """What all classifiers share; use `LinearSSMClassifier`, `S4Classifier` or another named backbone."""

    _: KW_ONLY
    class_weight: Any = None

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
        X : array, list of arrays, or frame
            (n_cases, n_timepoints) or a frame whose rows are cases; (n_cases, n_channels, n_timepoints); a
            list of arrays (length,) or (n_channels, length); a long frame with `id_col` and `time_col`. NaN
            is a missing observation.
        y : array-like, shape (n_cases,)
            Labels of any kind. For a long frame in the order in which ids first appear, or a pandas Series
            whose index is the ids.
        times : array-like, optional
            Instants of an array X: (n_timepoints,) for all cases, (n_cases, n_timepoints), or a list of
            arrays; datetimes or numbers. Unit steps by default.
        sample_weight : array-like, shape (n_cases,), optional
        callbacks : sequence of ssmts.training.Callback, optional
            Observe the training of the deep branch.

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
        task, targets = ClassificationTask.encode(given.y, self.class_weight)
        with reporting("fit", self.verbose):
            fitted = fit_whole_series(given.panel, targets, given.weights, task, options, deep)
        self._become_fitted(fitted, given.signature)
        return self

    def decision_function(self, X: Any, *, rate: Any = None, times: Any = None) -> Float:
        """Logarithms of the probabilities, up to a constant a case.

        Parameters
        ----------
        X, rate, times
            As for :meth:`predict`.

        Returns
        -------
        ndarray of float64, shape (n_cases, n_classes), or (n_cases,) for two classes
            For two classes positive where the second is the likelier one.
        """
        values = self._answers(X, rate, times)
        return values[:, 1] - values[:, 0] if values.shape[1] == 2 else values

    def predict_proba(self, X: Any, *, rate: Any = None, times: Any = None) -> Float:
        """Probability of every class of `classes_`.

        Parameters
        ----------
        X, rate, times
            As for :meth:`predict`.

        Returns
        -------
        ndarray of float64, shape (n_cases, n_classes)
            Calibrated on leave-one-out decisions; the same for a case whatever cases it comes with.
        """
        return softmax(self._answers(X, rate, times))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean accuracy of `predict`.

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
        from sklearn.metrics import accuracy_score  # takes its time to import

        X = collected_cases(X)
        return self._score(accuracy_score, self.predict(X), X, y, sample_weight)

    def predict(self, X: Any, *, rate: Any = None, times: Any = None) -> Any:
        """Most probable label of every case.

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
        ndarray, shape (n_cases,)

        Raises
        ------
        ssmts.errors.SSMTSError
            For malformed X.
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        return self._check_fitted().decide(self._answers(X, rate, times))


@dataclass(eq=False, repr=False)
class LinearSSMClassifier(SSMClassifier):
    """Classifier of whole series in continuous time, fitted in closed form in seconds.

    Random readouts of the recent past of each case, at many time scales and held linearly between
    observations, are pooled over time; with the shape and the levels of the case they go into a ridge
    classifier. Its penalty is chosen by leave-one-out error, and leave-one-out decisions calibrate the
    probabilities. Irregular series, missing values, unequal lengths and other sampling rates are ordinary
    input.

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
        Every case is trained on a second time, as a slower sensor would record it; its interval is longer
        by a factor drawn from this range, such as (0.25, 4).
    random_state : int, optional
        Seed of the readouts.
    verbose : bool, int or "auto", default="auto"
        Progress of `fit` on stderr, with the time left: ``"auto"`` shows it after two seconds on a terminal
        or in a notebook, True at once and anywhere, False never.
    class_weight : dict or "balanced", optional
        Cost of missing a case of each class: probabilities are multiplied by these weights.

    Attributes
    ----------
    classes_ : ndarray
        Labels.
    reference_step_ : pandas.Timedelta or float
        Median interval of the training data: the unit in which the model counts time.
    history_ : dict
        What fit chose and measured.
    n_features_in_ : int
        Instants of a table, else channels.
    feature_names_in_ : ndarray
        Columns of a frame whose rows are cases.

    References
    ----------
    Dempster, Petitjean and Webb, "ROCKET", Data Mining and Knowledge Discovery 2020, for random kernels; Tan
    et al., "MultiRocket", Data Mining and Knowledge Discovery 2022, for what is pooled.

    Examples
    --------
    >>> import numpy as np
    >>> from ssmts import LinearSSMClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["slow", "fast"], 20)
    >>> phase = rng.uniform(0, 6.28, (40, 1))
    >>> X = np.sin(np.where(y == "slow", 0.2, 0.4)[:, None] * np.arange(80) + phase)
    >>> model = LinearSSMClassifier(random_state=0).fit(X, y)
    >>> model.predict(X[:1, ::2], rate=2.0)
    array(['slow'], dtype='<U4')
    """
