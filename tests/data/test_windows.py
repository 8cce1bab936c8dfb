from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from ssmts.data import Windows, read_panel
from ssmts.errors import HorizonError, ParameterError, TooShortError


def long_panel(lengths, step=1):
    ids = np.repeat(np.arange(len(lengths)), lengths)
    times = np.concatenate([np.arange(n) * step for n in lengths])
    return read_panel(pd.DataFrame({"unique_id": ids, "ds": times, "y": np.arange(float(len(ids)))}))


def irregular_panel(n=200, seed=0):
    times = np.cumsum(np.random.default_rng(seed).exponential(size=n))
    return read_panel(pd.DataFrame({"t": times, "a": np.arange(float(n)), "b": -times}), time_col="t")


def test_every_window_by_rows_in_order():
    panel = long_panel([5, 3, 6])
    windows = Windows(panel, context=3, horizon=1)
    assert len(windows) == 2 + 0 + 3
    assert [w.series for w in windows] == [0, 0, 2, 2, 2]
    assert [w.values[:, 0].tolist() for w in windows][1:3] == [[1, 2, 3], [8, 9, 10]]
    assert [w.future[:, 0].tolist() for w in windows] == [[3], [4], [11], [12], [13]]
    assert windows.origins.tolist() == [[2, 4], [2, 2], [2, 5]]


def test_windows_are_views():
    panel = long_panel([50])
    window = Windows(panel, context=8, horizon=4)[-1]
    series = panel.series[0]
    for part, whole in (
        (window.times, series.times),
        (window.future_times, series.times),
        (window.values, series.values),
        (window.future, series.values),
    ):
        assert np.shares_memory(part, whole)
    assert window.future_times[-1] == series.times[-1]


def test_a_million_windows_cost_no_memory():
    panel = read_panel(np.zeros((999_999 + 720 + 96, 1)))
    size = panel.series[0].values.nbytes
    tracemalloc.start()
    windows = Windows(panel, context=720, horizon=96)
    assert len(windows) == 1_000_000
    windows[500_000]
    windows.batch(np.arange(0, 1_000_000, 31_250))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 4


def test_by_time_takes_what_lies_in_the_half_open_spans():
    panel = irregular_panel()
    series = panel.series[0]
    windows = Windows(panel, context=10.0, horizon=5.0, by="time")
    for number, window in enumerate(windows):
        origin = window.times[-1]
        np.testing.assert_array_equal(
            window.times, series.times[(series.times > origin - 10) & (series.times <= origin)]
        )
        np.testing.assert_array_equal(
            window.future_times, series.times[(series.times > origin) & (series.times <= origin + 5)]
        )
        np.testing.assert_array_equal(window.values[:, 1], -window.times)
        assert origin + 5 <= series.times[-1]
        assert windows.origins[0, 0] + number == np.searchsorted(series.times, origin)


def test_both_ways_agree_on_a_grid():
    panel = long_panel([30, 4, 25], step=900)
    rows = Windows(panel, context=6, horizon=3)
    time = Windows(panel, context=6 * 900, horizon=3 * 900, by="time")
    np.testing.assert_array_equal(rows.origins[[0, 2]], time.origins[[0, 2]])
    assert len(rows) == len(time)
    for a, b in zip(rows, time, strict=True):
        np.testing.assert_array_equal(a.times, b.times)
        np.testing.assert_array_equal(a.future, b.future)


def test_batches_are_the_windows_padded_on_the_right():
    panel = irregular_panel()
    windows = Windows(panel, context=10.0, horizon=5.0, by="time")
    indices = [0, 7, -1, 7]
    batch = windows.batch(indices)
    assert batch.values.shape[0] == batch.times.shape[0] == 4
    assert len(set(batch.lengths)) > 1
    for row, index in enumerate(indices):
        window = windows[index]
        n, m = batch.lengths[row], batch.future_lengths[row]
        np.testing.assert_array_equal(batch.times[row, :n], window.times)
        np.testing.assert_array_equal(batch.values[row, :n], window.values)
        np.testing.assert_array_equal(batch.future_times[row, :m], window.future_times)
        np.testing.assert_array_equal(batch.future[row, :m], window.future)
        assert (batch.times[row, n:] == window.times[-1]).all()
        assert np.isnan(batch.values[row, n:]).all()
        assert np.isnan(batch.future[row, m:]).all()


def test_batches_across_series():
    windows = Windows(long_panel([5, 3, 6]), context=3, horizon=1)
    batch = windows.batch(np.array([4, 0]))
    assert batch.series.tolist() == [2, 0]
    assert batch.values[:, :, 0].tolist() == [[10, 11, 12], [0, 1, 2]]
    assert batch.future[:, 0, 0].tolist() == [13, 3]


def test_slices_are_windows():
    windows = Windows(long_panel([12]), context=3, horizon=2)
    part = windows[2:8:3]
    assert isinstance(part, Windows)
    assert [w.times[0] for w in part] == [2, 5]
    assert part.batch([1, -2]).times[:, 0].tolist() == [5, 2]
    assert part[::-1][0].times[0] == 5


def test_a_future_without_rows_is_empty():
    panel = read_panel(pd.DataFrame({"t": [0, 1, 2, 3, 20, 21, 22.0], "a": np.ones(7)}), time_col="t")
    windows = Windows(panel, context=3, horizon=2, by="time")
    gap = next(w for w in windows if w.times[-1] == 3)
    assert gap.future.shape == (0, 1)
    assert np.isnan(windows.batch([list(w.times[-1] for w in windows).index(3)]).future).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"context": 0, "horizon": 1}, ParameterError, "context=0"),
        ({"context": 2.5, "horizon": 1}, ParameterError, "whole number of rows"),
        ({"context": 2, "horizon": 0}, HorizonError, "horizon=0"),
        ({"context": 2, "horizon": float("nan")}, HorizonError, "nan"),
        ({"context": 2, "horizon": 1, "by": "day"}, ParameterError, "by='day'"),
        (
            {"context": 9, "horizon": 2},
            TooShortError,
            "context of 9 rows and a horizon of 2 rows. The longest has 10 rows",
        ),
        ({"context": 9, "horizon": 2, "by": "time"}, TooShortError, "Give more history"),
    ],
)
def test_bad_windows(options, error, message):
    with pytest.raises(error, match=message):
        Windows(long_panel([10, 4]), **options)


def test_indices_out_of_range():
    windows = Windows(long_panel([10]), context=3, horizon=2)
    with pytest.raises(IndexError):
        windows[6]
    with pytest.raises(IndexError, match="there are 6 windows"):
        windows.batch([0, 6])
