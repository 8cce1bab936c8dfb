"""One bar for whatever takes long: shown after two seconds, with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from ssmts.errors import ParameterError

__all__ = ["advance", "reporting", "stage", "tracked"]

T = TypeVar("T")

_DELAY = 2.0  # seconds before a bar appears
_FORMAT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"


class _Report:
    """A bar over a whole operation, and the slice of it that the present part stands for."""

    def __init__(self, title: str, delay: float) -> None:
        from tqdm import tqdm

        self.title, self.low, self.high = title, 0.0, 1.0
        self.bar: Any = tqdm(
            total=1.0,
            desc=f"{title}:",
            bar_format=_FORMAT,
            delay=delay,
            miniters=0,
            mininterval=0.2,
            leave=False,
            dynamic_ncols=True,
            file=sys.stderr,
        )

    def show(self, at: float, label: str | None) -> None:
        """Move to a place in the present slice."""
        is_new = label is not None and not label[-1].isdigit()  # counted parts follow each other fast
        if label is not None:
            self.bar.set_description_str(f"{self.title}, {label}:", refresh=False)
        self.bar.update(max(0.0, self.low + at * (self.high - self.low) - self.bar.n))
        if is_new and time.time() >= self.bar.start_t + self.bar.delay:
            self.bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()


class _Silence:
    """Stands for a report where none is wanted, also none of an operation inside."""

    low, high = 0.0, 1.0

    def show(self, at: float, label: str | None) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Leave nothing behind."""


_CURRENT: ContextVar[_Report | _Silence | None] = ContextVar("ssmts_progress", default=None)


@contextmanager
def reporting(title: str, verbose: Any) -> Iterator[None]:
    """Report an operation; one inside another is part of that one's bar.

    Parameters
    ----------
    title : str
        What runs.
    verbose : bool, int or "auto"
        False or 0: no bar, also of operations inside. True or an int: a bar from the start. ``"auto"``: a bar
        after two seconds, on a terminal or in a notebook.

    Raises
    ------
    ParameterError
        If `verbose` is something else.
    """
    is_word = isinstance(verbose, str) and verbose == "auto"
    if not (is_word or (isinstance(verbose, int) and verbose >= 0)):
        raise ParameterError("verbose", verbose, '"auto", True, False or an integer >= 0')
    if _CURRENT.get() is not None:
        yield
        return
    if verbose == "auto" and not _is_watched():
        yield
        return
    report = _Report(title, _DELAY if verbose == "auto" else 0.0) if verbose else _Silence()
    token = _CURRENT.set(report)
    try:
        yield
    finally:
        _CURRENT.reset(token)
        report.close()


def tracked(items: Iterable[T], label: str | None = None, total: int | None = None) -> Iterator[T]:
    """The items, each an equal part of the operation that is reported; of none without a report.

    Parameters
    ----------
    items : iterable
    label : str, optional
        What is done with them.
    total : int, optional
        Their number, where they have no length; without it they are counted, and move no bar.
    """
    report = _CURRENT.get()
    count = total if total is not None else len(items) if isinstance(items, Sized) else 0
    if report is None:
        yield from items
        return
    if not count:
        for number, item in enumerate(items):
            report.show(0.0, None if label is None else f"{label} {number + 1}")
            yield item
        return
    low, high = report.low, report.high
    try:
        for number, item in enumerate(items):
            at = min(number, count - 1)
            report.low = low + at / count * (high - low)
            report.high = low + (at + 1) / count * (high - low)
            report.show(0.0, None if label is None else f"{label} {number + 1}/{count}")
            yield item
            report.show(1.0, None)
    finally:
        report.low, report.high = low, high


@contextmanager
def stage(label: str, begin: float, end: float) -> Iterator[None]:
    """A part of the operation, from one fraction of it to another."""
    report = _CURRENT.get()
    if report is None:
        yield
        return
    low, high = report.low, report.high
    report.low, report.high = low + begin * (high - low), low + end * (high - low)
    report.show(0.0, label)
    try:
        yield
        report.show(1.0, None)
    finally:
        report.low, report.high = low, high


def advance(fraction: float, label: str | None = None) -> None:
    """Say how much of the present part is done, from 0 to 1."""
    report = _CURRENT.get()
    if report is not None:
        report.show(min(max(fraction, 0.0), 1.0), label)


def _is_watched() -> bool:
    """Whether somebody sees stderr at once: a terminal, or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
