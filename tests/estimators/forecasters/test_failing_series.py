"""One bad series never stops a panel: it is raised, named in a warning, or recorded in a row."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts import LinearSSMForecaster
from ssmts.errors import FailedSeriesWarning, InfiniteValueError, MissingColumnError, ParameterError

HOURS = pd.date_range("2025-01-01", periods=200, freq="h")
IDS = [f"s{k:02}" for k in range(30)]


def panel() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    wave = np.sin(2 * np.pi * np.arange(200) / 24)
    return pd.concat(
        pd.DataFrame({"unique_id": id_, "ds": HOURS, "y": k + wave + 0.1 * rng.normal(size=200)})
        for k, id_ in enumerate(IDS)
    ).reset_index(drop=True)


@pytest.fixture(scope="module")
def model():
    return LinearSSMForecaster(horizon=12).fit(panel())


@pytest.fixture(scope="module")
def broken():
    """Infinity in one series, a stamp twice in another, a third without any value."""
    frame = panel()
    frame.loc[(frame["unique_id"] == "s03") & (frame["ds"] == HOURS[7]), "y"] = np.inf
    frame.loc[frame["unique_id"] == "s21", "y"] = np.nan
    twice = frame[(frame["unique_id"] == "s11") & (frame["ds"] == HOURS[50])]
    return pd.concat([frame, twice]).sort_values(["unique_id", "ds"], ignore_index=True)


def whole(model, broken):
    good = broken[~broken["unique_id"].isin(["s03", "s11", "s21"])]
    return model.predict(good)


def test_the_others_are_forecast_as_without_them(model, broken):
    with pytest.raises(InfiniteValueError):
        model.predict(broken)
    with pytest.warns(FailedSeriesWarning, match=r"3 series.*'s03'.*infinity.*'s11'.*'s21'"):
        found = model.predict(broken, errors="warn")
    pd.testing.assert_frame_equal(found, whole(model, broken), rtol=1e-9)


def test_what_went_wrong_is_recorded(model, broken):
    found = model.predict_interval(broken, level=80, errors="record")
    assert list(found) == ["unique_id", "ds", "y-lo-80", "y-hi-80", "error"]
    failed = found[found["error"].notna()].set_index("unique_id")
    assert list(failed.index) == ["s03", "s11", "s21"]
    assert failed[["ds", "y-lo-80"]].isna().all().all()
    assert "infinity" in failed.loc["s03", "error"]
    assert found["error"].isna().sum() == 12 * 27
    quantiles = model.predict_quantiles(pl.from_pandas(broken), errors="record")
    assert quantiles.filter(pl.col("error").is_not_null())["unique_id"].to_list() == ["s03", "s11", "s21"]
    assert quantiles.height == 12 * 27 + 3


def test_nothing_wrong_is_nothing_recorded(model):
    found = model.predict(panel(), errors="record")
    assert found["error"].isna().all()
    pd.testing.assert_frame_equal(found.drop(columns="error"), model.predict(panel()))
    pd.testing.assert_frame_equal(model.predict(errors="warn"), model.predict())


def test_ids_in_the_index(broken):
    own = broken.set_index(["unique_id", "ds"])
    model = LinearSSMForecaster(horizon=12, id_col="unique_id", time_col="ds")
    model.fit(panel().set_index(["unique_id", "ds"]))
    found = model.predict(own, errors="record")
    assert found.index.names == ["unique_id", "ds"]
    assert found["error"].notna().sum() == 3


def test_faults_of_all_series_are_raised_whatever_is_asked(model, broken):
    with pytest.raises(MissingColumnError):
        model.predict(broken.drop(columns="y"), errors="record")
    with pytest.raises(ParameterError, match="'raise', 'warn', 'record'"):
        model.predict(broken, errors="ignore")
    only = broken[broken["unique_id"] == "s03"]
    with pytest.raises(InfiniteValueError, match="'s03'"):
        model.predict(only, errors="warn")
    assert model.predict(only, errors="record")["unique_id"].tolist() == ["s03"]
    single = LinearSSMForecaster(horizon=3).fit(np.sin(np.arange(90.0)))
    with pytest.raises(ParameterError, match="one series"):
        single.predict(errors="warn")
