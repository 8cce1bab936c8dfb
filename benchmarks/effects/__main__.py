"""Known covariates that bend, against boosted trees: ``python -m benchmarks.effects --data FOLDER``.

FOLDER holds the parquet files that `benchmarks.effects.sets` names. mlforecast with LightGBM runs in an
environment of its own:

    python -m venv ENV
    ENV/bin/pip install mlforecast lightgbm pyarrow
    python -m benchmarks.effects --data FOLDER --python ENV/bin/python
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.effects.boosting import boosted
from benchmarks.effects.sets import SETS, EffectSet
from benchmarks.output import RESULTS, log_test, markdown_table, merged, read_json, write_json, write_text
from ssmts import LinearSSMForecaster

__all__ = ["MODELS", "run"]

LEVELS = [0.1, 0.5, 0.9]
_NOTE = """Defaults of ours throughout, with `calendar=True`; one fit at the first origin, then forecasts from
all origins. Boosted trees have the same columns, the hour, the weekday, the day of the year and lags; their
settings are the best of four (LightGBM: three) on the end of the training span, and their seconds include
that search. Quantile loss: mean over levels .1, .5 and .9. Seconds are of one thread on a machine that did
other work as well. Covariates are the true ones, as if their own forecasts were perfect.
"""


def ours(data: EffectSet, *, covariates: bool = True) -> dict[str, Any]:
    """Forecasts of the linear forecaster; without covariates for comparison."""
    known = data.known if covariates else []
    columns = ["unique_id", "ds", "y", *known]
    single = data.frame["unique_id"].nunique() == 1
    columns = columns[1:] if single else columns
    options: dict[str, Any] = {"calendar": True, "future_covariates": known} if covariates else {}
    begun = time.perf_counter()
    model = LinearSSMForecaster(
        data.horizon,
        id_col=None if single else "unique_id",
        time_col="ds",
        target_cols="y",
        **options,
    ).fit(data.until(data.origins[0])[columns])
    fit_s = time.perf_counter() - begun
    begun = time.perf_counter()
    forecasts, quantiles = [], []
    need = int(np.ceil(model.context_length_)) + 200  # covariates are remembered for up to 144 rows
    for origin in data.origins:
        past = data.until(origin).groupby("unique_id", sort=False).tail(need)[columns]
        ahead = data.after(origin)
        given = {"future": ahead[[name for name in columns if name != "y"]]} if known else {}
        keys = [name for name in ("unique_id", "ds") if name in columns]
        found = model.predict_quantiles(past, quantiles=LEVELS, **given).reset_index()
        point = model.predict(past, **given).reset_index()
        both = ahead[keys].merge(point[[*keys, "y"]], on=keys, how="left")
        forecasts.append(both["y"].to_numpy())
        names = [name for name in found.columns if str(name).startswith("y") and name != "y"]
        quantiles.append(ahead[keys].merge(found[[*keys, *names]], on=keys, how="left")[names].to_numpy())
    return {
        "forecasts": np.stack(forecasts),
        "quantiles": np.stack(quantiles),
        "fit_s": fit_s,
        "predict_s": time.perf_counter() - begun,
        "accepted": model.history_.get("covariates"),
    }


def lightgbm(data: EffectSet, python: str) -> dict[str, Any]:
    """Forecasts of mlforecast with LightGBM, in another environment."""
    stamps = data.frame["ds"].dt
    frame = data.frame.assign(hour=stamps.hour, weekday=stamps.dayofweek, day=stamps.dayofyear)
    if stamps.tz is not None:
        frame["ds"] = stamps.tz_convert("UTC").dt.tz_localize(None)
    known = {
        "known": [*data.known, "hour", "weekday", "day"],
        "horizon": data.horizon,
        "lags": data.lags,
        "freq": data.freq,
        "origins": data.origins,
    }
    worker = Path(__file__).with_name("lightgbm_worker.py").resolve()
    with tempfile.TemporaryDirectory() as folder:
        frame.to_parquet(Path(folder) / "frame.parquet")
        (Path(folder) / "set.json").write_text(json.dumps(known))
        out = Path(folder) / "out.npz"
        done = subprocess.run(
            [python, str(worker), folder, str(out)], capture_output=True, text=True, cwd=folder, check=False
        )
        if done.returncode:
            raise RuntimeError(f"mlforecast failed on {data.name}: {done.stderr[-2000:]}")
        with np.load(out) as found:
            return {name: found[name] if name == "forecasts" else float(found[name]) for name in found}


MODELS = ("ours", "ours without covariates", "histogram boosting", "mlforecast LightGBM")


def run(data: EffectSet, model: str, python: str | None) -> dict[str, Any]:
    """A row of the table.

    Parameters
    ----------
    data : EffectSet
    model : str
        One of MODELS.
    python : str or None
        Interpreter of the environment of mlforecast.
    """
    rows = [_judged(part, model, python) for part in data.parts()]
    table = pd.DataFrame(rows)
    seconds = ["fit_s", "predict_s"]
    summary = table.drop(columns=seconds).mean().to_dict() | table[seconds].sum().to_dict()
    return {"set": data.name, "model": model, "n_origins": len(data.origins)} | summary


def _judged(data: EffectSet, model: str, python: str | None) -> dict[str, float]:
    """Errors and seconds of one fit."""
    if model == "mlforecast LightGBM":
        assert python is not None
        found = lightgbm(data, python)
    elif model == "histogram boosting":
        found = boosted(data, LEVELS)
    else:
        found = ours(data, covariates=model == "ours")
    truth = np.stack([data.after(origin)["y"].to_numpy() for origin in data.origins])
    row = {
        "mae": float(np.abs(found["forecasts"] - truth).mean()),
        "fit_s": found["fit_s"],
        "predict_s": found["predict_s"],
    }
    if "quantiles" in found:
        miss = truth[..., None] - found["quantiles"]
        row["quantile_loss"] = float(np.maximum(miss * LEVELS, miss * (np.array(LEVELS) - 1.0)).mean())
    return row


def _page(rows: list[dict[str, Any]]) -> str:
    header = [
        "set",
        "model",
        "MAE",
        "of histogram boosting",
        "quantile loss",
        "fit s",
        "predict s",
        "origins",
    ]
    boosting = {row["set"]: row["mae"] for row in rows if row["model"] == "histogram boosting"}
    cells = [
        [
            row["set"],
            row["model"],
            f"{row['mae']:.4g}",
            f"{row['mae'] / boosting[row['set']]:.2f}" if row["set"] in boosting else "",
            f"{row['quantile_loss']:.4g}" if "quantile_loss" in row else "",
            f"{row['fit_s']:.0f}",
            f"{row['predict_s']:.0f}",
            row["n_origins"],
        ]
        for row in rows
    ]
    return f"# Effects of known covariates\n\n{markdown_table(header, cells)}\n{_NOTE}"


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, help="folder of the parquet files")
    parser.add_argument("--python", help="of the environment that holds mlforecast")
    parser.add_argument("--set", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args(arguments)
    log_test(["python -m benchmarks.effects", *arguments])
    path = RESULTS / "raw" / "effects.json"
    for name in options.set:
        data = SETS[name](options.data)
        for model in options.model:
            if model == "mlforecast LightGBM" and options.python is None:
                print(f"{model} left out: --python names no environment", flush=True)
                continue
            row = run(data, model, options.python)
            print(pd.Series(row).to_dict(), flush=True)
            rows = merged((read_json(path) or {"rows": []})["rows"], [row], ("set", "model"))
            write_json(path, {"rows": rows})
            write_text(RESULTS / "effects.md", _page(rows))


if __name__ == "__main__":
    main()
