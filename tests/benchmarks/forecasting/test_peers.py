import argparse
import json
import sys

import pytest

from benchmarks.forecasting import peers
from benchmarks.output import log_test, raw_of, write_json


def _row(model: str, library: str, mse: float) -> dict:
    return {"model": model, "seed": 0, "mse": mse, "mae": 0.4, "fit_cpu_s": 5.0, "library": library}


def test_a_cell_that_a_peer_wins_is_named(tmp_path) -> None:
    folder = tmp_path / "peers"
    ours, theirs = _row("S4Forecaster", "ssmts", 0.3), _row("NHITS", "neuralforecast", 0.4)
    write_json(
        raw_of(folder) / "ETTh1-96.json", {"dataset": "ETTh1", "horizon": 96, "results": [ours, theirs]}
    )
    assert "Cells that others win: none." in peers.summary(folder)
    better = _row("PatchTST", "neuralforecast", 0.2)
    write_json(
        raw_of(folder) / "ETTh2-96.json", {"dataset": "ETTh2", "horizon": 96, "results": [ours, better]}
    )
    page = peers.summary(folder)
    assert "Cells that others win: ETTh2-96 (PatchTST)." in page
    assert "| ETTh2-96 | 0.3000 / 0.4000 (5 s) |  | **0.2000** / 0.4000 (5 s) |" in page
    naive = _row("ridge on lags", "", 0.1) | {"fit_cpu_s": None}
    path = tmp_path / "raw" / "ltsf" / "ETTh2-96.json"
    write_json(path, {"dataset": "ETTh2", "horizon": 96, "results": [naive, ours | {"mse": 0.01}]})
    page = peers.summary(folder)
    assert "Cells that others win: ETTh2-96 (ridge on lags)." in page  # ours of another table do not count
    assert "**0.1000** / 0.4000 |" in page
    folder.mkdir()
    peers.plot(folder)
    assert (folder / "peers.png").stat().st_size > 1000


def test_a_peer_that_fails_says_why(hourly, monkeypatch) -> None:
    monkeypatch.setattr(peers, "_CONTEXT", 48)
    options = argparse.Namespace(python=sys.executable, test=True, seconds=1.0, seed=0)
    with pytest.raises(RuntimeError, match=r"NHITS on made-up-1h-12 failed:[\s\S]*neuralforecast"):
        peers.run_peer(hourly, 12, "NHITS", options)


@pytest.mark.slow
def test_ours_are_fitted_with_their_defaults(hourly, monkeypatch) -> None:
    monkeypatch.setattr(peers, "_CONTEXT_OF_OURS", "2D")
    row = peers.run_ours(hourly, 12, "LinearSSMForecaster", 0, test=True)
    assert row["library"] == "ssmts"
    assert 0 < row["mse"] < 1
    assert row["fit_cpu_s"] > 0


def test_a_model_judged_on_some_windows_is_compared_on_these(tmp_path) -> None:
    folder = tmp_path / "peers"
    ours = _row("LinearSSMForecaster", "ssmts", 0.3)
    some = _row("AutoETS", "statsforecast", 0.25) | {"n_windows": 70, "ours": {"mse": 0.2, "mae": 0.3}}
    write_json(raw_of(folder) / "ETTh1-96.json", {"dataset": "ETTh1", "horizon": 96, "results": [ours, some]})
    page = peers.summary(folder)
    assert "Cells that others win: none." in page
    assert "0.2500 / 0.4000 (5 s; 70 windows, ours 0.2000)" in page
    lost = some | {"ours": {"mse": 0.26, "mae": 0.3}}
    write_json(raw_of(folder) / "ETTh1-96.json", {"dataset": "ETTh1", "horizon": 96, "results": [ours, lost]})
    assert "Cells that others win: ETTh1-96 (AutoETS)." in peers.summary(folder)


def test_settings_are_tried_on_validation_only(capsys) -> None:
    with pytest.raises(SystemExit):
        peers.main(["--test", "--set", "learning_rate=0.1", "--model", "NHITS"])
    assert "--set is for the validation span" in capsys.readouterr().err


def test_the_log_of_test_spans_knows_no_folders(tmp_path) -> None:
    log_test(
        ["python -m x", "--python", "/home/me/env/bin/python", "--storage=/tmp/studies", "ETTh1-96"], tmp_path
    )
    entry = json.loads((tmp_path / "test-log.jsonl").read_text())
    assert entry["command"] == "python -m x --python python --storage=studies ETTh1-96"
