import importlib.util
import subprocess
import sys

import pytest
import torch

import ssmts_kernels
from ssmts_kernels import _dispatch, backend, vandermonde


@pytest.mark.slow
def test_import_loads_neither_triton_nor_the_compiler():
    code = (
        "import sys, ssmts_kernels; "
        "assert not {'triton', 'torch._dynamo', 'numba'} & set(sys.modules), sorted(sys.modules)"
    )
    path = ssmts_kernels.__path__[0].removesuffix("ssmts_kernels")
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})


def test_every_name_is_a_function_even_after_its_folder_was_imported():
    import ssmts_kernels.diagonal_scan

    for name in ssmts_kernels.__all__:
        assert callable(getattr(ssmts_kernels, name)), name


def test_unknown_backend():
    with pytest.raises(ValueError, match="'reference', 'cpu', 'numba', 'triton'"), backend("cuda"):
        pass


def test_backends_nest_and_end_with_their_block():
    C = torch.randn(1, 2, dtype=torch.complex64, requires_grad=True)
    A = -torch.rand(1, 2).to(torch.complex64)

    def path():
        return type(vandermonde(C, A, 3).grad_fn).__name__

    fast = path()
    with backend("reference"):
        assert path() != fast
        with backend("cpu"):
            assert path() == fast
        assert path() != fast
    assert path() == fast


def test_triton_on_cpu_needs_the_interpreter(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    C = torch.ones(1, 1, dtype=torch.complex64)
    with backend("triton"), pytest.raises(ValueError, match="TRITON_INTERPRET=1"):
        vandermonde(C, -C, 3)


@pytest.mark.parametrize("operator", ["selective_scan", "ssd"])
def test_compiled_loops_run_where_numba_is_installed(operator, monkeypatch):
    package, device = f"ssmts_kernels.{operator}", torch.device("cpu")
    found = importlib.util.find_spec
    missing = {"numba": None}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: missing.get(name, found(package)))
    _dispatch._available.cache_clear()
    try:
        assert _dispatch.implementation(package, "auto", device).__name__ == f"{package}.cpu"
        with pytest.raises(ValueError, match=r"pip install 'ssmts\[fast\]'.* numba is not installed"):
            _dispatch.implementation(package, "numba", device)
    finally:
        monkeypatch.undo()
        _dispatch._available.cache_clear()
    if found("numba") is None:
        pytest.skip("numba is not installed: compiled loops cannot be chosen")
    assert _dispatch.implementation(package, "auto", device).__name__ == f"{package}.compiled"


def test_compiled_loops_refuse_other_devices():
    with pytest.raises(ValueError, match="needs CPU tensors"):
        _dispatch.implementation("ssmts_kernels.ssd", "numba", torch.device("meta"))
