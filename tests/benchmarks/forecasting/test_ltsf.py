import json
import os
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import output, windows
from benchmarks.forecasting import ltsf
from ssmts import LinearSSMForecaster
from ssmts_datasets import load_ett

CONTEXT, HORIZON = 48, 12


@pytest.fixture(scope="module")
def cell(hourly):
    models = ["LinearSSMForecaster", "S4Forecaster"]
    return ltsf.run_cell(hourly, HORIZON, CONTEXT, models=models, seeds=[0], test=True)


@pytest.mark.slow
def test_a_cell_holds_models_and_baselines(cell) -> None:
    rows = {row["model"]: row for row in cell["results"]}
    assert list(rows) == [
        "last value",
        "seasonal naive (day)",
        "ridge on lags",
        "LinearSSMForecaster",
        "S4Forecaster",
    ]
    assert (cell["dataset"], cell["horizon"], cell["context"]) == ("made-up-1h", HORIZON, CONTEXT)
    for row in rows.values():
        assert {"model", "seed", "mse", "mae", "fit_s", "predict_ms", "n_parameters"} <= set(row)
    linear = rows["LinearSSMForecaster"]
    assert linear["seed"] is None  # it has no randomness
    assert rows["S4Forecaster"]["seed"] == 0
    assert linear["fit_s"] > 0
    assert linear["predict_ms"] > 0
    assert linear["n_parameters"] > 100
    assert linear["mse"] < 0.5 * rows["seasonal naive (day)"]["mse"] < rows["last value"]["mse"]


@pytest.mark.slow
def test_figures_are_those_of_predict_window_by_window(hourly) -> None:
    parts = windows.split(windows.standardised(hourly), CONTEXT, test=True)
    model = LinearSSMForecaster(horizon=HORIZON, context_length=CONTEXT).fit(parts.train)
    errors = []
    for end in range(CONTEXT, len(parts.judged) - HORIZON + 1):
        truth = parts.judged.iloc[end : end + HORIZON]
        forecast = model.predict(parts.judged.iloc[end - CONTEXT : end])
        assert forecast.index.equals(truth.index)
        errors.append((forecast - truth).to_numpy())
    assert len(errors) == len(hourly.test) - HORIZON + 1  # every window, none dropped
    figures = {"mse": np.mean(np.square(errors)), "mae": np.mean(np.abs(errors))}
    assert windows.evaluate(model, parts.judged) == pytest.approx(figures, abs=1e-9)


def test_a_batched_pass_that_differs_from_predict_is_caught(hourly, monkeypatch) -> None:
    parts = windows.split(windows.standardised(hourly), CONTEXT, test=True)
    model = LinearSSMForecaster(horizon=HORIZON, context_length=CONTEXT).fit(parts.train)
    windows.check_predict(model, parts.judged)
    monkeypatch.setattr(type(model), "predict", lambda self, X: X.iloc[:HORIZON])
    with pytest.raises(AssertionError, match="differ"):
        windows.check_predict(model, parts.judged)


@pytest.mark.slow
def test_development_runs_never_see_the_test_span(hourly) -> None:
    def validation_figures(dataset):
        options = {"models": ["LinearSSMForecaster"], "seeds": [0], "test": False}
        result = ltsf.run_cell(dataset, HORIZON, CONTEXT, **options)
        assert result["span"] == "validation"
        return [(row["mse"], row["mae"]) for row in result["results"]]

    spoilt = hourly.frame.copy()
    spoilt.iloc[hourly.borders.test[0] :] = 1e9
    other = type(hourly)(hourly.name, spoilt, hourly.borders, hourly.reference_step, hourly.path)
    assert validation_figures(other) == validation_figures(hourly)


@pytest.mark.slow
def test_cells_are_merged_and_written_whole(cell, tmp_path: Path) -> None:
    ltsf.store(cell, tmp_path)
    newer = cell | {"results": [cell["results"][-1] | {"mse": 0.125}, cell["results"][-1] | {"seed": 1}]}
    ltsf.store(newer, tmp_path)
    stored = json.loads((tmp_path / "raw" / "ltsf" / "made-up-1h-12.json").read_text())
    assert len(stored["results"]) == len(cell["results"]) + 1
    assert [row["mse"] for row in stored["results"] if row["seed"] == 0] == [0.125]
    assert "made-up-1h-12" in (tmp_path / "ltsf" / "README.md").read_text()
    assert not list(tmp_path.rglob("*.part*"))
    assert "| last value |" in ltsf.to_markdown(stored)
    assert "(ltsf.png)" in (tmp_path / "ltsf" / "README.md").read_text()
    assert (tmp_path / "ltsf" / "ltsf.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_what_is_stored_is_not_run_again(cell, tmp_path: Path) -> None:
    ltsf.store(cell, tmp_path)
    options = Namespace(
        model=["LinearSSMForecaster", "S4Forecaster"],
        seeds=[0, 1],
        context=None,
        test=True,
        again=False,
        no_baselines=False,
    )
    everything = [(None, None), ("LinearSSMForecaster", None), ("S4Forecaster", 0), ("S4Forecaster", 1)]
    known, unknown = ("made-up-1h", HORIZON), ("made-up-1h", 2 * HORIZON)
    assert ltsf.missing(known, options, tmp_path) == [("S4Forecaster", 1)]
    assert ltsf.missing(unknown, options, tmp_path) == everything
    for change in ({"again": True}, {"test": False}, {"context": CONTEXT + 1}):
        other = Namespace(**(vars(options) | change))
        assert ltsf.missing(known, other, tmp_path) == everything


def test_every_look_at_the_test_span_is_logged_before_it_happens(tmp_path: Path, monkeypatch) -> None:
    looks = []
    monkeypatch.setattr(ltsf, "log_test", lambda command: looks.append(command))
    monkeypatch.setattr(ltsf, "load_ett", lambda name: pytest.fail("read") if not looks else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ltsf.main(["--data", "ETTh2", "--test", "--again"])
    assert looks == [["python -m benchmarks.forecasting.ltsf", "--data", "ETTh2", "--test", "--again"]]

    output.log_test(looks[0], tmp_path)
    output.log_test(looks[0], tmp_path)
    entries = [json.loads(line) for line in (tmp_path / "test-log.jsonl").read_text().splitlines()]
    assert len(entries) == 2
    assert entries[0]["command"] == "python -m benchmarks.forecasting.ltsf --data ETTh2 --test --again"
    assert pd.Timestamp(entries[0]["date"]).tzinfo is not None
    assert entries[0]["version"].startswith("0.")


@pytest.mark.skipif(
    "SSMTS_DATA_HOME" not in os.environ, reason="SSMTS_DATA_HOME does not say where the ETT files are"
)
@pytest.mark.slow
def test_a_stored_cell_is_what_a_run_gives() -> None:
    stored = json.loads((output.RESULTS / "raw" / "ltsf" / "ETTh1-96.json").read_text())
    [expected] = [row for row in stored["results"] if row["model"] == "LinearSSMForecaster"]
    parts = windows.split(windows.standardised(load_ett("ETTh1")), stored["context"], test=True)
    model = windows.build("LinearSSMForecaster", 96, stored["context"], None)
    model.fit(parts.train, validation=parts.validation)
    figures = windows.evaluate(model, parts.judged)
    assert figures == pytest.approx({key: expected[key] for key in ("mse", "mae")}, abs=1e-3)
    assert figures["mse"] <= 0.355
