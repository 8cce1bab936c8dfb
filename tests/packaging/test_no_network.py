"""Import, fit, predict, save and load open no socket and look up no name."""

import sys

import pytest

_OFFLINE = """
import sys

def refuse(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        raise SystemExit(f"{event} was called with {arguments[1:]}")

sys.addaudithook(refuse)
"""
_WORK = """
import numpy as np
import ssmts

for name in ssmts.__all__:
    getattr(ssmts, name)
y = np.sin(np.arange(200) / 4)
small = dict(d_model=4, d_state=2, n_layers=1, max_epochs=1, random_state=0)
for model in (ssmts.LinearSSMForecaster(4, 16), ssmts.S4DForecaster(4, 16, **small)):
    model.fit(y).predict()
    model.save("model.safetensors")
    ssmts.load("model.safetensors").predict()
labels = np.arange(24) % 2
cases = np.sin(np.arange(20) / (1 + labels[:, None]) + np.arange(24)[:, None])
ssmts.LinearSSMClassifier().fit(cases, labels).predict(cases)
print("done")
"""
_CALL = """
import urllib.request
urllib.request.urlopen("http://127.0.0.1:9")
"""


@pytest.mark.slow
def test_nothing_is_asked_of_a_network(run, root, tmp_path):
    paths = [str(root), str(root / "kernels"), str(root / "datasets")]
    code = f"{_OFFLINE}\nsys.path[:0] = {paths}\n{_WORK}"
    assert run(sys.executable, "-I", "-c", code, cwd=tmp_path) == "done\n"


def test_a_call_would_be_seen(run, tmp_path):
    with pytest.raises(AssertionError, match=r"socket\.\w+ was called"):
        run(sys.executable, "-I", "-c", _OFFLINE + _CALL, cwd=tmp_path)
