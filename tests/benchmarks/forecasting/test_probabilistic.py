import json

import numpy as np
import pytest

from benchmarks.forecasting import probabilistic
from benchmarks.windows import split, standardised
from ssmts import LinearSSMForecaster
from ssmts.metrics import coverage, wql

CONTEXT, HORIZON = 96, 12


@pytest.fixture(scope="module")
def cell(hourly):
    models = ["LinearSSMForecaster"]
    return probabilistic.run_cell(hourly, HORIZON, models=models, test=True, context=CONTEXT)


@pytest.mark.slow
def test_scores_are_those_of_predict_quantiles(hourly, cell) -> None:
    parts = split(standardised(hourly), CONTEXT, test=True)
    model = LinearSSMForecaster(HORIZON, CONTEXT).fit(parts.train, validation=parts.validation)
    truth, quantiles = [], []
    for end in range(CONTEXT, len(parts.judged) - HORIZON + 1):
        window = parts.judged.iloc[end - CONTEXT : end]
        answer = model.predict_quantiles(window, quantiles=probabilistic.LEVELS).to_numpy()
        quantiles.append(answer.reshape(HORIZON, 3, len(probabilistic.LEVELS)))
        truth.append(parts.judged.iloc[end : end + HORIZON].to_numpy())
    y, q = np.stack(truth), np.stack(quantiles)
    found = next(row for row in cell["results"] if row["model"] == "LinearSSMForecaster")
    assert found["wql"] == pytest.approx(wql(y, q[..., 1:-1], probabilistic.LEVELS[1:-1]), rel=1e-6)
    assert found["coverage_90"] == pytest.approx(coverage(y, q[..., 0], q[..., -1]))
    assert found["coverage_80"] == pytest.approx(coverage(y, q[..., 1], q[..., -2]))
    by_step = [coverage(y[:, h], q[:, h, :, 0], q[:, h, :, -1]) for h in range(HORIZON)]
    np.testing.assert_allclose(found["by_step"]["90"], by_step, atol=1e-4)


def test_the_model_is_ahead_of_the_baselines(cell) -> None:
    wql_of = {row["model"]: row["wql"] for row in cell["results"]}
    assert wql_of["LinearSSMForecaster"] < wql_of["seasonal naive (day)"] < wql_of["last value"]


def test_a_stored_cell_has_a_page_and_a_picture(cell, tmp_path) -> None:
    probabilistic.store(cell, tmp_path)
    stored = json.loads((tmp_path / "raw" / "probabilistic" / "made-up-1h-12.json").read_text())
    assert stored == cell
    page = (tmp_path / "probabilistic" / "README.md").read_text()
    assert page.index("LinearSSMForecaster") < page.index("last value")
    assert (tmp_path / "probabilistic" / "coverage.png").stat().st_size > 5000
