"""mlforecast with LightGBM in an environment of its own: ``python lightgbm_worker.py IN OUT``.

IN is a folder with `frame.parquet` (unique_id, ds, y, covariates) and `set.json`; the forecasts from every
origin go to OUT, an npz file. Needs `mlforecast`, `lightgbm` and `pyarrow`, and nothing of this repository.
"""

import json
import sys
import time
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from mlforecast import MLForecast

_SETTINGS = (
    {"n_estimators": 100},
    {"n_estimators": 400, "learning_rate": 0.05},
    {"n_estimators": 800, "learning_rate": 0.03, "min_child_samples": 40, "reg_lambda": 1.0},
)


def _fitted(train: pd.DataFrame, data: dict, setting: dict) -> MLForecast:
    lags = sorted({1, 2, 3, data["horizon"], *data["lags"]})
    model = lightgbm.LGBMRegressor(**setting, n_jobs=1, random_state=0, verbosity=-1)
    forecaster = MLForecast(models={"y": model}, freq=data["freq"], lags=lags)
    return forecaster.fit(train, static_features=[])


def main(folder: Path, out: Path) -> None:
    """Tune on the horizons before the first origin, fit, and forecast from every origin."""
    frame = pd.read_parquet(folder / "frame.parquet")
    data = json.loads((folder / "set.json").read_text())
    for name in data["known"]:
        if not pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name]):
            frame[name] = pd.factorize(frame[name], sort=True)[0]
    after = frame.groupby("unique_id", sort=False).cumcount(ascending=False)
    horizon, first = data["horizon"], data["origins"][0]

    def forecast(model: MLForecast, origin: int) -> np.ndarray:
        ahead = frame[(after < origin) & (after >= origin - horizon)]
        found = model.predict(horizon, new_df=frame[after >= origin], X_df=ahead.drop(columns="y"))
        order = ahead[["unique_id", "ds"]].merge(found, on=["unique_id", "ds"], how="left")
        return order["y"].to_numpy()

    begun = time.perf_counter()
    errors = []
    held = [first + k * horizon for k in range(4, 0, -1)]
    for setting in _SETTINGS:
        model = _fitted(frame[after >= held[0]], data, setting)
        truth = [frame["y"][(after < o) & (after >= o - horizon)].to_numpy() for o in held]
        misses = [np.abs(forecast(model, o) - y).mean() for o, y in zip(held, truth)]
        errors.append(np.mean(misses))
    model = _fitted(frame[after >= first], data, _SETTINGS[int(np.argmin(errors))])
    fit_s = time.perf_counter() - begun
    begun = time.perf_counter()
    forecasts = np.stack([forecast(model, origin) for origin in data["origins"]])
    np.savez(out, forecasts=forecasts, fit_s=fit_s, predict_s=time.perf_counter() - begun)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
