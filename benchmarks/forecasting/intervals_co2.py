"""Do intervals hold on weekly CO2 with holes? ``python -m benchmarks.forecasting.intervals_co2`` (seconds).

Mauna Loa, 52 weeks ahead from 260: fitted on all weeks until a year, then forecast from every week of the
next. Coverage of the 80% and the 90% interval over all observed weeks, with the widths that fit learnt and
with widths that follow the truth known at each origin.
"""

from __future__ import annotations

import pandas as pd
from statsmodels.datasets import co2

from benchmarks.output import RESULTS, markdown_table, write_text
from ssmts import LinearSSMForecaster

HORIZON, CONTEXT = 52, 260  # weeks
SPANS = (("1974", "1983"), ("1980", "1992"), ("1991", "2001"))


def coverage(data: pd.DataFrame, trained_until: str, judged_until: str) -> list[str]:
    """One row of the table."""
    train = data[:trained_until]
    model = LinearSSMForecaster(HORIZON, CONTEXT).fit(train)
    later = data[:judged_until].iloc[len(train) :]  # the end of training gives the first context
    out = [f"{trained_until}, judged until {judged_until}"]
    for adaptive in (False, True):
        table = model.backtest(later, level=[80, 90], adaptive=adaptive)
        for level in (80, 90):
            inside = table["y"].between(table[f"lo-{level}"], table[f"hi-{level}"])
            out.append(f"{100 * inside.mean():.1f}%")
    return out


def main() -> None:
    """Print and store the table."""
    data = co2.load_pandas().data
    header = ["trained until", "80%, fixed", "90%, fixed", "80%, adaptive", "90%, adaptive"]
    table = markdown_table(header, [coverage(data, *span) for span in SPANS])
    print(table)
    title = "# Coverage on CO2\n\n`python -m benchmarks.forecasting.intervals_co2`: "
    title += "52 weeks ahead, every origin.\n\n"
    write_text(RESULTS / "intervals_co2.md", title + table)


if __name__ == "__main__":
    main()
