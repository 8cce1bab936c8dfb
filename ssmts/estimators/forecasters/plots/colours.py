"""Colours by role, for light and for dark pages."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["DARK", "LIGHT", "Theme", "darkened"]


@dataclass(frozen=True)
class Theme:
    """Colours as ``#rrggbb``; `bands` are those of the widest and the narrowest interval."""

    roles: dict[str, str]
    bands: tuple[str, str]
    series: tuple[str, ...]
    map: str

    def __getitem__(self, role: str) -> str:
        """The colour of a role, or of the n-th of several series: ``"series 2"``."""
        kind, _, number = role.partition(" ")
        return self.series[int(number) % len(self.series)] if kind == "series" else self.roles[role]

    def band(self, rank: int, count: int) -> str:
        """Colour of an interval; the only one has the middle colour."""
        weight = 0.5 if count == 1 else rank / (count - 1)
        ends = [[int(end[k : k + 2], 16) for k in (1, 3, 5)] for end in self.bands]
        return "#" + "".join(f"{round(a + weight * (b - a)):02x}" for a, b in zip(*ends, strict=True))


LIGHT = Theme(
    roles={
        "text": "#24292f",
        "paper": "#ffffff",
        "rule": "#a8b0b8",
        "observed": "#6b7680",
        "later": "#1b1f24",
        "forecast": "#0b6e99",
        "other": "#c0392b",
    },
    bands=("#d9e9f2", "#8fc1da"),
    series=("#0b6e99", "#c0392b", "#2e7d32", "#8e44ad", "#b9770e", "#37474f"),
    map="viridis_r",
)
DARK = Theme(
    roles={
        "text": "#d5dae0",
        "paper": "#14181d",
        "rule": "#59636e",
        "observed": "#98a3ae",
        "later": "#ffffff",
        "forecast": "#5cb8e6",
        "other": "#ff8a75",
    },
    bands=("#1c3545", "#2f6785"),
    series=("#5cb8e6", "#ff8a75", "#7ccf86", "#c79be0", "#f0b95b", "#b0bec5"),
    map="viridis",
)


def darkened(svg: str, n_bands: int) -> str:
    """A picture in the colours of the dark theme, from one in those of the light theme."""
    pairs = list(zip(LIGHT.series, DARK.series, strict=True))
    pairs += [(LIGHT[role], DARK[role]) for role in LIGHT.roles]
    for count in range(1, n_bands + 1):
        pairs += [(LIGHT.band(rank, count), DARK.band(rank, count)) for rank in range(count)]
    dark = dict(pairs)
    return re.sub(r"#[0-9a-f]{6}", lambda found: dark.get(found[0], found[0]), svg)
