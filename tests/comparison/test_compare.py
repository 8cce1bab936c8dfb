"""Comparisons against metrics computed by hand, on every layout."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts import LinearSSMForecaster, NaiveForecaster, compare
from ssmts.errors import MissingColumnError, ParameterError, TooShortError
from ssmts.metrics import crps, mase
from ssmts_datasets import make_sines

SIMPLE = ["naive", "drift"]


@pytest.fixture(scope="module")
def hourly():
    return make_sines(500, periods=[24.0], noise=0.2, random_state=0).frame


@pytest.fixture(scope="module")
def found(hourly):
    return compare(hourly, 24)


@pytest.mark.slow
def test_ours_and_the_baselines_by_default(found, hourly):
    table = found.table.set_index("model")
    local = {"auto_ets", "auto_theta"} if find_spec("statsforecast") else set()
    assert {*table.index} == {"linear_ssm", "seasonal_naive", "naive", "drift", "window_mean"} | local
    assert found.best == table.index[0]
    assert table["mase"]["linear_ssm"] < table["mase"].drop(["linear_ssm", *local]).min()
    assert table["mase"].is_monotonic_increasing
    assert found.season == 24
    assert (table["seconds"] > 0).all()
    assert found.best_model.predict().index[0] == hourly.index[-1] + pd.Timedelta("1h")


@pytest.mark.slow
def test_the_errors_are_those_of_the_metrics(found, hourly):
    own = found.forecasts[found.forecasts["model"] == "seasonal_naive"]
    assert len(own) == 72
    y, train = own["y"].to_numpy(), hourly.to_numpy()[:-72]
    np.testing.assert_allclose(y, hourly.to_numpy()[-72:, 0])
    cutoff = own["cutoff"].to_numpy()
    np.testing.assert_allclose(own["forecast"][cutoff == cutoff[0]], train[-24:, 0])
    row = found.table.set_index("model").loc["seasonal_naive"]
    assert row["mase"] == pytest.approx(mase(y, own["forecast"], train, season=24))
    assert row["mae"] == pytest.approx(np.abs(y - own["forecast"]).mean())
    deciles = np.arange(1, 10) / 10
    scale = np.abs(train[24:] - train[:-24]).mean()
    loss = crps(y, own[[f"q-{d:g}" for d in deciles]], deciles)
    assert row["scaled_quantile_loss"] == pytest.approx(loss / scale)
    assert row["coverage"] == y_inside(own)


def y_inside(own):
    return own["y"].between(own["lo-80"], own["hi-80"]).mean()


@pytest.mark.slow
def test_it_can_be_read(found):
    text = repr(found)
    assert text.splitlines()[0].split() == [*found.table.columns]
    assert f"best: {found.best}; season of 24 steps; coverage of 80% intervals" in text
    assert found._repr_html_().count("<tr>") == 1 + len(found.table)


def test_series_count_alike_whatever_their_size():
    rng = np.random.default_rng(0)
    t = pd.date_range("2024-01-01", periods=80, freq="D")
    walks = {"small": np.cumsum(rng.normal(size=80)), "large": 1000 * np.cumsum(rng.normal(size=80))}
    long = pd.concat([pd.DataFrame({"shop": k, "day": t, "a": v, "b": -v[::-1]}) for k, v in walks.items()])
    result = compare(long, 5, SIMPLE, season=1, id_col="shop", time_col="day")
    by = result.by_series
    assert list(by.columns[:4]) == ["model", "shop", "channel", "n"]
    own = by[by["model"] == result.best]
    assert own["n"].tolist() == [15] * 4
    assert result.table["mase"][0] == pytest.approx(own["mase"].mean())
    assert result.table["mae"][0] == pytest.approx(own["mae"].mean())
    for _, row in own.iterrows():
        values = long[long["shop"] == row["shop"]][row["channel"]].to_numpy()
        rows = result.forecasts
        rows = rows[(rows["model"] == result.best) & (rows["shop"] == row["shop"])]
        rows = rows[rows["channel"] == row["channel"]]
        assert row["mase"] == pytest.approx(mase(rows["y"], rows["forecast"], values[:-15]))


def test_polars_arrays_and_channel_columns(hourly):
    head = hourly.tail(200).rename_axis("t").reset_index()
    wide = compare(head, 6, SIMPLE, time_col="t", season=24)
    in_polars = compare(pl.from_pandas(head), 6, SIMPLE, time_col="t", season=24)
    assert isinstance(in_polars.table, pl.DataFrame)
    np.testing.assert_allclose(in_polars.table["mase"], wide.table["mase"])
    array = compare(hourly.tail(200).to_numpy(), 6, SIMPLE, season=24)
    np.testing.assert_allclose(array.table["mase"], wide.table["mase"])
    rows = head.melt("t", var_name="sensor")
    single = compare(rows, 6, SIMPLE, time_col="t", channel_col="sensor", season=24)
    np.testing.assert_allclose(single.table["mase"], wide.table["mase"])


@pytest.mark.slow
def test_covariates_reach_the_models_that_take_them():
    rng = np.random.default_rng(0)
    promo = rng.normal(size=300)
    frame = pd.DataFrame(
        {"promo": promo, "sales": 5 * promo + 0.1 * rng.normal(size=300)},
        index=pd.date_range("2024-01-01", periods=300, freq="D"),
    )
    blind = compare(frame[["sales"]], 7, ["naive", "linear_ssm"])
    seeing = compare(frame, 7, ["naive", "linear_ssm"], future_covariates="promo")
    ours, blind_ours = (r.table.set_index("model")["mae"] for r in (seeing, blind))
    assert ours["naive"] == blind_ours["naive"]
    assert ours["linear_ssm"] < 0.1 * blind_ours["linear_ssm"]
    assert seeing.best_model.predict(frame.head(200), horizon=3, future=frame).shape == (3, 1)


@pytest.mark.slow
def test_models_of_the_user_get_the_horizon_and_keep_the_rest(hourly):
    model = LinearSSMForecaster(999, context_length=48)
    result = compare(hourly, 12, {"mine": model, "theirs": NaiveForecaster(season=3)}, n_windows=1)
    assert result.best == "mine"
    assert (result.best_model.horizon, result.best_model.context_length) == (12, 48)
    assert (model.horizon, hasattr(model, "_fitted")) == (999, False)
    twice = compare(hourly, 12, ["naive", NaiveForecaster(), NaiveForecaster()], n_windows=1)
    assert {*twice.table["model"]} == {"naive", "NaiveForecaster", "NaiveForecaster 2"}


def test_a_model_that_fails_is_named_and_the_others_compared(hourly):
    broken = LinearSSMForecaster(target_cols=["nothing"])
    with pytest.warns(UserWarning, match="1 of 2 models could not be fitted and are left out: other: "):
        result = compare(hourly, 12, {"other": broken, "naive": "naive"}, season=24)
    assert result.table["model"].tolist() == ["naive"]
    assert "other failed: target_cols names 'nothing'" in repr(result)
    with pytest.raises(MissingColumnError):
        compare(hourly, 12, {"other": broken}, season=24)


def test_constant_series_have_no_scale_and_count_in_no_mean():
    t = pd.date_range("2024-01-01", periods=60, freq="D")
    walk = np.cumsum(np.random.default_rng(0).normal(size=60))
    frame = pd.DataFrame({"flat": 1.0, "walk": walk}, index=t)
    result = compare(frame, 5, SIMPLE, season=1)
    alone = compare(frame[["walk"]], 5, SIMPLE, season=1)
    np.testing.assert_allclose(result.table["mase"], alone.table["mase"])
    flat = compare(frame[["flat"]], 5, SIMPLE, season=1)
    assert flat.table["mase"].isna().all()
    assert flat.table["mae"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["naiv"]}, "one of naive, seasonal_naive"),
        ({"models": []}, "at least one model"),
        ({"models": "naive"}, "a list of models"),
        ({"models": [NaiveForecaster]}, "not its class"),
        ({"season": 0}, "season=0 is not allowed"),
        ({"n_windows": 0}, "n_windows=0 is not allowed"),
    ],
)
def test_wrong_questions(hourly, options, message):
    with pytest.raises(ParameterError, match=message):
        compare(hourly, 12, **options)


def test_too_little_history():
    with pytest.raises(TooShortError, match="before the first of 3 windows"):
        compare(np.arange(30.0), 12)


def test_statsforecast_where_it_is_installed(hourly):
    pytest.importorskip("statsforecast", reason="statsforecast needs pandas < 3")
    result = compare(hourly, 12, ["naive", "auto_theta"], n_windows=2)
    assert result.best == "auto_theta"
    ends = result.best_model.predict_interval(level=[50, 90])
    assert (ends["y-lo-90"] < ends["y-lo-50"]).all()
    assert (ends["y-hi-50"] < ends["y-hi-90"]).all()


@pytest.mark.skipif(find_spec("statsforecast") is not None, reason="statsforecast is installed")
def test_without_statsforecast_the_remedy_is_named(hourly):
    with pytest.raises(ImportError, match="pip install statsforecast"):
        compare(hourly, 12, ["auto_ets"])
