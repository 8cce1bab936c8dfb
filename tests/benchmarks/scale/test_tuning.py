import json

import numpy as np
import pytest

from benchmarks.scale import tuning
from benchmarks.scale.tuning_problems import Problem
from ssmts import LinearSSMForecaster
from ssmts_datasets import make_sines

pytest.importorskip("optuna")


@pytest.fixture
def problem():
    frame = make_sines(400, periods=[48.0, 120.0], noise=0.01, random_state=0).frame
    return Problem(
        estimator=LinearSSMForecaster(12, 24, n_modes=8),
        X=frame.iloc[:300],
        y=None,
        cv=None,
        space={"context_length": [24, 48], "n_modes": [8, 16]},
        measure="MSE",
        errors=lambda scores: -np.asarray(scores),
        test=lambda model: -model.fit(frame.iloc[:300]).score(frame.iloc[300:]),
    )


@pytest.mark.slow
def test_searches_are_kept_reported_judged_and_stored(problem, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "RESULTS", tmp_path / "results")
    for name in tuning.SEARCHES:
        tuning.search(problem, name, 0.02, tmp_path, seed=0)
    result = tuning.report(problem, "waves", tmp_path)
    for row in result["searches"]:
        assert row["trials"] >= row["complete"] >= 1
        assert row["best_error"] <= row["default_error"]
    result["test"] = tuning.test_figures(problem, result)
    assert result["test"]["defaults"] == problem.test(LinearSSMForecaster(12, 24, n_modes=8))
    tuning.store(result)
    folder = tmp_path / "results" / "tuning"
    assert json.loads((tmp_path / "results" / "raw" / "tuning" / "waves.json").read_text()) == json.loads(
        json.dumps(result)
    )
    assert "| tune |" in (folder / "waves.md").read_text()
    assert (folder / "waves.png").read_bytes().startswith(b"\x89PNG")
