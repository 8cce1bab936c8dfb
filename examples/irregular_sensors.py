"""A sensor with gaps: carbon dioxide on Mauna Loa, weekly from 1958, 59 weeks missing.

The data ship inside statsmodels. A model is fitted on the weeks until 1991, gaps included. With the same
weights, and without resampling, it

- fills the gaps of the whole record, with intervals;
- fills measured weeks after 1991 that are hidden from it, one by one and half a year at a time;
- forecasts from all, a quarter and a tenth of the weeks.

    python examples/irregular_sensors.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.datasets import co2

from ssmts import LinearSSMForecaster

HORIZON, CONTEXT = 52, 260  # weeks
TRAINED_UNTIL = "1991-12-31"
PICTURE = Path("irregular_sensors.png")


def hidden(length: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Which weeks to hide; the first and the last stay."""
    mask = np.zeros(length, dtype=bool)
    if kind == "half years":
        for begin in range(20, length - 40, 90):
            mask[begin : begin + 26] = True
    else:
        mask = rng.random(length) < {"a half of the weeks": 0.5, "nine tenths": 0.9}[kind]
    mask[[0, -1]] = False
    return mask


def trial(model: LinearSSMForecaster, later: pd.DataFrame) -> pd.DataFrame:
    """Hide weeks that were measured, fill them, and compare with what was measured."""
    rows = {}
    for kind in ("a half of the weeks", "nine tenths", "half years"):
        mask = hidden(len(later), kind, np.random.default_rng(0))
        X = later.mask(mask[:, None])
        found = model.reconstruct(X, level=90)[mask & later["co2"].notna().to_numpy()]
        truth = later.loc[found.index, "co2"]
        lines = X["co2"].interpolate("time")[found.index]
        rows[kind] = {
            "lines": (lines - truth).abs().mean(),
            "reconstruct": (found["co2"] - truth).abs().mean(),
            "inside 90%": truth.between(found["co2-lo-90"], found["co2-hi-90"]).mean(),
        }
    return pd.DataFrame(rows).T


def forecasts(data: pd.DataFrame, models: dict[str, LinearSSMForecaster]) -> pd.DataFrame:
    """Mean absolute error a year ahead, from all weeks of five years and from some."""
    rng = np.random.default_rng(1)
    held = data.index[data.index > TRAINED_UNTIL]
    rows = {}
    for share in (1.0, 0.25, 0.1):
        errors: dict[str, list[float]] = {name: [] for name in models}
        for origin in held[: -HORIZON - 1 : 8]:
            window = data[:origin].dropna().tail(CONTEXT)
            kept = rng.random(len(window)) < share
            kept[-1] = True
            for name, model in models.items():
                forecast = model.predict(window[kept], step="7D")["co2"]
                errors[name].append((forecast - data["co2"]).abs().mean())
        rows[f"{share:.0%} of the weeks"] = {name: np.mean(own) for name, own in errors.items()}
    return pd.DataFrame(rows).T


def draw(model: LinearSSMForecaster, data: pd.DataFrame, path: Path) -> None:
    """A filled gap, forecasts from three clocks, interval width by length of the gap."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    ours, lines, seen, grey = "#0b6e99", "#d9822b", "black", "#9aa5ad"
    plt.rcParams.update({"font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(11, 7), layout="constrained")
    axes = figure.subplot_mosaic([["hole", "hole"], ["rates", "know"]])

    stretch = data["1992-06":"1996-12"]
    X = stretch.mask(np.random.default_rng(4).random(stretch.shape) < 0.8)
    X["1993-10":"1995-03"] = np.nan
    filled = model.reconstruct(X.dropna(), step="1D", level=90)
    own = axes["hole"]
    own.plot(
        stretch.index,
        stretch["co2"],
        ".",
        color=grey,
        markersize=3.5,
        label="measured, hidden from the model",
    )
    band = filled["co2-lo-90"], filled["co2-hi-90"]
    label = "90% interval"
    own.fill_between(filled.index, *band, color=ours, alpha=0.18, linewidth=0, label=label)
    own.plot(X["co2"].dropna(), "--", color=lines, linewidth=1.2, label='lines, hold="foh"')
    own.plot(filled["co2"], color=ours, linewidth=1.6, label='conditional expectation, hold="gp"')
    own.plot(X.index, X["co2"], "o", color=seen, markersize=4, label="given to the model")
    own.set(
        ylabel="CO$_2$ [ppm]",
        title="A gap of a year and a half: lines and conditional expectation",
    )
    own.legend(frameon=False, fontsize=8.5, loc="upper left", ncols=2)
    low, high = own.get_ylim()
    own.set_ylim(low, high + 0.3 * (high - low))

    own, origin = axes["rates"], pd.Timestamp("1997-03-29")
    past = data[:origin].dropna().tail(CONTEXT)
    own.plot(data["co2"]["1996":"1998-03"], ".", color=grey, markersize=4, label="measured")
    rng = np.random.default_rng(0)
    some = np.append(rng.random(len(past) - 1) < 0.12, True)
    for name, part, style in (
        ("from every week", past, "-"),
        ("from every sixth week", past.iloc[::-6].iloc[::-1], "--"),
        ("from 12% of the weeks, at random", past[some], ":"),
    ):
        own.plot(model.predict(part, step="7D")["co2"], style, color=ours, linewidth=1.8, label=name)
    own.axvline(origin, color=seen, linewidth=0.8)
    own.set(ylabel="CO$_2$ [ppm]", title="Forecasts from three clocks")
    own.legend(frameon=False, fontsize=8.5, loc="upper left")
    own.set_ylim(own.get_ylim()[0], own.get_ylim()[1] + 3.0)
    own.xaxis.set_major_locator(matplotlib.dates.MonthLocator((1, 7)))
    own.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%Y-%m"))

    own, later = axes["know"], data["1992":].dropna()
    for weeks, shade in ((4, 0.35), (13, 0.6), (52, 1.0)):
        middle = len(later) // 2
        gone = slice(middle - weeks // 2, middle - weeks // 2 + weeks)
        X = later.drop(later.index[gone])
        inside = pd.date_range(later.index[gone.start - 1], later.index[gone.stop], freq="1D")
        found = model.reconstruct(X, at=inside, level=90)
        days = (inside - inside[0]) / pd.Timedelta("7D") - (weeks + 1) / 2
        own.plot(days, found["co2-hi-90"] - found["co2"], color=ours, alpha=shade, linewidth=1.8)
        peak = float((found["co2-hi-90"] - found["co2"]).max())
        own.annotate(f"{weeks} weeks", (0, peak), (0, 3), textcoords="offset points", ha="center", color=ours)
    own.set(xlabel="weeks from the middle of the gap", ylabel="half a 90% interval [ppm]")
    own.set_ylim(0, 1.1 * own.get_ylim()[1])
    own.set_title("Width of the interval by length of the gap")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Run the example."""
    data = co2.load_pandas().data
    train = data[:TRAINED_UNTIL]
    models = {
        f'hold="{hold}"': LinearSSMForecaster(HORIZON, CONTEXT, hold=hold).fit(train)
        for hold in ("foh", "auto")
    }
    model = models['hold="auto"']

    filled = model.reconstruct(data, level=90)
    holes = filled[data["co2"].isna()]
    width = (holes["co2-hi-90"] - holes["co2-lo-90"]) / 2
    print(f"{len(data):,} weeks, {len(holes)} of them missing. Filled, with 90% intervals:")
    for stamp, value in holes["co2"].iloc[:: len(holes) // 5].items():
        print(f"  {stamp:%Y-%m-%d}  {value:6.1f} ± {width[stamp]:.1f} ppm")

    print("\nMeasured weeks after 1991, hidden and filled; mean absolute error in ppm:\n")
    print(trial(model, data[TRAINED_UNTIL:]).round(2).to_string())

    print("\nForecasts of a year from five years of weeks or a part of them; mean absolute error in ppm:\n")
    print(forecasts(data, models).round(2).to_string())

    draw(model, data, PICTURE)
    print(f"\nThe picture: {PICTURE.resolve()}")


if __name__ == "__main__":
    main()
