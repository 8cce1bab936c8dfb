"""What goes in comes out: kinds of frames and arrays, units and zones; and what must make no difference."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

H = 12
SAME = {"rtol": 1e-6, "atol": 1e-7}  # sums in another order, through a ridge regression


def values(forecast, *leave_out):
    return forecast.drop(columns=list(leave_out)).to_numpy()


@pytest.fixture(scope="module")
def forecast(model):
    return model.predict()


@pytest.fixture(scope="module")
def panel_forecast(panel_model):
    return panel_model.predict()


def test_pandas_with_times_in_the_index(frame, forecast):
    assert isinstance(forecast, pd.DataFrame)
    assert list(forecast.columns) == ["y0", "y1"]
    assert (forecast.index.name, forecast.index.dtype) == ("ds", frame.index.dtype)
    assert forecast.shape == (H, 2)


def test_pandas_with_a_time_column(new_model, frame, forecast):
    X = frame.reset_index()
    found = new_model(time_col="ds").fit(X).predict(X)
    pd.testing.assert_frame_equal(found, forecast.reset_index(), **SAME)


def test_a_model_takes_the_time_in_the_index_or_in_a_column(model, frame, forecast):
    found = model.predict(frame.reset_index())
    assert list(found.columns) == ["ds", "y0", "y1"]
    np.testing.assert_allclose(values(found, "ds"), forecast, **SAME)


def test_polars_wide(new_model, frame, forecast):
    X = pl.from_pandas(frame.reset_index())
    found = new_model(time_col="ds").fit(X).predict(X)
    assert isinstance(found, pl.DataFrame)
    assert found.columns == ["ds", "y0", "y1"]
    assert found["ds"].to_list() == forecast.index.to_pydatetime().tolist()
    np.testing.assert_allclose(found[["y0", "y1"]].to_numpy(), forecast, **SAME)


def test_a_lazy_polars_frame(new_model, frame, forecast):
    X = pl.from_pandas(frame.reset_index()).lazy()
    found = new_model(time_col="ds").fit(X).predict(X)
    np.testing.assert_allclose(found[["y0", "y1"]].to_numpy(), forecast, **SAME)


def test_a_series(new_model, frame):
    X = frame["y0"]
    model = new_model().fit(X)
    found = model.predict(X)
    assert isinstance(found, pd.Series)
    assert found.name == "y0"
    pd.testing.assert_frame_equal(found.to_frame(), new_model().fit(frame[["y0"]]).predict(), **SAME)


def test_nixtla_names_need_no_parameters(panel, panel_forecast):
    assert list(panel_forecast.columns) == ["unique_id", "ds", "y"]
    assert panel_forecast["unique_id"].tolist() == [f"series_{k}" for k in range(3) for _ in range(H)]
    assert panel_forecast["ds"].tolist()[:H] == list(
        pd.date_range(panel["ds"].max(), periods=H + 1, freq="h")[1:]
    )


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_long_with_other_names(new_model, panel, panel_forecast, library):
    X = panel.rename(columns={"unique_id": "site", "ds": "when", "y": "load"}).assign(note="x")
    X = X if library == "pandas" else pl.from_pandas(X)
    found = new_model(id_col="site", time_col="when", target_cols="load").fit(X).predict(X)
    assert isinstance(found, pd.DataFrame if library == "pandas" else pl.DataFrame)
    assert list(found.columns) == ["site", "when", "load"]
    np.testing.assert_allclose(found["load"].to_numpy(), panel_forecast["y"], **SAME)


def test_a_model_fitted_on_pandas_answers_polars_in_polars(panel_model, panel, panel_forecast):
    found = panel_model.predict(pl.from_pandas(panel))
    assert isinstance(found, pl.DataFrame)
    np.testing.assert_allclose(found["y"].to_numpy(), panel_forecast["y"], **SAME)


def test_a_multi_index(new_model, panel, panel_forecast):
    X = panel.set_index(["unique_id", "ds"])
    found = new_model(id_col="unique_id", time_col="ds").fit(X).predict(X)
    assert found.index.names == ["unique_id", "ds"]
    np.testing.assert_allclose(found.to_numpy(), panel_forecast[["y"]], **SAME)


def test_arrays_of_each_dimension(new_model, panel):
    stacked = panel["y"].to_numpy().reshape(3, 300)
    alone = new_model().fit(stacked[0]).predict()
    assert alone.shape == (H,)
    wide = new_model().fit(stacked[0][:, None]).predict()
    assert wide.shape == (H, 1)
    np.testing.assert_allclose(wide[:, 0], alone, **SAME)
    many = new_model().fit(stacked[:, :, None]).predict()
    assert many.shape == (3, H, 1)
    two = new_model().fit(stacked.T).predict()  # as channels of one series
    assert two.shape == (H, 3)
    np.testing.assert_allclose(two.T, many[:, :, 0], **SAME)


def test_number_times(new_model, panel):
    stacked = panel["y"].to_numpy().reshape(3, 300)
    counted = panel.assign(ds=np.tile(np.arange(300), 3))
    found = new_model().fit(counted).predict()
    assert found["ds"].dtype == np.int64
    assert found["ds"].tolist() == list(range(300, 300 + H)) * 3
    expected = new_model().fit(stacked[:, :, None]).predict()
    np.testing.assert_allclose(found["y"], expected.ravel(), **SAME)


@pytest.mark.parametrize(("factor", "shift"), [(0.25, -7.5), (1000.0, 1e6)])
def test_the_unit_of_number_times_makes_no_difference(new_model, frame, factor, shift):
    plain = new_model().fit(frame.set_axis(np.arange(400.0))).predict()
    scaled = new_model().fit(frame.set_axis(shift + factor * np.arange(400))).predict()
    np.testing.assert_allclose(scaled.index, shift + factor * plain.index.to_numpy(), rtol=1e-12)
    np.testing.assert_allclose(scaled, plain, **SAME)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_stamps_makes_no_difference(new_model, frame, forecast, unit):
    X = frame.set_axis(frame.index.as_unit(unit))
    found = new_model().fit(X).predict(X)
    assert found.index.unit == unit
    np.testing.assert_array_equal(found, forecast)


def test_the_zone_makes_no_difference(new_model, frame, forecast):
    X = frame.tz_localize("UTC").tz_convert("Asia/Kathmandu")
    found = new_model().fit(X).predict()
    assert str(found.index.tz) == "Asia/Kathmandu"
    np.testing.assert_array_equal(found.tz_convert("UTC").tz_localize(None).index, forecast.index)
    np.testing.assert_allclose(found, forecast, **SAME)


def test_the_order_of_rows_makes_no_difference(new_model, panel, panel_model, panel_forecast):
    X = panel.sample(frac=1.0, random_state=0)
    at_predict = panel_model.predict(X).set_index(["unique_id", "ds"]).sort_index()
    at_fit = new_model().fit(X).predict().set_index(["unique_id", "ds"]).sort_index()
    expected = panel_forecast.set_index(["unique_id", "ds"])
    pd.testing.assert_frame_equal(at_predict, expected, check_exact=True)
    pd.testing.assert_frame_equal(at_fit, expected, **SAME)


def test_the_order_of_channels_makes_no_difference(new_model, frame, model, forecast):
    X = frame[["y1", "y0"]]
    np.testing.assert_array_equal(model.predict(X)[["y0", "y1"]], forecast)
    assert list(new_model().fit(X).predict().columns) == ["y1", "y0"]
    np.testing.assert_allclose(new_model().fit(X).predict()[["y0", "y1"]], forecast, **SAME)


def test_series_are_forecast_alike_alone_and_together(panel_model, panel, panel_forecast):
    for name, own in panel.groupby("unique_id"):
        expected = panel_forecast[panel_forecast["unique_id"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(panel_model.predict(own), expected, **SAME)


def test_series_of_different_clocks_in_one_call(panel_model, panel):
    parts = {name: own for name, own in panel.groupby("unique_id")}
    parts["series_1"] = parts["series_1"].iloc[::2]
    parts["series_2"] = parts["series_2"].iloc[:250].sample(frac=0.7, random_state=1).sort_values("ds")
    together = panel_model.predict(pd.concat(parts.values()), horizon=6)
    assert together.groupby("unique_id").size().tolist()[:2] == [6, 3]
    for name, own in parts.items():
        alone = panel_model.predict(own, horizon=6)
        expected = together[together["unique_id"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, **SAME)


def test_a_series_that_was_not_there_in_training(panel_model, panel, sines):
    X = sines.frame[["y0"]].rename(columns={"y0": "y"}).reset_index().assign(unique_id="new")
    forecast = panel_model.predict(X)
    assert set(forecast["unique_id"]) == {"new"}
    truth = sines.truth(forecast["ds"].to_numpy())[:, 0]
    assert np.abs(forecast["y"] - truth).max() < 0.25 * np.std(X["y"])


def test_what_lies_before_the_context_makes_no_difference(model, frame, forecast):
    np.testing.assert_array_equal(model.predict(frame.tail(48)), forecast)
    assert np.abs(model.predict(frame.tail(40)) - forecast).to_numpy().max() > 0


@pytest.mark.parametrize("dtype", ["float32", "int64", "Float64", "Int32", "float64[pyarrow]"])
def test_dtypes_of_values(new_model, frame, dtype):
    rounded = (frame * 100).round()
    expected = new_model().fit(rounded).predict()
    found = new_model().fit(rounded.astype(dtype)).predict()
    np.testing.assert_allclose(found.to_numpy(dtype=float), expected, **SAME)
