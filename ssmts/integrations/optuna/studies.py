"""Studies that outlive their process: storages by name, and trials that a killed process left open."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from ssmts.errors import ParameterError

__all__ = ["is_retry", "n_begun", "open_storage", "reclaim", "sign"]

_OWNER = "process"
_RETRY = "retry_of"
_ATTEMPTS = 6


def open_storage(storage: Any) -> BaseStorage | None:
    """A storage of Optuna from what a user names.

    Parameters
    ----------
    storage : None, str, path-like or optuna storage
        A URL such as ``"sqlite:///tuning.db"`` is a database; any other text or path is a journal file.

    Raises
    ------
    ParameterError
        If it is none of these.
    """
    if storage is None or isinstance(storage, BaseStorage):
        return storage
    if isinstance(storage, str) and "://" in storage:
        return _database(storage)
    if isinstance(storage, str | os.PathLike):
        return JournalStorage(JournalFileBackend(os.fspath(storage)))
    raise ParameterError("storage", storage, "a URL, the path of a journal, a storage of Optuna, or None")


def _database(url: str) -> BaseStorage:
    """A database with Optuna's tables; processes that begin together make them at the same time."""
    for attempt in range(_ATTEMPTS):
        try:
            return get_storage(url)
        except (IntegrityError, OperationalError, ProgrammingError):
            if attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(0.2 * 2**attempt)
    raise AssertionError


def sign(trial: Trial) -> None:
    """Write into a trial which process runs it."""
    trial.set_user_attr(_OWNER, [socket.gethostname(), os.getpid(), _started(os.getpid())])


def reclaim(study: Study) -> int:
    """Fail the trials that killed processes of this machine left open, and queue their parameters again.

    Returns
    -------
    int
        How many.
    """
    n = 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        owner = trial.user_attrs.get(_OWNER)
        if owner is None or owner[0] != socket.gethostname() or _started(owner[1]) == owner[2]:
            continue
        with suppress(ValueError, RuntimeError):  # another process was quicker
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params, user_attrs={_RETRY: trial.number})
            n += 1
    return n


def _started(pid: int) -> str | None:
    """When a process began, as far as the system says (its number may be used again); None: not alive."""
    if os.name != "posix":
        return "unknown"  # never reclaimed: os.kill would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    stat = Path(f"/proc/{pid}/stat")
    return stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else "unknown"


def is_retry(trial: FrozenTrial) -> bool:
    """Whether a trial takes up one that was killed."""
    return _RETRY in trial.user_attrs


def n_begun(study: Study) -> int:
    """Trials that have begun, those of other processes included; one that was taken up again counts once."""
    begun = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    return sum(not is_retry(trial) for trial in study.get_trials(deepcopy=False, states=begun))
