"""Shapes, layouts, clocks, seeds and refusals of the generators; their truth is tested beside."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts_datasets import make_ar, make_damped_oscillators, make_irregular, make_sines

MAKERS = (make_sines, make_damped_oscillators, make_ar)
every_maker = pytest.mark.parametrize("make", MAKERS)


@every_maker
def test_wide_pandas_is_the_default(make):
    data = make(50, n_channels=2, start="2021-03-01", step="15min", random_state=0)
    assert data.frame.shape == (50, 2)
    assert list(data.frame.columns) == list(data.channels) == ["y0", "y1"]
    expected = pd.date_range("2021-03-01", periods=50, freq="15min", unit="ns", name="ds")
    pd.testing.assert_index_equal(data.frame.index, expected, exact="equiv")
    np.testing.assert_array_equal(data.frame.to_numpy(), data.values[0])


@every_maker
def test_a_panel_is_long_with_the_names_that_need_no_explaining(make):
    data = make(20, n_series=3, random_state=0)
    assert data.layout == "long"
    assert list(data.frame.columns) == ["unique_id", "ds", "y"]
    assert data.frame.groupby("unique_id").size().to_dict() == dict.fromkeys(data.ids, 20)
    for i, name in enumerate(data.ids):
        rows = data.frame[data.frame["unique_id"] == name]
        np.testing.assert_array_equal(rows["ds"].to_numpy(), data.times[i])
        np.testing.assert_array_equal(rows["y"].to_numpy(), data.values[i][:, 0])
    assert not np.allclose(data.values[0], data.values[1])


@every_maker
@pytest.mark.parametrize("n_series", [1, 2])
def test_polars_holds_the_same(make, n_series):
    options = {"n_series": n_series, "n_channels": 2, "random_state": 5}
    ours, theirs = make(30, frame="polars", **options).frame, make(30, **options).frame
    assert isinstance(ours, pl.DataFrame)
    theirs = theirs.reset_index() if n_series == 1 else theirs
    assert ours.columns == list(theirs.columns)
    assert ours.schema["ds"] == pl.Datetime("ns")
    assert ours.rows() == [
        tuple(v.to_pydatetime() if isinstance(v, pd.Timestamp) else v for v in row)
        for row in theirs.itertuples(index=False)
    ]


@every_maker
def test_unitless_times_are_a_column(make):
    data = make(10, start=3, step=0.5, random_state=0)
    assert list(data.frame.columns) == ["ds", "y"]
    np.testing.assert_array_equal(data.frame["ds"], 3 + 0.5 * np.arange(10))
    np.testing.assert_allclose(data.truth(data.times[0])[:, 0], data.values[0][:, 0], atol=0.7)


@every_maker
def test_seeds(make):
    first, again, other = (make(40, random_state=seed) for seed in (7, np.random.default_rng(7), 8))
    assert first.frame.equals(again.frame)
    assert not first.frame.equals(other.frame)


@every_maker
def test_results_cannot_be_changed_by_accident(make):
    data = make(10, random_state=0)
    with pytest.raises(AttributeError):
        data.noise = 3.0
    with pytest.raises(TypeError):
        data.parameters["periods"] = 1


@pytest.mark.parametrize(
    ("make", "arguments", "error", "message"),
    [
        (make_sines, {"length": 0}, ValueError, "length must be a whole number from 1, got 0"),
        (make_sines, {"length": 2.5}, ValueError, "length must be a whole number"),
        (make_sines, {"n_components": 0}, ValueError, "n_components"),
        (make_ar, {"n_series": -1}, ValueError, "n_series"),
        (make_sines, {"periods": [24, 0]}, ValueError, "periods must be one or more positive"),
        (make_sines, {"periods": []}, ValueError, "periods must be one or more positive"),
        (make_sines, {"noise": -0.1}, ValueError, "noise must be a standard deviation"),
        (make_sines, {"layout": "tall"}, ValueError, '"wide" or "long", got \'tall\''),
        (make_sines, {"layout": "wide", "n_series": 2}, ValueError, '2 series need layout="long"'),
        (make_sines, {"frame": "dask"}, ValueError, '"pandas" or "polars"'),
        (make_sines, {"step": 0}, ValueError, "step must be positive"),
        (make_sines, {"step": "-1h"}, ValueError, "step must be positive"),
        (make_sines, {"step": 1.0, "start": "2020"}, TypeError, "needs a number as start"),
        (make_sines, {"start": 3.0}, TypeError, "start must be a date"),
        (make_sines, {"start": "2020-01-01T00:00+01:00"}, ValueError, "has a time zone"),
        (make_damped_oscillators, {"damping": 1.0}, ValueError, r"must lie in \[0, 1\)"),
        (make_damped_oscillators, {"damping": [0.1] * 3}, ValueError, "one number or 2 numbers"),
        (make_ar, {"coefficients": []}, ValueError, "one or more finite numbers"),
        (make_ar, {"coefficients": [0.5, 0.5]}, ValueError, "no stationary process"),
        (make_ar, {"coefficients": [np.nan]}, ValueError, "finite numbers"),
        (make_ar, {"innovation_std": 0}, ValueError, "innovation_std must be positive"),
    ],
)
def test_refusals(make, arguments, error, message):
    with pytest.raises(error, match=message):
        make(**{"length": 20, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "drop"}, '"thin", "jitter" or "poisson"'),
        ({"density": 0}, "density must be positive"),
        ({"density": 1.5}, "at most 1 for thinning"),
        ({"method": "jitter", "jitter": 1.0}, "strictly between 0 and 1"),
    ],
)
def test_refusals_of_irregular_sampling(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_irregular(make_sines(20), **arguments)


def test_times_of_the_wrong_kind_are_refused():
    with pytest.raises(TypeError, match="times of this data set are dates, got float64"):
        make_sines(20).truth([1.5])
    with pytest.raises(TypeError, match="times of this data set are numbers"):
        make_sines(20, step=1.0).truth(["2020-01-01"])
