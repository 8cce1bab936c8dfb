"""The benchmark of covariates on a small problem of known optimum."""

from dataclasses import replace

import pytest

from benchmarks.forecasting import covariates


@pytest.fixture(scope="module")
def rows():
    problem = covariates.generated(length=400, horizon=6)
    ways = {name: problem.ways[name] for name in ("without", "x known ahead", "noise known ahead")}
    return {row["way"]: row for row in covariates.run(replace(problem, ways=ways))}


@pytest.mark.slow
def test_every_way_is_judged_on_the_same_origins(rows):
    assert {row["n_origins"] for row in rows.values()} == {400 - 280 - 5}
    assert len({row["last_value"] for row in rows.values()}) == 1


@pytest.mark.slow
def test_no_forecast_beats_the_best_possible_one_and_the_covariate_comes_close(rows):
    ahead = rows["x known ahead"]
    assert ahead["accepted"]
    assert ahead["optimum"] < ahead["mse"] < 0.3 * rows["without"]["mse"]


@pytest.mark.slow
def test_noise_is_refused(rows):
    assert rows["noise known ahead"]["accepted"] is False
    assert rows["noise known ahead"]["mse"] == rows["without"]["mse"]


def test_the_page_says_what_each_row_is_worth(rows):
    page = covariates._page(list(rows.values()))
    assert "| generated | noise known ahead |" in page
    assert "| 1.00 |" in page
    assert "refused" in page
