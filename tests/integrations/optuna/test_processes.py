"""Studies that are killed, taken up again, and shared by several processes."""

import os
import signal
import subprocess
import sys
import time

import optuna
import pytest
from optuna.trial import TrialState

from ssmts import LinearSSMForecaster
from ssmts.integrations.optuna import tune
from ssmts.integrations.optuna.studies import open_storage

pytestmark = pytest.mark.slow

VICTIM = """
import sys, time
from pathlib import Path
from ssmts import LinearSSMForecaster
from ssmts.integrations.optuna import tune
from ssmts_datasets import make_sines
storage, flag = sys.argv[1:]

def space(trial):
    params = {"n_modes": trial.suggest_int("n_modes", 4, 30)}
    if trial.number == 2:
        Path(flag).touch()
        time.sleep(120)
    return params

frame = make_sines(400, periods=[48.0, 120.0], n_channels=2, noise=0.01, random_state=0).frame
tune(LinearSSMForecaster(12, 24), frame, space=space, storage=storage, n_trials=5, study_name="killed")
"""

SHARED = """
import sys
from ssmts import LinearSSMForecaster
from ssmts.integrations.optuna import tune
from ssmts_datasets import make_sines

frame = make_sines(400, periods=[48.0, 120.0], n_channels=2, noise=0.01, random_state=0).frame
space = lambda trial: {"n_modes": trial.suggest_int("n_modes", 4, 30)}
print(tune(LinearSSMForecaster(12, 24), frame, space=space, storage=sys.argv[1], n_trials=8).n_modes)
"""


def space(trial):
    return {"n_modes": trial.suggest_int("n_modes", 4, 30)}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Storages of two studies whose processes were killed inside their third trial."""
    folder = tmp_path_factory.mktemp("studies")
    storages = {"journal": str(folder / "tuning.log"), "sqlite": f"sqlite:///{folder}/tuning.db"}
    victims = {
        name: subprocess.Popen([sys.executable, "-c", VICTIM, storage, str(folder / name)])
        for name, storage in storages.items()
    }
    try:
        for name, victim in victims.items():
            deadline = time.monotonic() + 120
            while not (folder / name).exists():
                assert victim.poll() is None, f"the {name} victim ended by itself"
                assert time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        for victim in victims.values():
            victim.send_signal(signal.SIGKILL)
            victim.wait(30)
    return storages


@pytest.mark.parametrize("name", ["journal", "sqlite"])
def test_a_killed_study_goes_on_where_it_stopped(killed, frame, name):
    before = optuna.load_study(study_name="killed", storage=open_storage(killed[name])).trials
    assert [t.state for t in before] == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.RUNNING]
    options = {"space": space, "storage": killed[name], "study_name": "killed", "random_state": 1}
    model = tune(LinearSSMForecaster(12, 24), frame, n_trials=5, **options)
    after = model.study_.trials
    assert [t.value for t in after[:2]] == [t.value for t in before[:2]]
    assert after[2].state == TrialState.FAIL
    retry = after[3]
    assert (retry.params, retry.user_attrs["retry_of"], retry.state) == (
        after[2].params,
        2,
        TrialState.COMPLETE,
    )
    assert len(after) == 6  # five, one of them twice
    again = tune(LinearSSMForecaster(12, 24), frame, n_trials=5, **options)
    assert len(again.study_.trials) == 6
    assert again.get_params() == model.get_params()


def test_a_trial_of_a_living_process_is_left_alone(frame, tmp_path):
    storage = str(tmp_path / "tuning.log")
    study = optuna.create_study(
        storage=open_storage(storage), study_name="ssmts-LinearSSMForecaster", direction="maximize"
    )
    from ssmts.integrations.optuna.studies import reclaim, sign

    sign(study.ask())
    assert reclaim(study) == 0
    elsewhere = study.ask()
    elsewhere.set_user_attr("process", ["another-machine", 1, "1"])
    reborn = study.ask()
    reborn.set_user_attr("process", [os.uname().nodename, os.getpid(), "another start"])
    assert reclaim(study) == 1
    assert [t.state for t in study.trials] == [
        TrialState.RUNNING,
        TrialState.RUNNING,
        TrialState.FAIL,
        TrialState.WAITING,
    ]


def test_several_processes_share_a_study(frame):
    model = tune(LinearSSMForecaster(12, 24), frame, space=space, n_trials=6, n_jobs=2, random_state=0)
    trials = model.study_.trials
    assert len(trials) in (6, 7)  # two may begin the last one at the same time
    assert all(trial.state == TrialState.COMPLETE for trial in trials)
    processes = {trial.user_attrs["process"][1] for trial in trials}
    assert os.getpid() not in processes
    assert model.n_modes == model.study_.best_params["n_modes"]


@pytest.mark.parametrize("name", ["tuning.log", "tuning.db"])
def test_the_same_line_in_two_processes_works_on_one_study(name, tmp_path):
    storage = f"sqlite:///{tmp_path}/{name}" if name.endswith("db") else str(tmp_path / name)
    workers = [
        subprocess.Popen([sys.executable, "-c", SHARED, storage], stdout=subprocess.PIPE) for _ in range(2)
    ]
    best = [worker.communicate(timeout=300)[0].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    [study] = optuna.get_all_study_summaries(storage=open_storage(storage))
    trials = optuna.load_study(study_name=study.study_name, storage=open_storage(storage)).trials
    assert 8 <= len(trials) <= 9  # two may begin the last one at the same time
    assert all(trial.state == TrialState.COMPLETE for trial in trials)
    assert {trial.user_attrs["process"][1] for trial in trials} <= {worker.pid for worker in workers}
    assert set(best[0].split()) | set(best[1].split()) <= {str(trial.params["n_modes"]) for trial in trials}
