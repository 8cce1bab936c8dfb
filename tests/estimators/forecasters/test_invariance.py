"""What may not matter: zero and unit of time, the order of rows, channels and series, what else is asked."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmts import LinearSSMForecaster
from ssmts_datasets import make_sines

FEW = settings(max_examples=12, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def busy():
    """Two hourly channels whose gaps are filled by expectation."""
    return make_sines(600, periods=[24.0, 12.0], n_channels=2, noise=0.2, random_state=0).frame


@pytest.fixture(scope="module")
def hourly(busy):
    return LinearSSMForecaster(12, 96, n_modes=48).fit(busy)


@pytest.fixture(scope="module")
def kept():
    """Rows left of 600, at random; single values gone beside."""
    rng = np.random.default_rng(1)
    rows = np.append(rng.random(599) < 0.5, True)
    return rows, rng.random((int(rows.sum()), 2)) < 0.1


def numbered(frame, times):
    """The values of a frame on a clock of plain numbers."""
    return frame.set_axis(pd.Index(times, name="t"))


@FEW
@given(
    unit=st.floats(1e-6, 1e6),
    zero=st.floats(-1e4, 1e4),
    share=st.floats(0.15, 1.0),
    seed=st.integers(0, 2**16),
)
@pytest.mark.slow
def test_a_linear_change_of_the_clock_changes_nothing(busy, unit, zero, share, seed):
    hours, busy = np.arange(400.0), busy.head(400)
    rows = np.append(np.random.default_rng(seed).random(399) < share, True)
    plain = LinearSSMForecaster(12.0, 96.0, n_modes=24).fit(numbered(busy, hours))
    other = LinearSSMForecaster(12 * unit, 96 * unit, n_modes=24).fit(numbered(busy, (hours + zero) * unit))
    expected = plain.predict(numbered(busy, hours)[rows], step=1.0)
    found = other.predict(numbered(busy, (hours + zero) * unit)[rows], step=unit)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.index / unit - zero, expected.index, rtol=1e-6)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.slow
def test_the_unit_of_stamps_does_not_matter(hourly, busy, kept, unit):
    thin = busy[kept[0]].mask(kept[1])
    expected = hourly.predict(thin, step="20min")
    X = thin.set_axis(thin.index.as_unit(unit))
    np.testing.assert_array_equal(hourly.predict(X, step="20min"), expected)
    again = LinearSSMForecaster(12, 96, n_modes=48).fit(busy.set_axis(busy.index.as_unit(unit)))
    np.testing.assert_array_equal(again.predict(X, step="20min"), expected)


@pytest.mark.slow
def test_days_as_dates_stamps_or_numbers(busy, kept):
    rows, _ = kept
    days = pd.date_range("2020-01-01", periods=600, freq="D", name="ds")
    forms = {
        "stamps": busy.set_axis(days),
        "dates": pl.from_pandas(busy.set_axis(days).reset_index()).with_columns(pl.col("ds").cast(pl.Date)),
        "integers": numbered(busy, np.arange(600)),
        "floats": numbered(busy, np.arange(600.0)),
    }
    found = {}
    for name, X in forms.items():
        time_col = "ds" if name == "dates" else None
        model = LinearSSMForecaster(12, 96, n_modes=24, time_col=time_col).fit(X)
        if name == "dates":
            thin = X.filter(pl.Series(rows))
            found[name] = model.predict(thin, step="1D").select("y0", "y1").to_numpy()
        else:
            found[name] = model.predict(X[rows], step="1D" if name == "stamps" else 1).to_numpy()
    for values in found.values():
        np.testing.assert_allclose(values, found["stamps"], rtol=1e-9, atol=1e-9)


def test_a_clock_change_costs_no_hour(busy):
    utc = busy.set_axis(pd.date_range("2024-03-10", periods=600, freq="h", tz="UTC", name="ds"))
    berlin = utc.tz_convert("Europe/Berlin")  # from winter to summer time on 31 March
    expected = LinearSSMForecaster(12, 96, n_modes=24).fit(utc)
    found = LinearSSMForecaster(12, 96, n_modes=24).fit(berlin)
    rng = np.random.default_rng(3)
    change = berlin.index.searchsorted(pd.Timestamp("2024-03-31 03:00", tz="Europe/Berlin"))
    for last in range(change - 14, change + 100, 19):
        rows = np.append(rng.random(last) < 0.4, True)
        winter, summer = utc.iloc[: last + 1][rows], berlin.iloc[: last + 1][rows]
        ours, theirs = found.predict(summer, step="1h"), expected.predict(winter, step="1h")
        np.testing.assert_array_equal(ours, theirs)
        pd.testing.assert_index_equal(ours.index.tz_convert("UTC"), theirs.index)


@FEW
@given(seed=st.integers(0, 2**16), share=st.floats(0.1, 1.0))
@pytest.mark.slow
def test_the_order_of_rows_and_channels_does_not_matter(hourly, busy, seed, share):
    rng = np.random.default_rng(seed)
    thin = busy[np.append(rng.random(599) < share, True)]
    thin = thin.mask(rng.random(thin.shape) < 0.1)
    expected = hourly.predict(thin, step="1h")
    shuffled = thin.sample(frac=1.0, random_state=seed)[["y1", "y0"]]
    pd.testing.assert_frame_equal(hourly.predict(shuffled, step="1h"), expected)
    filled = hourly.reconstruct(thin, step="1h")
    pd.testing.assert_frame_equal(hourly.reconstruct(shuffled, step="1h"), filled)


def test_channels_fitted_in_another_order(hourly, busy, kept):
    thin = busy[kept[0]].mask(kept[1])
    swapped = LinearSSMForecaster(12, 96, n_modes=48).fit(busy[["y1", "y0"]])
    expected = hourly.predict(thin, step="1h")[["y0", "y1"]]
    np.testing.assert_allclose(swapped.predict(thin, step="1h")[["y0", "y1"]], expected, rtol=1e-6, atol=1e-6)


@FEW
@given(seed=st.integers(0, 2**16), share=st.floats(0.3, 1.0))
def test_the_order_and_the_company_of_series_do_not_matter(panel_model, panel, seed, share):
    id_col, time_col, value = panel.columns
    rng = np.random.default_rng(seed)
    last = panel.groupby(id_col)[time_col].transform("max") == panel[time_col]
    thin = panel[(rng.random(len(panel)) < share) | last]
    keys = [id_col, time_col]
    expected = panel_model.predict(thin, step="1h").sort_values(keys)
    found = panel_model.predict(thin.sample(frac=1.0, random_state=seed), step="1h").sort_values(keys)
    np.testing.assert_allclose(found[value], expected[value], rtol=1e-9, atol=1e-9)
    some = rng.choice(thin[id_col].unique())
    alone = panel_model.predict(thin[thin[id_col] == some], step="1h")
    np.testing.assert_allclose(
        alone[value], expected.loc[expected[id_col] == some, value], rtol=1e-9, atol=1e-9
    )


@FEW
@given(seed=st.integers(0, 2**16), share=st.floats(0.1, 1.0), finer=st.integers(2, 6))
def test_a_denser_question_gives_the_same_answers_between(hourly, busy, seed, share, finer):
    thin = busy[np.append(np.random.default_rng(seed).random(599) < share, True)]
    plain = hourly.predict(thin, step="1h")
    dense = hourly.predict(thin, step=pd.Timedelta("1h") / finer)
    assert len(dense) == finer * len(plain)
    pd.testing.assert_frame_equal(dense.iloc[finer - 1 :: finer], plain, check_freq=False, rtol=1e-9)
    pd.testing.assert_frame_equal(hourly.predict(thin, at=plain.index[::-1])[::-1], plain, check_freq=False)
    filled = hourly.reconstruct(thin, step="1h")
    between = hourly.reconstruct(thin, step=pd.Timedelta("1h") / finer)
    pd.testing.assert_frame_equal(between.iloc[::finer], filled, rtol=1e-6)
