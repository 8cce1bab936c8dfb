from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pytest

Maker = Callable[[dict[str, Any]], Any]


def _pandas(columns: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def _polars(columns: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(columns)


@pytest.fixture(params=[_pandas, _polars], ids=["pandas", "polars"])
def make(request: pytest.FixtureRequest) -> Maker:
    """Builds a frame of either library from columns."""
    return request.param
