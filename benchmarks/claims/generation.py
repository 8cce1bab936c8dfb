"""One-step generation: S4, S4D and Mamba against a Transformer of the same size, with and without a cache.

Processor time of one thread for the next output at a position, one series. A state-space model moves its
state; a Transformer with a cache attends to all keys before; without a cache it reads its whole prefix again.
All have `--d-model` features and `--layers` blocks; parameters are in the table. The paper's 60x is against
no cache.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.cost import best_seconds
from benchmarks.output import markdown_table
from ssmts.nn import SSMStack
from ssmts.nn.baselines import Transformer

POSITIONS = (16, 64, 256, 1024, 4096, 16384)
STACKS = ("s4", "s4d", "mamba")
MLP = {"s4": 3.0, "s4d": 3.1, "mamba": 1.8}
NO_CACHE, CACHE = "transformer", "transformer, cache"
PAPER = "S4 paper, table 7: S4 generates 48,000 tokens a second, a Transformer 800: 60x."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Size of the models and positions."""
    parser.add_argument("--d-model", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--positions", type=int, nargs="+", default=POSITIONS)


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Measure each model at each position; a state-space model's time does not depend on it."""
    for position in sorted(options.positions):
        for model in (*STACKS, CACHE, NO_CACHE):
            key = {"model": model, "position": position, "d_model": options.d_model, "layers": options.layers}
            cells.cell(key, lambda key=key: next_output(**key))  # type: ignore[misc]


def next_output(model: str, position: int, d_model: int, layers: int) -> Row:
    """Seconds that output number `position` takes."""
    torch.manual_seed(0)
    with torch.no_grad():
        if model in STACKS:
            module, call = _stack(model, position, d_model, layers)
        else:
            module, call = _transformer(model == CACHE, position, d_model, layers)
        seconds = best_seconds(call, rounds=30, budget=3.0)
    return {"seconds": seconds, "parameters": sum(p.numel() for p in module.parameters())}


def _stack(layer: str, position: int, d_model: int, layers: int) -> tuple[nn.Module, Callable[[], object]]:
    """A stack as wide and deep; an MLP after each layer makes up the Transformer's parameters."""
    d_state = 16 if layer == "mamba" else 64
    stack = SSMStack(d_model, layers, layer=layer, d_state=d_state, dropout=0.0, mlp_ratio=MLP[layer]).eval()
    u, interval = torch.randn(1, d_model), torch.ones(1)
    _, state = stack.scan(torch.randn(1, min(position, 64), d_model), torch.ones(1, min(position, 64)))
    return stack, lambda: stack.step(u, interval, state)


def _transformer(
    cached: bool, position: int, d_model: int, layers: int
) -> tuple[nn.Module, Callable[[], object]]:
    model = Transformer(d_model, layers).eval()
    if not cached:
        prefix = torch.randn(1, position, d_model)
        return model, lambda: model(prefix)[:, -1]
    u = torch.randn(1, d_model)
    cache = [(k.normal_(), v.normal_(), position - 1) for k, v, _ in model.cache(1, position)]
    return model, lambda: model.step(u, cache)


def page(rows: list[Row]) -> str:
    """Times, ratios, and the position from which each model is ahead."""
    positions = sorted({row["position"] for row in rows})
    time = {(row["model"], row["position"]): row["seconds"] for row in rows}
    sizes = {row["model"]: row["parameters"] for row in rows}
    head = ["position", *(f"{m} ({n / 1e6:.2f} M)" for m, n in sizes.items())]
    table = [
        [f"{p:,}", *(f"{time[m, p] * 1e3:,.2f} ms" if (m, p) in time else "-" for m in sizes)]
        for p in positions
    ]
    text = (
        "# Generation, one output at a time\n\n"
        + __doc__.split("\n", 2)[2]
        + "\n"
        + markdown_table(head, table)
    )
    text += f"\n{PAPER} How many times faster than the Transformer without / with its cache:\n\n"
    ratios = []
    for model in (m for m in STACKS if m in sizes):
        line = [model]
        for p in positions:
            pair = [
                f"{time[peer, p] / time[model, p]:,.1f}" for peer in (NO_CACHE, CACHE) if (peer, p) in time
            ]
            line.append(" / ".join(pair))
        line += [_ahead(model, NO_CACHE, time, positions, 60.0), _ahead(model, CACHE, time, positions)]
        ratios.append(line)
    head = ["", *(f"{p:,}" for p in positions), "60x without cache from", "ahead of the cache from"]
    return text + markdown_table(head, ratios)


def _ahead(
    model: str, peer: str, time: dict[tuple[str, int], float], positions: list[int], factor: float = 1.0
) -> str:
    """First measured position from which the model stays ahead of its peer by a factor."""
    behind = [p for p in positions if (peer, p) in time and time[peer, p] <= factor * time[model, p]]
    after = [p for p in positions if (peer, p) in time and p > max(behind, default=0)]
    return f"{after[0]:,}" if after else f"not up to {positions[-1]:,}"


def plot(rows: list[Row], path: Path) -> None:
    """Time of an output over its position."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4.2), constrained_layout=True)
    for model in dict.fromkeys(row["model"] for row in rows):
        chosen = sorted((r for r in rows if r["model"] == model), key=lambda r: r["position"])
        style = "--" if model in (NO_CACHE, CACHE) else "-"
        axis.loglog(
            [r["position"] for r in chosen], [r["seconds"] * 1e3 for r in chosen], "o" + style, label=model
        )
    axis.set(xlabel="position", ylabel="time of the next output, ms", title="Generation, batch 1")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)
