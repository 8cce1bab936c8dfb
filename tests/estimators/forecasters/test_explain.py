"""Explanations: parts that sum to the forecast, whatever the model is made of, in the kind that came in."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.errors import ParameterError
from ssmts_datasets import make_sines


def summed(explained: pd.DataFrame) -> np.ndarray:
    """Sum of the parts by series, instant and channel, in the order in which `predict` lists them."""
    keys = [name for name in explained if name not in ("part", "contribution")]
    keys.sort(key=lambda name: name == "channel")
    return explained.groupby(keys, sort=False)["contribution"].sum().to_numpy()


@pytest.mark.parametrize("options", [{}, {"step": "20min"}, {"horizon": 5}])
def test_parts_sum_to_the_forecast(
    model: LinearSSMForecaster, frame: pd.DataFrame, options: dict[str, Any]
) -> None:
    explained = model.explain(frame, **options)
    forecast = model.predict(frame, **options)
    assert list(explained.columns) == ["channel", frame.index.name, "part", "contribution"]
    for channel, own in explained.groupby("channel"):
        parts = own.pivot(index=frame.index.name, columns="part", values="contribution")
        np.testing.assert_allclose(parts.sum(axis=1), forecast[channel], rtol=1e-9, atol=1e-9)
        assert {"level", "constant"} < set(parts)
        assert any(name.startswith("decay") for name in parts)
        assert any(name.startswith("cycle") for name in parts)
    at = forecast.index[[1, 3]]
    np.testing.assert_allclose(
        summed(model.explain(frame, at=at)).reshape(2, 2).T, forecast.loc[at], rtol=1e-9, atol=1e-9
    )


def test_a_missing_end_and_the_end_of_training(model: LinearSSMForecaster, frame: pd.DataFrame) -> None:
    late = frame.copy()
    late.iloc[-4:, 1] = np.nan
    for X in (late, None):
        parts = model.explain(X)
        own = parts.groupby(["channel", frame.index.name])["contribution"].sum().unstack("channel")
        np.testing.assert_allclose(own, model.predict(X), rtol=1e-9, atol=1e-9)


def test_a_panel_of_polars(panel_model: LinearSSMForecaster, panel: pd.DataFrame) -> None:
    explained = panel_model.explain(pl.from_pandas(panel))
    assert isinstance(explained, pl.DataFrame)
    assert explained.columns == ["unique_id", "ds", "part", "contribution"]
    forecast = panel_model.predict(panel)
    np.testing.assert_allclose(summed(explained.to_pandas()), forecast["y"], rtol=1e-9, atol=1e-9)


def test_arrays_and_the_deep_path(deep: S4Forecaster, chaos: np.ndarray) -> None:
    explained = deep.explain(chaos)
    assert list(explained.columns) == ["time", "part", "contribution"]
    np.testing.assert_allclose(summed(explained), deep.predict(chaos), rtol=1e-6)
    assert (explained.loc[explained["part"] == "deep", "contribution"] != 0).all()


def test_covariates_and_channels() -> None:
    rng = np.random.default_rng(0)
    index = pd.date_range("2024-01-01", periods=500, freq="h")
    heat, load = rng.normal(size=(2, 500))
    first = 0.7 * rng.normal(size=500)
    frame = pd.DataFrame({"a": first + heat, "b": np.roll(first, 1), "heat": heat, "load": load}, index=index)
    model = LinearSSMForecaster(
        6, 24, n_modes=16, future_covariates=["heat"], target_cols=["a", "b"], channel_mixing=True
    ).fit(frame)
    assert model.history_["covariates"]["accepted"]
    assert model.history_["mixing"]["accepted"]
    past, future = frame.iloc[:-6], frame[["heat"]].iloc[-6:]
    explained = model.explain(past, future=future)
    assert {"heat", "channels and past covariates"} < set(explained["part"])
    np.testing.assert_allclose(
        summed(explained).reshape(2, 6).T, model.predict(past, future=future), rtol=1e-9, atol=1e-9
    )


def test_the_part_of_the_cycle_is_the_cycle() -> None:
    """A daily wave on a level: its band carries the wave, the level what lies below."""
    daily = make_sines(600, periods=[24.0], noise=0.02, random_state=0).frame + 10.0
    model = LinearSSMForecaster(24, 96, n_modes=64).fit(daily)
    forecast = model.predict(daily).iloc[:, 0]
    parts = model.explain(daily).pivot(index=daily.index.name, columns="part", values="contribution")
    np.testing.assert_allclose(parts["level"], 10.0, atol=0.1)
    (slow,) = [name for name in parts if name.startswith("cycle") and name.endswith("1D")]
    wave = forecast - forecast.mean()
    assert np.corrcoef(parts[slow], wave)[0, 1] > 0.99


def test_instants_and_steps_do_not_go_together(model: LinearSSMForecaster, frame: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="at"):
        model.explain(frame, at=[frame.index[-1] + pd.Timedelta("1h")], step="1h")
