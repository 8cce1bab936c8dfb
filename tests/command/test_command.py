"""The command: its output, exit codes and one-line errors."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from ssmts import LinearSSMForecaster, compare
from ssmts.command import main


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    days = pd.date_range("2023-01-01", periods=300, freq="D", name="date")
    return pd.DataFrame(
        {"sales": 50 + 9 * np.sin(2 * np.pi * np.arange(300) / 7) + rng.normal(size=300)}, days
    )


@pytest.fixture(scope="module")
def folder(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    frame.to_csv(folder / "sales.csv")
    both = [frame.reset_index().assign(store=k, sales=frame["sales"].to_numpy() * k) for k in (1, 2)]
    pd.concat(both).to_parquet(folder / "stores.parquet")
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def call(*arguments, code=0):
        done = CliRunner().invoke(main, [str(one) for one in arguments])
        assert done.exit_code == code, f"{done.output}\n{done.exception!r}"
        return done

    return call


@pytest.mark.slow
def test_a_forecast_from_nothing_else(run, frame, folder):
    done = run("predict", "sales.csv", "--horizon", 5, "--plot")
    table = pd.read_csv(pd.io.common.StringIO(done.stdout), parse_dates=["date"])
    model = LinearSSMForecaster(5).fit(frame)
    np.testing.assert_allclose(table["sales"], model.predict()["sales"], rtol=1e-6)
    assert list(table.columns) == ["date", "sales", "sales-lo-80", "sales-hi-80"]
    assert table["date"][0] == pd.Timestamp("2023-10-28")
    assert done.stderr.splitlines() == ["columns: time date; values sales", "picture: sales-forecast.png"]
    assert (folder / "sales-forecast.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_saved_model_gives_the_same(run, tmp_path):
    plain = run("predict", "stores.parquet", "--horizon", "7D", "--level", 50, "--level", 90, "--quiet")
    assert plain.stderr == ""
    assert plain.stdout.splitlines()[0] == "store,date,sales,sales-lo-50,sales-hi-50,sales-lo-90,sales-hi-90"
    path = tmp_path / "model.safetensors"
    fitted = json.loads(run("fit", "stores.parquet", "--horizon", "7D", "-o", path, "--json").stdout)
    assert fitted["columns"]["id"] == "store"
    assert fitted["model"]["class"] == "LinearSSMForecaster"
    out = tmp_path / "forecast.parquet"
    run("predict", "stores.parquet", "--model", path, "--level", 50, "--level", 90, "--output", out)
    want = pd.read_csv(pd.io.common.StringIO(plain.stdout))
    np.testing.assert_allclose(pd.read_parquet(out)["sales-hi-90"], want["sales-hi-90"], rtol=1e-4)
    shown = run("info", path).stdout
    assert "horizon          7" in shown
    errors = json.loads(run("backtest", "stores.parquet", "--model", path, "--json").stdout)["errors"]
    assert errors["n_values"] > 1000
    assert 0.7 < errors["coverage"] < 0.95
    one = json.loads(run("predict", "stores.parquet", "--model", path, "--horizon", 1, "--json").stdout)
    assert [row["store"] for row in one["forecast"]] == [1, 2]
    assert one["forecast"][0]["date"].startswith("2023-10-28T00:00:00")


@pytest.mark.slow
def test_export_writes_a_module(run, tmp_path):
    pytest.importorskip("onnxscript", reason="export to ONNX needs ssmts[onnx]")
    run("fit", "sales.csv", "--horizon", 3, "--context", 14, "-o", tmp_path / "m.safetensors")
    done = run("export", tmp_path / "m.safetensors", tmp_path / "m.pt2", "--format", "torch.export")
    assert done.stderr.strip() == f"module: {tmp_path / 'm.pt2'}"
    assert (tmp_path / "m.pt2").stat().st_size > 1000


@pytest.mark.slow
def test_compare_prints_the_table_of_python(run, frame, tmp_path):
    out = tmp_path / "forecasts.csv"
    done = run("compare", "sales.csv", "--horizon", 7, "--models", "naive, seasonal_naive,linear", "-o", out)
    assert {line.split()[0] for line in done.stdout.splitlines()} >= {"model", "naive", "linear", "best:"}
    assert set(pd.read_csv(out)["model"]) == {"naive", "seasonal_naive", "linear"}
    simple = ("compare", "sales.csv", "--horizon", 7, "--models", "naive,drift", "--windows", 2, "--json")
    document = json.loads(run(*simple).stdout)
    want = compare(frame, 7, ["naive", "drift"], n_windows=2)
    assert document["best"] == want.best
    assert document["season"] == 7
    assert [row["mase"] for row in document["table"]] == pytest.approx(want.table["mase"].tolist())
    assert run(*simple[:-1], "--by-series").stdout.count("naive") >= 2


@pytest.mark.slow
def test_backtest_without_a_model_fits_one(run):
    table = json.loads(run("backtest", "sales.csv", "--horizon", 7, "--json").stdout)["table"]
    assert [row["model"] for row in table] == ["linear"]
    assert table[0]["mase"] < 1.0


def test_monitor_names_what_a_model_did_not_expect(run, frame, tmp_path):
    later = frame.iloc[200:].copy()
    later.iloc[50] += 30.0
    frame.iloc[:200].to_csv(tmp_path / "known.csv")
    later.to_csv(tmp_path / "later.csv")
    model = tmp_path / "model.safetensors"
    run("fit", tmp_path / "known.csv", "--horizon", 14, "-o", model)
    done = run("monitor", model, tmp_path / "later.csv", "-o", tmp_path / "scores.csv")
    assert later.index[50].strftime("%Y-%m-%d") in done.stdout
    assert "anomalies" in done.stderr
    assert len(pd.read_csv(tmp_path / "scores.csv")) == 100
    found = json.loads(run("monitor", model, tmp_path / "later.csv", "--json").stdout)
    assert {"anomalies", "accuracy", "drift"} <= set(found)


def test_info_on_data(run):
    document = json.loads(run("info", "stores.parquet", "--json").stdout)
    assert document["columns"]["id"] == "store"
    assert document["data"]["rows of a series"] == "300 to 300"
    assert document["data"]["step"] == "1 days 00:00:00"
    assert document["data"]["season"] == "7 steps"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["predict", "nothing.csv", "--horizon", "3"], 2, "'nothing.csv' does not exist"),
        (["predict", "sales.csv"], 2, "Give --horizon, such as 30 or 4D, or a saved --model."),
        (["predict", "sales.csv", "--horizon", "3x"], 1, "'3x' is no duration"),
        (
            ["predict", "sales.csv", "--horizon", "3", "--time", "x"],
            1,
            "no column 'x'; it has ['date', 'sales']",
        ),
        (["predict", "sales.csv", "--horizon", "3", "--level", "0.9"], 1, "different percents of at least 1"),
        (["predict", "sales.csv", "--horizon", "3", "--output", "a.xlsx"], 1, "must end in .csv or .parquet"),
        (["predict", "sales.csv", "--model", "sales.csv"], 1, "sales.csv"),
        (["compare", "sales.csv", "--horizon", "3", "--models", "prophet"], 2, "'prophet' is none of naive"),
        (["compare", "sales.csv", "--horizon", "200"], 1, "no history before the first of 3 windows"),
        (["fit", "sales.csv", "--horizon", "3"], 2, "Missing option '--output'"),
    ],
)
@pytest.mark.slow
def test_errors_are_one_line_with_a_code(run, arguments, code, message):
    done = run(*arguments, code=code)
    assert done.stdout == ""
    *_, last = done.stderr.splitlines()
    assert message in last
    assert last.startswith("ssmts: error: " if code == 1 else "Error: ")
    assert "Traceback" not in done.output


def test_what_nobody_expected_is_one_line_too(run, monkeypatch):
    def broken(*_, **__):
        raise KeyError("deep\ninside")

    monkeypatch.setattr(LinearSSMForecaster, "fit", broken)
    done = run("predict", "sales.csv", "--horizon", 3, code=3)
    assert done.stderr.splitlines()[-1].startswith("ssmts: error: unexpected KeyError: ")
    with pytest.raises(KeyError):
        CliRunner().invoke(
            main, ["--traceback", "predict", "sales.csv", "--horizon", "3"], catch_exceptions=False
        )


@pytest.mark.slow
def test_warnings_are_lines_on_stderr(run, frame, tmp_path):
    short = pd.DataFrame({"store": "new", "date": frame.index[-9:], "sales": 1.0})
    pd.concat([frame.reset_index().assign(store="old"), short]).to_csv(tmp_path / "a.csv", index=False)
    lines = run("predict", tmp_path / "a.csv", "--horizon", 14).stderr.splitlines()
    assert lines[0] == "columns: time date; id store; values sales"
    assert lines[1].startswith("ssmts: warning: 1 of 2 series are too short")


@pytest.mark.slow
def test_as_a_process(folder):
    command = [sys.executable, "-m", "ssmts.command"]
    done = subprocess.run(
        [*command, "predict", "sales.csv", "--horizon", "2"], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3)
    bad = subprocess.run(
        [*command, "info", "sales.csv", "--id", "x"], cwd=folder, capture_output=True, text=True
    )
    assert bad.returncode == 1
    assert bad.stderr == "ssmts: error: The file has no column 'x'; it has ['date', 'sales'].\n"
