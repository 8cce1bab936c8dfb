"""How long until forecasts are good: ``python -m benchmarks.scale.time_to_accuracy --python ENV/bin/python``.

ETTh1, 96 hours ahead, every test window (with ``--test``). Ours: `LinearSSMForecaster`, context 720 hours,
defaults; it is to reach an MSE of .360. neuralforecast's PatchTST (context 512, defaults but for the windows
of a step) trains until it reaches .377, or ``--limit`` seconds. That it learns from training and validation
span and that the test span itself says when it may stop favours it. Processor time on one thread, of
training alone, in one run. ENV: see `benchmarks.forecasting.peers`. The default of 1,024 windows a step
costs 11 s a step on this CPU, so that 60 s are six steps. On the validation span, after 60 s: 32 windows at
the default learning rate of 1e-4 .738, at 1e-3 .988 (45 s); 128 at 1e-3 .811; 1,024 at 1e-4 1.050. The first
is what runs here.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.output import RESULTS, log_test, markdown_table, raw_of, write_json, write_text
from benchmarks.windows import evaluate, split, standardised
from ssmts import LinearSSMForecaster
from ssmts_datasets import load_ett

NAME, HORIZON, CONTEXT, PEER_CONTEXT = "ETTh1", 96, 720, 512
TARGET_OF_OURS, TARGET = 0.360, 0.377
WINDOWS, LEARNING_RATE, EVERY = 32, 1e-4, 25
_FOLDER = RESULTS / "time_to_accuracy"


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", required=True, help="of the environment that holds neuralforecast")
    parser.add_argument(
        "--limit", type=float, default=600.0, help="processor seconds that PatchTST may train"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--test", action="store_true", help="judge on the test span, store and log")
    options = parser.parse_args(arguments)
    if options.test:
        log_test(["python -m benchmarks.scale.time_to_accuracy", *arguments])
    found = {"ours": ours(test=options.test), "peer": peer(options)}
    print(summary(found), flush=True)
    if options.test:
        write_json(raw_of(_FOLDER) / "time_to_accuracy.json", found)
        write_text(_FOLDER / "README.md", summary(found))


def ours(*, test: bool) -> dict[str, float]:
    """Processor time of a fit, and its error."""
    parts = split(standardised(load_ett(NAME)), CONTEXT, test=test)
    model = LinearSSMForecaster(horizon=HORIZON, context_length=CONTEXT)
    begun = time.process_time()
    model.fit(parts.train, validation=parts.validation)
    seconds = time.process_time() - begun
    return {"seconds": seconds, "mse": evaluate(model, parts.judged)["mse"]}


def peer(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Steps, processor time and error of PatchTST while it trains.

    Raises
    ------
    RuntimeError
        If it fails, with the end of what it printed.
    """
    dataset = load_ett(NAME)
    parts = split(standardised(dataset), PEER_CONTEXT, test=options.test)
    learnt, judged = parts.learnt.to_numpy(), parts.judged.to_numpy()[PEER_CONTEXT:]
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "in.npz", Path(folder) / "out.json"
        np.savez(
            given,
            values=np.concatenate([learnt, judged]).astype(np.float32),
            n_learnt=len(learnt),
            horizon=HORIZON,
            context=PEER_CONTEXT,
            minutes=int(dataset.reference_step / pd.Timedelta(minutes=1)),
            target=TARGET,
            limit=options.limit,
            windows=WINDOWS,
            learning_rate=LEARNING_RATE,
            every=EVERY,
            seed=options.seed,
        )
        worker = Path(__file__).with_name("time_to_accuracy_worker.py")
        command = [options.python, str(worker), str(given), str(result)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, cwd=folder, check=False)
        if done.returncode:
            raise RuntimeError(f"PatchTST failed:\n{done.stderr[-3000:]}")
        curve: list[dict[str, Any]] = json.loads(result.read_text())
    return curve


def summary(found: dict[str, Any]) -> str:
    """Both times, their ratio, and the curve."""
    own, curve = found["ours"], found["peer"]
    last = curve[-1]
    reached = last["mse"] <= TARGET
    ratio = last["seconds"] / own["seconds"]
    verdict = f"{ratio:.0f} times as long"
    if not reached:
        verdict = f"more than {verdict} (it did not get there)"
    good = "reaches" if own["mse"] <= TARGET_OF_OURS else "does not reach"
    rows = [
        [
            str(row["steps"]),
            f"{row['seconds']:.0f}",
            f"{row['mse']:.4f}{' (one in 8)' if row['part'] else ''}",
        ]
        for row in curve
    ]
    text = f"""# Time to accuracy: {NAME}, {HORIZON} hours ahead

`LinearSSMForecaster`, context {CONTEXT}: test MSE {own["mse"]:.4f} after {own["seconds"]:.1f} s of fit; it
{good} {TARGET_OF_OURS:.3f}. neuralforecast's PatchTST, context {PEER_CONTEXT}, {WINDOWS} windows a step:
{last["mse"]:.4f} after {last["seconds"]:.0f} s and {last["steps"]} steps. To reach {TARGET} takes
{verdict}. Processor seconds on one thread, training alone; windows and learning
rate of a step were chosen on validation (the default of 1,024 windows costs 11 s a step here), and the
test span itself says when PatchTST may stop.

`python -m benchmarks.scale.time_to_accuracy --python ENV/bin/python --test` makes this page.

"""
    return text + markdown_table(["steps of PatchTST", "seconds", "test MSE"], rows)


if __name__ == "__main__":
    main()
