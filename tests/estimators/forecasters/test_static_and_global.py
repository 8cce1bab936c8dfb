"""Static covariates, and one model for many series: new ids, short series, scales of all sizes."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import CovariateError, TooShortError

ROLES = {"id_col": "id", "time_col": "t", "target_cols": "y"}
N_SERIES = 60


def shops(kinds: list[str], seed: int = 0, first: int = 0, length: int = 80) -> pd.DataFrame:
    """Daily sales of shops that are open at weekends (a) or closed (b), each of a size of its own."""
    rng = np.random.default_rng(seed)
    parts = []
    for k, kind in enumerate(kinds):
        t = pd.date_range("2024-01-01", periods=length + rng.integers(20), freq="D")
        weekend = (t.dayofweek >= 5) * (1.0 if kind == "a" else -1.0)
        y = np.exp(3.0 * rng.standard_normal()) * (10.0 + 3.0 * weekend + 0.3 * rng.standard_normal(len(t)))
        parts.append(
            pd.DataFrame({"id": first + k, "t": t, "y": y, "kind": kind, "size": 10.0 * (kind == "a")})
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def train() -> pd.DataFrame:
    return shops(["a", "b"] * (N_SERIES // 2))


def fit(frame: pd.DataFrame, **options: Any) -> LinearSSMForecaster:
    names = ["id", "t", "y"] + [n for n in ("kind", "size") if n in options.get("static_covariates", ())]
    return LinearSSMForecaster(7, 3, n_modes=12, **ROLES, **options).fit(frame[names])


@pytest.fixture(scope="module")
def by_kind(train: pd.DataFrame) -> LinearSSMForecaster:
    return fit(train, static_covariates=["kind"], calendar=True)


def error(model: LinearSSMForecaster, frame: pd.DataFrame, n_rows: int, names: list[str]) -> float:
    """Root mean squared error of a week ahead, seen `n_rows` of each series, in shares of their level."""
    numbers = frame.groupby("id").cumcount()
    known = frame[(numbers >= 20) & (numbers < 20 + n_rows)]
    ahead = frame[(numbers >= 20 + n_rows) & (numbers < 27 + n_rows)]
    level = frame.groupby("id")["y"].mean().loc[ahead["id"]].to_numpy()
    forecast = model.predict(known[["id", "t", "y", *names]])
    return float(np.sqrt((((forecast["y"].to_numpy() - ahead["y"].to_numpy()) / level) ** 2).mean()))


@pytest.mark.slow
def test_a_new_series_of_three_rows_takes_the_week_of_its_class(train, by_kind):
    new = shops(["a", "b"] * 10, seed=1, first=10_000)
    plain = fit(train, calendar=True)
    assert by_kind.history_["covariates"]["accepted"]
    assert error(by_kind, new, 3, ["kind"]) < 0.5 * error(plain, new, 3, [])
    assert error(by_kind, new, 3, ["kind"]) < 0.1


@pytest.mark.slow
def test_numbers_tell_classes_apart_as_well(train):
    model = fit(train, static_covariates=["size"], calendar=True)
    new = shops(["a", "b"] * 10, seed=1, first=10_000)
    assert model.history_["static"]["n_classes"] == 2
    assert error(model, new, 3, ["size"]) < 0.1


def test_a_constant_static_covariate_changes_nothing(train):
    model = fit(train.assign(kind="a"), static_covariates=["kind"])
    assert not model.history_["static"]["accepted"]
    pd.testing.assert_frame_equal(model.predict(), fit(train).predict())


def test_many_classes_are_ranked_by_number_of_series(train):
    kinds = [f"k{min(k, 30)}" for k in range(N_SERIES)]
    frame = train.assign(kind=np.array(kinds)[train["id"]])
    model = fit(frame, static_covariates=["kind"])
    assert model.history_["static"]["n_classes"] == 24


@pytest.mark.slow
def test_a_class_that_fit_did_not_see(train, by_kind):
    new = shops(["a"], seed=2, first=99)[["id", "t", "y", "kind"]]
    with pytest.raises(CovariateError, match="'kind' holds 'c'"):
        by_kind.predict(new.assign(kind="c"))
    missing = by_kind.predict(new.assign(kind=None))  # nobody knows: the weights of all
    assert np.isfinite(missing["y"]).all()


@pytest.mark.slow
def test_saved_and_loaded_and_in_polars(train, by_kind, tmp_path):
    by_kind.save(tmp_path / "model.safetensors")
    loaded = ssmts.load(tmp_path / "model.safetensors")
    new = shops(["a", "b"], seed=3, first=500).groupby("id").tail(3)[["id", "t", "y", "kind"]]
    expected = by_kind.predict(new)
    pd.testing.assert_frame_equal(loaded.predict(new), expected)
    as_polars = loaded.predict(pl.from_pandas(new))
    np.testing.assert_allclose(as_polars["y"], expected["y"], rtol=1e-9)


# One model for many series


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """1,500 daily series of 20 to 60 rows, with scales over twelve orders of magnitude."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(20, 61, 1500)
    ids = np.repeat(np.arange(1500), lengths)
    number = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    scale = 10.0 ** np.repeat(rng.uniform(-6, 6, 1500), lengths)
    y = scale * (5.0 + np.sin(2 * np.pi * number / 7) + 0.1 * rng.standard_normal(len(ids)))
    return pd.DataFrame(
        {"id": ids, "t": pd.Timestamp("2024-01-01") + pd.to_timedelta(number, unit="D"), "y": y}
    )


@pytest.fixture(scope="module")
def global_model(many: pd.DataFrame) -> LinearSSMForecaster:
    return LinearSSMForecaster(7, 14, n_modes=12, **ROLES).fit(many)


@pytest.mark.slow
def test_thousands_of_short_series_are_forecast_each_in_its_own_scale(many, global_model):
    number = many.groupby("id").cumcount(ascending=False)
    known, ahead = many[number >= 7], many[number < 7]
    forecast = global_model.predict(known)
    scale = known.groupby("id")["y"].std().loc[ahead["id"]].to_numpy()
    wrong = (forecast["y"].to_numpy() - ahead["y"].to_numpy()) / scale
    assert np.sqrt((wrong**2).mean()) < 0.35
    assert forecast["id"].tolist() == ahead["id"].tolist()


def test_a_new_series_of_any_length_is_forecast_in_its_own_scale(many, global_model):
    one = many[many["id"] == 7].head(19)
    for n_rows in (19, 8, 3, 2):
        new = one.tail(n_rows).assign(id=-1)
        forecast = global_model.predict(new)["y"]
        assert forecast.sub(one["y"].mean()).abs().max() < 3.0 * one["y"].std()
        larger = global_model.predict(new.assign(y=1e6 * new["y"]))["y"]
        np.testing.assert_allclose(larger, 1e6 * forecast, rtol=1e-6)


def test_a_new_series_that_has_not_moved_yet(global_model):
    still = pd.DataFrame({"id": "x", "t": pd.date_range("2024-05-01", periods=3), "y": 2e-7})
    forecast = global_model.predict(still.assign(id=-2))["y"]
    assert forecast.between(0.0, 1e-6).all()


def test_one_row_is_not_a_series(many, global_model):
    mixed = pd.concat([many[many["id"] == 3], many[many["id"] == 4].tail(1)])
    with pytest.raises(TooShortError, match="Series 4"):
        global_model.predict(mixed)
