"""Fit and forecast more rows than fit in memory, first file by file, then on a Ray cluster.

The cluster is two workers on this machine, if Ray is installed; on a real one only ``ray.init()`` changes.

    python examples/many_machines.py [n_series]
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ssmts import LinearSSMForecaster
from ssmts.data import read_row_groups
from ssmts.integrations.parquet import predict

LENGTH = 1000  # hourly rows of a series
IN_A_FILE = 50


def main() -> None:
    """Write parquet, fit on a sample, fit and score all files, here and on a cluster."""
    n_series = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        data.mkdir()
        for part, first in enumerate(range(0, n_series, IN_A_FILE)):
            series(first, min(first + IN_A_FILE, n_series)).to_parquet(data / f"{part:06}.parquet")
        sample = pd.read_parquet(data / "000000.parquet")
        model = LinearSSMForecaster(horizon=24, context_length=168).fit(sample)

        begun = time.perf_counter()
        model.fit_shards(read_row_groups(data, "unique_id", n_rows=100_000))
        report("fit", n_series, begun)
        print(f"  {model.history_['n_windows']:,.0f} windows in {model.history_['n_shards']} pieces")

        begun = time.perf_counter()
        answers = Path(folder, "answers.parquet")
        scored = predict(model, data, answers, level=90, errors="record", n_rows=100_000)
        report("scored", n_series, begun)
        print(f"  {scored.n_rows:,} rows of intervals, {scored.n_failed} series without any")

        if importlib.util.find_spec("ray") is None:
            print('no cluster: pip install "ssmts[ray]"')
        else:
            on_a_cluster(model, sample, data, pd.read_parquet(answers))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"at most {largest:.2f} GiB in this process")


def on_a_cluster(
    model: LinearSSMForecaster, sample: pd.DataFrame, data: Path, expected: pd.DataFrame
) -> None:
    """Fit and score with Ray, and compare with the results of one process."""
    import ray

    import ssmts.integrations.ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    files = ray.data.read_parquet(str(data), override_num_blocks=len(list(data.iterdir())))
    begun = time.perf_counter()
    answers = ssmts.integrations.ray.predict(model, files, level=90, errors="record", num_blocks=0)
    found = answers.to_pandas().sort_values(["unique_id", "ds"], ignore_index=True)
    report("scored by two workers", sample["unique_id"].nunique() * len(list(data.iterdir())), begun)
    np.testing.assert_allclose(found["y-lo-90"], expected["y-lo-90"], rtol=1e-9)

    other = LinearSSMForecaster(horizon=24, context_length=168).fit(sample)
    ssmts.integrations.ray.fit_shards(other, files, num_blocks=0)
    ours, known = other.predict(sample)["y"].to_numpy(), model.predict(sample)["y"].to_numpy()
    print(
        "  greatest difference of forecasts with coefficients from two workers, relative:",
        f"{np.abs(ours - known).max() / np.abs(known).max():.1e}",
    )
    ray.shutdown()


def report(what: str, n_series: int, begun: float) -> None:
    """Print rows a second."""
    seconds = time.perf_counter() - begun
    print(f"{what}: {n_series * LENGTH:,} rows, {seconds:.1f} s, {n_series * LENGTH / seconds:,.0f} rows/s")


def series(first: int, last: int) -> pd.DataFrame:
    """Days of different shapes with noise, long."""
    draw = np.random.default_rng(first)
    hours = np.arange(LENGTH)
    phase = draw.uniform(0, 2 * np.pi, (last - first, 1))
    values = np.sin(2 * np.pi * hours / 24 + phase) + draw.normal(0, 0.3, (last - first, LENGTH))
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(first, last), LENGTH),
            "ds": np.tile(pd.Timestamp("2025-01-01") + pd.to_timedelta(hours, "h"), last - first),
            "y": values.ravel(),
        }
    )


if __name__ == "__main__":
    main()
