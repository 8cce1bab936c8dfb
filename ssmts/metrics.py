"""Accuracy of forecasts: plain numpy, missing truth is left out, every shape is checked.

Point metrics take arrays of one shape; quantile metrics take forecasts with one more axis at the end, an
entry for each level. NaN in `y_true` marks a value that was not observed and counts nowhere; the forecast
of any other value must be finite.
"""

import numpy as np
import numpy.typing as npt

from ssmts.errors import AllMissingError, InfiniteValueError, ParameterError, ShapeError
from ssmts.wording import Described

__all__ = ["coverage", "crps", "mae", "mase", "mse", "wql"]

_Float = np.float64
_Array = npt.NDArray[np.float64]


def mse(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    """Mean squared error.

    Parameters
    ----------
    y_true, y_pred : array-like of the same shape, e.g. (horizon, n_channels)
        Truth, NaN where it was not observed, and forecast; in one unit.

    Returns
    -------
    float
        Mean over all observed values, in that unit squared.

    Raises
    ------
    ShapeError
        If the shapes differ.
    AllMissingError
        If no truth was observed.
    InfiniteValueError
        If the truth is infinite, or the forecast is not finite where the truth was observed.
    """
    truth, forecast = _observed(y_true, y_pred)
    return float(np.mean((truth - forecast) ** 2))


def mae(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    """Mean absolute error.

    Parameters
    ----------
    y_true, y_pred : array-like of the same shape, e.g. (horizon, n_channels)
        Truth, NaN where it was not observed, and forecast; in one unit.

    Returns
    -------
    float
        Mean over all observed values, in that unit.

    Raises
    ------
    ShapeError, AllMissingError, InfiniteValueError
        As `mse`.
    """
    truth, forecast = _observed(y_true, y_pred)
    return float(np.mean(np.abs(truth - forecast)))


def mase(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, y_train: npt.ArrayLike, *, season: int = 1) -> float:
    """Mean absolute scaled error: the error in units of the seasonal naive forecast's error in training.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (horizon,) or (horizon, n_channels)
        Truth, NaN where it was not observed, and forecast.
    y_train : array-like of shape (length,) or (length, n_channels)
        Training data on a regular grid, NaN where not observed; it sets the scale of each channel.
    season : int, default=1
        Steps in a season; 1 scales by the error of the last value.

    Returns
    -------
    float
        Mean over channels with observed truth; below 1 is better than the naive forecast was in training.

    Raises
    ------
    ShapeError, AllMissingError, InfiniteValueError
        As `mse`; also if `y_train` has other channels.
    ParameterError
        If `season` is not a positive integer below the length of `y_train`, or if a channel's naive error is
        zero or cannot be computed.

    References
    ----------
    Hyndman, Koehler, "Another look at measures of forecast accuracy", International Journal of Forecasting
    22(4), 2006, section 3.
    """
    _observed(y_true, y_pred)
    truth, forecast, train = (_columns(values) for values in (y_true, y_pred, y_train))
    if train.shape[1] != truth.shape[1]:
        raise ShapeError(
            f"y_train has {train.shape[1]} channels, y_true {truth.shape[1]}; give the same channels in both"
        )
    if isinstance(season, bool) or not isinstance(season, int) or not 1 <= season < len(train):
        raise ParameterError(
            "season", season, f"an integer from 1 to {len(train) - 1}, as y_train has {len(train)} rows"
        )
    scale = _column_means(np.abs(train[season:] - train[:-season]))
    flat = np.flatnonzero(~(scale > 0) | ~np.isfinite(scale))
    if flat.size:
        raise ParameterError(
            "y_train",
            "the data given",
            f"data whose naive error is finite and not zero; channel {flat[0]} has none",
        )
    return float(np.nanmean(_column_means(np.abs(truth - forecast)) / scale))


def wql(y_true: npt.ArrayLike, y_quantiles: npt.ArrayLike, quantiles: npt.ArrayLike) -> float:
    """Weighted quantile loss: twice the pinball loss, averaged over levels, over the sum of absolute truth.

    Parameters
    ----------
    y_true : array-like of shape (...,)
        Truth, NaN where it was not observed.
    y_quantiles : array-like of shape (..., n_quantiles)
        Forecast of each level, in the unit of `y_true`.
    quantiles : array-like of shape (n_quantiles,)
        Levels, strictly between 0 and 1.

    Returns
    -------
    float
        Without unit.

    Raises
    ------
    ShapeError, AllMissingError, InfiniteValueError
        As `mse`.
    ParameterError
        If a level is not between 0 and 1, or all observed truth is zero.

    References
    ----------
    Salinas, Flunkert, Gasthaus, Januschowski, "DeepAR: Probabilistic forecasting with autoregressive
    recurrent networks", International Journal of Forecasting 36(3), 2020 (ρ-risk, there for one level).
    """
    truth, pinball = _pinball(y_true, y_quantiles, quantiles)
    total = np.abs(truth).sum()
    if total == 0:
        raise ParameterError(
            "y_true", Described("zeros only"), "other than zero somewhere, as its sum is the unit of the loss"
        )
    return float(2.0 * pinball.mean(axis=-1).sum() / total)


def crps(y_true: npt.ArrayLike, y_quantiles: npt.ArrayLike, quantiles: npt.ArrayLike) -> float:
    """Continuous ranked probability score, approximated by twice the pinball loss averaged over levels.

    The exact score is the integral of twice the pinball loss over all levels; the mean over n evenly spaced
    levels (1/2n, 3/2n, ...) tends to it.

    Parameters
    ----------
    y_true : array-like of shape (...,)
        Truth, NaN where it was not observed.
    y_quantiles : array-like of shape (..., n_quantiles)
        Forecast of each level, in the unit of `y_true`.
    quantiles : array-like of shape (n_quantiles,)
        Levels, strictly between 0 and 1.

    Returns
    -------
    float
        Mean over all observed values, in the unit of `y_true`; the absolute error when all levels coincide.

    Raises
    ------
    ShapeError, AllMissingError, InfiniteValueError
        As `mse`.
    ParameterError
        If a level is not between 0 and 1.

    References
    ----------
    Gneiting, Ranjan, "Comparing density forecasts using threshold- and quantile-weighted scoring rules",
    Journal of Business & Economic Statistics 29(3), 2011 (the score as an integral over quantiles).
    """
    return float(2.0 * _pinball(y_true, y_quantiles, quantiles)[1].mean())


def coverage(y_true: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike) -> float:
    """Share of the truth that lies inside an interval, ends included.

    Parameters
    ----------
    y_true, lower, upper : array-like of the same shape
        Truth, NaN where it was not observed, and the interval's ends.

    Returns
    -------
    float
        From 0 to 1; a 90% interval should cover 0.9.

    Raises
    ------
    ShapeError, AllMissingError, InfiniteValueError
        As `mse`.
    ParameterError
        If a lower end is above its upper end.
    """
    truth, low = _observed(y_true, lower, "lower")
    _, high = _observed(y_true, upper, "upper")
    crossed = np.flatnonzero(low > high)
    if crossed.size:
        first = crossed[0]
        raise ParameterError(
            "lower", float(low[first]), f"at most upper, which is {float(high[first])} there"
        )
    return float(np.mean((low <= truth) & (truth <= high)))


def _observed(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, name: str = "y_pred") -> tuple[_Array, _Array]:
    """Return the observed truth and its forecasts, flattened to (n,) and (n,) or (n, n_quantiles)."""
    truth, forecast = np.asarray(y_true, _Float), np.asarray(y_pred, _Float)
    if forecast.shape != truth.shape:
        raise ShapeError(
            f"{name} has shape {forecast.shape}, y_true {truth.shape}; give one {name} for each y_true"
        )
    return _finite(truth, forecast, name)


def _finite(truth: _Array, forecast: _Array, name: str) -> tuple[_Array, _Array]:
    seen = ~np.isnan(truth)
    if not seen.any():
        raise AllMissingError("y_true holds no observed value; give at least one that is not NaN")
    truth, forecast = truth[seen], forecast[seen]
    for label, values in (("y_true", truth), (name, forecast)):
        wrong = int(np.size(values) - np.isfinite(values).sum())
        if wrong:
            raise InfiniteValueError(
                f"{label} holds {wrong} values that are not finite where y_true was observed; "
                "mark missing truth with NaN, and forecast every value"
            )
    return truth, forecast


def _pinball(
    y_true: npt.ArrayLike, y_quantiles: npt.ArrayLike, quantiles: npt.ArrayLike
) -> tuple[_Array, _Array]:
    """Return the observed truth (n,) and the pinball loss of each of its quantiles (n, n_quantiles)."""
    truth, forecast, levels = (np.asarray(values, _Float) for values in (y_true, y_quantiles, quantiles))
    if levels.ndim != 1 or not levels.size or not np.all((levels > 0) & (levels < 1)):
        raise ParameterError("quantiles", quantiles, "a list of levels strictly between 0 and 1")
    if forecast.shape != (*truth.shape, levels.size):
        raise ShapeError(
            f"y_quantiles has shape {forecast.shape}; y_true and quantiles ask for "
            f"{(*truth.shape, levels.size)}, one level after the other on the last axis"
        )
    truth, forecast = _finite(truth, forecast, "y_quantiles")
    error = truth[:, None] - forecast
    return truth, np.maximum(levels * error, (levels - 1.0) * error)


def _columns(values: npt.ArrayLike) -> _Array:
    array = np.asarray(values, _Float)
    if array.ndim not in (1, 2):
        raise ShapeError(f"an array of shape {array.shape} is not (length,) or (length, n_channels)")
    return array.reshape(len(array), -1)


def _column_means(values: _Array) -> _Array:
    """Mean of each column over what is not NaN; NaN where nothing is left."""
    seen = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(seen, values, 0.0).sum(axis=0) / seen.sum(axis=0))
