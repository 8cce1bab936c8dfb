"""What a trial came to: an answer, an error of the library, or a finding."""

from __future__ import annotations

import re
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sklearn.exceptions import DataConversionWarning

import ssmts
from ssmts.errors import SSMTSError

__all__ = ["LIMIT", "Outcome", "judge"]

LIMIT = 5.0  # seconds
# What no message shows: types of NumPy but for durations and dates, addresses, modules, and nanoseconds
# since 1970.
_RAW = re.compile(r"\bnp\.(?!datetime64|timedelta64)\w+\(| at 0x|\bssmts\.\w+\.|\b1[67]\d{17}\b")
_LONGEST = 800  # characters of a message
_OURS = str(Path(ssmts.__file__).parent)


@dataclass(frozen=True)
class Outcome:
    """What a trial came to.

    Parameters
    ----------
    kind : str
        "answer", "error", or a finding: "foreign error", "foreign warning", "no number", "raw message" (one
        that is not in a user's words) or "slow".
    what : str
        Class and message of the error or warning, or the seconds.
    where : str
        The last line of the library that took part in it.
    """

    kind: str
    what: str = ""
    where: str = ""

    @property
    def is_finding(self) -> bool:
        """Whether it ought not to have happened."""
        return self.kind not in ("answer", "error")


def judge(call: Callable[[], Any]) -> Outcome:
    """Run a trial."""
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = call()
        except SSMTSError as error:
            raw = len(str(error)) > _LONGEST or _RAW.search(str(error))
            outcome = Outcome("raw message" if raw else "error", _named(error), _place(error))
        except Exception as error:
            outcome = Outcome("foreign error", _named(error), _place(error))
        else:
            outcome = Outcome("answer") if _is_finite(answer) else Outcome("no number", repr(answer)[:200])
    seconds = time.perf_counter() - start
    if outcome.is_finding:
        return outcome
    if seconds > LIMIT:
        return Outcome("slow", f"{seconds:.1f} s; {outcome.kind} {outcome.what}")
    foreign = [one for one in caught if not _is_ours(one)]
    if foreign:
        return Outcome(
            "foreign warning", _named(foreign[0].message), f"{foreign[0].filename}:{foreign[0].lineno}"
        )
    return outcome


def _named(error: Any) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except Exception as broken:  # a message that cannot be written is a finding of its own
        return f"{type(error).__name__}, whose message raises {broken!r}"


def _place(error: BaseException) -> str:
    """The innermost line of ssmts in a traceback."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(_OURS)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "outside"


def _is_ours(caught: warnings.WarningMessage) -> bool:
    """Whether a warning is one of the library, or the one that estimators of scikit-learn owe its users."""
    ours = caught.category.__module__.startswith("ssmts") or caught.category is UserWarning
    return ours or caught.category is DataConversionWarning


def _is_finite(answer: Any) -> bool:
    """Whether the numbers of an answer are numbers; what is no frame or array is not looked at."""
    if isinstance(answer, pl.DataFrame):
        answer = answer.to_pandas()
    if isinstance(answer, pd.Series):
        answer = answer.to_frame()
    if isinstance(answer, pd.DataFrame):
        answer = answer.select_dtypes("number").to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(answer, np.ndarray) and answer.dtype.kind == "f":
        return bool(np.isfinite(answer).all())
    return True
