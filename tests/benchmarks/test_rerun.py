"""Two cells of the long-horizon table made again: the stored figures are what this code gives."""

import os

import pytest

from benchmarks import rerun


@pytest.mark.skipif("SSMTS_DATA_HOME" not in os.environ, reason="the ETT files are not at hand")
@pytest.mark.slow
def test_two_hourly_cells_give_their_stored_figures(monkeypatch, capsys) -> None:
    monkeypatch.setattr(rerun, "log_test", lambda command: None)  # nothing is chosen by this look
    rerun.main(["--data", "ETTh1", "ETTh2", "--model", "LinearSSMForecaster", "--seed", "0"])
    assert capsys.readouterr().out.count("| yes |") == 2


def test_a_figure_that_does_not_hold_ends_with_one(monkeypatch, capsys) -> None:
    row = {"dataset": "ETTh1", "horizon": 96, "context": 720, "model": "LinearSSMForecaster", "rows": []}
    row["rows"] = [{"mse": 0.30, "seed": None}, {"mse": 0.31, "seed": None}]
    monkeypatch.setattr(rerun, "log_test", lambda command: None)
    monkeypatch.setattr(rerun, "stored_rows", lambda: [row, row])
    monkeypatch.setattr(rerun, "load_ett", lambda name: None)
    for now, agrees in ((0.309, True), (0.32, False)):
        monkeypatch.setattr(rerun, "run_cell", lambda *a, now=now, **k: {"results": [{"mse": now}]})
        assert rerun.made_again(row)["agrees"] is agrees
    with pytest.raises(SystemExit, match="1"):
        rerun.main(["--cells", "1"])
    assert "| no |" in capsys.readouterr().out
