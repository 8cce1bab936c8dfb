"""A stream whose observations carry covariates forecasts what predict forecasts from the same rows."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import ForecastStream, LinearSSMForecaster
from ssmts.errors import CovariateError, NotNumericError, ParameterError, UnknownColumnError
from ssmts.estimators.forecasters.stream import StreamUpdate

START, END, AHEAD = 450, 500, 512


def hours(length: int) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-01", periods=length, freq="h", name="time")


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """Sales that follow a price, a promotion known at midnights only, and a sensor of yesterday."""
    rng = np.random.default_rng(0)
    price, sensor = rng.standard_normal(600), rng.standard_normal(600)
    promotion = np.repeat(rng.integers(0, 2, 25), 24)
    y = 2.0 * price + 3.0 * promotion + 1.5 * np.roll(sensor, 3) + np.sin(np.arange(600) / 9)
    index = hours(600)
    mode = pd.Series(np.where(promotion == 1, "sale", "none"), index=index).where(index.hour == 0, None)
    return pd.DataFrame({"y": y, "price": price, "mode": mode, "sensor": sensor}, index=index)


@pytest.fixture(scope="module")
def model(shop) -> LinearSSMForecaster:
    options: dict[str, Any] = {"future_covariates": ["price", "mode"], "past_covariates": "sensor"}
    model = LinearSSMForecaster(12, 48, target_cols="y", **options).fit(shop.iloc[:START])
    assert model.history_["covariates"]["accepted"]
    assert model.history_["mixing"]["accepted"]
    return model


def ahead(shop: pd.DataFrame) -> pd.DataFrame:
    return shop[["price", "mode"]].iloc[END:AHEAD]


def told_ahead(shop: pd.DataFrame) -> pd.DataFrame:
    """Rows after the origin as a frame that predict reads."""
    return ahead(shop).assign(y=np.nan, sensor=np.nan)[shop.columns]


def close(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, check_freq=False, rtol=1e-9)


@pytest.mark.slow
def test_row_by_row_as_in_one_frame(model, shop):
    stream = model.stream(shop.iloc[:START])
    for time, row in shop.iloc[START:END].iterrows():
        assert stream.update(time, row) == StreamUpdate(accepted=1)
    expected = model.predict(shop.iloc[:END], future=ahead(shop))
    assert abs(expected["y"] - shop["y"].iloc[END:AHEAD]).mean() < 1.0
    close(stream.predict(future=ahead(shop)), expected)
    at = shop.index[END] + pd.to_timedelta(["7min", "3h"])
    close(
        stream.predict(at=at, future=ahead(shop)), model.predict(shop.iloc[:END], at=at, future=ahead(shop))
    )


def test_what_is_known_ahead_is_told_once_and_may_be_revised(model, shop):
    stream = model.stream(shop.iloc[:END])
    wrong = told_ahead(shop).assign(price=5.0)
    assert stream.update(wrong) == StreamUpdate(accepted=len(wrong))
    close(stream.predict(), model.predict(shop.iloc[:END], future=wrong[["price", "mode"]]))
    assert stream.update(told_ahead(shop)) == StreamUpdate(accepted=len(wrong))
    assert stream.update(told_ahead(shop)) == StreamUpdate(unchanged=len(wrong))
    close(stream.predict(), model.predict(shop.iloc[:END], future=ahead(shop)))
    assert stream.update(shop.index[END], {"y": shop["y"].iloc[END]}) == StreamUpdate(accepted=1)
    later = pd.concat([shop.iloc[:END], shop.iloc[END:].assign(y=np.nan, sensor=np.nan)])
    later.loc[shop.index[END], "y"] = shop["y"].iloc[END]
    close(stream.predict(horizon="11h"), model.predict(later, horizon="11h"))


def test_covariates_that_come_late_or_alone(model, shop):
    stream = model.stream(shop.iloc[:START])
    for time, row in shop.iloc[START:END].iterrows():
        stream.update(time, {"y": row["y"]})
    for time, row in shop.iloc[START:END].iterrows():
        report = stream.update(time, row.drop("y"))
        assert report == StreamUpdate(accepted=1, late=1)
    close(stream.predict(future=ahead(shop)), model.predict(shop.iloc[:END], future=ahead(shop)))
    row = shop.iloc[END - 1]
    assert stream.update(row.name, row) == StreamUpdate(unchanged=1)
    assert stream.update(row.name, row.mask(row == row["price"], 9.0)) == StreamUpdate(accepted=1, late=1)


def test_its_window_is_all_that_predict_needs(model, shop):
    stream = model.stream(shop.iloc[:START])
    stream.update(shop.iloc[START:END])
    stream.update(told_ahead(shop))
    window = stream.window()
    assert set(window.columns) == set(shop.columns)
    assert window["mode"].dropna().isin(["sale", "none"]).all()
    close(model.predict(window), stream.predict())
    interval = model.predict_interval(window, level=80)
    assert (interval["y-lo-80"] < interval["y-hi-80"]).all()


def test_memory_does_not_grow_with_history(model, shop):
    stream = model.stream(shop.iloc[:START])
    sizes = []
    for turn in range(1, 30):
        later = shop.iloc[:START].copy()
        later.index = later.index + turn * pd.Timedelta(hours=START)
        stream.update(later)
        sizes.append(len(stream.panel().series[0].covariates.times))
    assert max(sizes) < 150  # a context of 48, a run-in, and a promotion of the day before


def test_saved_and_loaded(model, shop, tmp_path):
    stream = model.stream(shop.iloc[:END])
    stream.update(told_ahead(shop))
    stream.save(tmp_path / "stream.safetensors")
    again = ForecastStream.load(tmp_path / "stream.safetensors")
    pd.testing.assert_frame_equal(again.predict(), stream.predict())
    last = shop.iloc[END]
    assert again.update(last.name, last) == stream.update(last.name, last)
    pd.testing.assert_frame_equal(again.window(), stream.window())


def test_what_cannot_be_taken_changes_nothing(model, shop):
    stream = model.stream(shop.iloc[:END])
    before = stream.window()
    time = shop.index[END]
    with pytest.raises(CovariateError, match="'closed' in values"):
        stream.update(time, {"y": 1.0, "mode": "closed"})
    with pytest.raises(NotNumericError, match="'price'"):
        stream.update(time, {"y": 1.0, "price": "dear"})
    with pytest.raises(UnknownColumnError, match="no covariate"):
        stream.update(time, {"y": 1.0, "weather": 3.0})
    with pytest.raises(CovariateError, match="Covariate 'price' is not known"):
        stream.predict()
    pd.testing.assert_frame_equal(stream.window(), before)
    plain = LinearSSMForecaster(12, 48).fit(shop[["y"]].iloc[:START])
    with pytest.raises(ParameterError, match="without future_covariates"):
        plain.stream().predict(future=ahead(shop))


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.slow
def test_many_series_with_classes_of_their_own(kind):
    rng = np.random.default_rng(1)
    frames = []
    for number in range(6):
        x, size = rng.standard_normal(200), "large" if number % 2 else "small"
        y = (3.0 if size == "large" else -1.0) * x + np.sin(np.arange(200) / 7)
        columns = {"id": f"s{number}", "time": hours(200), "y": y, "x": x, "size": size}
        frames.append(pd.DataFrame(columns))
    panel = pd.concat(frames, ignore_index=True)
    columns = {"id_col": "id", "time_col": "time", "target_cols": "y"}
    model = LinearSSMForecaster(6, 24, future_covariates="x", static_covariates="size", **columns)

    def native(frame):
        return pl.from_pandas(frame) if kind == "polars" else frame

    history, new = panel[panel["time"] < hours(200)[150]], panel[panel["id"] == "s5"].assign(id="new")
    model.fit(native(history[history["id"] != "s5"]))
    stream = model.stream(native(history[history["id"] != "s5"]))
    assert None not in stream.ids
    for row in new.iloc[:150].to_dict("records"):
        stream.update(row["time"], {name: row[name] for name in ("y", "x", "size")}, id="new")
    future = native(new.iloc[150:156][["id", "time", "x"]])
    found = stream.predict(ids=["new"], future=future)
    expected = model.predict(native(new.iloc[:150]), future=future)
    np.testing.assert_allclose(found["y"].to_numpy(), expected["y"].to_numpy(), rtol=1e-9)
    assert abs(found["y"].to_numpy() - new["y"].iloc[150:156].to_numpy()).mean() < 0.5
    assert isinstance(stream.window(ids=["new"]), type(native(panel)))
    assert set(stream.window(ids=["new"])["size"].to_list()) == {"large"}
    with pytest.raises(CovariateError, match="no observation yet"):
        stream.update(hours(200)[150], {"x": 1.0}, id="other")
    assert "other" not in stream.ids


def test_a_model_moves_on_with_its_covariates(model, shop, tmp_path):
    model.save(tmp_path / "model.safetensors")
    moved = ssmts.load(tmp_path / "model.safetensors")
    moved.update(shop.iloc[START - 5 : END])  # repeated rows are ignored
    close(moved.predict(future=ahead(shop)), model.predict(shop.iloc[:END], future=ahead(shop)))
