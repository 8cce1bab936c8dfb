"""The commands on docs/command.md run as they stand there."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from ssmts.command import main

PAGE = Path(__file__).parents[2] / "docs" / "command.md"


def commands():
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


@pytest.mark.slow
def test_the_commands_on_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng, days = np.random.default_rng(0), pd.date_range("2023-01-01", periods=200, freq="D")
    frame = pd.DataFrame(
        {"date": days, "sales": 9 * np.sin(2 * np.pi * np.arange(200) / 7) + rng.normal(size=200)}
    )
    frame.to_csv("sales.csv", index=False)
    pd.concat([frame.assign(store=k) for k in "ab"]).to_parquet("stores.parquet")
    every = commands()
    assert len(every) == 8
    for name, *arguments in every:
        assert name == "ssmts"
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, f"{arguments}: {done.output}"
    assert {"sales-forecast.png", "model.safetensors", "forecast.parquet"} <= {
        p.name for p in tmp_path.iterdir()
    }
