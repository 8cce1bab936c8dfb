"""The quickstart of the README and its picture: a CSV, one fit, forecasts at three rates and an interval.

Carbon dioxide on Mauna Loa, weekly from 1958 to 2001, 59 weeks missing; the CSV ships inside statsmodels.

    python examples/quickstart.py [PICTURE]     # quickstart.png by default; docs/quickstart.png in the README
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from statsmodels.datasets import co2

from ssmts import LinearSSMForecaster

ORIGIN = pd.Timestamp("1999-01-01")


def main(picture: str = "quickstart.png") -> None:
    """Fit, forecast, draw."""
    frame = pd.read_csv(Path(co2.__file__).with_name("co2.csv"), parse_dates=["date"])
    train, later = frame[frame["date"] < ORIGIN], frame[frame["date"] >= ORIGIN]
    model = LinearSSMForecaster(horizon=104, context_length=260, time_col="date").fit(train)

    weekly = model.predict(train)
    monthly = model.predict(train, step="MS")
    quarter = model.predict(train.iloc[::-4].iloc[::-1])
    interval = model.predict_interval(train, level=90).set_index("date")

    truth = later.set_index("date")["co2"].loc[: interval.index[-1]].dropna()
    lower, upper = (interval[f"co2-{side}-90"].loc[truth.index] for side in ("lo", "hi"))
    error = (weekly.set_index("date")["co2"].loc[truth.index] - truth).abs().mean()
    print(f"mean absolute error over two years: {error:.2f} ppm")
    print(f"inside the 90% interval: {truth.between(lower, upper).mean():.0%} of {len(truth)} weeks")

    draw(train, later, weekly, monthly, quarter, interval, Path(picture))
    print(f"picture: {Path(picture).resolve()}")


def draw(
    train: pd.DataFrame,
    later: pd.DataFrame,
    weekly: pd.DataFrame,
    monthly: pd.DataFrame,
    quarter: pd.DataFrame,
    interval: pd.DataFrame,
    path: Path,
) -> None:
    """One origin: what was measured before and after it, and what was forecast."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    ours, grey, red = "#0b6e99", "#6b7680", "#c0392b"
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(figsize=(9, 3.8), layout="constrained")
    recent = train[train["date"] > ORIGIN - pd.Timedelta("730D")]
    until = later[later["date"] <= interval.index[-1]]
    axes.plot(recent["date"], recent["co2"], ".", color=grey, markersize=4, label="measured")
    axes.plot(until["date"], until["co2"], ".", color=grey, markersize=4, alpha=0.55, label="measured later")
    low, high = interval["co2-lo-90"], interval["co2-hi-90"]
    axes.fill_between(interval.index, low, high, color=ours, alpha=0.18, linewidth=0, label="90% interval")
    axes.plot(weekly["date"], weekly["co2"], color=ours, linewidth=1.8, label="weekly, as trained")
    axes.plot(
        quarter["date"], quarter["co2"], "o", color=ours, markerfacecolor="white", label="from every 4th week"
    )
    axes.plot(monthly["date"], monthly["co2"], "D", color=red, markersize=4, label="first of each month")
    axes.axvline(ORIGIN, color="black", linewidth=0.8)
    axes.set_ylabel("CO$_2$ [ppm]")
    axes.set_title("One fit: two years of carbon dioxide from weekly data with holes", fontsize=11)
    axes.legend(frameon=False, fontsize=9, ncols=2, loc="upper left")
    axes.margins(x=0.01)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:])
