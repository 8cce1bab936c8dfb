from benchmarks.forecasting import deep_path
from benchmarks.output import write_json


def _cell(dataset: str, horizon: int, linear: float, deep: list[float]) -> dict:
    rows = [{"model": "LinearSSMForecaster", "seed": None, "mse": linear}]
    rows += [{"model": "S4Forecaster", "seed": seed, "mse": mse} for seed, mse in enumerate(deep)]
    return {"dataset": dataset, "horizon": horizon, "results": rows}


def test_gains_are_paired_by_seed_and_the_worst_test_cell_is_shown(tmp_path) -> None:
    validation, test = tmp_path / "deep", tmp_path / "ltsf"
    write_json(
        tmp_path / "raw" / "deep" / "S4Forecaster-ETTh1-96.json", _cell("ETTh1", 96, 1.0, [0.98, 0.96])
    )
    write_json(tmp_path / "raw" / "deep" / "S4Forecaster-ETTm1-96.json", _cell("ETTm1", 96, 1.0, [1.0, 0.96]))
    write_json(tmp_path / "raw" / "ltsf" / "ETTh1-96.json", _cell("ETTh1", 96, 2.0, [2.0, 2.1]))
    write_json(tmp_path / "raw" / "ltsf" / "ETTh1-192.json", _cell("ETTh1", 192, 2.0, [1.8, 1.9]))
    page = deep_path.summary(validation, test, "S4Forecaster")
    assert "| ETTh1-96 | 1.0000 | 0.9700 | 3.00% ± 1.00 | 2.50%, least -5.00% |" in page
    assert "| ETTm1-96 | 1.0000 | 0.9800 | 2.00% ± 2.00 |  |" in page
    assert "| mean |  |  | 2.50% ± 1.50 |  |" in page


def test_a_cell_is_measured_once(hourly, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(deep_path, "_FOLDER", tmp_path / "deep")
    monkeypatch.setattr(deep_path, "load_ett", lambda name: hourly)
    asked = []

    def measured(dataset, horizon, context, **options):
        asked.append((horizon, context, options["test"], options["seeds"]))
        return _cell("ETTh1", horizon, 1.0, [0.9, 0.9])

    monkeypatch.setattr(deep_path, "run_cell", measured)
    for _ in range(2):
        deep_path.main(["--data", "ETTh1", "--seeds", "0", "1"])
    assert asked == [(96, 720, False, [0, 1])]
    assert "10.00% ± 0.00" in (tmp_path / "deep" / "README.md").read_text()
