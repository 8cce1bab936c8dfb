import importlib
import json
import pkgutil
import sys

import pytest

import ssmts
import ssmts_datasets
import ssmts_kernels

_SECONDS = 0.2

_IMPORT = """
import json, sys, time
sys.path[:0] = {path}
begun = time.perf_counter()
import ssmts
print(json.dumps([time.perf_counter() - begun, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def imports(run, root, tmp_path_factory):
    path = [str(root), str(root / "kernels"), str(root / "datasets")]
    code = _IMPORT.format(path=json.dumps(path))
    folder = tmp_path_factory.mktemp("import")
    return [json.loads(run(sys.executable, "-I", "-c", code, cwd=folder)) for _ in range(5)]


def test_import_is_fast(imports):
    assert min(seconds for seconds, _ in imports) < _SECONDS


def test_import_loads_nothing_heavy(imports):
    _, modules = imports[0]
    heavy = {
        "torch",
        "triton",
        "optuna",
        "mlflow",
        "pandas",
        "polars",
        "numpy",
        "sklearn",
        "scipy",
        "lightning_fabric",
    }
    assert not heavy & set(modules)
    assert "ssmts" in modules


def imported(name):
    """The package; None for an adapter whose library is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if not name.startswith("ssmts.integrations."):
            raise
        return None


@pytest.mark.parametrize("top", [ssmts, ssmts_kernels, ssmts_datasets], ids=lambda module: module.__name__)
def test_every_public_name_resolves(top):
    packages = [
        module.name for module in pkgutil.walk_packages(top.__path__, top.__name__ + ".") if module.ispkg
    ]
    missing = []
    for package in [top, *filter(None, map(imported, packages))]:
        for name in getattr(package, "__all__", []):
            if not hasattr(package, name):
                missing.append(f"{package.__name__}.{name}")
            assert name in dir(package)
    assert not missing
    assert len(set(top.__all__)) == len(top.__all__) > 0


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'ssmts' has no attribute 'S5000'"):
        _ = ssmts.S5000


def test_version_is_the_distribution_s(root):
    assert f'version = "{ssmts.__version__}"' in (root / "pyproject.toml").read_text(encoding="utf-8")
