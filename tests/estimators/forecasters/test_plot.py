"""Pictures: axes, and the numbers drawn in them."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from ssmts.errors import NotTrainedError
from ssmts_datasets import make_sines

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def drawn(ax, label):
    (line,) = [line for line in ax.get_lines() if line.get_label() == label]
    return line.get_xdata(), line.get_ydata()


def test_an_axes_a_channel_with_the_forecast_in_it(model, frame):
    axes = model.plot(frame)
    forecast = model.predict(frame)
    assert len(axes) == 2
    assert [ax.get_ylabel() for ax in axes] == ["y0", "y1"]
    for ax, name in zip(axes, forecast, strict=True):
        times, values = drawn(ax, "forecast")
        np.testing.assert_array_equal(pd.DatetimeIndex(times), forecast.index)
        np.testing.assert_allclose(values, forecast[name], rtol=1e-12)
        times, values = drawn(ax, "observed")
        np.testing.assert_array_equal(pd.DatetimeIndex(times), frame.index[-48:])
        np.testing.assert_array_equal(values, frame[name].iloc[-48:])


def test_predict_options_and_the_end_of_training(model, frame):
    axes = model.plot(step="30min", horizon=6)
    assert len(drawn(axes[0], "forecast")[1]) == 12
    axes = model.plot(at=[frame.index[-1] + pd.Timedelta("90min")])
    np.testing.assert_allclose(
        drawn(axes[0], "forecast")[1], model.predict(step="30min")["y0"].iloc[[2]], rtol=1e-12
    )


def test_given_axes_are_drawn_in(model, frame):
    figure, given = plt.subplots(1, 2)
    axes = model.plot(frame, axes=given)
    assert list(axes) == list(given)
    assert plt.get_fignums() == [figure.number]
    assert len(drawn(given[1], "forecast")[1]) == 12


def test_one_channel_in_one_given_axes(new_model, frame):
    _, ax = plt.subplots()
    (found,) = new_model().fit(frame["y0"]).plot(axes=ax)
    assert found is ax


def test_too_few_axes(model, frame):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="axes"):
        model.plot(frame, axes=ax)


def test_local_time_is_drawn_in_a_zone(new_model, frame):
    local = frame.tz_localize("UTC").tz_convert("Asia/Tokyo")
    axes = new_model().fit(local).plot()
    times, _ = drawn(axes[0], "forecast")
    assert pd.DatetimeIndex(times)[0] == (local.index[-1] + pd.Timedelta("1h")).tz_localize(None)


def test_number_times(new_model, frame):
    axes = new_model().fit(frame.to_numpy()).plot()
    times, _ = drawn(axes[0], "forecast")
    np.testing.assert_array_equal(times, np.arange(400, 412))


def test_no_option_is_swallowed(model, frame):
    with pytest.raises(TypeError, match="colour"):
        model.plot(frame, colour="red")


def test_intervals_around_the_forecast(model, frame):
    axes = model.plot(frame, level=[80, 95], horizon=6)
    ends = model.predict_interval(frame, level=[80, 95], horizon=6)
    for ax, name in zip(axes, frame, strict=True):
        assert [band.get_label() for band in ax.collections] == [
            "95% interval",
            "80% interval",
        ]  # the narrow one on top
        for band in ax.collections:
            level = band.get_label().partition("%")[0]
            corners = band.get_paths()[0].vertices[:, 1]
            assert corners.min() == pytest.approx(ends[f"{name}-lo-{level}"].min(), rel=1e-12)
            assert corners.max() == pytest.approx(ends[f"{name}-hi-{level}"].max(), rel=1e-12)


def test_modes_and_their_shares_of_the_weights(model, frame):
    decaying, oscillating = model.plot_modes()
    bank = model.model_.bank
    (line,) = decaying.get_lines()
    points = oscillating.collections[0]
    np.testing.assert_allclose(line.get_xdata(), -1.0 / bank.A.real[: bank.n_real])
    decay, period = points.get_offsets().T
    np.testing.assert_allclose(decay, -1.0 / bank.A.real[bank.n_real :])
    np.testing.assert_allclose(period, 2.0 * np.pi / bank.A.imag[bank.n_real :])
    assert line.get_ydata().sum() + points.get_array().sum() == pytest.approx(1.0)
    assert "steps of 1h" in decaying.get_xlabel()
    _, given = plt.subplots(1, 2)
    assert list(model.plot_modes(axes=given)) == list(given)


@pytest.mark.slow
def test_the_cycle_of_the_data_has_the_weight(new_model):
    daily = make_sines(600, periods=[24.0], noise=0.05, random_state=0).frame
    _, oscillating = new_model(n_modes=64).fit(daily).plot_modes()
    points = oscillating.collections[0]
    by_period = pd.Series(points.get_array()).groupby(points.get_offsets()[:, 1].round(3)).sum()
    assert by_period.idxmax() == 24.0


def test_losses_of_every_member(deep):
    ax = deep.plot_history()
    epochs = pd.DataFrame(deep.history_["deep"]["epochs"])
    for member, own in epochs.groupby("member"):
        np.testing.assert_array_equal(drawn(ax, f"member {member}, validation")[1], own["validation_loss"])
        np.testing.assert_array_equal(drawn(ax, f"member {member}, train")[0], own["epoch"])
    _, given = plt.subplots()
    assert deep.plot_history(ax=given) is given


def test_no_losses_without_training(model):
    with pytest.raises(NotTrainedError, match="closed form"):
        model.plot_history()
