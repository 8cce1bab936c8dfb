"""Processes that are killed, and storages that are damaged or cannot be written to."""

import json
import os
import signal

import numpy as np
import pytest
from optuna.trial import TrialState

from ssmts import LinearSSMForecaster
from ssmts.errors import TuningError
from ssmts.integrations.optuna import tune

Y = np.sin(np.arange(120) / 4)
SPACE = {"context_length": [8, 12, 16]}


def search(storage):
    return tune(LinearSSMForecaster(4, n_modes=4), Y, space=SPACE, storage=storage, verbose=False)


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "study.log"
    search(path)
    dead = path.read_bytes().replace(f", {os.getpid()}, ".encode(), b", 4194305, ")  # beyond all process ids
    return dead.replace(f",{os.getpid()},".encode(), b",4194305,")


@pytest.mark.parametrize("at", ["drawn", "begun"])
def test_the_trial_of_a_killed_process_is_run_again(tmp_path, at):
    child = os.fork()
    if child == 0:
        import ssmts.integrations.optuna.search as module

        def die(*_):
            os.kill(os.getpid(), signal.SIGKILL)

        if at == "begun":  # before it is signed
            module.sign = die
        else:
            LinearSSMForecaster.fit = die
        search(tmp_path / "study.log")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    study = search(tmp_path / "study.log").study_
    done = study.get_trials(states=(TrialState.COMPLETE,))
    assert sorted(one.params["context_length"] for one in done) == SPACE["context_length"]
    assert len(study.get_trials(states=(TrialState.WAITING, TrialState.RUNNING))) == 0


def test_a_line_that_a_killed_process_left_unfinished(journal, tmp_path):
    path = tmp_path / "study.log"
    path.write_bytes(journal[: len(journal) * 2 // 3 + 5])
    assert not path.read_bytes().endswith(b"\n")
    study = search(path).study_
    done = study.get_trials(states=(TrialState.COMPLETE,))
    assert {one.params["context_length"] for one in done} == {*SPACE["context_length"]}
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


@pytest.mark.parametrize("content", [b"\x00\xff" * 100, b'{"a": 1}\n', b"[1]\n", b"7\n", b"id,time\n1,2"])
def test_a_file_that_is_no_journal_stays_as_it_is(tmp_path, content):
    path = tmp_path / "study.log"
    path.write_bytes(content)
    with pytest.raises(TuningError, match=r"study\.log' cannot be opened as a study"):
        search(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "storage", ["{}/gone/study.log", "{}", "sqlite:///{}/gone/study.db", "sqlite:///{}", "none://study"]
)
def test_storages_that_cannot_be_opened(tmp_path, storage):
    with pytest.raises(TuningError, match="cannot be opened as a study"):
        search(storage.format(tmp_path))


def test_a_damaged_database(tmp_path):
    (tmp_path / "study.db").write_bytes(b"\x00\xff" * 4096)
    with pytest.raises(TuningError, match="cannot be opened as a study"):
        search(f"sqlite:///{tmp_path}/study.db")
