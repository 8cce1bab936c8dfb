"""What must not matter: order of rows, unit, zone, layout, library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmts.data import Panel, output_times, read_panel, reference_step, write_forecast

SECOND = 1_000_000_000
ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC-03:30"]

FEW = settings(max_examples=40, deadline=None)

# 1990 to 2060 in seconds: years in which every zone above changes its clocks now and then
NAIVE = st.none()
seconds = st.lists(st.integers(631_152_000, 2_840_140_800), min_size=2, max_size=12, unique=True)
numbers = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6))


@st.composite
def frames(draw: st.DrawFn, zones: Any = NAIVE) -> pd.DataFrame:
    """Irregular wide frames with holes, at least two observed rows, rows in any order."""
    times = draw(seconds)
    values = np.array([[draw(numbers), draw(numbers)] for _ in times])
    values[:2] = 1.0
    index = pd.DatetimeIndex(np.array(times, dtype="M8[s]"), name="ds").as_unit("us")
    zone = draw(zones)
    if zone is not None:
        index = index.tz_localize("UTC").tz_convert(zone)
    return pd.DataFrame(values, index=index, columns=["a", "b"])


def same(one: Panel, other: Panel) -> None:
    assert one.ids == other.ids
    for a, b in zip(one.series, other.series, strict=True):
        np.testing.assert_array_equal(a.times, b.times)
        np.testing.assert_array_equal(a.values, b.values)


def to_long(frame: pd.DataFrame) -> pd.DataFrame:
    parts = [frame.assign(site=site) for site in ("p", "q")]
    return pd.concat(parts).reset_index()


@FEW
@given(frames(st.sampled_from([None, *ZONES])))
def test_times_are_strictly_increasing_and_nothing_is_lost(frame):
    panel = read_panel(frame)
    (series,) = panel.series
    assert (np.diff(series.times) > 0).all()
    np.testing.assert_array_equal(np.sort(series.values, axis=0), np.sort(frame.to_numpy(), axis=0))
    back = pd.DatetimeIndex(series.times.view("M8[ns]"))
    assert set(back) == set(
        frame.index if frame.index.tz is None else frame.index.tz_convert("UTC").tz_localize(None)
    )


@FEW
@given(frames(), st.randoms(use_true_random=False))
@pytest.mark.slow
def test_order_of_rows_does_not_matter(frame, random):
    order = list(range(len(frame)))
    random.shuffle(order)
    same(read_panel(frame), read_panel(frame.iloc[order]))
    long = to_long(frame)
    order = list(range(len(long)))
    random.shuffle(order)
    options = {"id_col": "site", "time_col": "ds"}
    one, other = (read_panel(it, **options) for it in (long, long.iloc[order]))
    assert set(one.ids) == set(other.ids)
    for series in one.series:
        twin = other.series[other.ids.index(series.id)]
        np.testing.assert_array_equal(series.times, twin.times)
        np.testing.assert_array_equal(series.values, twin.values)


@FEW
@given(frames(st.sampled_from([None, "Europe/Berlin"])))
def test_the_unit_of_times_does_not_matter(frame):
    for unit in ("s", "ms", "ns"):
        same(read_panel(frame), read_panel(frame.set_axis(frame.index.as_unit(unit))))


@FEW
@given(frames(st.sampled_from(ZONES)))
def test_the_zone_does_not_matter(frame):
    same(read_panel(frame), read_panel(frame.tz_convert("UTC")))
    same(read_panel(frame), read_panel(frame.tz_convert("UTC").tz_localize(None)))


@FEW
@given(frames(st.sampled_from([None, *ZONES])))
def test_index_or_column_pandas_or_polars_does_not_matter(frame):
    column = frame.reset_index()
    panel = read_panel(frame)
    same(panel, read_panel(column, time_col="ds"))
    if frame.index.tz is None or "UTC" not in str(frame.index.tz):  # polars knows IANA names only
        same(panel, read_panel(pl.from_pandas(column), time_col="ds"))


@FEW
@given(frames())
@pytest.mark.slow
def test_long_and_wide_agree(frame):
    wide = read_panel(frame)
    for long in (to_long(frame), pl.from_pandas(to_long(frame))):
        panel = read_panel(long, id_col="site", time_col="ds")
        assert panel.ids == ("p", "q")
        for series in panel.series:
            np.testing.assert_array_equal(series.times, wide.series[0].times)
            np.testing.assert_array_equal(series.values, wide.series[0].values)
        assert reference_step(panel) == reference_step(wide)


@FEW
@given(
    frames(st.sampled_from([None, *ZONES])),
    st.sampled_from(["s", "ms", "us", "ns"]),
    st.sampled_from(["wide", "column", "long"]),
    st.integers(1, 5),
)
def test_what_goes_in_comes_out(frame, unit, form, n_rows):
    frame = frame.set_axis(frame.index.as_unit(unit))
    options: dict[str, Any] = {
        "wide": {},
        "column": {"time_col": "ds"},
        "long": {"id_col": "site", "time_col": "ds"},
    }[form]
    X = {"wide": frame, "column": frame.reset_index(), "long": to_long(frame)}[form]
    panel = read_panel(X, **options)
    step = 3600 * SECOND
    times = [
        output_times(s.origin, horizon=n_rows * step, step=step, layout=panel.layout) for s in panel.series
    ]
    out = write_forecast(panel.layout, panel.ids, times, [np.ones((n_rows, 2)) for _ in times])
    assert len(out) == n_rows * len(panel.series)
    assert out.index.dtype == (frame.index.dtype if form == "wide" else np.int64)
    assert out.index.name == (X.index.name)
    assert set(out.columns) == set(X.columns)
    assert all(out[name].dtype == X[name].dtype for name in X.columns)
    # and it can be read again, as the data that follows
    again = read_panel(out, **options, expected=panel.layout)
    for series, expected in zip(again.series, times, strict=True):
        np.testing.assert_array_equal(series.times, expected)


@pytest.mark.parametrize("step", [1, 7, 3600 * SECOND])
@FEW
@given(origin=st.integers(0, 2**62), rows=st.integers(1, 1000))
def test_fixed_steps_are_exact_however_late_the_origin(step, origin, rows):
    layout = read_panel(pd.DataFrame({"a": [1.0]}, index=pd.DatetimeIndex(["2024"]))).layout
    times = output_times(origin, horizon=rows * step, step=step, layout=layout)
    assert times.tolist() == [origin + k * step for k in range(1, rows + 1)]
