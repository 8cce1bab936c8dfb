import dataclasses
import math
from datetime import timedelta

import pandas as pd
import pytest

from ssmts.errors import ParameterError
from ssmts.training import TrainingConfig


@pytest.mark.parametrize(
    ("max_time", "seconds"),
    [
        (None, math.inf),
        (90, 90.0),
        (0.5, 0.5),
        ("10min", 600.0),
        ("2h", 7200.0),
        (timedelta(minutes=3), 180.0),
        (pd.Timedelta("1D"), 86400.0),
    ],
)
def test_max_time(max_time, seconds):
    assert TrainingConfig(max_time=max_time).max_seconds == seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_epochs", 0),
        ("max_epochs", 2.0),
        ("max_epochs", True),
        ("max_epochs", None),
        ("max_steps", 0),
        ("max_time", 0),
        ("max_time", "soon"),
        ("max_time", "-5min"),
        ("max_time", [1]),
        ("batch_size", -1),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", "fast"),
        ("weight_decay", -0.1),
        ("weight_decay", math.inf),
        ("patience", 0),
        ("precision", "bf16-true"),
        ("random_state", -1),
        ("random_state", "seed"),
    ],
)
def test_bad_values_are_named(name, value):
    with pytest.raises(ParameterError, match=name) as caught:
        TrainingConfig(**{name: value})
    assert caught.value.name == name


def test_zero_weight_decay_and_no_patience_are_fine():
    config = TrainingConfig(weight_decay=0, patience=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.patience = 3
