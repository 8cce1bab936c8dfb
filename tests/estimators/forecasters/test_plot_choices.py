"""Which stretch, series, origins and truth a picture shows, by both libraries."""

from itertools import pairwise

import matplotlib
import numpy as np
import pandas as pd
import pytest

from ssmts.errors import InstantError, ParameterError

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def drawn(ax, label):
    (line,) = [line for line in ax.get_lines() if line.get_label() == label]
    return pd.DatetimeIndex(line.get_xdata()), line.get_ydata()


def forecasts(ax):
    return [line for line in ax.get_lines() if line.get_label().strip("_") == "forecast"]


def limits(ax):
    return [pd.Timestamp(matplotlib.dates.num2date(one)).tz_localize(None) for one in ax.get_xlim()]


def test_the_forecast_takes_a_fifth_of_the_width(new_model, frame):
    model = new_model(context_length=200)
    (ax, _) = model.fit(frame).plot(frame)
    begin, end = limits(ax)
    made, _ = drawn(ax, "forecast")
    assert abs(end - made[-1]) < pd.Timedelta("1h")
    assert 0.18 < (made[-1] - frame.index[-1]) / (end - begin) < 0.25


def test_history_is_as_long_as_asked(model, frame):
    for history in (100, "100h"):
        times, _ = drawn(model.plot(frame, history=history)[0], "observed")
        pd.testing.assert_index_equal(times, frame.index[-100:], check_names=False, exact=False)
    with pytest.raises(ParameterError, match="history"):
        model.plot(frame, history=0)


def test_several_origins_are_forecasts_of_what_was_known_there(model, frame):
    ax = model.plot(frame, origins=3, level=80)[0]
    lines = forecasts(ax)
    assert len(lines) == 3
    for line, cut in zip(lines, (-24, -12, None), strict=True):
        expected = model.predict(frame[:cut])["y0"]
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-9)
    times, values = drawn(ax, "observed later")
    assert (times == frame.index[-24:]).all()
    np.testing.assert_array_equal(values, frame["y0"][-24:])
    assert sum("interval" in band.get_label() for band in ax.collections) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()].count("forecast") == 1


def test_an_origin_may_be_an_instant(model, frame):
    ax = model.plot(frame, origins=str(frame.index[300]))[0]
    np.testing.assert_allclose(forecasts(ax)[0].get_ydata(), model.predict(frame[:301])["y0"], rtol=1e-9)
    times, _ = drawn(ax, "observed later")
    assert (times == frame.index[301:313]).all()  # as far as the forecast goes


def test_origins_that_cannot_be(model, frame):
    for origins in (0, 21, [], True):
        with pytest.raises((ParameterError, InstantError)):
            model.plot(frame, origins=origins)
    with pytest.raises(ParameterError, match="first observation"):
        model.plot(frame, origins="2019-01-01")
    with pytest.raises(ParameterError, match="X is None"):
        model.plot(origins=2)


def test_truth_after_the_end_of_x(model, frame):
    ax = model.plot(frame[:380], truth=frame)[0]  # rows that X holds as well are no truth
    times, values = drawn(ax, "observed later")
    assert (times == frame.index[380:392]).all()
    np.testing.assert_array_equal(values, frame["y0"][380:392])


def test_gaps_stay_open(model, frame):
    holed = frame.copy()
    holed.iloc[370:380, 0] = np.nan
    first, second = model.plot(holed)
    times, values = drawn(first, "observed")
    assert np.isnan(values).sum() == 1
    assert frame.index[369] < times[np.isnan(values)][0] < frame.index[380]
    assert not np.isnan(drawn(second, "observed")[1]).any()


def test_chosen_series(panel_model, panel):
    name = panel.columns[0]
    ids = panel[name].unique().tolist()
    axes = panel_model.plot(panel, id=[ids[2], ids[0]])
    assert [ax.get_ylabel().splitlines()[0] for ax in axes] == [ids[2], ids[0]]
    expected = panel_model.predict(panel)
    for ax, one in zip(axes, (ids[2], ids[0]), strict=True):
        _, values = drawn(ax, "forecast")
        np.testing.assert_allclose(values, expected.loc[expected[name] == one].iloc[:, -1], rtol=1e-9)
    (first,) = panel_model.plot(panel)
    assert first.get_ylabel().splitlines()[0] == ids[0]  # the name is there where it could be another
    (ax,) = panel_model.plot_components(panel, id=ids[1])
    np.testing.assert_allclose(
        ax.get_lines()[0].get_ydata(), expected.loc[expected[name] == ids[1]].iloc[:, -1], rtol=1e-9
    )


def test_unknown_series_are_named_with_near_ones(panel_model, panel, model, frame):
    known = panel.iloc[0, 0]
    wrong = f"{known}x"
    with pytest.raises(ParameterError, match=f"id='{wrong}'.*one of the 3.*'{known}'"):
        panel_model.plot(panel, id=wrong)
    with pytest.raises(ParameterError, match="single series"):
        model.plot(frame, id="a")
    with pytest.raises(ParameterError, match="different"):
        panel_model.plot(panel, id=[known, known])


def test_dates_do_not_touch(model, frame):
    for width in (3.0, 6.0, 12.0):
        figure, axes = plt.subplots(2, 1, figsize=(width, 4))
        model.plot(frame, axes=axes, history=150)
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in axes[1].get_xticklabels() if text.get_text()]
        shown = sorted((box.x0, box.x1) for box in boxes if box.width)
        assert len(shown) >= 2
        assert all(left[1] < right[0] for left, right in pairwise(shown))


def test_bands_have_colours_of_their_own(model, frame):
    bands = model.plot(frame, level=[50, 80, 95])[0].collections
    lightness = [band.get_facecolor()[0, :3].mean() for band in bands]
    assert (np.diff(lightness) < -0.03).all()  # the narrower the darker
    assert all(band.get_facecolor()[0, 3] == 1.0 for band in bands)


def test_many_channels_are_not_all_drawn(new_model):
    rng = np.random.default_rng(0)
    axes = new_model().fit(rng.normal(size=(200, 10))).plot()
    assert len(axes) == 8
    assert "8 of 10" in axes[0].figure.get_suptitle()


def test_the_same_as_an_interactive_figure(model, frame):
    go = pytest.importorskip("plotly.graph_objects", reason="interactive plots need plotly")
    figure = model.plot(frame, level=[80, 95], origins=2, interactive=True)
    assert isinstance(figure, go.Figure)
    traces = [trace for trace in figure.data if trace.name == "forecast" and trace.yaxis == "y"]
    np.testing.assert_allclose(traces[-1].y, model.predict(frame)["y0"], rtol=1e-9)
    entries = [trace.name for trace in figure.data if trace.showlegend]
    assert sorted(entries) == sorted(set(entries))  # one entry each, for all charts
    assert {"95% interval", "80% interval", "observed", "observed later", "forecast"} == set(entries)
    assert len(model.plot_components(frame, interactive=True).data) == 2
    assert len(model.plot_modes(interactive=True).data) == 3
    with pytest.raises(ParameterError, match="axes"):
        model.plot(frame, interactive=True, axes=plt.subplots()[1])
    with pytest.raises(ParameterError, match="interactive"):
        model.plot(frame, interactive="plotly")
