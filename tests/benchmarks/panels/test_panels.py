"""The benchmark of panels: its measures by hand, its windows, its workers, on a panel that is made up."""

import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.panels import __main__ as command
from benchmarks.panels import data, environments, running
from benchmarks.panels.judging import all_units, judge_of, simple_forecasts
from benchmarks.panels.measures import LEVELS, Forecasts, Judge, seasonal_scale
from benchmarks.panels.pages import page, relative, standing
from benchmarks.panels.panel import Panel
from benchmarks.panels.running import Jury
from benchmarks.panels.simple import SIMPLE, forecast_simply

FOLDER = Path(environments.__file__).parent


def _panel(name: str = "waves", n_series: int = 12, length: int = 120, **more) -> Panel:
    """Waves of six rows on levels of their own, ids whose order is not that of their numbers."""
    generator = np.random.default_rng(3)
    rows = np.arange(length)
    frames = [
        pd.DataFrame(
            {
                "unique_id": f"s{number}",
                "ds": rows,
                "y": 100.0 * number + np.sin(rows * np.pi / 3 + number) + 0.1 * generator.normal(size=length),
            }
        )
        for number in range(n_series)
    ]
    frame = pd.concat(frames).sort_values(["unique_id", "ds"]).reset_index(drop=True)
    return Panel(name, frame, 6, 6, "h", **more)


def test_measures_by_hand() -> None:
    """Two series, one window of two rows; scales 2 and 0."""
    truth = np.array([[[1.0, 3.0]], [[5.0, 5.0]]])
    judge = Judge(
        truth, scale=np.array([[2.0], [0.0]]), naive=np.array([[1.0], [1.0]]), n_seasons=np.array([9.0, 2.0])
    )
    quantiles = np.zeros((2, 2, len(LEVELS)))
    quantiles[1] = 5.0
    quantiles[0, 1, -1] = 4.0  # of the four truths, 90% intervals hold three, 80% intervals two
    quantiles[0, 0, -1] = 0.5
    told = Forecasts(np.array([[0, 0], [1, 0]]), np.array([[2.0, 1.0], [5.0, 6.0]]), quantiles)
    figures = judge.figures(told)
    assert figures["mase"] == pytest.approx(1.5 / 2.0)  # the flat series is left out
    assert (figures["n_units"], figures["n_flat"]) == (2, 1)
    assert figures["mse"] == pytest.approx((1 + 4 + 0 + 1) / 4)
    assert figures["wql"] == pytest.approx(
        2 * 0.5 * (1 + 3) / 14
    )  # quantiles 0 below 1 and 3, levels of mean 0.5
    assert (figures["cover80"], figures["cover90"]) == (0.5, 0.75)
    assert figures["behind"] == 1.0  # 1.5 against 1; the second series has two seasons only
    assert judge.figures(told.where(np.array([False, True])))["mase"] is None


def test_what_a_peer_does_not_have_is_none_and_what_is_not_finite_is_refused() -> None:
    judge = Judge(np.ones((1, 1, 2)), np.ones((1, 1)), np.ones((1, 1)), np.ones(1))
    units, point = np.zeros((1, 2), dtype=int), np.ones((1, 2))
    assert judge.figures(Forecasts(units, point, None))["wql"] is None
    nine = np.ones((1, 2, len(LEVELS)))
    nine[..., [0, -1]] = np.nan
    figures = judge.figures(Forecasts(units, point, nine))
    assert (figures["wql"], figures["cover80"], figures["cover90"]) == (0.0, 1.0, None)
    with pytest.raises(ValueError, match="1 forecasts are not finite"):
        judge.figures(Forecasts(units, np.full((1, 2), np.nan), None))
    nine[0, 0, 4] = np.nan
    with pytest.raises(ValueError, match="quantiles are not finite"):
        judge.figures(Forecasts(units, point, nine))


def test_scale_is_of_a_season_where_there_is_one() -> None:
    past = np.array([1.0, 5.0, 2.0, 7.0])
    assert seasonal_scale(past, 2) == pytest.approx(1.5)
    assert seasonal_scale(past, 9) == pytest.approx((4 + 3 + 5) / 3)
    assert seasonal_scale(past[:1], 1) == 0.0


def test_simple_forecasts() -> None:
    past = np.array([1.0, 5.0, 3.0, 7.0])
    told = {name: forecast_simply(name, past, 3, 2) for name in SIMPLE}
    expected = {
        "seasonal naive": [3.0, 7.0, 3.0],
        "naive": [7.0, 7.0, 7.0],
        "drift": [9.0, 11.0, 13.0],
        "window mean": [5.0, 5.0, 5.0],
        "seasonal mean": [2.0, 6.0, 2.0],
    }
    for name, point in expected.items():
        np.testing.assert_allclose(told[name][0], point, err_msg=name)
    width = told["seasonal naive"][1][:, -1] - told["seasonal naive"][0]  # seasonal differences are 2 and 2
    np.testing.assert_allclose(width, 1.6448536 * np.array([2.0, 2.0, 2.0 * np.sqrt(2.0)]), rtol=1e-6)


def test_validation_reads_no_test_row_and_windows_are_where_they_should_be() -> None:
    panel = _panel(n_windows=3, stride=4)
    test, validation = panel.task(test=True), panel.task(test=False)
    assert test.n_judged == 14
    assert validation.frame["ds"].max() == 120 - 14 - 1
    assert [test.cutoff(120, window) for window in range(3)] == [106, 110, 114]
    assert test.known(1).groupby("unique_id")["ds"].max().unique().tolist() == [109]
    first = panel.frame[panel.frame["unique_id"] == test.ids[2]]["y"].to_numpy()
    np.testing.assert_array_equal(test.truth()[2, 1], first[110:116])
    assert len(all_units(test)) == 36
    wider = _panel(n_test=50, n_windows=3, stride=4, n_windows_validation=2)
    assert wider.task(test=False).frame["ds"].max() == 69
    assert wider.task(test=False).n_windows == 2
    with pytest.raises(ValueError, match="waves: s0 has no row before its first window"):
        _panel(length=14, n_windows=3, stride=4).task(test=True)


@pytest.mark.slow
def test_ours_forecasts_every_series_at_every_window() -> None:
    """Levels are 100 apart and seasonal naive is the noise's: a mix-up of series or of windows is far off."""
    rolling = {"n_windows": 3, "stride": 4}
    panels = [_panel("one"), _panel("rolling", **rolling), _panel("refitted", **rolling, refitted=True)]
    tasks = [panel.task(test=True) for panel in panels]
    for task, row in zip(tasks, Jury(tasks).run("LinearSSMForecaster", 1.0), strict=True):
        assert "skipped" not in row, row
        figures = row["figures"]["1"]
        assert figures["n_units"] == 12 * task.n_windows
        assert figures["mase"] < 0.95  # seasonal naive has noise twice over
        assert 0.5 < figures["cover80"] <= figures["cover90"] <= 1.0
        assert row["peak_mb"] > 50
        assert 0 < row["fit_cpu_s"] <= row["cpu_s"]


def test_seasonal_naive_is_the_unit_of_its_own_judge() -> None:
    jury = Jury([_panel().task(test=True)])
    row = jury.simple("seasonal naive")[0]
    assert row["figures"]["1"]["behind"] == 0.0
    table = {("waves", "seasonal naive"): row, ("waves", "naive"): jury.simple("naive")[0]}
    assert relative(table, "waves", "seasonal naive", "mase", 1) == 1.0
    assert relative(table, "waves", "naive", "mase", 1) > 3.0
    assert set(row["figures"]) == {"1", "2", "4", "8"}
    assert row["figures"]["4"]["n_units"] == 3


class _Repeats:
    """A peer that repeats the last value, burns time, and fails where it is told to."""

    at_once = False

    def __init__(self, frame: pd.DataFrame, task: dict) -> None:
        self.task = task

    def forecast(self, past: np.ndarray, series: int, window: int) -> tuple:
        end = time.process_time() + self.task["burn"]
        while time.process_time() < end:
            pass
        if series in self.task["fails"]:
            raise ValueError("no forecast")
        return np.full(self.task["horizon"], past[-1]), np.full((self.task["horizon"], len(LEVELS)), past[-1])


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("peer_worker", "peer_models"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = importlib.import_module("peer_worker")
    monkeypatch.setitem(found.MODELS, "repeats", _Repeats)
    yield found
    for name in ("peer_worker", "peer_models"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def _asked(task, **more) -> dict:
    fields = ("name", "horizon", "season", "rate", "n_windows", "stride")
    return (
        {field: getattr(task, field) for field in fields} | {"seconds": 60.0, "burn": 0.0, "fails": ()} | more
    )


def test_a_worker_forecasts_each_unit_from_what_is_known_there(worker) -> None:
    task = _panel(n_windows=3, stride=4).task(test=True)
    arrays, told = worker.run("repeats", task.known(2), _asked(task, fails=[1]))
    assert told == {"step": 1}
    assert arrays["failed"].tolist() == [[1, 0], [1, 1], [1, 2]]
    assert len(arrays["units"]) == 33
    for (series, window), point in zip(arrays["units"], arrays["point"]):
        known = task.series[series][: task.cutoff(120, window)]
        np.testing.assert_allclose(point, known[-1], rtol=1e-6)


@pytest.mark.slow
def test_a_slow_peer_has_every_kth_series_and_a_hopeless_one_a_reason(worker) -> None:
    task = _panel(n_series=64, length=40).task(test=True)
    arrays, told = worker.run("repeats", task.known(), _asked(task, burn=0.01, seconds=0.3))
    assert told["step"] in (2, 4)
    assert (arrays["units"][:, 0] % told["step"] == 0).all()
    assert len(arrays["units"]) == 64 // told["step"]
    with pytest.raises(TimeoutError, match="less than 1 in 8 forecast"):
        worker.run("repeats", task.known(), _asked(task, burn=0.05, seconds=0.05))
    with pytest.raises(RuntimeError, match="ValueError: no forecast"):
        worker.run("repeats", task.known(), _asked(task, fails=range(64)))


def test_what_a_peer_has_failed_is_forecast_naively(worker, tmp_path) -> None:
    task = _panel().task(test=True)
    arrays, told = worker.run("repeats", task.known(), _asked(task, fails=[0, 5]))
    np.savez(tmp_path / "0.npz", **arrays)
    jury = Jury([task])
    forecasts = jury._read(tmp_path / "0.npz", 0, told)
    assert told["n_failed"] == 2
    naive, _ = simple_forecasts(task, "seasonal naive")
    np.testing.assert_array_equal(forecasts.units[-2:], [[0, 0], [5, 0]])
    np.testing.assert_array_equal(forecasts.point[-2:], naive.point[[0, 5]])
    assert judge_of(task, naive).figures(forecasts)["n_units"] == 12


def test_workers_and_judge_have_the_same_levels(worker) -> None:
    assert sys.modules["peer_models"].LEVELS == LEVELS
    assert {name for name in sys.modules["peer_models"].MODELS if name != "repeats"} == set(
        environments.PEERS
    )


def _row(panel: str, model: str, step: int, **mase: float) -> dict:
    figures = {
        key.lstrip("k"): {"mase": value, "wql": None, "cover80": None, "cover90": None, "behind": 0.1}
        for key, value in mase.items()
    }
    shape = {"n_series": 9, "n_windows": 1, "horizon": 2, "season": 1, "cpu_s": 1.0}
    return {"panel": panel, "model": model, "step": step, "figures": figures} | shape


def test_page_compares_on_the_same_rows() -> None:
    rows = [
        _row("a", "seasonal naive", 1, k1=2.0, k2=4.0),
        _row("a", "LinearSSMForecaster", 1, k1=1.0, k2=3.0),
        _row("a", "AutoETS", 2, k2=2.0),
        _row("b", "seasonal naive", 1, k1=2.0),
        _row("b", "LinearSSMForecaster", 1, k1=4.0),
        {"panel": "b", "model": "AutoETS", "skipped": "TimeoutError: too slow"},
    ]
    table = {(row["panel"], row["model"]): row for row in rows}
    ours = standing(table, ["a", "b"], "LinearSSMForecaster")
    assert ours["mase"] == pytest.approx(np.sqrt(0.5 * 2.0))
    assert ours["rank"] == 2.0  # second of three on every other unit of a, second of two on b
    assert ours["gap"] == pytest.approx(1.0)
    peer = standing(table, ["a", "b"], "AutoETS")
    assert (peer["n"], peer["mase"], peer["ours_mase"], peer["rank"]) == (1, 0.5, 0.75, 1.0)
    text = page(rows, test=False)
    assert "| a | **1.000** | 2.000 | 2.000 | 2.000 (1/2; naive 4.000, ours 3.000) |" in text
    assert "- b, AutoETS: TimeoutError: too slow" in text
    assert "no test row is read" in text


def test_command_stores_logs_the_test_and_says_what_is_not_installed(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(command, "load", lambda name: [_panel()])
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(command, "_RAW", tmp_path / "raw" / "panels")
    logged = []
    monkeypatch.setattr(command, "log_test", logged.append)
    monkeypatch.setattr(running, "python_of", lambda library: tmp_path / library)
    arguments = ["--set", "wiki", "--model", "AutoETS"]
    command.main(arguments)
    assert logged == []
    assert "statsforecast is not installed" in (tmp_path / "panels" / "validation.md").read_text()
    stored = json.loads((tmp_path / "raw" / "panels" / "validation" / "wiki.json").read_text())["results"]
    assert {row["model"] for row in stored} == {"AutoETS", *SIMPLE}
    command.main([*arguments, "--test"])
    assert logged == [["python -m benchmarks.panels", *arguments, "--test"]]
    assert (tmp_path / "panels" / "test.md").exists()
    command.main([*arguments, "--test", "--page"])
    assert len(logged) == 1
    assert "# Panels, judged on the test rows" in capsys.readouterr().out


def test_no_set_without_its_data(monkeypatch) -> None:
    monkeypatch.delenv("SSMTS_DATA_HOME", raising=False)
    with pytest.raises(FileNotFoundError, match="SSMTS_DATA_HOME is not set"):
        data.load("m4_hourly")
