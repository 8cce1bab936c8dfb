"""Intervals whose width follows how they have done: calibrate, backtest and cross_validate."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import ParameterError, TooShortError

SMALL = {"n_modes": 32}


def _noisy(n: int, seed: int, size: float = 0.5) -> np.ndarray:
    """A daily cycle with normal noise."""
    t = np.arange(n)
    return np.sin(2 * np.pi * t / 24) + size * np.random.default_rng(seed).normal(size=n)


def _frame(values: np.ndarray, start: str = "2024-01-01") -> pd.DataFrame:
    return pd.DataFrame({"y": values}, index=pd.date_range(start, periods=len(values), freq="h"))


@pytest.fixture(scope="module")
def model() -> LinearSSMForecaster:
    return LinearSSMForecaster(12, 48, **SMALL).fit(_frame(_noisy(1500, 0)))


def _later(size: float) -> pd.DataFrame:
    """Noise whose level the window's own deviation says nothing of: it comes by turns of a day."""
    return _frame(_noisy(3000, 1, size), "2025-01-01")


def _covered(table: pd.DataFrame, level: int) -> float:
    return float(((table[f"lo-{level}"] <= table["y"]) & (table["y"] <= table[f"hi-{level}"])).mean())


def test_intervals_of_a_backtest_are_those_of_predict_interval(model: LinearSSMForecaster) -> None:
    later = _later(0.5).iloc[:120]
    table = model.backtest(later, stride=7, level=[80, 90])
    assert list(table.columns)[-4:] == ["lo-80", "hi-80", "lo-90", "hi-90"]
    for cutoff, own in table.groupby("cutoff"):
        known = model.predict_interval(later[:cutoff], level=[80, 90])
        np.testing.assert_allclose(own.iloc[:, -4:].to_numpy(), known.to_numpy(), atol=1e-9)


@pytest.mark.parametrize("size", [0.2, 1.5])
def test_adaptive_intervals_hold_where_the_data_drifts(model: LinearSSMForecaster, size: float) -> None:
    later = _later(size)
    fixed = model.backtest(later, level=[80, 90])
    adaptive = model.backtest(later, level=[80, 90], adaptive=True)
    for level in (80, 90):
        assert abs(_covered(fixed, level) - level / 100) > 0.05
        assert abs(_covered(adaptive, level) - level / 100) < 0.03
    pd.testing.assert_series_equal(adaptive["forecast"], fixed["forecast"])


def test_calibrate_widens_what_comes_after(model: LinearSSMForecaster) -> None:
    known, after = _later(1.5).iloc[:2000], _later(1.5).iloc[1900:]
    own = pickle.loads(pickle.dumps(model)).calibrate(known)
    assert _covered(model.backtest(after, level=90), 90) < 0.8
    assert abs(_covered(own.backtest(after, level=90), 90) - 0.9) < 0.04
    pd.testing.assert_frame_equal(own.predict(after), model.predict(after))
    width = [m.sample(300, after, random_state=0).std(axis=1).mean() for m in (model, own)]
    assert width[1] > 1.3 * width[0]


@pytest.mark.slow
def test_calibrate_begins_anew_and_fit_forgets_it(model: LinearSSMForecaster) -> None:
    own = pickle.loads(pickle.dumps(model))
    later = _later(1.5)
    once = own.calibrate(later).predict_interval(later)
    pd.testing.assert_frame_equal(own.calibrate(later).predict_interval(later), once)
    own.fit(_frame(_noisy(1500, 0)))
    pd.testing.assert_frame_equal(own.predict_interval(later), model.predict_interval(later))


def test_a_saved_model_stays_calibrated(model: LinearSSMForecaster, tmp_path) -> None:
    later = _later(1.5)
    own = pickle.loads(pickle.dumps(model)).calibrate(later)
    own.save(tmp_path / "model.safetensors")
    again = ssmts.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(again.predict_interval(later), own.predict_interval(later))


def test_every_series_has_a_width_of_its_own() -> None:
    def panel(sizes: dict[str, float], seed: int) -> pd.DataFrame:
        parts = [
            pd.DataFrame(
                {"unique_id": name, "ds": np.arange(900), "y": 10 * (k + 1) * _noisy(900, seed + k, s)}
            )
            for k, (name, s) in enumerate(sizes.items())
        ]
        return pd.concat(parts)

    model = LinearSSMForecaster(12, 48, **SMALL).fit(panel({"a": 0.5, "b": 0.5}, 0))
    model.calibrate(panel({"a": 0.2, "b": 1.5}, 10))
    widths = model.model_.error_quantiles.widths
    assert widths[0] < 0.8 < 1.2 < widths[1]


def test_kinds_and_holes(model: LinearSSMForecaster) -> None:
    later = _later(1.5).iloc[:400].rename_axis("time")
    later.iloc[100:140] = np.nan
    table = model.backtest(later, level=90, adaptive=True)
    assert np.isfinite(table[["lo-90", "hi-90"]].to_numpy()).all()
    eager = pl.from_pandas(later.reset_index())
    array = LinearSSMForecaster(12, 48, **SMALL).fit(_noisy(900, 0))
    assert len(array.backtest(_noisy(200, 1), level=90)) > 0
    own = LinearSSMForecaster(12, 48, time_col="time", **SMALL).fit(
        pl.from_pandas(_frame(_noisy(900, 0)).rename_axis("time").reset_index())
    )
    found = own.backtest(eager, level=[90], adaptive=True)
    assert isinstance(found, pl.DataFrame)
    assert found.columns[-2:] == ["lo-90", "hi-90"]


@pytest.mark.slow
def test_cross_validate_has_intervals(model: LinearSSMForecaster) -> None:
    frame = _frame(_noisy(1200, 3))
    table = LinearSSMForecaster(12, 48, **SMALL).cross_validate(frame, 20, level=[80, 90])
    assert abs(_covered(table, 90) - 0.9) < 0.08
    assert (table["lo-90"] <= table["lo-80"]).all()
    assert (table["lo-80"] <= table["forecast"]).mean() > 0.95


def test_too_little_to_calibrate_on_and_levels_that_are_none(model: LinearSSMForecaster) -> None:
    with pytest.raises(TooShortError, match="no observation to calibrate on"):
        pickle.loads(pickle.dumps(model)).calibrate(_later(1.0).iloc[:40])
    with pytest.raises(ParameterError, match="level"):
        model.backtest(_later(1.0), level=100)


@pytest.mark.parametrize("size", [0.2, 1.5])
@pytest.mark.slow
def test_windows_of_cross_validate_follow_what_came_since_the_fit(size: float) -> None:
    frame = pd.concat([_frame(_noisy(600, 0)), _frame(_noisy(600, 1, size), "2024-01-26")])
    model = LinearSSMForecaster(12, 48, **SMALL)
    options = {"n_windows": 50, "level": [80, 90]}
    fixed = model.cross_validate(frame, refit=False, **options)
    adaptive = model.cross_validate(frame, refit=False, adaptive=True, **options)
    pd.testing.assert_frame_equal(adaptive.iloc[:, :-4], fixed.iloc[:, :-4])
    first = fixed["cutoff"] == fixed["cutoff"].min()
    pd.testing.assert_frame_equal(adaptive[first], fixed[first])  # nothing has come yet
    for level in (80, 90):
        late = [table.iloc[len(table) // 3 :] for table in (fixed, adaptive)]
        off = [abs(_covered(table, level) - level / 100) for table in late]
        assert off[1] < 0.06 < off[0]
    calibrated = LinearSSMForecaster(12, 48, **SMALL).fit(frame.iloc[:600])
    calibrated.calibrate(frame.iloc[600:-12])
    last = adaptive.iloc[-12:, -4:].to_numpy()
    np.testing.assert_allclose(last, calibrated.predict_interval(frame.iloc[:-12], level=[80, 90]).to_numpy())
