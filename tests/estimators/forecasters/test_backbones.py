"""Every named backbone trains, is saved and loaded, follows a stream, and is asked at another rate."""

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts.estimators import SSMForecaster
from ssmts.nn import LAYERS
from ssmts.nn.gated import GatedStack

BACKBONES = ["LSSL", "S4", "S4D", "S5", "Mamba", "Mamba2", "Mamba3"]


@pytest.mark.parametrize("tokens", [None, "16h"])
@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.slow
def test_every_backbone_trains_saves_loads_streams_and_changes_rate(name, tokens, chaos, tmp_path):
    cls = getattr(ssmts, f"{name}Forecaster")
    assert issubclass(cls, SSMForecaster)
    frame = pd.DataFrame({"y": chaos}, pd.date_range("2024-01-01", periods=len(chaos), freq="h", name="ds"))
    model = cls(
        horizon=4,
        context_length=48,
        n_modes=24,
        d_model=16,
        d_state=8 if name != "Mamba" else 4,
        n_layers=1,
        token_stride=tokens,
        max_epochs=2,
        batch_size=128,
        random_state=0,
    ).fit(frame)
    record = model.history_["deep"]
    assert {epoch["member"] for epoch in record["epochs"]} == {0, 1, 2}
    assert all(np.isfinite(epoch["train_loss"]) for epoch in record["epochs"])
    assert model.module_ is None or model.module_[0].backbone.blocks[0].ssm.__class__.__name__ == name
    recent = frame.tail(60)
    expected = model.predict(recent)
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = ssmts.load(path)
    assert type(loaded) is cls
    np.testing.assert_array_equal(loaded.predict(recent), expected)
    stream = loaded.stream(recent.iloc[:-6])
    for time, value in recent["y"].iloc[-6:].items():
        stream.update(time, value)
    pd.testing.assert_frame_equal(stream.predict(), expected, check_exact=True)
    coarse = loaded.predict(recent.iloc[1::2])
    assert len(coarse) == 2
    assert np.isfinite(coarse.to_numpy()).all()


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_that_gate_themselves_are_not_gated_twice_and_count_no_tokens(layer):
    block = GatedStack(8, 1, layer=layer, d_state=4, dropout=0.0).blocks[0]
    assert hasattr(block, "branches") != LAYERS[layer].GATED
    assert not hasattr(block.ssm, "conv") or block.ssm.conv.n_before == 0
