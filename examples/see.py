"""The pictures of docs/understanding.md: forecasts, a backtest, calibration, components and a report.

Weekly carbon dioxide (ships inside statsmodels), and daily hires of a made-up shop with promotions.

    python examples/see.py [FOLDER]     # the current folder by default; docs for the pages
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.datasets import co2

from ssmts import LinearSSMForecaster

ORIGIN = "1995"


def hires(days: int = 900) -> pd.DataFrame:
    """Hires a day with a weekly rhythm, more on days of a promotion."""
    rng = np.random.default_rng(0)
    date = pd.date_range("2022-01-01", periods=days, name="date")
    promotion = (rng.random(days) < 0.15).astype(float)
    weekly = np.array([40, 38, 41, 45, 60, 90, 80])[date.dayofweek]
    slow = 15 * np.sin(2 * np.pi * np.arange(days) / 365.25)
    return pd.DataFrame({"hires": weekly + slow + 30 * promotion + rng.normal(0, 6, days),
                         "promotion": promotion}, index=date)  # fmt: skip


def save(axes: object, path: Path) -> None:
    """Write the figure of some axes as a small picture."""
    figure = np.ravel(axes)[0].figure
    figure.savefig(path, dpi=80)
    print(f"picture: {path}")


def main(folder: str = ".") -> None:
    """Fit two forecasters and draw."""
    import matplotlib

    matplotlib.use("Agg")
    to = Path(folder)
    frame = pd.read_csv(Path(co2.__file__).with_name("co2.csv"), parse_dates=["date"])
    train, later = frame[frame["date"] < ORIGIN], frame[frame["date"] >= ORIGIN]
    model = LinearSSMForecaster(horizon=52, context_length=260, time_col="date").fit(train)
    print(model.summary())
    save(model.plot(train, level=[50, 80, 95], truth=later), to / "see-forecast.png")
    table = model.backtest(later, stride=13, level=[50, 80, 95])
    save(model.plot_backtest(table), to / "see-backtest.png")
    save(model.plot_calibration(later), to / "see-calibration.png")
    model.report(to / "report.html", later, title="Carbon dioxide, a year ahead")
    print(f"report: {to / 'report.html'}")

    shop = hires()
    model = LinearSSMForecaster(28, target_cols="hires", future_covariates="promotion").fit(shop[:-28])
    save(model.plot_components(shop[:-28], future=shop[-28:][["promotion"]]), to / "see-components.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
