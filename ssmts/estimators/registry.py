"""Classes of estimators by name, so that a file can say which one it holds."""

from __future__ import annotations

import os
from typing import Any

from ssmts.errors import ModelFileError

__all__ = ["FORECASTERS", "WHOLE_SERIES", "Registry"]


class Registry:
    """Classes of one kind by name; their base class adds each when it is defined."""

    def __init__(self) -> None:
        self._classes: dict[str, type[Any]] = {}

    def add(self, cls: type[Any]) -> None:
        """Add a class; the first one keeps its name, as that of a user may not stand for one of ours."""
        self._classes.setdefault(cls.__name__, cls)

    def named(self, name: str, path: str | os.PathLike[str]) -> type[Any]:
        """The class that a file names.

        Raises
        ------
        ModelFileError
            If there is none.
        """
        if not isinstance(name, str) or name not in self._classes:
            raise ModelFileError(
                f"{path} holds a {name!r:.80}, a class that is unknown here. If it is your own, import its "
                "module before you load; if it is one of ssmts, update ssmts."
            )
        return self._classes[name]


FORECASTERS = Registry()
WHOLE_SERIES = Registry()
