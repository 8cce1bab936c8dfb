"""Quantiles and intervals on ETT.

``python -m benchmarks.forecasting.probabilistic --data ETTh1 --horizon 96`` runs one cell. Spans and scales
are those of ``benchmarks.forecasting.ltsf``. Forecasts start at evenly spaced origins, the same for
every model (about 700 a span); scores are averaged over origins, leads and channels: the weighted quantile
loss over the levels 0.1 to 0.9, and the share of the truth inside the central intervals of 80% and 90%.
Training time is CPU time. With ``--test`` the test span is judged,
stored and logged. ``--peers PYTHON`` names the interpreter of an environment that holds neuralforecast and
darts; each of their models trains for ``--seconds`` of CPU time there, once for each of ``--seeds``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arrays import Float, Rows
from benchmarks.forecasting.ltsf import DATASETS
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
from benchmarks.windows import MODELS, Parts, build, futures, split, standardised
from ssmts.estimators import SSMForecaster
from ssmts.models.forecasting.calibration import widths_of
from ssmts.models.forecasting.quantiles import error_quantiles_of
from ssmts.models.forecasting.rolling_origins import RollingForecasts, rolling_forecasts
from ssmts.models.sequences.sequence import stack_sequences
from ssmts_datasets import ETTDataset, load_ett

LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
_SCORED = slice(1, -1)
_ORIGINS = 700
PEERS = {"NHITS": "neuralforecast NHITS", "NLinear": "darts NLinear"}


@dataclass
class Scores:
    """Running sums over forecasts of quantiles at LEVELS."""

    loss: float = 0.0
    truth: float = 0.0
    count: int = 0
    inside: dict[int, Float] = field(default_factory=dict)

    def add(self, truth: Float, quantiles: Float) -> None:
        """Count forecasts (n, horizon, n_levels) of truth (n, horizon)."""
        error = truth[..., None] - quantiles[..., _SCORED]
        levels = LEVELS[_SCORED]
        self.loss += 2.0 * float(np.maximum(levels * error, (levels - 1.0) * error).mean(axis=-1).sum())
        self.truth += float(np.abs(truth).sum())
        self.count += len(truth)
        for percent, k in ((80, 1), (90, 0)):
            within = (quantiles[..., k] <= truth) & (truth <= quantiles[..., -1 - k])
            self.inside[percent] = self.inside.get(percent, 0.0) + within.sum(axis=0)

    @property
    def figures(self) -> dict[str, Any]:
        """WQL, mean coverage, and coverage by step."""
        by_step = {percent: own / self.count for percent, own in self.inside.items()}
        return {
            "wql": self.loss / self.truth,
            **{f"coverage_{percent}": float(own.mean()) for percent, own in by_step.items()},
            "by_step": {str(percent): np.round(own, 4).tolist() for percent, own in by_step.items()},
        }


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=DATASETS, default=["ETTh1"])
    parser.add_argument("--horizon", nargs="+", type=int, default=[96], help="in rows")
    parser.add_argument("--model", nargs="*", choices=sorted(MODELS), default=["LinearSSMForecaster"])
    parser.add_argument("--peers", help="interpreter with neuralforecast and darts")
    parser.add_argument("--seconds", type=int, default=60, help="of training, for each model of a peer")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of the peers")
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    options = parser.parse_args(arguments)
    if options.test:
        log_test(["python -m benchmarks.forecasting.probabilistic", *arguments])
    for data in options.data:
        for horizon in options.horizon:
            result = run_cell(
                load_ett(data),
                horizon,
                models=options.model,
                test=options.test,
                peers=options.peers,
                seconds=options.seconds,
                seeds=options.seeds,
            )
            print(to_markdown(store(result) if options.test else result), flush=True)


def run_cell(
    dataset: ETTDataset[pd.DataFrame],
    horizon: int,
    *,
    models: list[str],
    test: bool,
    peers: str | None = None,
    seconds: int = 60,
    seeds: list[int] | None = None,
    context: int | None = None,
) -> dict[str, Any]:
    """Fit and judge models, baselines and peers on one set at one horizon; the context is 30 days."""
    scaled = standardised(dataset)
    context = pd.Timedelta(days=30) // dataset.reference_step if context is None else context
    parts = split(scaled, context, test=test)
    rows = np.arange(context - 1, len(parts.judged) - horizon)
    rows = rows[:: max(1, len(rows) // _ORIGINS)]
    day = pd.Timedelta(days=1) // dataset.reference_step
    out = [
        {"model": name, "fit_s": None, **judged_naive(parts, rows, horizon, season)}
        for name, season in (("last value", 1), ("seasonal naive (day)", day))
    ]
    for name in models:
        model, begun = build(name, horizon, context, 0), time.process_time()
        model.fit(parts.train, validation=parts.validation)
        spent = round(time.process_time() - begun, 1)
        out.append({"model": name, "fit_s": spent, **judged(model, parts.judged, rows)})
        adaptive = judged(model, parts.judged, rows, adaptive=True)
        out.append({"model": f"{name}, adaptive", "fit_s": spent, **adaptive})
    if peers is not None:
        for name, title in PEERS.items():
            runs = [
                judged_peer(name, peers, parts, rows, horizon, context, seconds, seed)
                for seed in (seeds or [0])
            ]
            out.append({"model": title, **mean_of(runs)})
    span = "test" if test else "validation"
    return {"dataset": dataset.name, "horizon": horizon, "span": span, "results": out}


def judged(
    model: SSMForecaster, frame: pd.DataFrame, rows: Rows, *, adaptive: bool = False
) -> dict[str, Any]:
    """Scores of a fitted forecaster at some origins of a frame; the first has just one context behind it.

    With `adaptive` widths follow the truth that was known at each origin, as in `backtest`.
    """
    fitted = model.fitted_
    (stack,) = stack_sequences(fitted.sequences(model.reader_.read(frame)))
    error_quantiles, values, scores = error_quantiles_of(fitted), frame.to_numpy(), Scores()
    scale, level = fitted.scaling.scale[0], values.mean(axis=0)
    horizon = fitted.model.config.linear.horizon
    leads = np.arange(1.0, horizon + 1.0)
    blocks: dict[int, list[RollingForecasts]] = {}
    for block in rolling_forecasts(fitted.model, [stack], stride=int(rows[1] - rows[0])):
        blocks.setdefault(block.member, []).append(block)
    for block in (whole_of(own) for own in blocks.values()):
        kept = np.isin(block.rows, rows)
        forecast, width = block.forecast[kept, 1:], error_quantiles.scale(block.deviation[kept])
        factor = widths_of(fitted, [block])[1][:-1][kept] if adaptive else np.ones(len(width))
        offsets = error_quantiles.offsets(LEVELS, leads, int(stack.groups[block.member]))
        middle = offsets[:, [len(LEVELS) // 2]]
        offsets = middle + factor[:, None, None] * (offsets - middle)
        quantiles = forecast[..., None] + width[:, None, None] * offsets
        truth = futures(values[:, block.member], block.rows[kept], horizon)
        scores.add(truth, quantiles * scale[block.member] + level[block.member])
    if scores.count != len(rows) * values.shape[1]:
        raise AssertionError(f"{scores.count} forecasts instead of {len(rows) * values.shape[1]}")
    return scores.figures


def whole_of(blocks: list[RollingForecasts]) -> RollingForecasts:
    """The blocks of one sequence as one."""
    rows, forecast, deviation = (
        np.concatenate([getattr(block, name) for block in blocks])
        for name in ("rows", "forecast", "deviation")
    )
    return RollingForecasts(
        stack=blocks[0].stack, member=blocks[0].member, rows=rows, forecast=forecast, deviation=deviation
    )


def judged_naive(parts: Parts, rows: Rows, horizon: int, season: int) -> dict[str, Any]:
    """Scores of the last season repeated, with the quantiles of its errors in training."""
    scores, learnt = Scores(), parts.learnt.to_numpy()
    back = np.arange(horizon) % season - season + 1
    origins = np.arange(season - 1, len(learnt) - horizon, 5)
    for channel, values in enumerate(parts.judged.to_numpy().T):
        past = learnt[:, channel]
        errors = futures(past, origins, horizon) - past[origins[:, None] + back]
        offsets = np.quantile(errors, LEVELS, axis=0).T
        scores.add(futures(values, rows, horizon), values[rows[:, None] + back][..., None] + offsets)
    return scores.figures


def judged_peer(
    name: str, python: str, parts: Parts, rows: Rows, horizon: int, context: int, seconds: int, seed: int
) -> dict[str, Any]:
    """Scores of another library's model, which trains and forecasts in an environment of its own."""
    values = parts.judged.to_numpy()
    with tempfile.TemporaryDirectory() as folder:
        np.savez(
            Path(folder) / "data.npz",
            learnt=parts.learnt.to_numpy(),
            judged=values,
            rows=rows,
            levels=LEVELS,
            size=np.array([horizon, context, seconds, seed]),
        )
        script = Path(__file__).with_name("probabilistic_peers.py")
        subprocess.run([python, str(script), name, folder], check=True)
        with np.load(Path(folder) / "quantiles.npz") as found:
            quantiles, spent = found["quantiles"], float(found["seconds"])
    scores = Scores()
    for channel, own in enumerate(quantiles):  # (n_channels, n_origins, horizon, n_levels)
        # Peers' quantiles may cross, and the median may come first.
        scores.add(futures(values[:, channel], rows, horizon), np.sort(own, axis=-1))
    return {"fit_s": round(spent, 1), **scores.figures}


def mean_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean over seeds, with every seed's WQL beside it."""
    names = ("fit_s", "wql", "coverage_80", "coverage_90")
    by_step = {
        percent: np.round(np.mean([run["by_step"][percent] for run in runs], axis=0), 4).tolist()
        for percent in runs[0]["by_step"]
    }
    means = {name: float(np.mean([run[name] for run in runs])) for name in names}
    return means | {"by_step": by_step, "wql_of_seeds": [run["wql"] for run in runs]}


def store(result: dict[str, Any], results: Path = RESULTS) -> dict[str, Any]:
    """Merge a cell into its file, write table and picture of all cells anew; returns the merged cell."""
    folder = results / "probabilistic"
    path = raw_of(folder) / f"{result['dataset']}-{result['horizon']}.json"
    old = read_json(path)
    if old is not None:
        result = result | {"results": merged(old["results"], result["results"], ("model",))}
    write_json(path, result)
    cells = [cell for one in sorted(raw_of(folder).glob("*.json")) if (cell := read_json(one)) is not None]
    text = "# Probabilistic forecasting\n\n" + "\n".join(to_markdown(cell) for cell in cells)
    write_text(folder / "README.md", text + "\n![coverage by step](coverage.png)\n")
    _plot(cells, folder / "coverage.png")
    return result


def to_markdown(result: dict[str, Any]) -> str:
    """One cell as a table, the best WQL first."""
    header = ["model", "WQL", "coverage of 80%", "coverage of 90%", "training s"]
    rows = [
        [
            row["model"],
            _with_range(row),
            f"{100 * row['coverage_80']:.1f}%",
            f"{100 * row['coverage_90']:.1f}%",
            "" if row["fit_s"] is None else f"{row['fit_s']:.0f}",
        ]
        for row in sorted(result["results"], key=lambda row: row["wql"])
    ]
    title = f"{result['dataset']}-{result['horizon']}, {result['span']} span"
    return f"### {title}\n\n{markdown_table(header, rows)}"


def _with_range(row: dict[str, Any]) -> str:
    """WQL; of several seeds the mean ± half the range."""
    seeds = row.get("wql_of_seeds", [])
    return f"{row['wql']:.4f}" + (f" ± {np.ptp(seeds) / 2:.4f}" if len(seeds) > 1 else "")


def _plot(cells: list[dict[str, Any]], path: Path) -> None:
    """Coverage of the 90% interval by step, an axes a cell."""
    import matplotlib.pyplot as plt

    n_columns = min(len(cells), 4)
    n_rows = -(-len(cells) // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(3.4 * n_columns, 2.6 * n_rows),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    names = list(dict.fromkeys(row["model"] for cell in cells for row in cell["results"]))
    colors = {name: f"C{k}" for k, name in enumerate(names)}
    for ax, cell in zip(axes.ravel(), cells):
        for row in cell["results"]:
            own = row["by_step"]["90"]
            ax.plot(np.arange(1, len(own) + 1), own, color=colors[row["model"]], linewidth=1.2)
        ax.axhline(0.9, color="0.4", linewidth=0.8, linestyle="--")
        ax.set_title(f"{cell['dataset']}-{cell['horizon']}", fontsize=10)
        ax.set_xlabel("step")
    axes[0, 0].set_ylabel("inside 90% interval")
    axes[0, 0].set_ylim(0.6, 1.0)
    for ax in axes.ravel()[len(cells) :]:
        ax.set_axis_off()
    lines = [plt.Line2D([], [], color=colors[name], label=name) for name in names]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(names), frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
