"""Fit on more rows than one would load, in several processes, with a bounded memory.

python examples/many_machines.py [n_series n_jobs]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ssmts import LinearSSMForecaster
from ssmts.data import read_row_groups

LENGTH = 1000  # hourly rows of a series


def main() -> None:
    """Write parquet, fit on a sample, add up all shards."""
    given = [int(text) for text in sys.argv[1:]]
    n_series, n_jobs = given if given else (400, 2)
    with tempfile.TemporaryDirectory() as folder:
        for part, first in enumerate(range(0, n_series, 100)):
            series(first, min(first + 100, n_series)).to_parquet(Path(folder, f"{part:06}.parquet"))
        sample = pd.read_parquet(Path(folder, "000000.parquet"))
        model = LinearSSMForecaster(horizon=24, context_length=168).fit(sample)

        begun = time.perf_counter()
        model.fit_shards(read_row_groups(folder, "unique_id", n_rows=100_000), n_jobs=n_jobs)
        seconds = time.perf_counter() - begun
    rows = n_series * LENGTH
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{rows:,} rows, {model.history_['n_windows']:,.0f} windows, {n_jobs} process(es)")
    print(f"{seconds:.1f} s, {rows / seconds:,.0f} rows/s; at most {largest:.2f} GiB in this process")


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
