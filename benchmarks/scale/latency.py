"""How long one waits: ``python -m benchmarks.scale.latency``.

Milliseconds of `predict` of one series from a frame (ETTh1's training span; 720 hours to 96, seven channels
and one), seconds of ``import ssmts``, and from ``import`` to the first forecast in a new process: of a model
that is loaded, and of one that is fitted on 1,000 rows. Medians; processor time beside the clock, since
others may use the machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.output import RESULTS, markdown_table, write_json, write_text
from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts_datasets import load_ett

_CONTEXT, _HORIZON, _CALLS, _PROCESSES = 720, 96, 300, 5
_IMPORT = "import ssmts"
_LOADED = """
from ssmts import S4Forecaster
S4Forecaster.load({path!r}).predict()
"""
_FIRST = """
import numpy as np
from ssmts import {name}
y = np.sin(np.arange(1000) / 4) + np.random.default_rng(0).normal(size=1000) / 10
{name}(horizon=24, context_length=96).fit(y).predict()
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args(
        arguments
    )
    train = load_ett("ETTh1").train
    found = []
    for title, frame in (("seven channels", train), ("one channel", train[["OT"]])):
        model = LinearSSMForecaster(horizon=_HORIZON, context_length=_CONTEXT).fit(frame)
        recent = frame.tail(_CONTEXT)
        seconds = timed(lambda model=model, recent=recent: model.predict(recent), _CALLS)  # type: ignore[misc]
        found.append({"what": f"predict, {title}, of a frame", "clock": seconds[0], "processor": seconds[1]})
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.safetensors")
        S4Forecaster(horizon=24, context_length=96, max_epochs=1, random_state=0).fit(_series()).save(path)
        for what, code in (
            ("import ssmts", _IMPORT),
            ("import S4Forecaster, load, forecast", _LOADED.format(path=path)),
            ("import LinearSSMForecaster, fit, forecast", _FIRST.format(name="LinearSSMForecaster")),
            ("import S4Forecaster, fit, forecast", _FIRST.format(name="S4Forecaster")),
        ):
            seconds = process(code)
            found.append({"what": what, "clock": seconds[0], "processor": seconds[1]})
    write_json(RESULTS / "raw" / "latency" / "latency.json", {"rows": found})
    write_text(RESULTS / "latency" / "README.md", page(found))
    print(page(found))


def _series() -> np.ndarray:
    """What the new processes fit as well."""
    return np.sin(np.arange(1000) / 4) + np.random.default_rng(0).normal(size=1000) / 10


def timed(call: Callable[[], object], n: int) -> tuple[float, float]:
    """Median seconds by the clock and of the processor, of calls after ten that do not count."""
    rows = []
    for k in range(n + 10):
        clock, processor = time.perf_counter(), time.process_time()
        call()
        if k >= 10:
            rows.append((time.perf_counter() - clock, time.process_time() - processor))
    median = np.median(rows, axis=0)
    return float(median[0]), float(median[1])


def process(code: str) -> tuple[float, float]:
    """Median seconds that code takes in a new interpreter, whose own start does not count."""
    whole = (
        "import time\nclock, processor = time.perf_counter(), time.process_time()\n"
        f"{code}\nprint(time.perf_counter() - clock, time.process_time() - processor)"
    )
    rows = []
    for _ in range(_PROCESSES):
        done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True)
        rows.append([float(word) for word in done.stdout.split()])
    median = np.median(rows, axis=0)
    return float(median[0]), float(median[1])


def page(found: list[dict[str, float | str]]) -> str:
    """The table."""
    rows = [[str(row["what"]), _text(row["clock"]), _text(row["processor"])] for row in found]
    text = """# Latency

`python -m benchmarks.scale.latency`: medians; `predict` on ETTh1, 720 hours to 96; the others in new
processes, fits on 1,000 rows. Where the clock is far above the processor, others used the machine.

"""
    return text + markdown_table(["what", "by the clock", "of the processor"], rows)


def _text(seconds: float | str) -> str:
    return f"{1000 * float(seconds):.2f} ms" if float(seconds) < 0.1 else f"{float(seconds):.2f} s"


if __name__ == "__main__":
    main()
