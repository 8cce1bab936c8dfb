"""Fit models and baselines on the past, forecast from rolling origins, and compare their errors."""

from __future__ import annotations

import time
import warnings
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from ssmts.comparison.models import named_models
from ssmts.comparison.result import Comparison
from ssmts.comparison.scores import DECILES, Errors, member_scales, tidy_errors
from ssmts.data import CovariateColumns, Panel, is_integer, read_panel, reference_step, without_columns
from ssmts.errors import ParameterError, SSMTSError, TooShortError
from ssmts.models.baselines.grid import main_season
from ssmts.models.forecasting.backtest import rolling_cutoffs, until
from ssmts.progress import reporting, tracked

__all__ = ["compare"]

_COVARIATES = ("past_covariates", "future_covariates", "static_covariates")


def compare(
    X: Any,
    horizon: Any,
    models: Any = None,
    *,
    n_windows: int = 3,
    step_size: Any = None,
    refit: bool | int = False,
    season: int | None = None,
    level: float = 80,
    id_col: Any = None,
    time_col: Any = None,
    channel_col: Any = None,
    target_cols: Any = None,
    freq: Any = None,
    past_covariates: Any = None,
    future_covariates: Any = None,
    static_covariates: Any = None,
    verbose: Any = "auto",
) -> Comparison:
    """Compare models and baselines on the same forecasts, and fit the best to all of X.

    Each model is fitted on the past and forecasts the next horizon, window by window; the last window ends
    with the data. Models that cannot be fitted are named, and the others compared.

    Parameters
    ----------
    X : pandas or polars frame, or array
        Wide, long or (n_series, length, n_channels); see docs/data.md.
    horizon : int or duration
        How far to forecast: a number of reference steps, or a duration such as ``"4D"``.
    models : list or mapping, optional
        Forecasters, or names of them: ``"naive"``, ``"seasonal_naive"``, ``"drift"``, ``"window_mean"``,
        ``"linear_ssm"``, and ``"auto_ets"``, ``"auto_theta"`` where statsforecast is installed. A mapping
        gives them names of your own. By default all of them; `seasonal_naive` where a season is found, those
        of statsforecast for up to 100 series. Horizon and columns are set on copies.
    n_windows : int, default=3
        Number of forecasts of each series.
    step_size : int or duration, optional
        Time between cutoffs; the horizon by default.
    refit : bool or int, default=False
        False: fit once, before the first window; later windows are forecast from their own history. True:
        fit before each window. An int: before every `refit`-th. Models of statsforecast are fitted to the
        history of each window in any case.
    season : int, optional
        Reference steps in a season, for the baselines and the unit of MASE; found in the rows before the
        first window by default.
    level : float, default=80
        Coverage in percent of the intervals that are checked.
    id_col, time_col, channel_col, target_cols, freq, past_covariates, future_covariates, static_covariates
        Columns of X, as for :class:`ssmts.LinearSSMForecaster`. Models without covariates do not see those.
    verbose : bool, int or "auto", default="auto"
        Progress on stderr, as for :class:`ssmts.LinearSSMForecaster`.

    Returns
    -------
    Comparison
        Its `table` has a row for each model, the best first; `best_model` is fitted to all of X.

    Raises
    ------
    ParameterError
        If a model is unknown, or a parameter malformed.
    TooShortError
        If there is no history before the first window.
    ssmts.errors.SSMTSError
        If X is malformed, or if no model can be fitted.

    Examples
    --------
    >>> import ssmts
    >>> from ssmts_datasets import make_sines
    >>> frame = make_sines(600, periods=[24.0], noise=0.1, random_state=0).frame
    >>> ssmts.compare(frame, 24).best
    'linear_ssm'

    References
    ----------
    Hyndman and Koehler, "Another look at measures of forecast accuracy", International Journal of
    Forecasting 22(4), 2006 (MASE).
    """
    if season is not None and not (is_integer(season) and season >= 1):
        raise ParameterError("season", season, "None, or an integer >= 1 of reference steps")
    roles = {
        "id_col": id_col,
        "time_col": time_col,
        "channel_col": channel_col,
        "target_cols": target_cols,
        "freq": freq,
    }
    covariates = dict(zip(_COVARIATES, (past_covariates, future_covariates, static_covariates), strict=True))
    named = CovariateColumns.of(*covariates.values()).all
    plain = without_columns(X, named) if named else X
    panel = read_panel(plain, **roles)
    _, cutoffs = rolling_cutoffs(panel, horizon, n_windows, step_size)
    past = until(panel, cutoffs[0], known_ahead=False)
    if not past.series:
        raise TooShortError(
            f"X has no history before the first of {n_windows} windows. Give more rows, or fewer windows."
        )
    step = reference_step(past)
    if season is None:
        reach, _ = rolling_cutoffs(past, horizon, 1, None)
        season = main_season(past, step, max(1, int(np.ceil(reach / step - 1e-6))))
    parameters = {"horizon": horizon, **roles, **covariates}
    every = named_models(models, season, len(panel.series) * panel.n_channels, parameters)
    asked = {
        "n_windows": n_windows,
        "step_size": step_size,
        "refit": refit,
        "level": level,
        "quantiles": list(DECILES),
    }
    tables: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    failures: dict[str, str] = {}
    first: SSMTSError | None = None
    with reporting("comparison", verbose):
        for name in tracked(list(every), "model"):
            begin = time.perf_counter()
            try:
                tables[name] = every[name].cross_validate(_seen_by(every[name], X, plain), **asked)
            except ParameterError:  # a mistake in the question, not in the data
                raise
            except SSMTSError as error:
                first, failures[name] = first or error, str(error)
            seconds[name] = time.perf_counter() - begin
    if first is not None:
        if not tables:
            raise first
        warnings.warn(
            f"{len(failures)} of {len(every)} models could not be fitted and are left out: "
            + "; ".join(f"{name}: {said}" for name, said in failures.items()),
            UserWarning,
            stacklevel=2,
        )
    found = _errors(panel, past, step, season, tables, level)
    summary = {name: errors.over_all() for name, errors in found.items()}
    ranked = sorted(summary, key=lambda name: _rank(summary[name]))
    best = every[ranked[0]]
    with reporting("fit of the best", verbose):
        best.fit(_seen_by(best, X, plain))
    columns: dict[Any, Any] = {"model": ranked}
    columns |= {key: [summary[name][key] for name in ranked] for key in summary[ranked[0]]}
    columns["seconds"] = [seconds[name] for name in ranked]
    return Comparison(
        table=_frame(panel, columns),
        by_series=_frame(panel, _by_series(panel, found, ranked)),
        forecasts=_joined({name: tables[name] for name in ranked}),
        best=ranked[0],
        best_model=best,
        season=season,
        level=float(level),
        failures=failures,
    )


def _seen_by(model: Any, X: Any, plain: Any) -> Any:
    """X as a model takes it: without covariates if it has none."""
    return X if "past_covariates" in model.get_params(deep=False) else plain


def _errors(
    panel: Panel, past: Panel, step: float, season: int, tables: dict[str, Any], level: float
) -> dict[str, Errors]:
    """Errors of each model on the rows that all of them forecast."""
    numbers = {series.id: number for number, series in enumerate(panel.series)}
    scales = np.full((len(panel.series), panel.n_channels), np.nan)
    rows = [numbers[series.id] for series in past.series]
    scales[rows] = member_scales(past, step, season).reshape(len(rows), -1)
    frames = {name: nw.from_native(table, eager_only=True) for name, table in tables.items()}
    values = {name: frame.select("y", "forecast").to_numpy() for name, frame in frames.items()}
    truth = next(iter(values.values()))[:, 0]
    common = np.isfinite(truth)
    for name, own in values.items():
        if not np.array_equal(own[:, 0], truth, equal_nan=True):
            raise ParameterError("models", name, "models that forecast the same rows: another one's differ")
        common &= np.isfinite(own[:, 1])
    members = _members(panel, next(iter(frames.values())))
    return {
        name: tidy_errors(frame.filter(common.tolist()).to_native(), members[common], scales.ravel(), level)
        for name, frame in frames.items()
    }


def _members(panel: Panel, frame: nw.DataFrame[Any]) -> NDArray[np.int64]:
    """Number of the series and channel of each row of a tidy table."""
    keys = list(frame.columns)[: list(frame.columns).index("cutoff") - 1]
    members = np.zeros(len(frame), dtype=np.int64)
    if list(panel.ids) != [None]:
        position = {one: number for number, one in enumerate(panel.ids)}
        members += np.array([position[one] for one in frame[keys[0]].to_list()]) * panel.n_channels
    if panel.n_channels > 1:
        channels = {str(name): number for number, name in enumerate(panel.channels)}
        members += np.array([channels[one] for one in frame[keys[-1]].to_list()])
    return members


def _by_series(panel: Panel, found: dict[str, Errors], ranked: list[str]) -> dict[Any, Any]:
    """Columns of the table by series: model, id, channel and errors."""
    shown = np.flatnonzero(found[ranked[0]].n)
    series, channels = np.divmod(shown, panel.n_channels)
    columns: dict[Any, Any] = {"model": np.repeat(ranked, len(shown)).tolist()}
    if list(panel.ids) != [None]:
        label = "id" if panel.layout.id_col is None else panel.layout.id_col
        columns[label] = [panel.ids[number] for number in series] * len(ranked)
    if panel.n_channels > 1:
        label = "channel" if panel.layout.channel_col is None else panel.layout.channel_col
        columns[label] = [str(panel.channels[number]) for number in channels] * len(ranked)
    for name in ("n", "mase", "mae", "scaled_quantile_loss", "coverage"):
        columns[name] = np.concatenate([getattr(found[model], name)[shown] for model in ranked])
    return columns


def _rank(errors: dict[str, float]) -> tuple[float, float]:
    return (np.nan_to_num(errors["mase"], nan=np.inf), errors["mae"])


def _joined(tables: dict[str, Any]) -> Any:
    """Tidy tables one below the other, with a first column that names the model."""
    frames = [
        nw.from_native(table, eager_only=True).select(nw.lit(name).alias("model"), nw.all())
        for name, table in tables.items()
    ]
    return nw.concat(frames).to_native()


def _frame(panel: Panel, columns: dict[Any, Any]) -> Any:
    """A frame of X's kind; pandas for arrays."""
    if panel.layout.kind == "polars":
        import polars as pl

        return pl.DataFrame(columns)
    import pandas as pd

    return pd.DataFrame(columns)
