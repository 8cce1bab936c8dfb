import numpy as np
import pytest

from ssmts.errors import AllMissingError, InfiniteValueError, ParameterError, ShapeError
from ssmts.metrics import coverage, crps, mae, mase, mse, wql

nan = float("nan")


def test_mse_and_mae_by_hand():
    assert mse([1.0, 2.0, 4.0], [1.0, 3.0, 1.0]) == pytest.approx(10 / 3)
    assert mae([1.0, 2.0, 4.0], [1.0, 3.0, 1.0]) == pytest.approx(4 / 3)
    assert mse([[1, 2], [3, 4]], [[2, 2], [3, 7]]) == 2.5  # integers, two channels


def test_missing_truth_counts_nowhere():
    assert mse([1.0, nan, 4.0], [1.0, 100.0, 2.0]) == 2.0
    assert mae([1.0, nan, 4.0], [1.0, nan, 2.0]) == 1.0  # nor does its forecast


def test_float32_is_summed_in_float64():
    truth = np.full(1_000_000, 0.1, np.float32)
    assert mse(truth, truth + np.float32(1)) == pytest.approx(1.0, rel=1e-6)
    assert isinstance(mse(truth, truth), float)


def test_mase_by_hand():
    # Naive errors 1, 3, 1, 2: mean 7/4. Errors of the forecast 2 and 3: mean 5/2.
    assert mase([9.0, 5.0], [7.0, 8.0], [1.0, 2.0, 5.0, 4.0, 6.0]) == pytest.approx(2.5 / 1.75)
    # Season of 2: |5-1|, |4-2|, |6-5|: mean 7/3.
    assert mase([9.0, 5.0], [7.0, 8.0], [1.0, 2.0, 5.0, 4.0, 6.0], season=2) == pytest.approx(2.5 * 3 / 7)


def test_mase_scales_each_channel_and_skips_what_is_missing():
    train = np.array([[0.0, 0.0], [1.0, 10.0], [0.0, nan], [1.0, 10.0], [0.0, 0.0]])
    # Channel 0: naive 1, error 1. Channel 1: naive errors 10 and 10 (two pairs are broken), error 5.
    assert mase([[1.0, 5.0], [1.0, nan]], [[0.0, 0.0], [0.0, 0.0]], train) == pytest.approx((1.0 + 0.5) / 2)
    assert mase([[1.0, nan]], [[0.0, 0.0]], train) == 1.0


def test_wql_by_hand():
    # Pinball at level 0.1: 0.1 * 2 = 0.2 and 0.9 * 1 = 0.9; at 0.9: 0.1 * 1 = 0.1 and 0.9 * 2 = 1.8.
    quantiles = [[8.0, 11.0], [5.0, 2.0]]
    truth = [10.0, 4.0]
    assert wql(truth, quantiles, [0.1, 0.9]) == pytest.approx(2 * (0.3 + 2.7) / 2 / 14)
    assert crps(truth, quantiles, [0.1, 0.9]) == pytest.approx(2 * 3.0 / 4)
    assert wql([10.0, 4.0, nan], [*quantiles, [nan, nan]], [0.1, 0.9]) == wql(truth, quantiles, [0.1, 0.9])


def test_crps_of_a_point_forecast_is_the_absolute_error():
    truth = np.array([[1.0, -2.0], [3.0, 0.5]])
    levels = (np.arange(99) + 0.5) / 99
    assert crps(truth, np.zeros((2, 2, 99)), levels) == pytest.approx(mae(truth, np.zeros((2, 2))))


def test_crps_of_a_uniform_forecast():
    # Uniform on (0, 1), truth z: the exact score is z**3 / 3 + (1 - z)**3 / 3.
    levels = (np.arange(2000) + 0.5) / 2000
    for z in (0.0, 0.3, 1.0):
        assert crps([z], levels[None], levels) == pytest.approx((z**3 + (1 - z) ** 3) / 3, abs=1e-6)


def test_coverage_by_hand():
    assert coverage([1.0, 2.0, 3.0, nan], [1.0, 2.5, 0.0, nan], [2.0, 3.0, 3.0, nan]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric", [mse, mae])
@pytest.mark.parametrize(
    ("truth", "forecast", "error", "message"),
    [
        ([1.0, 2.0], [1.0], ShapeError, r"y_pred has shape \(1,\), y_true \(2,\)"),
        ([[1.0, 2.0]], [1.0, 2.0], ShapeError, "shape"),
        ([nan, nan], [1.0, 2.0], AllMissingError, "no observed value"),
        ([], [], AllMissingError, "no observed value"),
        ([1.0, 2.0], [1.0, nan], InfiniteValueError, "y_pred holds 1 values"),
        ([1.0, np.inf], [1.0, 1.0], InfiniteValueError, "y_true holds 1 values"),
    ],
)
def test_bad_arrays(metric, truth, forecast, error, message):
    with pytest.raises(error, match=message):
        metric(truth, forecast)


@pytest.mark.parametrize(
    ("train", "season", "error", "message"),
    [
        ([1.0, 1.0, 1.0], 1, ParameterError, "channel 0 has none"),
        ([1.0, nan, 2.0], 1, ParameterError, "channel 0 has none"),
        ([1.0, 2.0, 3.0], 3, ParameterError, "from 1 to 2"),
        ([1.0, 2.0, 3.0], 0, ParameterError, "season"),
        ([1.0, 2.0, 3.0], 1.0, ParameterError, "season"),
        (np.ones((3, 2)), 1, ShapeError, "y_train has 2 channels, y_true 1"),
        (np.ones((3, 2, 2)), 1, ShapeError, "n_channels"),
    ],
)
def test_bad_scale(train, season, error, message):
    with pytest.raises(error, match=message):
        mase([1.0], [2.0], train, season=season)


@pytest.mark.parametrize("metric", [wql, crps])
def test_bad_quantiles(metric):
    for levels in ([0.0, 0.5], [0.5, 1.0], [], 0.5, [nan, 0.5]):
        with pytest.raises(ParameterError, match="strictly between 0 and 1"):
            metric([1.0], [[1.0, 2.0]], levels)
    with pytest.raises(ShapeError, match=r"ask for \(1, 3\)"):
        metric([1.0], [[1.0, 2.0]], [0.1, 0.5, 0.9])
    with pytest.raises(InfiniteValueError, match="y_quantiles holds 1"):
        metric([1.0], [[1.0, nan]], [0.1, 0.5])


def test_wql_of_zeros_has_no_unit():
    with pytest.raises(ParameterError, match="zeros only"):
        wql([0.0], [[1.0]], [0.5])


def test_crossed_interval():
    with pytest.raises(ParameterError, match=r"lower=3\.0.*at most upper, which is 2\.0"):
        coverage([1.0, 1.0], [0.0, 3.0], [2.0, 2.0])
