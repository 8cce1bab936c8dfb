"""Studies that outlive their process: storages by name, and trials that a killed process left open."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from ssmts.errors import ParameterError, SSMTSError, TuningError

__all__ = ["ERROR", "n_begun", "open_storage", "opening", "reclaim", "sign"]

_OWNER = "process"
_RETRY = "retry_of"
ERROR = "error"  # attribute of a trial that failed by itself
_TIME_TO_SIGN = 2.0  # seconds
_ATTEMPTS = 6
_LINE = b'{"op_code":'  # how every line of a journal begins


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
    TuningError
        If what it names cannot be opened, or holds no studies.
    """
    with opening(storage):
        return _opened(storage)


@contextmanager
def opening(storage: Any) -> Iterator[None]:
    """A block that opens a storage or reads a study: what goes wrong in it is the fault of the storage.

    Raises
    ------
    TuningError
        If the block raises an error of another library.
    """
    try:
        yield
    except SSMTSError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SQLAlchemyError) as error:
        name = storage if isinstance(storage, str | os.PathLike) else type(storage).__name__
        raise TuningError(
            f"storage={str(name)!r} cannot be opened as a study ({type(error).__name__}: {error}). Give "
            "a path in a folder that exists and may be written to, or another file if this one is damaged."
        ) from error


def _mend_journal(path: str) -> None:
    """Drop the end of a journal that a killed process had begun to write; the next line would join it.

    Raises
    ------
    ValueError
        If the file is no journal.
    """
    if not os.path.isfile(path) or not os.path.getsize(path):  # noqa: PTH113, PTH202 (names too long)
        return
    lock = JournalFileSymlinkLock(path)  # the one that the journal itself takes
    lock.acquire()
    try:
        with Path(path).open("r+b") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            lines = (content[: len(_LINE)], content[whole:][: len(_LINE)])
            if not all(_LINE.startswith(line) for line in lines):
                raise ValueError("it is another file, or damaged")
            file.truncate(whole)
    finally:
        lock.release()


def _opened(storage: Any) -> BaseStorage | None:
    if storage is None or isinstance(storage, BaseStorage):
        return storage
    if isinstance(storage, str) and "://" in storage:
        return _database(storage)
    if isinstance(storage, str | os.PathLike):
        path = str(os.fspath(storage))
        _mend_journal(path)
        return JournalStorage(JournalFileBackend(path))
    raise ParameterError("storage", storage, "a URL, the path of a journal, a storage of Optuna, or None")


def _database(url: str) -> BaseStorage:
    """A database with Optuna's tables; processes that begin together make them at the same time."""
    for attempt in range(_ATTEMPTS):
        try:
            return get_storage(url)
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            if attempt + 1 == _ATTEMPTS or "unable to open" in str(error):
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
        How many were queued.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_abandoned(study, trial):
            with suppress(ValueError, RuntimeError):  # another process was quicker
                study.tell(trial.number, state=TrialState.FAIL)
    # Not in the same loop: a process may be killed between the two.
    trials = study.get_trials(deepcopy=False)
    again = _queued_again(trials)
    failed = [one for one in trials if one.state is TrialState.FAIL and ERROR not in one.user_attrs]
    killed = [one for one in failed if one.number not in again]
    for trial in killed:
        queued = trial.system_attrs.get("fixed_params", {})  # it may have been killed before it drew them
        study.enqueue_trial(queued | trial.params, user_attrs={_RETRY: trial.number})
    return len(killed)


def _is_abandoned(study: Study, trial: FrozenTrial) -> bool:
    """Whether the process that ran a trial was killed, on this machine.

    A process signs a trial before it draws parameters: one without either is given the time to do so.
    """
    while (owner := trial.user_attrs.get(_OWNER)) is None:
        begun = trial.datetime_start
        if trial.params or trial.state is not TrialState.RUNNING or begun is None:
            return False
        if (datetime.now() - begun).total_seconds() > _TIME_TO_SIGN:
            return True
        time.sleep(0.1)
        trial = study.get_trials(deepcopy=False)[trial.number]
    return bool(owner[0] == socket.gethostname() and _started(owner[1]) != owner[2])


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


def n_begun(study: Study) -> int:
    """Trials that have begun, those of other processes included; a killed one counts when it is run again."""
    begun = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    trials = study.get_trials(deepcopy=False)
    again = _queued_again(trials)
    return sum(trial.state in begun and trial.number not in again for trial in trials)


def _queued_again(trials: list[FrozenTrial]) -> set[int]:
    """Numbers of the killed trials that others take up."""
    return {trial.user_attrs[_RETRY] for trial in trials if _RETRY in trial.user_attrs}
