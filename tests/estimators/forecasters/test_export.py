import json
import sys

import numpy as np
import pytest
import torch

from ssmts import LinearSSMForecaster, Mamba2Forecaster, Mamba3Forecaster, MambaForecaster, S4Forecaster
from ssmts.errors import ParameterError
from ssmts_datasets import make_sines

FORMATS = ["torch.export", "onnx"]


class Graph:
    """An exported graph as its runtime runs it, and what it says of itself."""

    def __init__(self, model, folder, format, **options):
        path = folder / "graph"
        if format == "torch.export":
            model.export(path, format=format, **options)
            files = {"ssmts.json": ""}
            program = torch.export.load(path, extra_files=files).module()
            self.said = json.loads(files["ssmts.json"])
            self.run = lambda given: [
                out.numpy() for out in _several(program(**{k: torch.tensor(v) for k, v in given.items()}))
            ]
            return
        runtime = pytest.importorskip("onnxruntime", reason="the graph is run by onnxruntime")
        pytest.importorskip("onnxscript", reason="ONNX is written with onnxscript")
        model.export(path, format=format, **options)
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.said = json.loads(session.get_modelmeta().custom_metadata_map["ssmts"])
        self.run = lambda given: session.run(None, given)

    def __call__(self, values, series, **more):
        return self.run({"values": np.asarray(values, float), "series": np.asarray(series), **more})


def _several(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


@pytest.fixture(scope="module")
def several():
    """Three series of two channels, far from 0, of different kinds; and a model with weights for each."""
    draw = np.random.default_rng(0)
    values = draw.normal(size=(3, 300, 2))
    for k in range(1, 300):
        values[:, k] += np.array([0.95, -0.7, 0.2])[:, None] * values[:, k - 1]
    values = 1e4 + 30 * values
    return LinearSSMForecaster(horizon=8, context_length=40).fit(values), values


@pytest.fixture(scope="module")
def hourly():
    frame = make_sines(400, periods=[24.0, 9.0], noise=0.1, random_state=0).frame
    return LinearSSMForecaster(horizon=12, context_length=48).fit(frame), frame


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.slow
def test_the_graph_is_predict(several, tmp_path, format):
    model, values = several
    graph = Graph(model, tmp_path, format)
    assert (graph.said["n_rows"], graph.said["n_leads"]) == (40, 8)
    assert graph.said["ids"] == ["0", "1", "2"]
    windows = np.concatenate([values, values[:1]])[:, -40:]  # the fourth is new: scale and weights are others
    (forecast,) = graph(windows, [0, 1, 2, -1])
    np.testing.assert_allclose(forecast, model.predict(windows), rtol=0, atol=1e-5)
    assert np.abs(forecast[3] - forecast[0]).max() > 0.1


@pytest.mark.parametrize("step", ["15min", "25min", "2h"])
def test_the_graph_of_another_rate(hourly, tmp_path, step):
    model, frame = hourly
    graph = Graph(model, tmp_path, "torch.export", step=step)
    rows = frame.resample(step).interpolate().iloc[-graph.said["n_rows"] :]
    (forecast,) = graph(rows.to_numpy()[None], [0])
    expected = model.predict(rows)
    assert len(expected) == graph.said["n_leads"]
    np.testing.assert_allclose(forecast[0], expected, rtol=0, atol=1e-8)


@pytest.mark.slow
def test_the_graph_of_a_context_that_is_no_whole_number_of_steps(hourly, tmp_path):
    _, frame = hourly
    model = LinearSSMForecaster(horizon=12, context_length="40h30min").fit(frame)
    graph = Graph(model, tmp_path, "torch.export")
    (forecast,) = graph(frame.to_numpy()[None, -graph.said["n_rows"] :], [0])
    np.testing.assert_allclose(forecast[0], model.predict(frame), rtol=0, atol=1e-8)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.slow
def test_the_graph_of_a_stream_follows_the_stream(several, tmp_path, format):
    model, values = several
    graph = Graph(model, tmp_path, format, streaming=True)
    n_rows, n_features = graph.said["n_rows"], model.model_.bank.n_features
    state, window = np.zeros((3, 2, n_features)), np.zeros((3, 2, n_rows))
    for k in range(150):
        forecast, state, window = graph(values[:, k], [0, 1, 2], state=state, window=window)
    assert forecast.shape == (3, 8, 2)
    np.testing.assert_allclose(forecast, model.predict(values[:, :150]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.slow
def test_the_graph_has_the_deep_path(deep, chaos, tmp_path, format):
    assert deep.module_ is not None
    n_rows = 8
    graph = Graph(deep, tmp_path, format)
    assert graph.said["n_rows"] == n_rows
    windows = np.stack([chaos[-n_rows - k : len(chaos) - k] for k in range(5)])
    (forecast,) = graph(windows[..., None], np.zeros(5, int))
    expected = [deep.predict(window) for window in windows]
    np.testing.assert_allclose(forecast[..., 0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("hold", ["gp", "zoh"])
@pytest.mark.slow
def test_the_graph_reads_coarse_rows_as_the_hold_does(hourly, tmp_path, hold):
    _, frame = hourly
    lines = LinearSSMForecaster(horizon=12, context_length=48, hold="foh").fit(frame)
    model = LinearSSMForecaster(horizon=12, context_length=48, hold=hold).fit(frame)
    rows = frame.iloc[::-3].iloc[::-1]
    graph = Graph(model, tmp_path, "torch.export", step="3h")
    (forecast,) = graph(rows.to_numpy()[None, -graph.said["n_rows"] :], [0])
    expected = model.predict(rows)
    np.testing.assert_allclose(forecast[0], expected, rtol=0, atol=1e-8)
    assert np.abs(expected - lines.predict(rows)).to_numpy().max() > 1e-3


@pytest.mark.parametrize(
    ("cls", "format"),
    [(MambaForecaster, "onnx"), (Mamba2Forecaster, "torch.export"), (Mamba3Forecaster, "torch.export")],
)
@pytest.mark.slow
def test_selective_layers_are_plain_operations_in_the_graph(cls, format, small_deep, chaos, tmp_path):
    small = small_deep | {"d_model": 8, "max_epochs": 20}
    model = cls(**small).fit(chaos)
    assert model.module_ is not None
    graph = Graph(model, tmp_path, format)
    windows = np.stack([chaos[-8 - k : len(chaos) - k] for k in range(5)])
    (forecast,) = graph(windows[..., None], np.zeros(5, int))
    expected = [model.predict(window) for window in windows]
    np.testing.assert_allclose(forecast[..., 0], expected, rtol=0, atol=1e-5)
    if format == "torch.export":
        program = torch.export.load(tmp_path / "graph")
        assert not [str(node.target) for node in program.graph.nodes if "ssmts" in str(node.target)]
    if cls is Mamba3Forecaster:
        with pytest.raises(ParameterError, match="rotary"):
            model.export(tmp_path / "other", format="onnx")


@pytest.mark.slow
def test_what_cannot_be_exported_is_said(hourly, small_deep, chaos, tmp_path):
    model, frame = hourly
    path = tmp_path / "graph"
    with pytest.raises(ParameterError, match=r"'onnx', 'torch\.export'"):
        model.export(path, format="pickle")
    with pytest.raises(ParameterError, match="reference step"):
        model.export(path, streaming=True, step="2h")
    with pytest.raises(ParameterError, match="no longer than the trained horizon"):
        model.export(path, step="13h")
    known = frame.assign(day=3 * np.random.default_rng(0).normal(size=400))
    known[frame.columns[0]] += known["day"]
    covered = LinearSSMForecaster(horizon=12, context_length=48, future_covariates=["day"]).fit(known)
    assert covered.history_["covariates"]["accepted"]
    with pytest.raises(ParameterError, match="future_covariates"):
        covered.export(path)
    settings = {
        "horizon": 2,
        "context_length": 8,
        "n_modes": 8,
        "d_model": 8,
        "random_state": 0,
        "device": "cpu",
    }
    for other, word in (
        (S4Forecaster(**settings, token_stride=2, max_epochs=20, learning_rate=1e-2), "token_stride"),
    ):
        assert other.fit(chaos).module_ is not None
        with pytest.raises(ParameterError, match=word):
            other.export(path)
    assert not list(tmp_path.iterdir())


def test_a_missing_extra_is_named(hourly, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"ssmts\[onnx\]"):
        hourly[0].export(tmp_path / "graph")
