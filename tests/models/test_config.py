"""The configs are frozen and survive JSON unchanged."""

import json
from dataclasses import FrozenInstanceError, asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmts.models.config import DeepConfig, LinearConfig, ModelConfig

POSITIVE = st.floats(1e-9, 1e12)
COUNTS = st.integers(0, 10**6)
LINEAR = st.builds(
    LinearConfig, context=POSITIVE, horizon=COUNTS, n_modes=COUNTS, period=st.none() | POSITIVE
)
KINDS = {"str": st.text(max_size=8), "int": COUNTS, "float": POSITIVE}
DEEP = st.builds(DeepConfig, **{f.name: KINDS[f.type] for f in fields(DeepConfig)})


@given(st.builds(ModelConfig, linear=LINEAR, n_groups=COUNTS, deep=st.none() | DEEP))
@pytest.mark.slow
def test_json_gives_back_an_equal_config(config):
    again = ModelConfig.from_dict(json.loads(json.dumps(config.to_dict(), allow_nan=False)))
    assert again == config
    assert hash(again) == hash(config)
    assert type(again.linear) is LinearConfig


@pytest.mark.parametrize(
    "config",
    [LinearConfig(720.0, 96), ModelConfig(LinearConfig(720.0, 96), 7)],
    ids=lambda config: type(config).__name__,
)
def test_no_field_can_be_set(config):
    for name, value in asdict(config).items():
        with pytest.raises(FrozenInstanceError):
            setattr(config, name, value)


def test_a_config_of_unknown_or_missing_fields_is_refused():
    state = ModelConfig(LinearConfig(720.0, 96), 7).to_dict()
    with pytest.raises(TypeError, match="colour"):
        ModelConfig.from_dict({**state, "linear": {**state["linear"], "colour": 1}})
    with pytest.raises(TypeError, match="context"):
        ModelConfig.from_dict({**state, "linear": {"horizon": 96}})
