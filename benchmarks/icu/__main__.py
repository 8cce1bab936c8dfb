"""Deaths in intensive care: PhysioNet 2012 set a, 4,000 stays of 41 parameters at irregular minutes.

    python -m benchmarks.icu [--models ssmts,boosting,gru-d] [--splits 0,1,2,3,4]

Five stratified splits 80/20. The stays go into `fit` as they are, a row an observation. Beside it stand
histogram boosting on seven statistics a parameter, and GRU-D on hourly means, trained for as long as ours
took. Of ours the same fit is asked what it says of the first hours of the stays that were held out.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit

from benchmarks.output import (
    RESULTS,
    log_test,
    markdown_table,
    merged,
    raw_of,
    read_json,
    write_json,
    write_text,
)
from ssmts import LinearSSMClassifier

ROLES = {"id_col": "record", "time_col": "minute", "channel_col": "parameter"}
HOURS = (1, 3, 6, 12, 24, 36, 48)
MODELS = ("ssmts", "boosting", "gru-d")
FOLDER = RESULTS / "icu"
_ROWS = raw_of(FOLDER) / "icu.json"
_STATISTICS = ["count", "mean", "min", "max", "first", "last", "std"]


def load() -> tuple[pd.DataFrame, pd.Series]:
    """Observations, and deaths by stay in the order in which stays come."""
    folder = Path(os.environ["SSMTS_DATA_HOME"]) / "field"
    rows = pd.read_parquet(folder / "icu_2012_a.parquet")
    outcomes = pd.read_parquet(folder / "icu_2012_a_outcomes.parquet").set_index("RecordID")
    return rows, outcomes["In-hospital_death"].loc[rows["record"].unique()]


def statistics(rows: pd.DataFrame) -> pd.DataFrame:
    """Seven statistics of every parameter of every stay."""
    grouped = rows.groupby(["record", "parameter"], observed=True)["value"]
    table = grouped.agg(_STATISTICS).unstack("parameter")
    return table.loc[:, table.nunique() > 1].loc[rows["record"].unique()]


def calibration_error(died: Any, probability: Any) -> float:
    """Expected calibration error over ten bins of equal width."""
    of_bin = np.minimum((10 * probability).astype(int), 9)
    gaps = np.bincount(of_bin, weights=died - probability, minlength=10)
    return float(np.abs(gaps).sum() / len(died))


def figures(died: Any, probability: Any) -> dict[str, float]:
    """What is reported of probabilities of death."""
    return {
        "auroc": float(roc_auc_score(died, probability)),
        "auprc": float(average_precision_score(died, probability)),
        "brier": float(brier_score_loss(died, probability)),
        "ece": calibration_error(np.asarray(died), np.asarray(probability)),
        "mean": float(np.mean(probability)),
    }


def run_ssmts(train: pd.DataFrame, y: pd.Series, test: pd.DataFrame, died: Any) -> dict[str, Any]:
    """Defaults; and what the same fit says of the first hours."""
    begin, spent = time.perf_counter(), time.process_time()
    model = LinearSSMClassifier(**ROLES, random_state=0).fit(train, y)
    row: dict[str, Any] = {"fit_s": time.perf_counter() - begin, "fit_cpu_s": time.process_time() - spent}
    begin, spent = time.perf_counter(), time.process_time()
    probability = model.predict_proba(test)[:, 1]
    row |= {"predict_s": time.perf_counter() - begin, "predict_cpu_s": time.process_time() - spent}
    row |= figures(died, probability)
    row["early"] = {
        hours: figures(died, model.predict_proba(test[test["minute"] <= 60 * hours])[:, 1]) for hours in HOURS
    }
    return row


def run_boosting(train: pd.DataFrame, y: pd.Series, test: pd.DataFrame, died: Any) -> dict[str, Any]:
    """Histogram boosting with its defaults."""
    begin, spent = time.perf_counter(), time.process_time()
    X = statistics(train)
    model = HistGradientBoostingClassifier(random_state=0).fit(X.to_numpy(), y)
    row: dict[str, Any] = {"fit_s": time.perf_counter() - begin, "fit_cpu_s": time.process_time() - spent}
    known = statistics(test).reindex(columns=X.columns)
    return row | figures(died, model.predict_proba(known.to_numpy())[:, 1])


def run_gru_d(train: pd.DataFrame, y: pd.Series, test: pd.DataFrame, died: Any) -> dict[str, Any]:
    """GRU-D, stopped by the seconds that the first model of the same split took."""
    from benchmarks.icu.gru_d import fit_gru_d

    content = read_json(_ROWS) or {"rows": []}
    ours = [row["fit_cpu_s"] for row in content["rows"] if row["model"] == "ssmts"]
    seconds = float(np.median(ours)) if ours else 60.0
    begin, spent = time.perf_counter(), time.process_time()
    predict = fit_gru_d(train, y, seconds)
    row: dict[str, Any] = {"fit_s": time.perf_counter() - begin, "fit_cpu_s": time.process_time() - spent}
    return row | figures(died, predict(test))


RUN: dict[str, Callable[..., dict[str, Any]]] = {
    "ssmts": run_ssmts,
    "boosting": run_boosting,
    "gru-d": run_gru_d,
}


def page(rows: list[dict[str, Any]]) -> str:
    """The tables."""
    table, keys = [], ("auroc", "auprc", "brier", "ece")
    for name in MODELS:
        own = [row for row in rows if row["model"] == name]
        if own:
            cells = [f"{np.mean([row[key] for row in own]):.4f}" for key in keys]
            spread = f"{np.std([row['auroc'] for row in own]):.4f}"
            seconds = f"{np.mean([row['fit_cpu_s'] for row in own]):.0f}"
            table.append([name, str(len(own)), *cells, spread, seconds])
    text = "# Deaths in intensive care\n\n`python -m benchmarks.icu`\n\n"
    text += (
        "PhysioNet 2012, set a, stratified splits 80/20, defaults. Published best AUROC .851, AUPRC .511.\n\n"
    )
    header = ["model", "splits", "AUROC", "AUPRC", "Brier", "ECE", "spread of AUROC", "CPU seconds of fit"]
    text += markdown_table(header, table)
    ours = [row for row in rows if row["model"] == "ssmts"]
    if ours:
        speed = np.mean([800 / row["predict_cpu_s"] for row in ours])
        text += f"\nPredicted stays a CPU second, reading of the frame included: {speed:.0f}.\n"
        text += "\n## Early warning: what the same fits say of the first hours\n\n"
        early = [
            [str(hours)] + [f"{np.mean([row['early'][str(hours)][key] for row in ours]):.4f}" for key in keys]
            for hours in HOURS
        ]
        text += markdown_table(["hours", "AUROC", "AUPRC", "Brier", "ECE"], early)
    return text


def main(arguments: list[str] | None = None) -> None:
    """Run, and write the page anew after every model of every split."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--splits", default="0,1,2,3,4")
    chosen = parser.parse_args(arguments)
    log_test(["benchmarks.icu", *(arguments if arguments is not None else sys.argv[1:])])
    rows, died = load()
    splits = list(StratifiedShuffleSplit(5, test_size=0.2, random_state=0).split(died, died))
    for number in map(int, chosen.splits.split(",")):
        seen, held = (died.iloc[part] for part in splits[number])
        parts = [rows[rows["record"].isin(own.index)] for own in (seen, held)]
        # In the order in which they come in their part of the frame.
        seen, held = (own.loc[part["record"].unique()] for own, part in zip((seen, held), parts))
        for name in chosen.models.split(","):
            row = {"model": name, "split": number} | RUN[name](parts[0], seen, parts[1], held.to_numpy())
            content = read_json(_ROWS) or {"rows": []}
            write_json(_ROWS, {"rows": merged(content["rows"], [row], ("model", "split"))})
            print(name, number, {key: round(row[key], 4) for key in ("auroc", "auprc", "ece", "fit_cpu_s")})
            write_text(FOLDER / "README.md", page((read_json(_ROWS) or {"rows": []})["rows"]))


if __name__ == "__main__":
    main()
