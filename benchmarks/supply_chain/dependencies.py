"""Dependencies as installed, with the licences that they state."""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["PROJECT", "TOOLS", "Dependency", "installed", "user_extras"]

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
TOOLS = frozenset({"test", "docs", "audit", "all"})  # extras that no user of the library needs
_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST = 80  # characters; some packages put the whole text where the name belongs


@dataclass(frozen=True)
class Dependency:
    """A distribution that is installed.

    Parameters
    ----------
    name, version : str
    licence : str
        As it states it: the SPDX expression, else the classifiers, else the field; empty if it states none.
    """

    name: str
    version: str
    licence: str

    @property
    def is_permissive(self) -> bool:
        """Whether a licence is stated, and none that extends to what is built upon it.

        The Mozilla licence extends to its own files only. Of a choice ("A OR B") one has to do.
        """
        choices = self.licence.upper().replace("GNU LESSER GENERAL PUBLIC", "LGPL").split(" OR ")
        return bool(self.licence) and any("GPL" not in one and "GENERAL PUBLIC" not in one for one in choices)


def user_extras() -> list[str]:
    """Extras of pyproject.toml that users install."""
    return [name for name in _project()["optional-dependencies"] if name not in TOOLS]


def installed(extras: Iterable[str] = ()) -> list[Dependency]:
    """Everything that the dependencies of the project pull in and that is installed, sorted by name.

    Parameters
    ----------
    extras : iterable of str
        Extras of the project to count in.

    Raises
    ------
    PackageNotFoundError
        If a dependency that pyproject.toml names is not installed.
    """
    project = _project()
    named = [*project["dependencies"]]
    for extra in extras:
        named += [line for line in project["optional-dependencies"][extra] if not line.startswith("ssmts[")]
    found: dict[str, Dependency] = {}
    waiting = [(Requirement(line), True) for line in named]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement, is_direct = waiting.pop()
        name, own_extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, own_extras) in seen or not _applies(requirement, frozenset()):
            continue
        seen.add((name, own_extras))
        try:
            distribution = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            if is_direct:
                raise
            continue  # of another platform, or replaced by a build that needs less
        found[name] = Dependency(name, distribution.version, _licence(distribution))
        for line in distribution.requires or ():
            below = Requirement(line)
            if _applies(below, own_extras):
                below.marker = None
                waiting.append((below, False))
    return [found[name] for name in sorted(found)]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})


def _licence(distribution: importlib.metadata.Distribution) -> str:
    metadata = distribution.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = metadata.get_all("Classifier") or []
    if named := [one.removeprefix(_CLASSIFIER) for one in classifiers if one.startswith(_CLASSIFIER)]:
        return " OR ".join(named)
    lines = (metadata.get("License") or "").strip().splitlines()
    return lines[0][:_LONGEST] if lines else ""


def _project() -> dict[str, dict[str, list[str]]]:
    project: dict[str, dict[str, list[str]]] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return project
