"""What a fit chose and how good it was on held-out data, for people: as text, as HTML, as a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr

__all__ = ["Summary", "fitted_html"]

_BOX = "border-collapse:collapse;font-family:sans-serif;font-size:13px;margin:0 0 8px 0"
_CELL = "text-align:left;padding:2px 14px 2px 0;vertical-align:top;border:0"


@dataclass(frozen=True, repr=False)
class Summary:
    """Choices and held-out errors of a fit.

    Parameters
    ----------
    title : str
        Class of the estimator.
    parts : mapping of str to mapping of str to object
        Values by name, by part: data, choices, held-out data. Texts and numbers.
    """

    title: str
    parts: Mapping[str, Mapping[str, Any]]

    def to_frame(self) -> pd.DataFrame:
        """A row for each value, with the columns part, name and value."""
        return pd.DataFrame(list(self._rows()), columns=["part", "name", "value"])

    def _rows(self) -> Iterator[tuple[str, str, Any]]:
        for part, values in self.parts.items():
            for name, value in values.items():
                yield part, name, value

    def __repr__(self) -> str:
        width = max((len(name) for _, name, _ in self._rows()), default=0)
        lines = [self.title]
        for part, values in self.parts.items():
            lines.append(part)
            lines += [f"  {name.ljust(width)}  {shown(value)}" for name, value in values.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for part, values in self.parts.items():
            rows.append(f'<tr><th colspan="2" style="{_CELL};padding-top:6px">{escape(part)}</th></tr>')
            for name, value in values.items():
                cells = (escape(name), escape(shown(value)))
                rows.append("<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>")
        caption = f'<caption style="{_CELL};font-weight:bold">{escape(self.title)}</caption>'
        return f'<table style="{_BOX}">{caption}{"".join(rows)}</table>'


def shown(value: Any) -> str:
    """A value as it is read: numbers to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def fitted_html(estimator: BaseEstimator, is_fitted: bool, summary: Callable[[], Summary]) -> str:
    """Scikit-learn's diagram; of a fitted estimator its summary above it."""
    diagram: str = estimator_html_repr(estimator)
    return summary()._repr_html_() + diagram if is_fitted else diagram
