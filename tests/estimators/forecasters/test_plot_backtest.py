"""Pictures of backtests and of calibration, from tables and from rows."""

from itertools import pairwise

import matplotlib
import numpy as np
import pandas as pd
import pytest

from ssmts.errors import MissingColumnError, ParameterError, TooShortError

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def table(model, frame):
    return model.backtest(frame, stride=3, level=[50, 90], quantiles=[0.1, 0.9])


def lines(ax, label):
    return [line for line in ax.get_lines() if line.get_label().strip("_") == label]


def test_latest_origins_that_do_not_overlap_and_errors_of_all(model, table):
    axes = model.plot_backtest(table)
    assert [ax.get_ylabel() for ax in axes] == ["y0", "y1", "error / deviation"]
    first = table[table["channel"] == "y0"]
    drawn = lines(axes[0], "forecast")
    assert len(drawn) == 6
    spans = [pd.DatetimeIndex(line.get_xdata()) for line in drawn]
    assert all(before[-1] < after[0] for before, after in pairwise(spans))
    last = first[first["cutoff"] == first["cutoff"].max()]
    np.testing.assert_allclose(drawn[-1].get_ydata(), last["forecast"])
    (observed,) = lines(axes[0], "observed")
    truth = first.drop_duplicates("ds").set_index("ds")["y"]
    np.testing.assert_allclose(observed.get_ydata(), truth[pd.DatetimeIndex(observed.get_xdata())])
    (error,) = lines(axes[2], "y0")
    lead = (first["ds"] - first["cutoff"]) / pd.Timedelta("1h")
    expected = (first["y"] - first["forecast"]).abs().groupby(lead).mean() / first["y"].std(ddof=0)
    np.testing.assert_allclose(error.get_xdata(), expected.index)
    np.testing.assert_allclose(error.get_ydata(), expected)


def test_observed_coverage_against_nominal(model, table):
    ax = model.plot_calibration(table)
    own = table[table["channel"] == "y1"]
    (line,) = lines(ax, "y1")
    inside = [own["y"].between(own[f"lo-{p}"], own[f"hi-{p}"]).mean() * 100 for p in (50, 90)]
    np.testing.assert_allclose(line.get_xdata(), [50, 90])
    np.testing.assert_allclose(line.get_ydata(), inside)
    (below,) = lines(ax, "y1 below quantile")
    np.testing.assert_allclose(below.get_xdata(), [10, 90])
    np.testing.assert_allclose(
        below.get_ydata(), [(own["y"] <= own[f"q-{q}"]).mean() * 100 for q in (0.1, 0.9)]
    )
    assert ax.get_xlim() == ax.get_ylim() == (0.0, 100.0)


def test_rows_are_backtested(model, frame):
    ax = model.plot_calibration(frame)
    (line,) = lines(ax, "y0")
    assert line.get_xdata().tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99]
    assert (np.diff(line.get_ydata()) >= 0).all()
    axes = model.plot_backtest(frame)
    assert {"80% interval"} == {t.get_text() for t in axes[0].get_legend().get_texts()} - {
        "observed",
        "forecast",
    }
    with pytest.raises(TooShortError, match="whole window"):
        model.plot_backtest(frame[:30])


def test_chosen_series_of_a_polars_panel(panel_model, panel):
    pl = pytest.importorskip("polars", reason="the test is of polars frames")
    table = panel_model.backtest(panel, stride=24, level=80)
    ids = panel.iloc[:, 0].unique().tolist()
    axes = panel_model.plot_backtest(pl.from_pandas(table), id=ids[1:])
    assert [ax.get_ylabel() for ax in axes[:2]] == ids[1:]
    expected = panel_model.plot_backtest(table, id=ids[1:])
    for ax, other in zip(axes, expected, strict=True):
        for line, same in zip(ax.get_lines(), other.get_lines(), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), same.get_ydata())
    with pytest.raises(ParameterError, match="one of the 3"):
        panel_model.plot_backtest(table, id="nobody")


def test_months_time_zones_and_number_times(new_model):
    t = np.arange(150)
    values = np.sin(t * np.pi / 6) + 0.1 * np.random.default_rng(0).normal(size=150)
    months = pd.Series(values, pd.date_range("2000-01", periods=150, freq="MS"), name="y")
    for data in (months, months.tz_localize("Europe/Berlin"), values[:, None]):
        model = new_model(horizon=6, context_length=24).fit(data[:120])
        table = model.cross_validate(data, n_windows=3, refit=False, level=80)
        stretch, error = model.plot_backtest(table)
        np.testing.assert_array_equal(error.get_lines()[0].get_xdata(), [1, 2, 3, 4, 5, 6])
        assert len(lines(stretch, "forecast")) == 3
        (observed,) = lines(stretch, "observed")
        seen = observed.get_xdata()
        expected = pd.DatetimeIndex(months.index[-18:]) if isinstance(data, pd.Series) else t[-18:]
        assert (np.asarray(seen) == np.asarray(expected)).all()


def test_tables_that_cannot_be_drawn(model, table, frame):
    with pytest.raises(ParameterError, match="several forecasts of one value"):
        model.plot_backtest(pd.concat([table, table]))
    with pytest.raises(ParameterError, match="without intervals"):
        model.plot_calibration(table[["channel", "ds", "cutoff", "y", "forecast"]])
    with pytest.raises(ParameterError, match="without rows"):
        model.plot_backtest(table[:0])
    with pytest.raises(MissingColumnError, match="'ds'"):
        model.plot_backtest(table.drop(columns="ds"))
    with pytest.raises(ParameterError, match="X=None"):
        model.plot_backtest(None)
    with pytest.raises(ParameterError, match="single series"):
        model.plot_backtest(table, id="a")


def test_interactive_figures(model, table):
    pytest.importorskip("plotly", reason="interactive plots need plotly")
    figure = model.plot_backtest(table, interactive=True)
    drawn = [trace for trace in figure.data if trace.name == "forecast" and trace.yaxis == "y"]
    (ax, *_) = model.plot_backtest(table)
    for trace, line in zip(drawn, lines(ax, "forecast"), strict=True):
        np.testing.assert_array_equal(trace.y, line.get_ydata())
    figure = model.plot_calibration(table, interactive=True)
    assert figure.layout.xaxis.range == (0.0, 100.0)
