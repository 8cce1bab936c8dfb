"""Answers of a fitted forecaster, in the kind of data that its input came in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.data import is_integer, write_contributions, write_forecast
from ssmts.data.arrays import Float
from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.failing_series import without_failing
from ssmts.estimators.forecasters.quantile_levels import asked_levels, central_levels, interval_levels
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.explain import explain_panel
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.predict import forecast_panel
from ssmts.models.forecasting.quantiles import error_quantiles_of, quantile_panel, sample_panel
from ssmts.models.forecasting.reconstruct import interval_ends, reconstructed, times_inside

__all__ = ["explain", "predict", "predict_interval", "predict_quantiles", "reconstruct", "sample"]

_MOST_PATHS = 100_000  # of a series: more do not fit into memory


def predict(
    fitted: FittedForecaster,
    reader: HistoryReader,
    X: Any,
    *,
    future: Any = None,
    errors: str = "raise",
    **instants: Any,
) -> Any:
    """Forecast; `instants` are `horizon`, `step` and `at` of :meth:`SSMForecaster.predict`."""

    def ask(X: Any, future: Any) -> Any:
        panel = reader.history(X, future)
        times, values = forecast_panel(fitted, panel, **instants)
        return write_forecast(panel.layout, panel.ids, times, values)

    return without_failing(ask, fitted.layout, X, future, errors)


def predict_quantiles(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, quantiles: Any, **asked: Any
) -> Any:
    """Quantiles of the forecast; `asked` are the other keywords of :func:`predict`."""
    levels = asked_levels(quantiles, error_quantiles_of(fitted).levels)
    return _at_levels(fitted, reader, X, levels, [f"-q-{level:g}" for level in levels], **asked)


def predict_interval(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, level: Any, **asked: Any
) -> Any:
    """Central intervals of the forecast; `asked` are the other keywords of :func:`predict`."""
    suffixes, levels = interval_levels(level, error_quantiles_of(fitted).levels)
    return _at_levels(fitted, reader, X, levels, suffixes, **asked)


def _at_levels(
    fitted: FittedForecaster,
    reader: HistoryReader,
    X: Any,
    levels: Float,
    suffixes: list[str],
    *,
    future: Any = None,
    errors: str = "raise",
    **instants: Any,
) -> Any:
    """Quantiles at some levels, with a suffix of the column names for each."""

    def ask(X: Any, future: Any) -> Any:
        panel = reader.history(X, future)
        times, values = quantile_panel(fitted, panel, levels, **instants)
        return write_forecast(panel.layout, panel.ids, times, values, suffixes=suffixes)

    return without_failing(ask, fitted.layout, X, future, errors)


def sample(
    fitted: FittedForecaster,
    reader: HistoryReader,
    n: int,
    X: Any,
    *,
    random_state: Any = None,
    future: Any = None,
    **instants: Any,
) -> Any:
    """Trajectories of the future; `instants` as for :func:`predict`.

    Raises
    ------
    ParameterError
        If `n` or `random_state` cannot be.
    """
    if not is_integer(n) or not 1 <= n <= _MOST_PATHS:
        raise ParameterError("n", n, f"an integer from 1 to {_MOST_PATHS:,}")
    if not (
        random_state is None
        or isinstance(random_state, np.random.Generator)
        or (is_integer(random_state) and random_state >= 0)
    ):
        raise ParameterError("random_state", random_state, "None, an integer >= 0 or a numpy Generator")
    panel, generator = reader.history(X, future), np.random.default_rng(random_state)
    times, values = sample_panel(fitted, panel, n, generator, **instants)
    suffixes = [f"-sample-{k}" for k in range(n)]
    return write_forecast(panel.layout, panel.ids, times, values, suffixes=suffixes)


def explain(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, *, future: Any = None, **instants: Any
) -> Any:
    """Contributions of the parts of the model; `instants` as for :func:`predict`."""
    panel = reader.history(X, future)
    times, parts, values = explain_panel(fitted, panel, **instants)
    return write_contributions(panel.layout, panel.ids, times, parts, values)


def reconstruct(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, *, at: Any, step: Any, level: Any
) -> Any:
    """Conditional expectation at instants inside X, with intervals around it where `level` is given."""
    panel = reader.history(X)
    suffixes, levels = ([], np.empty(0)) if level is None else central_levels(level)
    times = times_inside(panel, at, step)
    means, deviations = reconstructed(fitted, panel, times, with_deviation=level is not None)
    if level is None:
        return write_forecast(panel.layout, panel.ids, times, fitted.bounded(means))
    widths = np.append(0.0, interval_ends(fitted, levels))
    values = [m[:, :, None] + d[:, :, None] * widths for m, d in zip(means, deviations, strict=True)]
    return write_forecast(panel.layout, panel.ids, times, fitted.bounded(values), suffixes=["", *suffixes])
