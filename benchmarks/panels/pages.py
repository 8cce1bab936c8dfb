"""The page of the panels: relative means and ranks, then a table for each measure, then what was skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.output import markdown_table
from benchmarks.panels.environments import LIBRARIES, PEERS
from benchmarks.panels.running import OURS
from benchmarks.panels.simple import SIMPLE

__all__ = ["page", "relative", "standing"]

Row = dict[str, Any]
Rows = dict[tuple[str, str], Row]  # by panel and model

_NAIVE = SIMPLE[0]
_BEST = "best simple"
_MODELS = (*OURS, _NAIVE, _BEST, *PEERS)


def page(rows: list[Row], *, test: bool) -> str:
    """Markdown of all stored rows."""
    table = {(row["panel"], row["model"]): row for row in rows}
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    groups = {
        "panels": [name for name in panels if table[name, _NAIVE]["n_series"] > 1 and "gift" not in name],
        "single series": [name for name in panels if table[name, _NAIVE]["n_series"] == 1],
        "GIFT-Eval's (ETT, M4)": [name for name in panels if "gift" in name or name.startswith("m4")],
    }
    exchange = [name for name in panels if name.startswith("exchange")]
    span = "the test rows" if test else "the end of training (no test row is read)"
    parts = [
        f"# Panels, judged on {span}\n\n{_NOTE}",
        *(f"## Standing: {name}\n\n{_standings(table, own)}" for name, own in groups.items() if own),
        f"## MASE\n\n{_cells(table, panels, 'mase')}",
        f"## Weighted quantile loss\n\n{_cells(table, panels, 'wql')}",
        f"## Coverage of 80% and 90% intervals, %\n\n{_plain(table, panels, _coverage)}",
        f"## Series more than 5% behind seasonal naive, %\n\n{_plain(table, panels, _behind)}",
    ]
    if exchange:
        parts.append(f"## Exchange rates, MSE of standardised values\n\n{_cells(table, exchange, 'mse')}")
    parts += [
        f"## Processor seconds of fit and forecast, peak MB\n\n{_plain(table, panels, _cost)}",
        f"## What was judged\n\n{_judged(table, panels)}",
        f"## Left out\n\n{_skipped(rows)}",
    ]
    return "\n".join(parts)


def relative(table: Rows, panel: str, model: str, measure: str, step: int) -> float | None:
    """A measure over that of seasonal naive on the same units, None where either has none."""
    own, naive = (_figure(table, panel, name, measure, step) for name in (model, _NAIVE))
    return own / naive if own is not None and naive else None


def standing(table: Rows, panels: Iterable[str], model: str) -> dict[str, Any]:
    """Of one model over the panels that it has run: means, rank, the gap to the best simple forecast.

    Returns
    -------
    dict
        `n`, panels; `mase` and `wql`, geometric means of the ratio to seasonal naive, and `ours_mase`,
        `ours_wql`, those of our first model on the same units; `rank` by the ratio of MASE to ours on the
        same units, among all models with a figure on the panel; `gap`, the worst ratio of its MASE to that of
        the best simple forecast, minus 1.
    """
    run = [name for name in panels if _step(table, name, model)]
    found: dict[str, Any] = {"n": len(run)}
    for measure in ("mase", "wql"):
        pairs = [
            tuple(relative(table, name, who, measure, _step(table, name, model)) for who in (model, OURS[0]))
            for name in run
        ]
        found[measure] = _geometric([own for own, _ in pairs])
        found[f"ours_{measure}"] = _geometric([ours for own, ours in pairs if own is not None])
    ranks, gaps = [], []
    for name in run:
        ratios = {who: _to_ours(table, name, who) for who in (*OURS, _NAIVE, *PEERS)}
        if (own := ratios.get(model)) is not None:
            ranks.append(1 + sum(ratio is not None and ratio < own for ratio in ratios.values()))
        step = _step(table, name, model)
        own, simple = (_figure(table, name, who, "mase", step) for who in (model, _BEST))
        if own is not None and simple:
            gaps.append(own / simple - 1.0)
    found |= {"rank": float(np.mean(ranks)) if ranks else None, "gap": max(gaps, default=None)}
    return found


def _to_ours(table: Rows, panel: str, model: str) -> float | None:
    step = _step(table, panel, model)
    own, ours = (_figure(table, panel, name, "mase", step) for name in (model, OURS[0]))
    return own / ours if own is not None and ours else None


def _geometric(ratios: list[float | None]) -> float | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return float(np.exp(np.mean(np.log(known)))) if known else None


def _step(table: Rows, panel: str, model: str) -> int:
    """Of the units that a model has on a panel; 0 if it has none."""
    if model == _BEST:
        return 1
    row = table.get((panel, model))
    return int(row["step"]) if row and "figures" in row else 0


def _figure(table: Rows, panel: str, model: str, measure: str, step: int) -> float | None:
    if model == _BEST:
        found = [_figure(table, panel, name, measure, step) for name in SIMPLE]
        return min((x for x in found if x is not None), default=None)
    return table.get((panel, model), {}).get("figures", {}).get(str(step), {}).get(measure)


def _shown(table: Rows) -> list[str]:
    return [name for name in _MODELS if name == _BEST or any(model == name for _, model in table)]


def _standings(table: Rows, panels: list[str]) -> str:
    header = ["", "panels", "MASE", "ours there", "CRPS", "ours there", "mean rank", "worst to best simple"]
    lines = []
    for name in [*_shown(table), *SIMPLE[1:]]:
        own = standing(table, panels, name)
        means = [_text(own[key]) for key in ("mase", "ours_mase", "wql", "ours_wql")]
        rank = "" if name in (_BEST, *SIMPLE[1:]) else _text(own["rank"], 2)
        gap = "" if own["gap"] is None else f"{100 * own['gap']:+.1f}%"
        lines.append([name, str(own["n"]), *means, rank, gap])
    return markdown_table(header, lines)


def _cells(table: Rows, panels: list[str], measure: str) -> str:
    """Every panel by every model, the best in bold; on every k-th unit with naive and ours on the same."""
    names, lines = _shown(table), []
    for panel in panels:
        step = {name: _step(table, panel, name) for name in names}
        full = {name: _figure(table, panel, name, measure, 1) for name in names if step[name] == 1}
        best = min((x for name, x in full.items() if x is not None), default=None)
        cells = []
        for name in names:
            own = _figure(table, panel, name, measure, step[name])
            text = f"**{_text(own)}**" if step[name] == 1 and own is not None and own == best else _text(own)
            if own is not None and step[name] > 1:
                naive, ours = (_figure(table, panel, who, measure, step[name]) for who in (_NAIVE, OURS[0]))
                text += f" (1/{step[name]}; naive {_text(naive)}, ours {_text(ours) or '–'})"
            cells.append(text)
        lines.append([panel, *cells])
    return markdown_table(["", *names], lines)


def _plain(table: Rows, panels: list[str], cell: Callable[[Row], str]) -> str:
    names = [name for name in _shown(table) if name != _BEST]
    lines = [[panel, *(cell(table.get((panel, name), {})) for name in names)] for panel in panels]
    return markdown_table(["", *names], lines)


def _own(row: Row) -> dict[str, Any]:
    return row["figures"][str(row["step"])] if "figures" in row else {}


def _coverage(row: Row) -> str:
    shares = [_own(row).get(key) for key in ("cover80", "cover90")]
    return " / ".join("–" if x is None else f"{100 * x:.0f}" for x in shares) if any(shares) else ""


def _behind(row: Row) -> str:
    share = _own(row).get("behind")
    return "" if share is None else f"{100 * share:.1f}"


def _cost(row: Row) -> str:
    if "figures" not in row:
        return ""
    memory = f", {row['peak_mb']} MB" if "peak_mb" in row else ""
    return f"{row['cpu_s']:.1f} s{f' (1/{k})' if (k := row['step']) > 1 else ''}{memory}"


def _judged(table: Rows, panels: list[str]) -> str:
    keys = ("n_series", "horizon", "season", "n_windows")
    lines = [[name, *(str(table[name, _NAIVE][key]) for key in keys)] for name in panels]
    return markdown_table(["", "series", "horizon", "season", "windows"], lines)


def _skipped(rows: list[Row]) -> str:
    lines = [f"- {row['panel']}, {row['model']}: {row['skipped']}" for row in rows if "skipped" in row]
    failed = [
        f"- {row['panel']}, {row['model']}: {row['n_failed']} failed, seasonal naive stands for them"
        for row in rows
        if row.get("n_failed")
    ]
    return "\n".join(lines + failed or ["Nothing."]) + "\n"


def _text(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


_NOTE = f"""\
Everyone has its defaults. Ours is told the horizon and the columns, peers the season and the rate as well.

- MASE is over the mean absolute difference a season apart in what is known. Weighted quantile loss: nine
  levels, 0.1 to 0.9, summed over the panel, as GIFT-Eval has it (CRPS).
- "Standing": geometric means of the ratio to seasonal naive over the panels that a model has run, ours on the
  same rows; the mean rank among ours, seasonal naive and the peers by the ratio of MASE to ours on the same
  rows; how far the worst panel is behind the best simple forecast.
- 1/k: within its processor time a peer came to every k-th series, or every k-th window where a series has
  several; seasonal naive and ours on the same ones stand beside it.
- Best simple: by the judged rows themselves, of {", ".join(SIMPLE)}.
- AutoETS is told seasons up to 24, AutoARIMA approximates as R does on long series; they, AutoCES, theta
  and MSTL see the last 2,000 rows, MSTL day and week. LightGBM (mlforecast): one model a panel, recursive,
  lags up to two seasons, each series on its own scale, differenced as the last horizon that is known says,
  conformal intervals where series are long enough.
- Statistical peers are fitted to every window anew, ours once (but for single series, anew as well). Memory
  is that of the process over all panels of a set.
- Versions: {", ".join(one for own in LIBRARIES.values() for one in own)}.

`python -m benchmarks.panels --model {" ".join((*OURS, *PEERS))}`, with `--validation` or `--test`, makes this
page.
"""
