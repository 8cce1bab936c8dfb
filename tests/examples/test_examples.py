import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from statsmodels.datasets import co2

import ssmts

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {
    "log_to_mlflow.py": "mlflow.pyfunc",
    "serve.py": "mlflow.pyfunc",
    "tune_with_optuna.py": "optuna",
    "many_machines.py": "pyarrow",
}
WARN = ("log_to_mlflow.py", "serve.py", "many_machines.py")  # MLflow and Ray, of themselves
SCRIPTS = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


SHOWN_OTHERWISE = ("demo.py", "irregular_sensors.py", "many_machines.py", "many_processes.py")


def run(script: str | Path, folder: Path, *code: str, launcher: tuple[str, ...] = ()) -> str:
    """Output of a script run in a folder, with every warning an error."""
    search = os.pathsep.join(str(ROOT / part) for part in (".", "kernels", "datasets"))
    ran = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore" if Path(script).name in WARN else "error",
            *launcher,
            script,
            *code,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name not in SHOWN_OTHERWISE])
def test_example_runs(script: str, tmp_path: Path) -> None:
    if script in NEEDED:
        package = NEEDED[script]
        pytest.importorskip(package, reason=f"the example needs {package}", exc_type=ImportError)
    assert run(ROOT / "examples" / script, tmp_path).strip()


def test_many_machines_agree(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the example needs pyarrow")
    text = run(ROOT / "examples" / "many_machines.py", tmp_path, "100")
    assert "2,400 rows of intervals, 0 series without any" in text
    if importlib.util.find_spec("ray") is not None:  # else it says that Ray is not there
        [said] = [line for line in text.splitlines() if "coefficients from two workers" in line]
        assert float(said.split()[-1]) < 1e-8
    else:
        assert "ssmts[ray]" in text


def test_two_processes_train_as_torchrun_starts_them(tmp_path: Path) -> None:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    text = run(ROOT / "examples" / "many_processes.py", tmp_path, launcher=launcher)
    assert text.startswith("2 process(es), 6 epochs; validation losses")
    assert text.count("\n") == 1  # the first process alone speaks, and saves
    assert ssmts.load(tmp_path / "many_processes.safetensors").devices == 2


def test_irregular_sensors_are_filled_better_than_on_lines(tmp_path: Path) -> None:
    lines = run(ROOT / "examples" / "irregular_sensors.py", tmp_path).splitlines()
    assert (tmp_path / "irregular_sensors.png").stat().st_size > 50_000
    [row] = [line for line in lines if line.startswith("half years")]
    on_lines, expectation, inside = map(float, row.split()[2:])
    assert expectation < 0.5 * on_lines
    assert inside > 0.8
    rows = {
        line.split("%")[0]: list(map(float, line.split()[-2:])) for line in lines if "of the weeks  " in line
    }
    assert rows["100"][0] == rows["100"][1]
    assert rows["10"][1] < rows["10"][0]


def test_demo_runs_end_to_end_and_keeps_its_word(tmp_path: Path) -> None:
    text = run(ROOT / "examples" / "demo.py", tmp_path)
    picture = tmp_path / "demo_forecast.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 50_000
    assert str(picture.resolve()) in text
    assert [path.name for path in tmp_path.iterdir()] == [picture.name]

    lines = text.splitlines()
    [header] = [line for line in lines if line.startswith("MAE / RMSE")]
    rows = lines[lines.index(header) + 1 :][:3]
    for row, grid in zip(rows, ("every week", "from every second week", "first of each month"), strict=True):
        assert row.startswith(grid)
        figures = [float(cell.split()[-1]) for cell in row.split("/")[:-1] if cell.strip() != "-"]
        ours, others = figures[0], figures[1:]
        assert ours <= 1.02 * min(others)  # no way is better by more than the interpolation's chance


def test_what_the_demo_says_to_try_next_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = co2.load_pandas().data
    model = ssmts.LinearSSMForecaster(horizon=52, context_length=260).fit(data)
    suggested = runpy.run_path(str(ROOT / "examples" / "demo.py"))["NEXT"]
    assert len(suggested) == 4
    for code in suggested:
        exec(code, {"data": data, "model": model, "ssmts": ssmts})
    assert (tmp_path / "co2.safetensors").exists()
