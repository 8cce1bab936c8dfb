import pytest
import torch
from torch import nn

from ssmts.errors import ModelFileError
from ssmts.training import Callback, TrainingConfig, train, write_safetensors_atomic
from ssmts.training.files import read_safetensors


def fit(toy, module=None, callbacks=None, resume_from=None, validation=True, **settings):
    module = module or toy.module()
    config = TrainingConfig(
        **{
            "max_epochs": 10,
            "batch_size": 32,
            "random_state": 0,
            "patience": None,
            "learning_rate": 0.01,
            **settings,
        }
    )
    result = train(
        module,
        toy.training,
        toy.validation if validation else None,
        loss=toy.loss,
        config=config,
        callbacks=callbacks,
        resume_from=resume_from,
    )
    return module, result


def losses(result):
    return [
        (record["train_loss"], record["validation_loss"], record["learning_rate"])
        for record in result.history
    ]


@pytest.mark.parametrize("validation", [True, False])
def test_resumed_training_is_uninterrupted_training(toy, tmp_path, same_weights, validation):
    whole, expected = fit(toy, validation=validation)
    fit(toy, validation=validation, max_epochs=5, checkpoint_dir=tmp_path)
    # Another start and another seed: all that counts comes from the checkpoint.
    resumed, result = fit(
        toy, toy.module(seed=9), validation=validation, resume_from=tmp_path, random_state=99
    )
    assert same_weights(whole, resumed)
    assert losses(result) == losses(expected)
    assert (result.best_epoch, result.best_validation) == (expected.best_epoch, expected.best_validation)


def test_an_epoch_cut_short_is_trained_again(toy, tmp_path, same_weights):
    whole, expected = fit(toy)

    calls = iter(range(10_000))

    def crashing(module, batch):
        if module.training and next(calls) == 17:  # in the third epoch of 7 steps
            raise KeyboardInterrupt
        return original(module, batch)

    original, toy.loss = toy.loss, crashing
    with pytest.raises(KeyboardInterrupt):
        fit(toy, checkpoint_dir=tmp_path)
    toy.loss = original
    resumed, result = fit(toy, toy.module(seed=9), resume_from=tmp_path)
    assert same_weights(whole, resumed)
    assert losses(result) == losses(expected)


def test_max_steps_resumes_at_the_whole_epoch_before(toy, tmp_path):
    _, cut = fit(toy, max_steps=10, checkpoint_dir=tmp_path)
    assert len(cut.history) == 2
    _, metadata = read_safetensors(tmp_path / "checkpoint.safetensors", kind="training checkpoint")
    assert metadata["progress"]["epoch"] == 1
    assert metadata["progress"]["step"] == 7


def test_a_finished_training_resumes_to_itself(toy, tmp_path, same_weights):
    done, first = fit(toy, checkpoint_dir=tmp_path)
    again, second = fit(toy, toy.module(seed=9), resume_from=tmp_path)
    assert same_weights(done, again)
    assert second == first


def test_resume_takes_the_file_too_and_a_new_learning_rate(toy, tmp_path):
    fit(toy, max_epochs=5, checkpoint_dir=tmp_path)
    _, result = fit(toy, resume_from=tmp_path / "checkpoint.safetensors", learning_rate=1e-4)
    assert [record["learning_rate"] for record in result.history[3:7]] == [0.01, 0.01, 1e-4, 1e-4]


def test_a_checkpoint_exists_before_the_first_epoch_ends(toy, tmp_path):
    class Look(Callback):
        def on_fit_start(self, state):
            assert (tmp_path / "new" / "checkpoint.safetensors").is_file()

    fit(toy, max_epochs=1, checkpoint_dir=tmp_path / "new", callbacks=[Look()])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["checkpoint.safetensors"]


def test_not_a_checkpoint(toy, tmp_path):
    with pytest.raises(ModelFileError, match="does not exist"):
        fit(toy, resume_from=tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    write_safetensors_atomic(path, {"w": torch.zeros(2)}, {})
    with pytest.raises(ModelFileError, match="is a model file, not a training checkpoint"):
        fit(toy, resume_from=path)
    path.write_bytes(b"epoch,loss\n1,0.5\n")
    with pytest.raises(ModelFileError, match="not a training checkpoint"):
        fit(toy, resume_from=path)


def test_checkpoint_of_another_model(toy, tmp_path):
    fit(toy, max_epochs=1, checkpoint_dir=tmp_path)
    other = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Tanh(), nn.Linear(8, 1))
    with pytest.raises(ModelFileError, match=r"another model: 0\.bias, 0\.weight, 3\.weight"):
        fit(toy, other, resume_from=tmp_path)
