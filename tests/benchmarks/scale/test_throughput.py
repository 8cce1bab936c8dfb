import json

import pandas as pd
import pytest

from benchmarks.scale import throughput

pytest.importorskip("pyarrow", reason="data of any size lies in parquet")


@pytest.mark.slow
def test_data_is_written_once_measured_in_processes_and_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(throughput, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(throughput, "_SERIES", 40)
    data = tmp_path / "data"
    throughput.main(["--rows", "24000", "--length", "300", "--folder", str(data)])
    files = sorted(data.glob("300-2/*.parquet"))
    frames = [pd.read_parquet(path) for path in files]
    assert [len(frame) for frame in frames] == [12_000, 12_000]
    assert pd.concat(frames)["unique_id"].nunique() == 80
    assert not list(data.glob("300-2/answers*"))  # forecasts are measured, not kept
    written = [path.stat().st_mtime_ns for path in files]
    assert throughput.prepare(data, 24_000, 300) == 2
    assert [path.stat().st_mtime_ns for path in files] == written

    stored = json.loads((tmp_path / "results" / "raw" / "scale" / "scale.json").read_text())["results"]
    assert [(row["task"], row["workers"], row["rows"]) for row in stored] == [
        ("fit", 1, 24_000),
        ("score", 1, 24_000),
    ]
    assert all(0.05 < row["peak_gib"] < 2.0 and row["seconds"] > 0 for row in stored)
    page = (tmp_path / "results" / "scale" / "README.md").read_text()
    assert page.count("24,000") == 2
