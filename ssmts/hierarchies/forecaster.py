"""A forecaster of series that add up."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from ssmts.data import is_integer
from ssmts.data.arrays import Float
from ssmts.errors import (
    InputTypeError,
    MissingColumnError,
    MissingIdError,
    ParameterError,
    TargetGivenError,
    TooShortError,
    TooShortWarning,
)
from ssmts.estimators import LinearSSMForecaster
from ssmts.hierarchies.hierarchy import Hierarchy
from ssmts.hierarchies.reconciliation import METHODS, coherent, error_covariance
from ssmts.progress import reporting, stage

__all__ = ["HierarchicalForecaster"]


class HierarchicalForecaster(BaseEstimator):
    """Forecasts of bottom series and of their sums that agree with each other.

    All nodes are forecast by one model as a panel. The forecasts are then moved to the nearest ones that add
    up, by the covariance of errors on held-out windows.

    Parameters
    ----------
    forecaster : forecaster, optional
        Of ssmts, with its horizon; ``LinearSSMForecaster(horizon=24)`` by default. Its columns are set here.
    keys : list of str
        Columns that together name a bottom series, such as ``["state", "region", "purpose"]``.
    levels : list of list of str, optional
        Keys that each level of sums keeps, such as ``[[], ["state"], ["purpose"]]``: the total, sums by
        state, sums by purpose. None: all beginnings of `keys`.
    time_col, target_col : str, default="ds", "y"
    method : {"mint_shrink", "wls", "ols", "bottom_up"}, default="mint_shrink"
        By the shrunk covariance of the errors, by their variances, with equal weights, or from the bottom
        series alone.
    n_windows : int, default=4
        Windows at the end of the data whose errors say the covariance.
    verbose : bool, int or "auto", default="auto"
        Progress of `fit` on stderr, with the time left.

    Attributes
    ----------
    model_ : forecaster
        Fitted on all nodes, whose ids are their key values joined by ``/``.
    hierarchy_ : Hierarchy
    covariance_ : ndarray of float64, shape (n_nodes, n_nodes), or None
        Of the errors.

    References
    ----------
    Wickramasuriya, Athanasopoulos and Hyndman, JASA 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from ssmts import HierarchicalForecaster, LinearSSMForecaster
    >>> days = pd.date_range("2025-01-01", periods=60)
    >>> frame = pd.concat(
    ...     pd.DataFrame({"shop": s, "item": i, "ds": days, "y": range(60)}) for s in "ab" for i in "xy"
    ... )
    >>> model = HierarchicalForecaster(LinearSSMForecaster(horizon=7), keys=["shop", "item"]).fit(frame)
    >>> model.predict().query("shop == 'a'").shape
    (21, 4)
    """

    def __init__(
        self,
        forecaster: Any = None,
        *,
        keys: Any = None,
        levels: Any = None,
        time_col: str = "ds",
        target_col: str = "y",
        method: str = "mint_shrink",
        n_windows: int = 4,
        verbose: Any = "auto",
    ) -> None:
        self.forecaster = forecaster
        self.keys = keys
        self.levels = levels
        self.time_col = time_col
        self.target_col = target_col
        self.method = method
        self.n_windows = n_windows
        self.verbose = verbose

    def fit(self, X: Any, y: None = None) -> Self:
        """Fit the forecaster on all nodes, and the covariance of its errors.

        Parameters
        ----------
        X : pandas or polars frame
            A row a bottom series and time. A sum is observed where all of its parts are.
        y : None

        Returns
        -------
        self

        Raises
        ------
        ssmts.errors.SSMTSError
            If parameters or rows are malformed.
        """
        if y is not None:
            raise TargetGivenError(
                "y must be None: the target is a column of X. Name it with target_col=...."
            )
        if self.method not in METHODS:
            raise ParameterError("method", self.method, f"one of {', '.join(map(repr, METHODS))}")
        if not is_integer(self.n_windows) or self.n_windows < 1:
            raise ParameterError("n_windows", self.n_windows, "an integer >= 1")
        if not isinstance(self.keys, list | tuple) or not self.keys:
            raise ParameterError("keys", self.keys, "a list of the columns that name a bottom series")
        frame, polars = self._read(X)
        bottom = frame[list(self.keys)].drop_duplicates().sort_values(list(self.keys))
        labels = list(bottom.itertuples(index=False, name=None))
        hierarchy = Hierarchy.of(labels, self.keys, self.levels)
        given = LinearSSMForecaster() if self.forecaster is None else self.forecaster
        roles = {"id_col": "unique_id", "time_col": self.time_col, "target_cols": [self.target_col]}
        panel = self._panel(frame, hierarchy)
        errors = np.zeros((0, len(hierarchy.labels)))
        with reporting("fit", self.verbose):
            with stage("nodes", 0.0, 0.5):
                model = clone(given).set_params(**roles).fit(panel)
            if self.method in ("mint_shrink", "wls"):
                with stage("errors", 0.5, 1.0):
                    errors = self._held_out_errors(model, panel, _names(hierarchy))
        self.covariance_ = error_covariance(errors, self.method)
        self.model_, self.hierarchy_, self._polars = model, hierarchy, polars
        return self

    def predict(self, X: Any = None, *, horizon: Any = None, step: Any = None, at: Any = None) -> Any:
        """Coherent forecasts of all nodes.

        Parameters
        ----------
        X : like fit's, optional
            History of all bottom series; None forecasts from the end of the training data.
        horizon, step, at
            As for the forecaster's `predict`.

        Returns
        -------
        Frame of fit's library
            The keys (``"(all)"`` where a sum goes over the key), time and forecast: sums first.
        """
        base = self._base("predict", X, horizon=horizon, step=step, at=at)
        return self._written(base[["unique_id", self.time_col]], {self.target_col: self._coherent(base)})

    def predict_interval(
        self, X: Any = None, level: Any = 90, *, horizon: Any = None, step: Any = None, at: Any = None
    ) -> Any:
        """Central intervals of all nodes: those of the forecaster, moved with its forecasts.

        Parameters
        ----------
        X, horizon, step, at
            As for :meth:`predict`.
        level : float or list of float, default=90
            Coverage in percent.
        """
        asked = {"horizon": horizon, "step": step, "at": at}
        base = self._base("predict", X, **asked)
        moved = self._coherent(base) - base[self.target_col].to_numpy()
        ends = self._base("predict_interval", X, level=level, **asked)
        names = [name for name in ends if name not in ("unique_id", self.time_col)]
        columns = {str(name): self._within(ends[name].to_numpy() + moved) for name in names}
        return self._written(base[["unique_id", self.time_col]], columns)

    def _held_out_errors(self, model: Any, panel: pd.DataFrame, names: list[str]) -> Float:
        """Errors on windows at the end of the data, (n_errors, n_nodes): as many as there is history for."""
        for n_windows in range(self.n_windows, 0, -1):
            try:
                table = model.cross_validate(panel, n_windows=n_windows, refit=False)
            except TooShortError:
                continue
            error = table["y"] - table["forecast"]
            wide = table.assign(error=error).pivot(
                index=["cutoff", self.time_col], columns="unique_id", values="error"
            )
            return np.asarray(wide.reindex(columns=names), dtype=np.float64)
        warnings.warn(
            "The history holds no window to measure errors on: forecasts are reconciled with equal weights.",
            TooShortWarning,
            stacklevel=3,
        )
        return np.ones((1, len(names)))

    def _base(self, verb: str, X: Any, **asked: Any) -> pd.DataFrame:
        if not hasattr(self, "model_"):
            raise NotFittedError("This HierarchicalForecaster is not fitted yet. Call 'fit' before using it.")
        panel = None if X is None else self._panel(self._read(X)[0], self.hierarchy_)
        found: pd.DataFrame = getattr(self.model_, verb)(panel, **asked)
        return found

    def _coherent(self, base: pd.DataFrame) -> Float:
        """Forecasts of the rows of a base forecast."""
        wide = base.pivot(index="unique_id", columns=self.time_col, values=self.target_col)
        names = _names(self.hierarchy_)
        found = coherent(wide.loc[names].to_numpy(), self.hierarchy_, self.covariance_)
        bottom = self._within(found[len(self.hierarchy_.sums) :])
        moved = pd.DataFrame(self.hierarchy_.added_up(bottom), names, wide.columns).stack()
        at = pd.MultiIndex.from_frame(base[["unique_id", self.time_col]])
        return np.asarray(moved.loc[at], dtype=np.float64)

    def _within(self, values: Float) -> Float:
        """Values between the bounds of the forecaster, where it has any."""
        fitted = getattr(self.model_, "fitted_", None)
        bounds = getattr(fitted, "bounds", None)
        return values if bounds is None else np.clip(values, bounds.low[0], bounds.high[0])

    def _written(self, rows: pd.DataFrame, columns: dict[str, Float]) -> Any:
        of_name = dict(zip(_names(self.hierarchy_), self.hierarchy_.labels))
        labels = [of_name[name] for name in rows["unique_id"]]
        keys = dict(zip(self.hierarchy_.keys, zip(*labels)))
        frame = pd.DataFrame({**keys, self.time_col: rows[self.time_col].to_numpy(), **columns})
        if not self._polars:
            return frame
        import polars

        return polars.from_pandas(frame)

    def _read(self, X: Any) -> tuple[pd.DataFrame, bool]:
        """The rows as a pandas frame, and whether they came in polars."""
        polars = type(X).__module__.startswith("polars")
        if polars:
            X = (X.collect() if hasattr(X, "collect") else X).to_pandas()
        if not isinstance(X, pd.DataFrame):
            raise InputTypeError(f"X is a {type(X).__name__}. Give a pandas or polars frame.")
        needed = [*self.keys, self.time_col, self.target_col]
        missing = [name for name in needed if name not in X]
        if missing:
            raise MissingColumnError(f"X has no column {missing[0]!r} (it has {list(X.columns)}).")
        for name in self.keys:
            if X[name].isna().any():
                raise MissingIdError(
                    f"Column {name!r}: the key is missing in row {int(X[name].isna().argmax())}."
                )
        return X[needed], polars

    def _panel(self, frame: pd.DataFrame, hierarchy: Hierarchy) -> pd.DataFrame:
        """All nodes as a long frame."""
        times, values = hierarchy.values(frame, self.time_col, self.target_col)
        names = _names(hierarchy)
        return pd.DataFrame(
            {
                "unique_id": np.repeat(names, len(times)),
                self.time_col: np.tile(times, len(names)),
                self.target_col: values.ravel(),
            }
        )


def _names(hierarchy: Hierarchy) -> list[str]:
    """An id for every node."""
    return ["/".join(map(str, label)) for label in hierarchy.labels]
