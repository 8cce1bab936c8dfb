"""The deep branch: when it is kept, what it says of itself, and that it is trained as asked."""

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMForecaster, S4DForecaster, S4Forecaster
from ssmts.errors import ModelFileError, ParameterError
from ssmts.training import Callback


def logistic(start, length):
    values = [start]
    while len(values) < length:
        values.append(3.9 * values[-1] * (1 - values[-1]))
    return np.array(values)


@pytest.fixture(scope="module")
def linear(chaos):
    return LinearSSMForecaster(2, 8, n_modes=8).fit(chaos)


@pytest.fixture(scope="module")
def diagonal(small_deep, chaos):
    return S4DForecaster(**small_deep).fit(chaos)


@pytest.fixture(params=["deep", "diagonal"])
def accepted(request):
    return request.getfixturevalue(request.param)


def test_a_nonlinear_map_is_learned(accepted, linear):
    later = logistic(0.3, 400)
    assert accepted.score(later) > 0.75 * linear.score(later)  # scores are negative
    assert np.abs(accepted.predict(later) - linear.predict(later)).max() > 1e-3


def test_history_says_what_was_measured_and_decided(accepted):
    record = accepted.history_["deep"]
    assert record["accepted"] is True
    assert record["gain"] > record["standard_error"] > 0
    assert record["spread"] == record["standard_error"]  # its name until 0.1
    assert 0 < record["share"] <= 1
    assert record["seconds"] > 0
    assert [(epoch["member"], epoch["epoch"]) for epoch in record["epochs"]] == [
        (member, epoch) for member in range(3) for epoch in range(1, 7)
    ]
    for member in range(3):
        losses = [epoch["validation_loss"] for epoch in record["epochs"] if epoch["member"] == member]
        assert losses[-1] < losses[0]


def test_fitted_modules(accepted):
    assert len(accepted.module_) == 3
    assert not any(member.training for member in accepted.module_)
    assert accepted.device_.type == "cpu"
    assert accepted.model_.config.deep.layer == ("s4" if type(accepted) is S4Forecaster else "s4d")


def test_score_is_what_predict_gives(deep, chaos):
    later = logistic(0.3, 60)
    errors = [deep.predict(later[: row + 1]) - later[row + 1 : row + 3] for row in range(7, 58, 2)]
    assert deep.score(later) == pytest.approx(-np.mean(np.square(errors)) / chaos.var(), rel=1e-4)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_forecasts(small_deep, deep, chaos):
    again = S4Forecaster(**small_deep).fit(chaos)
    np.testing.assert_array_equal(again.predict(), deep.predict())
    other = S4Forecaster(**small_deep | {"random_state": 1}).fit(chaos)
    assert not np.array_equal(other.predict(), deep.predict())


def test_saving_keeps_it(accepted, tmp_path):
    later = logistic(0.3, 50)
    accepted.save(tmp_path / "model")
    copy = ssmts.load(tmp_path / "model")
    assert type(copy) is type(accepted)
    np.testing.assert_array_equal(copy.predict(later), accepted.predict(later))
    assert copy.history_ == accepted.history_


def test_between_its_rows_and_at_other_rates_it_answers(deep):
    assert deep.predict(step=0.5).shape == (4,)
    np.testing.assert_allclose(deep.predict(step=0.5)[1::2], deep.predict(), rtol=1e-6)


@pytest.mark.parametrize("cls", [S4Forecaster, S4DForecaster])
def test_a_refused_one_leaves_the_forecast_exactly_linear(cls, small_deep, frame):
    model = cls(**small_deep | {"horizon": 6, "context_length": 48, "max_epochs": 1}).fit(frame)
    record = model.history_["deep"]
    assert record["accepted"] is False
    assert "within its standard error" in record["reason"]
    assert record["gain"] <= record["standard_error"]
    assert model.module_ is None
    plain = LinearSSMForecaster(6, 48, n_modes=8).fit(frame)
    pd.testing.assert_frame_equal(model.predict(), plain.predict(), check_exact=True)


def test_with_few_windows_it_is_not_tried(small_deep, chaos):
    model = S4Forecaster(**small_deep).fit(chaos[:150])
    assert model.history_["deep"]["reason"] == "fewer than 200 windows"
    assert model.module_ is None
    assert model.predict().shape == (2,)


class Watch(Callback):
    """Records what it is told; stops or fails when asked to."""

    def __init__(self, *, stop_after=None, fail_at=None):
        self.events, self.steps, self.ends = [], [], []
        self.stop_after, self.fail_at = stop_after, fail_at

    def on_fit_start(self, state):
        self.events.append("start")

    def on_epoch_end(self, state):
        self.events.append("epoch")
        self.steps.append(state.step)
        if self.fail_at == (self.events.count("start"), state.epoch):
            raise KeyboardInterrupt
        return state.epoch == self.stop_after

    def on_fit_end(self, state):
        self.events.append("end")
        self.ends.append(state.stopped_by)


def test_callbacks_watch_and_stop_each_member(small_deep, chaos):
    watch = Watch(stop_after=2)
    model = S4Forecaster(**small_deep).fit(chaos, callbacks=[watch])
    assert watch.events == ["start", "epoch", "epoch", "end"] * 3
    assert len(model.history_["deep"]["epochs"]) == 6


@pytest.mark.slow
def test_max_steps_and_max_time(small_deep, chaos):
    watch = Watch()
    S4Forecaster(**small_deep | {"max_steps": 4}).fit(chaos, callbacks=[watch])
    assert watch.steps == [4, 4, 4]
    watch = Watch()
    S4Forecaster(**small_deep | {"max_epochs": 100_000, "patience": None, "max_time": "600ms"}).fit(
        chaos, callbacks=[watch]
    )
    assert all("max_time" in reason for reason in watch.ends)
    assert len(watch.ends) == 3


@pytest.mark.slow
def test_an_interrupted_fit_is_resumed_as_if_it_had_not_been(small_deep, deep, chaos, tmp_path):
    model = S4Forecaster(**small_deep, checkpoint_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        model.fit(chaos, callbacks=[Watch(fail_at=(2, 4))])
    assert not hasattr(model, "history_")
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["member-0", "member-1"]
    watch = Watch()
    model.fit(chaos, resume_from=tmp_path, callbacks=[watch])
    assert watch.events.count("epoch") < 18
    np.testing.assert_array_equal(model.predict(), deep.predict())
    assert len(model.history_["deep"]["epochs"]) == 18


def test_a_failure_in_training_leaves_the_earlier_fit(small_deep, chaos):
    model = S4Forecaster(**small_deep | {"max_epochs": 1}).fit(chaos)
    before = model.predict()
    with pytest.raises(KeyboardInterrupt):
        model.fit(chaos[::-1], callbacks=[Watch(fail_at=(3, 1))])
    np.testing.assert_array_equal(model.predict(), before)


def test_resuming_from_a_damaged_checkpoint(small_deep, chaos, tmp_path):
    (tmp_path / "member-0").mkdir()
    (tmp_path / "member-0" / "checkpoint.safetensors").write_text("nothing")
    with pytest.raises(ModelFileError, match=r"checkpoint.safetensors is not a training checkpoint"):
        S4Forecaster(**small_deep).fit(chaos, resume_from=tmp_path)


@pytest.mark.parametrize("folder", ["", "no-such-folder"])
def test_resuming_from_a_folder_without_checkpoints(small_deep, chaos, tmp_path, folder):
    with pytest.raises(ModelFileError, match=f"{(tmp_path / folder).name}.*checkpoint"):
        S4Forecaster(**small_deep).fit(chaos, resume_from=tmp_path / folder)


def test_the_linear_forecaster_trains_nothing(new_model, frame, tmp_path):
    for options in ({"callbacks": [Watch()]}, {"resume_from": tmp_path}):
        with pytest.raises(ParameterError, match="trains nothing by gradient"):
            new_model().fit(frame, **options)


@pytest.mark.slow
def test_several_tokens(small_deep, chaos):
    index = pd.date_range("2024-01-01 03:30", periods=600, freq="h", name="ds")
    X = pd.DataFrame({"y": chaos}, index)
    model = S4DForecaster(**small_deep, token_stride="3h").fit(X)
    config = model.model_.config.deep
    assert (config.n_tokens, config.token_stride) == (3, 3.0)
    assert model.history_["deep"]["accepted"]
    later = pd.DataFrame({"y": logistic(0.3, 60)}, index[:60] + pd.Timedelta("40D"))
    errors = [
        (model.predict(later.iloc[: row + 1]) - later.iloc[row + 1 : row + 3]).to_numpy()
        for row in range(7, 58, 2)
    ]
    # Tokens lie on an absolute grid: a rolling score and single forecasts see the same ones.
    assert model.score(later) == pytest.approx(-np.mean(np.square(errors)) / chaos.var(), rel=1e-3)


@pytest.mark.parametrize("token_stride", [None, "3h"])
@pytest.mark.slow
def test_series_are_forecast_alike_alone_and_together(small_deep, chaos, token_stride):
    parts = {
        name: pd.DataFrame(
            {"unique_id": name, "ds": pd.date_range(start, periods=600, freq="h"), "y": values}
        )
        for name, start, values in [("p", "2024-01-01", chaos), ("q", "2024-01-01 04:00", logistic(0.3, 600))]
    }
    panel = pd.concat(parts.values())
    model = S4DForecaster(**small_deep, token_stride=token_stride).fit(panel)
    assert model.history_["deep"]["accepted"]
    together = model.predict(panel)
    assert len(together) == 4
    for name, own in parts.items():
        alone = model.predict(own)
        expected = together[together["unique_id"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, rtol=1e-5)
    pd.testing.assert_frame_equal(model.predict(), together, rtol=1e-5)


@pytest.mark.parametrize("loss", ["smooth_l1", "mae"])
def test_losses(small_deep, chaos, loss):
    record = S4DForecaster(**small_deep | {"loss": loss}).fit(chaos).history_["deep"]
    assert record["accepted"]


def test_quiet_unless_verbose(small_deep, chaos, capfd):
    S4Forecaster(**small_deep | {"max_epochs": 1}).fit(chaos)
    assert capfd.readouterr() == ("", "")
    S4Forecaster(**small_deep | {"max_epochs": 1}, verbose=1).fit(chaos)
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "fit, deep branch" in printed.err  # epochs are shown every fifth of a second
