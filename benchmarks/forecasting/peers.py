"""Other libraries on the same windows.

``python -m benchmarks.forecasting.peers --python ENV/bin/python --test`` runs what is missing. ENV is an
environment of its own, so that no peer decides what versions we run with::

    python -m venv ENV
    ENV/bin/pip install neuralforecast==3.3.0 darts==0.48.0 statsforecast==2.1.1 torch==2.13.0

Every peer gets the same standardised values, trains until ``--seconds`` of processor time are spent (so that
what else the machine does does not count), and forecasts the windows of the judged span; the errors are ours
to compute. Context: 512 rows. Ours: defaults, 30 days; their times are processor time as well. Peers have
their libraries' defaults but for ``_SETTINGS``. AutoETS is fitted to each window anew, every k-th one as the
time allows; behind MSTL where a day is longer than the 24 rows that it can take. ``--set`` tries other
settings on the validation span. A stored row is not run again (``--again``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.forecasting.ltsf import run_cell
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
from benchmarks.windows import Errors, build, evaluate, split, standardised
from ssmts_datasets import ETTDataset, load_ett

PEERS = {
    "DLinear": "neuralforecast",
    "NHITS": "neuralforecast",
    "PatchTST": "neuralforecast",
    "Informer": "neuralforecast",
    "TiDEModel": "darts",
    "LinearRegressionModel": "darts",
    "SeasonalNaive": "statsforecast",
    "AutoETS": "statsforecast",
}
# Where a library's defaults are not made for a minute of a processor, what ETTh1-96's validation span chose
# (docs/decisions/093-peers-within-a-minute.md); the same in every cell.
_SETTINGS: dict[str, dict[str, Any]] = {
    "DLinear": {"early_stop_patience_steps": 5, "learning_rate": 1e-3},
    "Informer": {"early_stop_patience_steps": 5},
    "NHITS": {"early_stop_patience_steps": 5},
    "PatchTST": {"windows_batch_size": 32},
    "TiDEModel": {"use_reversible_instance_norm": True},
}
CELLS = (("ETTh1", 96), ("ETTh2", 96), ("ETTm1", 96), ("ETTm2", 96), ("ETTh1", 720))
_OURS = ("LinearSSMForecaster", "S4Forecaster")
_BASELINES = ("ridge on lags",)
_CONTEXT = 512
_CONTEXT_OF_OURS = "30D"
_FOLDER = RESULTS / "peers"


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", help="of the environment that holds the peers; without it ours alone run")
    parser.add_argument("--model", nargs="+", choices=[*PEERS, *_OURS], default=[*_OURS, *PEERS])
    parser.add_argument("--cell", nargs="+", help="e.g. ETTh1-96; five by default")
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time of a peer's training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=JSON", help="keywords of the peers, to try on validation"
    )
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    parser.add_argument("--again", action="store_true", help="run stored rows anew")
    options = parser.parse_args(arguments)
    options.settings = {key: json.loads(text) for key, text in (pair.split("=") for pair in options.set)}
    if options.settings and options.test:
        parser.error("--set is for the validation span: the table has one rule for all cells")
    cells = CELLS if options.cell is None else [(c.split("-")[0], int(c.split("-")[1])) for c in options.cell]
    if options.test:
        log_test(["python -m benchmarks.forecasting.peers", *arguments])
    for name, horizon in cells:
        dataset = load_ett(name)
        path = raw_of(_FOLDER) / f"{name}-{horizon}.json"
        for model in options.model:
            known = read_json(path) or {"dataset": name, "horizon": horizon, "results": []}
            stored = any(row["model"] == model for row in known["results"])
            if stored and options.test and not options.again:
                continue
            if model in _OURS:
                row = run_ours(dataset, horizon, model, options.seed, test=options.test)
            elif options.python is None:
                print(f"{model} left out: --python names no environment", flush=True)
                continue
            else:
                row = run_peer(dataset, horizon, model, options)
            counted = f", {row['n_windows']} windows" if "n_windows" in row else ""
            print(
                f"{name}-{horizon} {model}: MSE {row['mse']:.4f}, {row['fit_cpu_s']:.0f} cpu s{counted}",
                flush=True,
            )
            if options.test:
                known["results"] = merged(known["results"], [row], ("model", "seed"))
                write_json(path, known)
                write_text(_FOLDER / "README.md", summary(_FOLDER))
                plot(_FOLDER)


def run_ours(
    dataset: ETTDataset[pd.DataFrame], horizon: int, model: str, seed: int, *, test: bool
) -> dict[str, Any]:
    """A row of one of our models with its defaults."""
    context = pd.Timedelta(_CONTEXT_OF_OURS) // dataset.reference_step
    cell = run_cell(dataset, horizon, context, models=[model], seeds=[seed], test=test, baselines=False)
    row = cell["results"][0]
    return {key: row[key] for key in ("model", "seed", "mse", "mae", "fit_cpu_s")} | {"library": "ssmts"}


def run_peer(
    dataset: ETTDataset[pd.DataFrame],
    horizon: int,
    model: str,
    options: argparse.Namespace,
    context: int | None = None,
) -> dict[str, Any]:
    """A row of a peer, which runs in a process and an environment of its own; context: 512 rows.

    Raises
    ------
    RuntimeError
        If the peer fails, with the end of what it printed.
    """
    context = context or _CONTEXT
    settings = _SETTINGS.get(model, {}) | getattr(options, "settings", {})
    parts = split(standardised(dataset), context, test=options.test)
    learnt, judged = parts.learnt.to_numpy(), parts.judged.to_numpy()[context:]
    n_validation = len(judged) if parts.validation is None else len(parts.validation)
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            given,
            values=np.concatenate([learnt, judged]).astype(np.float32),
            n_train=len(learnt) - n_validation,
            n_learnt=len(learnt),
            horizon=horizon,
            context=context,
            minutes=int(dataset.reference_step / pd.Timedelta(minutes=1)),
            seconds=options.seconds,
            seed=options.seed,
            settings=json.dumps(settings),
        )
        worker = Path(__file__).with_name("peer_worker.py")
        command = [options.python, str(worker), model, str(given), str(result)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode:
            raise RuntimeError(f"{model} on {dataset.name}-{horizon} failed:\n{done.stderr[-3000:]}")
        print(done.stdout, end="")
        with np.load(result) as out:
            forecast, seconds, stride = out["forecast"], float(out["seconds"]), int(out["stride"])
    truth = np.lib.stride_tricks.sliding_window_view(judged, horizon, axis=0)[::stride]
    if forecast.shape != truth.shape:
        raise RuntimeError(f"{model} gave forecasts of shape {forecast.shape}, wanted {truth.shape}")
    errors = Errors()
    for own, true in zip(forecast, truth):
        errors.add(own - true)
    row = {
        "model": model,
        "seed": options.seed,
        **errors.figures,
        "fit_cpu_s": round(seconds, 1),
        "library": PEERS[model],
        "settings": settings,
    }
    if stride > 1:  # an error over fewer windows is comparable with one over the same windows alone
        row |= {"n_windows": len(truth), "ours": _on_windows(dataset, horizon, stride, test=options.test)}
    return row


def _on_windows(
    dataset: ETTDataset[pd.DataFrame], horizon: int, stride: int, *, test: bool
) -> dict[str, float]:
    """Errors of the linear branch on every `stride`-th window."""
    context = pd.Timedelta(_CONTEXT_OF_OURS) // dataset.reference_step
    parts = split(standardised(dataset), context, test=test)
    model = build("LinearSSMForecaster", horizon, context, None).fit(parts.train, validation=parts.validation)
    return evaluate(model, parts.judged, stride=stride)


def summary(folder: Path) -> str:
    """All stored cells, the best of each in bold: MSE / MAE (processor seconds of training)."""
    cells = [_with_baselines(cell, raw_of(folder.parent / "ltsf")) for cell in _cells(folder)]
    names = [name for name in (*_OURS, *PEERS, *_BASELINES) if any(_row(cell, name) for cell in cells)]
    lines, lost = [], []
    for cell in cells:
        title = f"{cell['dataset']}-{cell['horizon']}"
        best = min((row for row in cell["results"] if "ours" not in row), key=lambda row: float(row["mse"]))
        if best["library"] != "ssmts":
            lost.append(f"{title} ({best['model']})")
        some = [row for row in cell["results"] if "ours" in row]
        lost += [f"{title} ({row['model']})" for row in some if row["mse"] < row["ours"]["mse"]]
        lines.append([title, *(_text(_row(cell, name), best) for name in names)])
    header = ["cell", *(f"{PEERS[name]} {name}" if name in PEERS else name for name in names)]
    note = (
        "Test spans, MSE / MAE on standardised values over the same windows, in brackets the processor time "
        "of training. Peers: context 512, training stopped at the first step after its time was spent, or "
        "early; their libraries' defaults, but for the settings below, which ETTh1-96's validation span "
        "chose. Models that are fitted to every window anew, and those that forecast slowly, are judged on "
        "every k-th window: how many stands there, with the MSE of the linear branch on the same windows. "
        "Ridge on lags as `benchmarks.forecasting.ltsf` has it. "
        f"Cells that others win: {', '.join(lost) or 'none'}. "
        "`python -m benchmarks.forecasting.peers --test` makes this page."
    )
    chosen = "\n".join(
        f"- {name}: {', '.join(f'{key} {value}' for key, value in own.items())}"
        for name, own in sorted(_SETTINGS.items())
        if name in names
    )
    picture = "![MSE against training time](peers.png)"
    return f"# Peers\n\n{note}\n\n{chosen}\n\n{markdown_table(header, lines)}\n{picture}\n"


def _text(row: dict[str, Any] | None, best: dict[str, Any]) -> str:
    if row is None:
        return ""
    mark = "**" if row is best else ""
    seconds = [] if row["fit_cpu_s"] is None else [f"{row['fit_cpu_s']:.0f} s"]
    where = [f"{row['n_windows']} windows, ours {row['ours']['mse']:.4f}"] if "ours" in row else []
    more = f" ({'; '.join(seconds + where)})" if seconds or where else ""
    return f"{mark}{row['mse']:.4f}{mark} / {row['mae']:.4f}{more}"


def _cells(folder: Path) -> list[dict[str, Any]]:
    return [cell for path in sorted(raw_of(folder).glob("*.json")) if (cell := read_json(path)) is not None]


def _with_baselines(cell: dict[str, Any], ltsf: Path) -> dict[str, Any]:
    """A cell with the baselines that the long-horizon table has of it, on the same windows."""
    known = read_json(ltsf / f"{cell['dataset']}-{cell['horizon']}.json") or {"results": []}
    rows = [row | {"library": "baseline"} for row in known["results"] if row["model"] in _BASELINES]
    return cell | {"results": cell["results"] + rows}


def _row(cell: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((row for row in cell["results"] if row["model"] == name), None)


def plot(folder: Path) -> None:
    """Accuracy against training time, a panel a cell."""
    from matplotlib.figure import Figure

    cells = _cells(folder)
    names = list(dict.fromkeys(row["model"] for cell in cells for row in cell["results"]))
    figure = Figure(figsize=(2.9 * len(cells), 3.8), layout="constrained")
    handles = {}
    for axes, cell in zip(figure.subplots(1, len(cells), squeeze=False)[0], cells):
        for row in cell["results"]:
            color = f"C{names.index(row['model'])}"
            face = "none" if "ours" in row else color  # judged on some of the windows
            shape = {"marker": "*", "s": 110} if row["library"] == "ssmts" else {"marker": "o", "s": 40}
            at = max(row["fit_cpu_s"], 0.1), row["mse"]
            handles[row["model"]] = axes.scatter(*at, facecolors=face, edgecolors=color, zorder=3, **shape)
        axes.set(title=f"{cell['dataset']}-{cell['horizon']}", xscale="log", yscale="log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.2g}")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:.2g}")
        axes.tick_params(which="both", labelsize=8)
        axes.margins(x=0.15)
        axes.grid(alpha=0.3, which="both")
    figure.axes[0].set_ylabel("test MSE")
    figure.axes[len(cells) // 2].set_xlabel("processor seconds of training")
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=5, fontsize=8)
    figure.savefig(folder / "peers.png", dpi=90)


if __name__ == "__main__":
    main()
