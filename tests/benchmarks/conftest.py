from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssmts_datasets.ett import Borders, ETTDataset

DAYS = 60


def made_up(step: str) -> ETTDataset[pd.DataFrame]:
    """A year of three days' worth: daily waves and slow noise, 40/10/10 days; both rates show one process."""
    per_day = pd.Timedelta(days=1) // pd.Timedelta(step)
    minutes = np.arange(DAYS * 96) * 15.0
    generator = np.random.default_rng(7)
    slow = np.cumsum(generator.normal(size=(len(minutes), 3)), axis=0) * 0.03
    day = 2 * np.pi * minutes / 1440
    waves = np.column_stack([np.sin(day), np.cos(day) + 0.3 * np.sin(2 * day), np.sin(day + 1) ** 2])
    values = (3 * waves + slow + 5)[:: 96 // per_day]
    index = pd.date_range("2020-01-01", periods=len(values), freq=step, name="date")
    index.freq = None
    frame = pd.DataFrame(values, index=index, columns=["a", "b", "c"])
    borders = Borders(*((per_day * a, per_day * b) for a, b in ((0, 40), (40, 50), (50, 60))))
    return ETTDataset(f"made-up-{step}", frame, borders, pd.Timedelta(step), Path("made-up.csv"))


@pytest.fixture(scope="session")
def hourly() -> ETTDataset[pd.DataFrame]:
    return made_up("1h")


@pytest.fixture(scope="session")
def quarter_hourly() -> ETTDataset[pd.DataFrame]:
    return made_up("15min")
