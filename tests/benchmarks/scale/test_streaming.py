"""The benchmark of streams measures what it says, at a size that fits a test."""

import json
import sys

import pytest

from benchmarks.scale import streaming


@pytest.mark.slow
def test_a_run_stores_its_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(streaming, "RESULTS", tmp_path)
    monkeypatch.setattr(streaming, "CONTEXT", 48)
    monkeypatch.setattr(streaming, "HORIZON", 12)
    monkeypatch.setattr(streaming, "measure_backtest", list)
    monkeypatch.setattr(sys, "argv", ["streaming", "--longest", "1000", "--series", "20", "--threads", "1"])
    streaming.main()
    report = json.loads((tmp_path / "raw" / "streaming" / "streaming.json").read_text())
    assert [row["observations"] for row in report["history"]] == [1000]
    assert report["history"][0]["bytes"] < 20_000
    assert report["many"]["updates_per_second"] > 0
    page = (tmp_path / "streaming" / "streaming.md").read_text()
    assert page in capsys.readouterr().out
    assert (tmp_path / "streaming" / "streaming.png").stat().st_size > 10_000


def test_forecasts_that_differ_give_no_figure():
    with pytest.raises(SystemExit, match="no figure"):
        streaming._check([1.0], [1.1])
