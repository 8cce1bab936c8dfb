from argparse import Namespace
from dataclasses import replace

import pytest

from benchmarks.forecasting import informer
from benchmarks.forecasting.published import INFORMER_PROTOCOL


@pytest.fixture
def folder(tmp_path):
    """Folder of the pages; its JSON lies beside it."""
    return tmp_path / "informer"


def _result(setting: str, name: str, horizon: int, mse: float) -> dict:
    rows = [{"model": "LinearSSMForecaster", "seed": None, "mse": mse, "mae": 0.5}]
    return {"setting": setting, "dataset": name, "horizon": horizon, "context": 720, "results": rows}


def test_all_cells_of_the_protocol_are_there_with_the_published_figures() -> None:
    assert len(INFORMER_PROTOCOL) == 30
    assert INFORMER_PROTOCOL["multivariate", "ETTm1", 672] == {
        "S4": (0.846, 0.709),
        "Informer": (1.192, 0.926),
    }
    assert INFORMER_PROTOCOL["univariate", "ETTh2", 24] == {"S4": (0.095, 0.234), "Informer": (0.093, 0.240)}


def test_a_cell_that_a_published_figure_wins_is_counted_against_us(folder) -> None:
    informer.store(_result("univariate", "ETTh1", 24, 0.05), folder)
    informer.store(_result("multivariate", "ETTh1", 24, 0.55), folder)  # between S4 and Informer
    page = informer.summary(folder)
    assert "Ahead in 1 of 2 cells" in page
    won, lost = (line for line in page.splitlines() if "ETTh1-24" in line)
    assert won.endswith("| yes |")
    assert lost.endswith("| no |")


def test_a_stored_cell_keeps_what_other_models_had(folder) -> None:
    informer.store(_result("univariate", "ETTh1", 24, 0.05), folder)
    other = _result("univariate", "ETTh1", 24, 0.07)
    other["results"][0]["model"] = "S4Forecaster"
    informer.store(other, folder)
    assert "0.050 / 0.500 | 0.070 / 0.500" in informer.summary(folder)


def test_only_the_oil_temperature_is_forecast_in_the_univariate_setting(hourly) -> None:
    alone = informer.only_target(replace(hourly, target="b"))
    assert list(alone.frame.columns) == ["b"]
    assert alone.frame["b"].equals(hourly.frame["b"])


def test_the_informer_trained_here_counts_as_a_rival(hourly, folder, monkeypatch) -> None:
    asked = []

    def run_peer(dataset, horizon, model, options, context):
        asked.append((dataset.name, horizon, model, options.seed))
        return {"model": model, "seed": options.seed, "mse": 0.045, "mae": 0.2}

    monkeypatch.setattr(informer, "run_peer", run_peer)
    options = Namespace(seeds=[3], test=True)
    found = informer._run(hourly, 24, informer._TRAINED, options)
    assert asked == [("made-up-1h", 24, "Informer", 3)]
    informer.store(_result("univariate", "ETTh1", 24, 0.05), folder)
    informer.store({"setting": "univariate", **found, "dataset": "ETTh1"}, folder)
    page = informer.summary(folder)
    assert "0.045 / 0.200" in page
    assert "Ahead in 0 of 1 cells" in page
    assert set(informer._TRAINED_CELLS) < set(INFORMER_PROTOCOL)
