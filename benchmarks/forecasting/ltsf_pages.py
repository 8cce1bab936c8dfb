"""The pages of the long-horizon cells: a table of one, a table and a picture of all that are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.output import markdown_table, raw_of, read_json, write_text
from benchmarks.windows import MODELS

__all__ = ["plot", "summary", "to_markdown", "write_pages"]


def write_pages(folder: Path) -> None:
    """The table of all stored cells and their picture."""
    write_text(folder / "README.md", summary(folder))
    plot(folder)


def to_markdown(result: dict[str, Any]) -> str:
    """One cell as a table."""
    title = f"{result['dataset']}-{result['horizon']}, context {result['context']}, {result['span']} span"
    header = ["model", "seed", "MSE", "MAE", "cross-validated", "fit s (cpu s)", "predict ms", "parameters"]
    rows = []
    for row in result["results"]:
        crossed = row.get("cross_validated_mse")
        rows.append(
            [
                row["model"],
                "" if row["seed"] is None else str(row["seed"]),
                f"{row['mse']:.4f}",
                f"{row['mae']:.4f}",
                "" if crossed is None else f"{crossed:.4f}",
                "" if row["fit_s"] is None else f"{row['fit_s']:.1f} ({row['fit_cpu_s']:.1f})",
                "" if row["predict_ms"] is None else f"{row['predict_ms']:.2f}",
                f"{row['n_parameters']:,}",
            ]
        )
    return f"### {title}\n\n{markdown_table(header, rows)}"


def summary(folder: Path) -> str:
    """All stored cells: MSE / MAE by model, mean over seeds with their spread."""
    cells = _cells(folder)
    names, rows = _names(cells), []
    for cell in cells:
        line = [f"{cell['dataset']}-{cell['horizon']}", str(cell["context"])]
        for name in names:
            found = [row for row in cell["results"] if row["model"] == name]
            line.append(_mean_and_spread(found))
        rows.append(line)
    note = (
        "Test spans, MSE / MAE on standardised values; with several seeds the mean, and after ± half the "
        "range of the MSE. `python -m benchmarks.forecasting.ltsf --test` makes these files."
    )
    table = markdown_table(["cell", "context", *names], rows)
    picture = "![MSE against the horizon](ltsf.png)"
    return f"# Long-horizon forecasting\n\n{note}\n\n{table}\n{picture}\n"


def plot(folder: Path) -> None:
    """MSE against the horizon, a panel a data set; bars are the range over seeds."""
    from matplotlib.figure import Figure

    cells = _cells(folder)
    sets = list(dict.fromkeys(cell["dataset"] for cell in cells))
    figure = Figure(figsize=(3.6 * len(sets), 3.4), layout="constrained")
    for axes, data in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True):
        own = [cell for cell in cells if cell["dataset"] == data]
        for number, name in enumerate(_names(cells)):
            found = {
                cell["horizon"]: [row["mse"] for row in cell["results"] if row["model"] == name]
                for cell in own
            }
            mean = {horizon: np.mean(values) for horizon, values in found.items() if values}
            if name == "last value" or not mean:  # it lies far above the others
                continue
            spread = [np.ptp(found[horizon]) / 2.0 for horizon in mean]
            axes.errorbar(
                list(mean), list(mean.values()), spread, fmt="o-", ms=3, lw=1, color=f"C{number}", label=name
            )
        horizons = [cell["horizon"] for cell in own]
        axes.set(title=data, xlabel="horizon, rows", xscale="log", xticks=horizons, xticklabels=horizons)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("test MSE")
    figure.axes[-1].legend(fontsize=7)
    figure.savefig(folder / "ltsf.png", dpi=90)


def _cells(folder: Path) -> list[dict[str, Any]]:
    cells = [cell for path in raw_of(folder).glob("*.json") if (cell := read_json(path)) is not None]
    return sorted(cells, key=lambda cell: (cell["dataset"], cell["horizon"]))


def _names(cells: list[dict[str, Any]]) -> list[str]:
    """Baselines, then models."""
    names = list(dict.fromkeys(row["model"] for cell in cells for row in cell["results"]))
    return sorted(names, key=lambda name: (name in MODELS, name))


def _mean_and_spread(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    mse, mae = (np.array([row[key] for row in rows]) for key in ("mse", "mae"))
    spread = f" ± {np.ptp(mse) / 2:.4f}" if len(rows) > 1 else ""
    return f"{mse.mean():.4f}{spread} / {mae.mean():.4f}"
