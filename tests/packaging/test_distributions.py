import json
import re
import tarfile
import zipfile
from email.parser import Parser

import pytest

pytestmark = pytest.mark.slow

PACKAGES = {
    "ssmts": "ssmts",
    "ssmts_kernels": "kernels/ssmts_kernels",
    "ssmts_datasets": "datasets/ssmts_datasets",
}

_IMPORT_ALL = """
import importlib, json, pkgutil
found = {}
for top in ("ssmts", "ssmts_kernels", "ssmts_datasets"):
    package = importlib.import_module(top)
    found[top] = package.__file__
    for module in pkgutil.walk_packages(package.__path__, top + "."):
        found[module.name] = importlib.import_module(module.name).__file__
print(json.dumps(found))
"""


def expected_files(root):
    """What must be in a wheel: every module and marker of the three packages."""
    return {
        f"{name}/{path.relative_to(root / folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for path in (root / folder).rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }


def test_wheel_holds_the_packages_and_nothing_else(distributions, root):
    with zipfile.ZipFile(distributions["wheel"]) as wheel:
        names = set(wheel.namelist())
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == expected_files(root)
    assert {f"{package}/py.typed" for package in PACKAGES} <= packed
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_sdist_holds_no_tests_or_benchmarks(distributions):
    with tarfile.open(distributions["sdist"]) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    assert {name.split("/")[0] for name in names} <= {
        *("ssmts", "kernels", "datasets", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"),
        *("constraints.txt", ".gitignore", "PKG-INFO"),
    }
    assert {"pyproject.toml", "README.md", "LICENSE", "ssmts/py.typed"} <= names


def test_metadata(distributions):
    with zipfile.ZipFile(distributions["wheel"]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(wheel.read(name).decode())
    core = {line.split(">")[0] for line in metadata.get_all("Requires-Dist") if "extra ==" not in line}
    assert core == {
        *(
            "torch",
            "numpy",
            "scipy",
            "scikit-learn",
            "pandas",
            "narwhals",
            "lightning-fabric",
            "safetensors",
            "pooch",
            "tqdm",
            "click",
        )
    }
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_payload().strip()  # the page that package indexes show


def test_every_module_imports_from_the_fresh_environment(installed, run, root, tmp_path):
    files = json.loads(run(installed, "-I", "-c", _IMPORT_ALL, cwd=tmp_path))
    assert len(files) == sum(name.endswith(".py") for name in expected_files(root))
    environment = str(installed.parents[1])
    assert not [name for name, file in files.items() if not file.startswith(environment)]


def test_the_command_forecasts_a_csv(installed, run, tmp_path):
    rows = [f"2024-{1 + k // 28:02d}-{1 + k % 28:02d},{10 + k % 7}" for k in range(280)]
    (tmp_path / "sales.csv").write_text("\n".join(["date,sales", *rows]))
    out = run(installed.parent / "ssmts", "predict", "sales.csv", "--horizon", "3", cwd=tmp_path)
    assert [line.split(",")[0] for line in out.splitlines()][:2] == ["date", "2024-10-29"]
    assert "0.1.0" in run(installed.parent / "ssmts", "--version", cwd=tmp_path)


@pytest.mark.parametrize("installed", ["wheel"], indirect=True)
def test_the_quickstart_of_the_wheel_s_page_runs(installed, distributions, run, tmp_path):
    pytest.importorskip("statsmodels", reason="the quickstart reads data that ship with statsmodels")
    with zipfile.ZipFile(distributions["wheel"]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        blocks = re.findall(r"```python\n(.*?)```", wheel.read(name).decode(), re.DOTALL)
    assert "LinearSSMForecaster" in "".join(blocks)
    run(installed, "-I", "-c", "\n".join(blocks), cwd=tmp_path)
    assert (tmp_path / "co2.safetensors").is_file()
