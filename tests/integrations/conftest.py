"""Small data for every integration: fits take a fraction of a second."""

import numpy as np
import pandas as pd
import pytest

from ssmts_datasets import make_sines


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Two hourly channels of slow waves."""
    return make_sines(400, periods=[48.0, 120.0], n_channels=2, noise=0.01, random_state=0).frame


@pytest.fixture(scope="session")
def panel() -> pd.DataFrame:
    """Three hourly series, long."""
    return make_sines(300, n_series=3, periods=[48.0, 100.0], noise=0.01, layout="long", random_state=1).frame


@pytest.fixture(scope="session")
def chaos() -> np.ndarray:
    """The logistic map, which only a deep branch can forecast."""
    values = np.empty(600)
    values[0] = 0.4
    for k in range(1, len(values)):
        values[k] = 3.9 * values[k - 1] * (1.0 - values[k - 1])
    return values
