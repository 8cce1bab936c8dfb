"""Writes the golden files of the present format version: small models of every kind, and what they answer.

    python tests/golden/make.py

Run it once for every new ``FORMAT_VERSION`` of ssmts/training/files.py, before the version is released, and
commit the folder that it writes. A folder of a version that was released is never written again: its files
are what users have on their disks, and tests/golden/test_golden.py loads them for ever. While a version is
not released, a change that its files do not survive needs a new run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssmts import LinearSSMClassifier, LinearSSMForecaster, LinearSSMRegressor, S4Classifier, S4DForecaster
from ssmts.training.files import FORMAT_VERSION

__all__ = ["answers", "cases", "make"]

FOLDER = Path(__file__).parent
SMALL = {"d_model": 4, "d_state": 2, "n_layers": 1, "dropout": 0.0, "max_epochs": 1, "random_state": 0}


def waves(n: int = 90) -> pd.DataFrame:
    """Two channels, hourly, with a zone and a missing value."""
    hours = np.arange(n)
    index = pd.date_range("2024-03-29", periods=n, freq="h", tz="Europe/Berlin", name="when")
    frame = pd.DataFrame({"a": np.sin(hours / 3), "b": np.cos(hours / 4) + hours / 50}, index=index)
    frame.iloc[40, 0] = np.nan
    return frame


def panel() -> pd.DataFrame:
    """Three series with a covariate that is known ahead and one that never changes."""
    parts = []
    for k, name in enumerate(("x", "y", "z")):
        days = np.arange(80)
        holiday = (days % 7 == 6).astype(float)
        times = pd.date_range("2024-01-01", periods=80, freq="D")
        values = np.sin(days / 2 + k) + 0.5 * holiday
        columns = {"id": name, "day": times, "load": values, "holiday": holiday, "site": "ab"[k % 2]}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def chaos() -> np.ndarray:
    """The logistic map, so that a deep branch earns its place."""
    values = np.empty(300)
    values[0] = 0.4
    for k in range(299):
        values[k + 1] = 3.9 * values[k] * (1 - values[k])
    return values


def cases() -> np.ndarray:
    """Slow and fast waves, one after the other, (24, 20)."""
    number = np.arange(24)[:, None]
    return np.sin(np.arange(20) / (1 + number % 2) + number)


def make(folder: Path) -> None:
    """Write all files and ``answers.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.where(np.arange(24) % 2, "fast", "slow")
    roles = {"id_col": "id", "time_col": "day", "target_cols": ["load"]}
    covariates = {"future_covariates": ["holiday"], "static_covariates": ["site"]}
    deep = SMALL | {"max_epochs": 4, "batch_size": 32, "learning_rate": 2e-2}
    models: dict[str, Any] = {
        "wide": LinearSSMForecaster(3, "8h", n_modes=4).fit(waves()),
        "long": LinearSSMForecaster(3, 8, n_modes=4, **roles, **covariates).fit(panel()),
        "deep": S4DForecaster(1, 4, n_modes=4, loss="mse", **deep).fit(chaos()),
        "classifier": LinearSSMClassifier(n_readouts=2, random_state=0).fit(cases(), labels),
        "deep-classifier": S4Classifier(n_readouts=2, n_modes=4, deep="always", **SMALL).fit(cases(), labels),
        "regressor": LinearSSMRegressor(n_readouts=2, random_state=0).fit(cases(), np.arange(24) % 2 + 0.5),
    }
    assert models["deep"].module_ is not None
    found = {}
    for name, model in models.items():
        model.save(folder / f"{name}.safetensors")
        found[name] = {"class": type(model).__name__, "answers": answers(model)}
    stream = models["wide"].stream()
    stream.save(folder / "stream.safetensors")
    found["stream"] = {"class": "ForecastStream", "answers": answers(stream)}
    text = json.dumps(found, indent=1)
    (folder / "answers.json").write_text(text + "\n", encoding="utf-8")


def answers(model: Any) -> list[Any]:
    """What a model says: of the future of its own data, or of the cases."""
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(cases()[:4])).ravel().tolist()
    if hasattr(model, "n_readouts"):
        return np.asarray(model.predict(cases()[:4])).tolist()
    forecast = model.predict(future=ahead()) if getattr(model, "future_covariates", None) else model.predict()
    if isinstance(forecast, pd.DataFrame) and "load" in forecast.columns:
        forecast = forecast["load"]
    return np.asarray(forecast, dtype=float).ravel().tolist()


def ahead() -> pd.DataFrame:
    """Holidays of the three days after the panel."""
    days = pd.date_range("2024-03-21", periods=3, freq="D")
    parts = [pd.DataFrame({"id": name, "day": days, "holiday": [0.0, 1.0, 0.0]}) for name in "xyz"]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    make(FOLDER / f"v{FORMAT_VERSION}")
