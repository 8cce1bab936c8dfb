import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.irregular import delta_only, rate_change, rates
from ssmts import LinearSSMForecaster
from ssmts.models.state_space.modes import make_bank

CONTEXT, HORIZON = pd.Timedelta(days=4), pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def span_and_model(quarter_hourly):
    frame = quarter_hourly.frame
    model = LinearSSMForecaster(horizon=96, context_length=384).fit(quarter_hourly.train)
    start = quarter_hourly.borders.test[0]
    return rates.Span(frame, start, start + 250, 384, 96), model


def by_hand(span: rates.Span, rate: int, forecast) -> float:
    """MSE of a function of the coarse frame up to an origin, over a few phases, with plain slicing."""
    errors = []
    for origin in range(span.start - 1, span.stop - span.horizon):
        if (origin - span.start + 1) % rate in {phase - span.start + 1 for phase in span.first_origins(rate)}:
            past = span.frame.iloc[origin % rate : origin + 1 : rate]
            truth = span.frame.iloc[origin + rate : origin + span.horizon + 1 : rate]
            errors.append(forecast(past, truth) - truth.to_numpy())
    return float(np.mean(np.square(errors)))


@pytest.mark.slow
def test_direct_is_predict_on_the_coarse_frame(span_and_model) -> None:
    span, model = span_and_model
    expected = by_hand(span, 8, lambda past, truth: model.predict(past, at=truth.index).to_numpy())
    assert rates.direct(model, span, 8)["mse"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_interpolated_is_predict_on_the_filled_frame(span_and_model) -> None:
    span, model = span_and_model

    def forecast(past: pd.DataFrame, truth: pd.DataFrame) -> np.ndarray:
        filled = past.resample("15min").interpolate("linear")
        return model.predict(filled, at=truth.index).to_numpy()

    assert rates.interpolated(model, span, 8)["mse"] == pytest.approx(by_hand(span, 8, forecast), rel=1e-6)


@pytest.mark.slow
def test_subsampled_is_predict_on_the_thinned_frame(span_and_model, hourly) -> None:
    span, _ = span_and_model
    model = LinearSSMForecaster(horizon=24, context_length=96).fit(hourly.train)

    def forecast(past: pd.DataFrame, truth: pd.DataFrame) -> np.ndarray:
        thinned = past.iloc[::-4].iloc[::-1]
        known = pd.concat([thinned.iloc[-1:], model.predict(thinned)])
        return known.resample("15min").interpolate("linear").loc[truth.index].to_numpy()

    assert rates.subsampled(model, span, 4)["mse"] == pytest.approx(by_hand(span, 1, forecast), rel=1e-6)
    expected = by_hand(span, 1, lambda past, truth: model.predict(past, at=truth.index).to_numpy())
    assert rates.direct(model, span, 0.25)["mse"] == pytest.approx(expected, rel=1e-6)


def test_kernels_of_delta_only_are_sampled_and_scaled() -> None:
    """A constant leaves the same state at every rate; a mode decays by the time between samples."""
    bank = make_bank(96.0, 32, 24.0)
    fine = delta_only.kernel_weights(bank, 1.0, 96)
    coarse = delta_only.kernel_weights(bank, 4.0, 24)
    np.testing.assert_allclose(coarse.sum(axis=0), fine.sum(axis=0), atol=1e-9)
    real = bank.A[: bank.n_real].real
    np.testing.assert_allclose(coarse[-2, : bank.n_real], coarse[-1, : bank.n_real] * np.exp(4 * real))


@pytest.mark.parametrize("trained_hourly", [False, True])
@pytest.mark.slow
def test_every_way_of_asking_on_made_up_data(hourly, quarter_hourly, tmp_path: Path, trained_hourly) -> None:
    trained = hourly if trained_hourly else quarter_hourly
    options = {
        "model": "LinearSSMForecaster",
        "seed": 0,
        "retrain": [4],
        "context": CONTEXT,
        "horizon": HORIZON,
    }
    result = rate_change.run(trained, quarter_hourly, test=True, **options)
    mse = {(row["rate"], row["method"]): row["mse"] for row in result["results"]}
    if trained_hourly:
        finer = {way for rate, way in mse if rate == 0.25}
        assert finer == {"direct", "subsampled", "retrained", "delta_only"}
        assert mse[0.25, "direct"] < 1.1 * mse[0.25, "subsampled"]
    assert {rate for rate, _ in mse} - {0.25} == {1, 2, 4, 8, 16}
    assert mse[2, "direct"] < 1.05 * mse[2, "interpolated"]
    for rate in (4, 8):
        assert trained_hourly or mse[rate, "direct"] < mse[rate, "delta_only"]

    rate_change.store(result, tmp_path)
    stem = tmp_path / "rate_change" / trained.name
    assert json.loads((tmp_path / "raw" / "rate_change" / f"{stem.name}.json").read_text())["results"]
    assert "direct (ours)" in stem.with_suffix(".md").read_text()
    assert stem.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
