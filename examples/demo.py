"""A forecast on real data, end to end: carbon dioxide on Mauna Loa, every week from 1958 to 2001.

The data ship inside statsmodels; nothing is downloaded. They are a fair test: 59 weeks are missing and stay
missing, the period of a year is not given, and values rise beyond the range of training. One model is
fitted on weekly values until 1991 and forecasts from origins over the next ten years in three ways, with
the same weights:

- weekly, as in training;
- from every second week of the data, at half the rate;
- at the first of each month, whatever its weekday.

    python examples/demo.py
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.datasets import co2

from ssmts import S4Forecaster

HORIZON, CONTEXT = 52, 260  # weeks
TRAINED_UNTIL = "1991-12-31"
BETWEEN_ORIGINS = 4  # weeks
YEAR = pd.Timedelta(days=365.2425)
PICTURE = Path("demo_forecast.png")

GRIDS = ("every week (as trained)", "from every second week", "first of each month")
WAYS = ("S4Forecaster", "interpolation", "season + drift", "last season", "last value")

NEXT = {
    'model.predict(data, at=["2002-02-14", "2002-07-04"])': "at any instants",
    'model.predict(data, step="1D")': "daily",
    "model.predict(data.drop(data.index[-30:-1:3]))": "from data with holes of your own",
    'model.save("co2.safetensors"); ssmts.load("co2.safetensors")': "the same model in another process",
}


@dataclass
class Trial:
    """Errors in ppm and leads in days of the forecasts from each origin, on one output grid."""

    errors: dict[str, list[np.ndarray]] = field(default_factory=lambda: {way: [] for way in WAYS})
    leads: list[np.ndarray] = field(default_factory=list)

    def add(self, truth: pd.Series, origin: pd.Timestamp, forecasts: dict[str, np.ndarray]) -> None:
        """Record the errors of forecasts at the instants of the truth."""
        self.leads.append((truth.index - origin) / pd.Timedelta(days=1))
        for way, forecast in forecasts.items():
            self.errors[way].append(forecast - truth.to_numpy())

    def figure(self, way: str) -> str:
        """MAE / RMSE."""
        if not self.errors[way]:
            return "-"
        errors = np.concatenate(self.errors[way])
        return f"{np.abs(errors).mean():.2f} / {np.sqrt((errors**2).mean()):.2f}"


def at_instants(known: pd.Series, instants: pd.DatetimeIndex) -> np.ndarray:
    """Linear interpolation between the observations of a series."""
    known = known.dropna()
    return np.interp(instants.asi8, known.index.as_unit(instants.unit).asi8, known.to_numpy())


def naive(past: pd.Series, instants: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    """Baselines: last value, value a year ago, value a year ago plus the last year's rise."""
    past = past.dropna()
    last = past.index[-1:]
    season = at_instants(past, instants - YEAR)
    rise = past.iloc[-1] - at_instants(past, last - YEAR)
    return {
        "last value": np.full(len(instants), past.iloc[-1]),
        "last season": season,
        "season + drift": season + rise,
    }


def judge(model: S4Forecaster, data: pd.DataFrame) -> dict[str, Trial]:
    """Errors on three grids, from origins over the whole test span."""
    trials = {grid: Trial() for grid in GRIDS}
    held = data.index[data.index > TRAINED_UNTIL]
    for origin in held[: -HORIZON - 1 : BETWEEN_ORIGINS]:
        for grid, (predict, interpolate) in ways_of_asking(model, data[:origin]).items():
            forecast = predict()
            truth = pd.Series(at_instants(data["co2"], forecast.index), forecast.index)
            forecasts = {"S4Forecaster": forecast["co2"].to_numpy()} | naive(
                data["co2"][:origin], truth.index
            )
            if interpolate is not None:
                forecasts["interpolation"] = interpolate(truth.index)
            trials[grid].add(truth, origin, forecasts)
    return trials


Predict = Callable[[], pd.DataFrame]
Interpolate = Callable[[pd.DatetimeIndex], np.ndarray]


def ways_of_asking(model: S4Forecaster, past: pd.DataFrame) -> dict[str, tuple[Predict, Interpolate | None]]:
    """The forecast on each grid, and its substitute for a model of a fixed rate: interpolation."""
    half = past.iloc[::-2].iloc[::-1]  # every second week, the last one included

    def filled_then_predicted(instants: pd.DatetimeIndex) -> np.ndarray:
        filled = past.assign(co2=at_instants(half["co2"], past.index))
        return model.predict(filled)["co2"].reindex(instants).to_numpy()

    def predicted_then_interpolated(instants: pd.DatetimeIndex) -> np.ndarray:
        known = pd.concat([past["co2"].iloc[-1:], model.predict(past)["co2"]])
        return at_instants(known, instants)

    weekly, second, monthly = GRIDS
    return {
        weekly: (lambda: model.predict(past), None),
        second: (lambda: model.predict(half), filled_then_predicted),
        monthly: (lambda: model.predict(past, step="MS"), predicted_then_interpolated),
    }


def table(trials: dict[str, Trial]) -> Iterator[str]:
    """MAE / RMSE in ppm of every way on every grid."""
    width = max(map(len, GRIDS)) + 2
    yield "MAE / RMSE in ppm".ljust(width) + "".join(way.rjust(16) for way in WAYS)
    for grid, trial in trials.items():
        yield grid.ljust(width) + "".join(trial.figure(way).rjust(16) for way in WAYS)


def draw(model: S4Forecaster, data: pd.DataFrame, trials: dict[str, Trial], path: Path) -> None:
    """The whole record with forecasts a year apart, one forecast on three grids, error by lead."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    ours, grey, season, drift = "#0b6e99", "#9aa5ad", "#d9822b", "#7a5195"
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(12, 8), layout="constrained")
    axes = figure.subplot_mosaic([["all", "all"], ["one", "lead"]], width_ratios=[1.5, 1])

    whole = axes["all"]
    whole.plot(data.index, data["co2"], ".", color=grey, markersize=2.5, label="measured, holes left open")
    held = data.index[data.index > TRAINED_UNTIL]
    for k, origin in enumerate(held[: -HORIZON - 1 : HORIZON]):
        forecast = model.predict(data[:origin])
        label = "forecasts, a year each" if k == 0 else None
        whole.plot(forecast.index, forecast["co2"], color=ours, linewidth=1.6, label=label)
    whole.axvspan(held[0], data.index[-1], color=ours, alpha=0.06, linewidth=0)
    whole.annotate("never seen in training", (held[0], 318), (6, 0), textcoords="offset points", color=ours)
    whole.set_ylabel("CO$_2$ [ppm]")
    whole.set_title("Carbon dioxide on Mauna Loa, and forecasts of a model fitted until 1991")
    whole.legend(frameon=False, loc="upper left", markerscale=4)
    whole.margins(x=0.01)

    one, origin = axes["one"], held[6 * HORIZON + 14]
    ways = ways_of_asking(model, data[:origin])
    weekly, second, monthly = (ways[grid][0]()["co2"] for grid in GRIDS)
    around = data["co2"][origin - 1.1 * YEAR : origin + YEAR]
    one.plot(around.index, around, ".", color=grey, markersize=5, label="measured")
    one.plot(weekly.index, naive(data["co2"][:origin], weekly.index)["last season"], color=season,
             linewidth=1.2, linestyle=":", label="last season")  # fmt: skip
    one.plot(weekly.index, weekly, color=ours, linewidth=2, label=GRIDS[0])
    one.plot(second.index, second, "o", markerfacecolor="white", color=ours, markersize=4.5, label=GRIDS[1])
    one.plot(monthly.index, monthly, "D", color="#c0392b", markersize=5, label=GRIDS[2])
    one.axvline(origin, ymax=0.84, color="black", linewidth=0.8)
    low, high = one.get_ylim()
    one.set_ylim(low, high + 0.2 * (high - low))
    one.annotate("origin", (origin, low), (4, 6), textcoords="offset points")
    one.set_ylabel("CO$_2$ [ppm]")
    one.set_title("One set of weights, three grids")
    one.legend(frameon=False, fontsize=9, loc="upper left", ncols=3)

    lead = axes["lead"]
    trial = trials[GRIDS[0]]
    weeks = np.round(np.concatenate(trial.leads) / 7)
    centre = BETWEEN_ORIGINS * (
        (weeks - 1) // BETWEEN_ORIGINS + 0.5
    )  # as many weeks as between origins: even
    curves = (("last season", season, 8), ("season + drift", drift, 8), ("S4Forecaster", ours, -32))
    for way, colour, above in curves:
        error = pd.Series(np.abs(np.concatenate(trial.errors[way]))).groupby(centre).mean()
        lead.plot(error.index, error, color=colour, linewidth=2 if colour == ours else 1.4)
        anchor = (error.index[8], error.iloc[8])
        lead.annotate(way, anchor, (0, above), textcoords="offset points", color=colour, ha="right")
    lead.set(xlabel="weeks ahead", ylabel="mean absolute error [ppm]", ylim=(0, 1.9), xlim=(0, HORIZON + 1))
    lead.set_title("Error by lead time")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Run the demo."""
    begun = time.perf_counter()
    data = co2.load_pandas().data
    train = data[:TRAINED_UNTIL]
    print(
        f"{len(data):,} weeks of CO2 on Mauna Loa, {data['co2'].isna().sum()} of them missing. "
        f"Fitting on the {len(train):,} until {TRAINED_UNTIL[:4]} ..."
    )
    fitting = time.perf_counter()
    model = S4Forecaster(horizon=HORIZON, context_length=CONTEXT, random_state=0, verbose=1).fit(train)
    seconds = time.perf_counter() - fitting
    period, deep = model.history_["period"], model.history_["deep"]["accepted"]
    print(
        f"Fitted in {seconds:.1f} s. Period found in the data: {period:.2f} weeks (a year has "
        f"{YEAR / pd.Timedelta(weeks=1):.2f}).\nThe deep branch "
        + (
            "adds a correction."
            if deep
            else "gained nothing on held-out blocks: the linear branch forecasts alone."
        )
    )
    trials = judge(model, data)
    n_origins = len(trials[GRIDS[0]].leads)
    print(f"\nA year ahead from {n_origins} origins between 1992 and 2000, none of it seen in training:\n")
    print("\n".join(table(trials)))
    print(
        "\ninterpolation: the substitute for a model of a fixed rate: weekly values interpolated from every"
        "\nsecond one, or the weekly forecast interpolated to the first of each month. The truth on the first"
        "\nof a month is interpolated between the measurements around it.\n"
    )
    draw(model, data, trials, PICTURE)
    print(f"The picture: {PICTURE.resolve()}  ({time.perf_counter() - begun:.0f} s in all)")
    print("Try next:")
    for code, why in NEXT.items():
        print(f"  {code.ljust(max(map(len, NEXT)))}  # {why}")


if __name__ == "__main__":
    main()
