import random
import time

import numpy as np
import pytest
import torch
from torch import nn

from ssmts.errors import ParameterError
from ssmts.training import Callback, NonFiniteLossError, TrainingConfig, train


def fit(toy, module=None, validation=True, loss=None, **settings):
    module = module or toy.module()
    calls = {
        name: settings.pop(name)
        for name in ("callbacks", "resume_from", "max_batches_per_epoch")
        if name in settings
    }
    config = TrainingConfig(
        **{"max_epochs": 4, "batch_size": 32, "learning_rate": 0.01, "random_state": 0, **settings}
    )
    result = train(
        module,
        toy.training,
        toy.validation if validation else None,
        loss=loss or toy.loss,
        config=config,
        **calls,
    )
    return module, result


def validation_loss(toy, module):
    with torch.no_grad():
        return nn.functional.mse_loss(module(toy.validation.x), toy.validation.y).item()


def test_learns(toy):
    module, result = fit(
        toy, module=toy.module(dropout=0.0), max_epochs=60, learning_rate=0.05, patience=None
    )
    assert result.initial_validation > 1.0
    assert result.best_validation < 0.05  # the noise alone is 0.01
    assert not module.training


def test_history_has_a_record_an_epoch(toy):
    _, result = fit(toy)
    assert [record["epoch"] for record in result.history] == [1, 2, 3, 4]
    assert all(record["seconds"] > 0 and record["learning_rate"] > 0 for record in result.history)
    assert result.stopped_by == "max_epochs"
    assert result.history[0]["train_loss"] > result.history[-1]["train_loss"]


def test_every_example_is_seen_once_an_epoch(toy):
    fit(toy, max_epochs=1, validation=False)
    assert torch.equal(torch.cat(toy.training.seen).sort().values, torch.arange(200))
    assert [len(indices) for indices in toy.training.seen] == [32] * 6 + [8]


def test_max_batches_samples_anew_each_epoch(toy):
    _, result = fit(toy, max_epochs=2, max_batches_per_epoch=2)
    first, second = torch.cat(toy.training.seen[:2]), torch.cat(toy.training.seen[2:])
    assert len(first) == len(second) == 64
    assert not torch.equal(first.sort().values, second.sort().values)
    assert len(result.history) == 2


def test_train_loss_is_the_mean_over_examples(toy):
    module = nn.Linear(4, 1)
    before = [p.detach().clone() for p in module.parameters()]
    # A learning rate this small moves no float32 weight, so the loss is that of the weights at the start.
    _, result = fit(toy, module=module, max_epochs=1, learning_rate=1e-30, weight_decay=0.0)
    expected = nn.functional.mse_loss(nn.functional.linear(toy.training.x, *before), toy.training.y).item()
    assert result.history[0]["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_ends_with_the_best_weights(toy):
    # Ascending: the loss of training is minus that of validation, so every epoch is worse than the start.
    def loss(module, batch):
        sign = -1.0 if module.training else 1.0
        return sign * toy.loss(module, batch)

    module, result = fit(toy, loss=loss, max_epochs=9, patience=3)
    assert result.best_epoch == 0
    assert result.stopped_by == "patience"
    assert len(result.history) == 3
    assert validation_loss(toy, module) == pytest.approx(result.initial_validation, rel=1e-6)

    better, result = fit(toy)
    assert validation_loss(toy, better) == pytest.approx(result.best_validation, rel=1e-6)
    assert result.best_validation == min(record["validation_loss"] for record in result.history)
    assert result.history[result.best_epoch - 1]["validation_loss"] == result.best_validation


def test_without_validation_the_last_weights_stay(toy):
    _, result = fit(toy, validation=False)
    assert result.best_epoch == 4
    assert result.best_validation is result.initial_validation is None
    assert all(record["validation_loss"] is None for record in result.history)


def test_max_steps_cuts_an_epoch(toy):
    _, result = fit(toy, max_steps=10)
    assert result.stopped_by == "max_steps"
    assert len(result.history) == 2
    assert (
        sum(len(indices) == 32 for indices in toy.training.seen) == 9
    )  # 6 whole and one short, then 3 of 32


@pytest.mark.parametrize("limit", [0.3, "300ms"])
def test_max_time(toy, limit):
    def slow(module, batch):
        time.sleep(0.02)
        return toy.loss(module, batch)

    begun = time.monotonic()
    _, result = fit(toy, loss=slow, max_epochs=10_000, patience=None, max_time=limit)
    assert result.stopped_by == "max_time"
    assert time.monotonic() - begun < 10.0  # 10,000 epochs would take half an hour


def test_same_seed_same_weights(toy, same_weights):
    first, _ = fit(toy, random_state=3)
    torch.rand(5)
    again, _ = fit(toy, random_state=3)
    other, _ = fit(toy, random_state=4)
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_no_seed_draws_one(toy, same_weights):
    assert not same_weights(fit(toy, random_state=None)[0], fit(toy, random_state=None)[0])


def test_global_generators_are_untouched(toy):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    fit(toy)
    fit(toy, random_state=None)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]


def test_global_generators_are_untouched_after_an_error(toy):
    before = torch.get_rng_state()

    def broken(module, batch):
        torch.rand(3)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fit(toy, loss=broken)
    assert torch.equal(torch.get_rng_state(), before)


def test_silent_by_default(toy, capfd):
    fit(toy)
    assert capfd.readouterr() == ("", "")


def test_verbose_draws_one_bar_on_stderr(toy, capfd):
    fit(toy, verbose=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "28/28" in err  # 4 epochs of 7 steps
    assert "epoch 4/4" in err
    assert err.count("\n") == 1


class Recorder(Callback):
    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.calls = []

    def on_fit_start(self, state):
        self.calls.append(("start", state.epoch))

    def on_epoch_end(self, state):
        self.calls.append(("epoch", state.epoch))
        assert len(state.history) == state.epoch
        return state.epoch == self.stop_at

    def on_fit_end(self, state):
        self.calls.append(("end", state.stopped_by))


def test_callbacks(toy):
    recorder = Recorder(stop_at=2)
    _, result = fit(toy, callbacks=[Callback(), recorder])
    assert recorder.calls == [("start", 0), ("epoch", 1), ("epoch", 2), ("end", "callback")]
    assert result.stopped_by == "callback"


def test_callback_exceptions_reach_the_caller_and_end_the_fit(toy):
    class Pruned(Exception):
        pass

    class Pruner(Recorder):
        def on_epoch_end(self, state):
            raise Pruned

    pruner = Pruner()
    with pytest.raises(Pruned):
        fit(toy, callbacks=[pruner])
    assert pruner.calls == [("start", 0), ("end", None)]


def test_non_finite_training_loss(toy, tmp_path):
    toy.training.y[7] = float("nan")
    with pytest.raises(NonFiniteLossError, match=r"training loss is nan in epoch 1, step [1-7]\.") as caught:
        fit(toy, checkpoint_dir=tmp_path)
    assert caught.value.epoch == 1
    assert "learning_rate" in str(caught.value)
    assert str(tmp_path / "checkpoint.safetensors") in str(caught.value)
    module = toy.module()
    toy.training.y[7] = 0.0
    _, result = fit(
        toy, module=module, resume_from=tmp_path
    )  # the kept checkpoint is the one before the damage
    assert len(result.history) == 4


def test_non_finite_validation_loss_before_training(toy):
    toy.validation.x[0] = float("inf")
    with pytest.raises(NonFiniteLossError, match=r"validation loss is .* in epoch 0, step 0.*batches"):
        fit(toy, loss=lambda module, batch: module(batch["x"]).square().mean() * batch["x"].mean())


@pytest.mark.parametrize("part", ["training", "validation"])
def test_no_examples(toy, part):
    setattr(toy, part, type(toy.training)(0, 0))
    with pytest.raises(ParameterError, match=f"{part}.*at least one example"):
        fit(toy)


def test_nothing_to_train(toy):
    with pytest.raises(ParameterError, match="requires a gradient"):
        fit(toy, module=toy.module().requires_grad_(False))


def test_callbacks_must_be_callbacks(toy):
    with pytest.raises(ParameterError, match="callbacks"):
        fit(toy, callbacks=[print])
