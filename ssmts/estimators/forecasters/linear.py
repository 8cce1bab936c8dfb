"""The linear branch alone, as an estimator."""

from __future__ import annotations

from dataclasses import dataclass

from ssmts.estimators.forecasters.base import SSMForecaster

__all__ = ["LinearSSMForecaster"]


@dataclass(eq=False, repr=False)
class LinearSSMForecaster(SSMForecaster):
    """Linear state-space forecaster in continuous time, fitted in closed form.

    A bank of damped oscillators is driven by the window, interpolated between its observations. Ridge
    regression maps the states at the origin to the future. No network is trained: all choices are made by
    cross-validation over blocks of time, in seconds.

    Parameters
    ----------
    horizon : int or duration, default=24
        How far to forecast: a number of reference steps, or a duration such as ``"4D"``.
    context_length : int or duration, optional
        How much history a forecast uses; None chooses among multiples of the horizon by cross-validation.
    id_col, time_col : str, optional
        Columns of long and wide frames; a frame with exactly ``unique_id, ds, y`` needs no names.
    channel_col : str, optional
        Column that names the channel of each row, in a frame with one observation a row. Each channel of each
        series is then forecast on its own clock; see docs/data.md.
    target_cols : str or list, optional
        Channels to forecast; all numeric columns by default.
    freq : str or pandas offset, optional
        Calendar of the rows, e.g. ``"B"`` for business days: an integer horizon counts its steps. Months,
        quarters and years are found by their stamps, and a pandas index says its own; see docs/data.md.
    past_covariates, future_covariates : str or list, optional
        Columns known up to the origin, and ahead of it; numbers or categories, see docs/covariates.md.
    static_covariates : str or list, optional
        Columns with one value a series, which define classes of series.
    calendar : bool, default=False
        Use the hour of the day, the day of the week and the day of the year as covariates.
    holidays : str, optional
        A country, or a part of one, whose public holidays are a covariate, with the days before and after:
        ``"DE"`` or ``"DE-BY"``. Needs the extra ``ssmts[holidays]``.
    channel_mixing : bool, default=False
        Let every channel of a series read the states of the others, if that lowers the error on held-out
        blocks.
    quantiles : list of float, optional
        Quantile levels to learn, between 0 and 1; by default 25 from 0.005 to 0.995. `predict_quantiles` and
        `predict_interval` interpolate between them.
    bounds : pair or mapping, optional
        Lowest and highest value that can be observed, e.g. ``(0, None)`` for counts, or a mapping from
        channels to pairs. Forecasts, quantiles and trajectories stay between them.
    n_modes : int, default=128
        The largest number of modes in the bank.
    hold : {"auto", "foh", "gp", "zoh"}, default="auto"
        Interpolation of a window between its observations: linear (``"foh"``), the conditional expectation
        under the autocovariance of the training data (``"gp"``), or the last value (``"zoh"``). ``"auto"``
        uses the expectation where linear interpolation would miss 3% of the variance; see docs/irregular.md.
    store_tail : bool, default=True
        Keep the end of the training data in saved files, so that ``predict()`` without X works after `load`.
    verbose : bool, int or "auto", default="auto"
        Progress of `fit`, `cross_validate`, `backtest` and `fit_shards` on stderr, with the time left:
        ``"auto"`` shows it after two seconds on a terminal or in a notebook, True at once and anywhere,
        False never.

    Attributes
    ----------
    reference_step_ : pandas.Timedelta or float
        Median interval of the training data: the unit in which the model counts time.
    horizon_, context_length_ : int, float
        In reference steps.
    history_ : dict
        Choices and errors of the fit.
    model_ : ForecastModel
        The fitted model.
    n_features_in_, feature_names_in_ : int, ndarray
        Number and names of the channels.

    Examples
    --------
    >>> from ssmts import LinearSSMForecaster
    >>> from ssmts_datasets import make_sines
    >>> frame = make_sines(600, random_state=0).frame
    >>> model = LinearSSMForecaster(horizon=24, context_length=96).fit(frame)
    >>> model.predict(frame, step="30min").shape
    (48, 1)
    """
