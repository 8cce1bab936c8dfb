"""Small data and models fitted once a module: every fit here takes a fraction of a second."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts_datasets import GeneratedDataset, make_sines


@pytest.fixture(scope="session")
def sines() -> GeneratedDataset:
    """Two hourly channels of slow waves, which straight lines follow closely."""
    return make_sines(400, periods=[48.0, 120.0], n_channels=2, noise=0.01, random_state=0)


@pytest.fixture(scope="module")
def frame(sines: GeneratedDataset) -> pd.DataFrame:
    return sines.frame


@pytest.fixture(scope="module")
def new_model() -> Callable[..., LinearSSMForecaster]:
    """Makes an unfitted forecaster, 12 steps from 48, small enough for a test."""

    def make(horizon: Any = 12, context_length: Any = 48, **parameters: Any) -> LinearSSMForecaster:
        return LinearSSMForecaster(horizon, context_length, **{"n_modes": 24, **parameters})

    return make


@pytest.fixture(scope="module")
def model(new_model: Callable[..., LinearSSMForecaster], frame: pd.DataFrame) -> LinearSSMForecaster:
    return new_model().fit(frame)


@pytest.fixture(scope="session")
def panel() -> pd.DataFrame:
    """Three hourly series, long, one column of values."""
    waves = make_sines(300, n_series=3, periods=[48.0, 100.0], noise=0.01, layout="long", random_state=1)
    return waves.frame


@pytest.fixture(scope="module")
def panel_model(new_model: Callable[..., LinearSSMForecaster], panel: pd.DataFrame) -> LinearSSMForecaster:
    return new_model().fit(panel)


@pytest.fixture(scope="session")
def chaos() -> np.ndarray:
    """The logistic map: what comes next is a parabola of now, so a linear forecast knows next to nothing."""
    values = np.empty(600)
    values[0] = 0.4
    for k in range(1, len(values)):
        values[k] = 3.9 * values[k - 1] * (1.0 - values[k - 1])
    return values


@pytest.fixture(scope="session")
def small_deep() -> dict[str, Any]:
    """Parameters of a deep branch that learns the logistic map in two seconds."""
    return {
        "horizon": 2,
        "context_length": 8,
        "n_modes": 8,
        "d_model": 16,
        "d_state": 4,
        "n_layers": 1,
        "dropout": 0.0,
        "loss": "mse",
        "max_epochs": 6,
        "batch_size": 64,
        "learning_rate": 1e-2,
        "random_state": 0,
    }


@pytest.fixture(scope="session")
def deep(small_deep: dict[str, Any], chaos: np.ndarray) -> S4Forecaster:
    """A forecaster whose deep branch was accepted."""
    return S4Forecaster(**small_deep).fit(chaos)


@pytest.fixture(scope="session")
def waves() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Makes noisy waves of 80 instants, slow and fast ones in turn, with labels."""

    def make(n_cases: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        y = np.array(["slow", "fast"])[np.arange(n_cases) % 2]
        speed = np.where(y == "slow", 0.15, 0.3)[:, None]
        X = np.sin(speed * np.arange(80) + rng.uniform(0, 6.28, (n_cases, 1)))
        return X + 0.1 * rng.normal(size=X.shape), y

    return make
