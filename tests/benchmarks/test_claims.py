"""Commands of the claims: cells that resume, costs that are right, fair contests, pages that are made."""

import json

import pytest
import torch

from benchmarks.claims import recall
from benchmarks.claims.__main__ import main
from benchmarks.claims.cells import Cells
from benchmarks.claims.contest import ENTRIES, FreshData, contend, count, score, sized
from benchmarks.claims.cost import best_seconds, exponent, peak_megabytes
from benchmarks.claims.s4_vs_lssl import lssl_minimum, s4_minimum, training_step
from ssmts_datasets import make_adding, make_delayed_copy, make_induction_heads


def test_cells_are_measured_once_and_kept(tmp_path):
    asked = []

    def measure():
        asked.append(1)
        return {"value": 7}

    first = Cells("x", 1.0, folder=tmp_path)
    assert first.cell({"n": 1}, measure)["value"] == 7
    again = Cells("x", 1.0, folder=tmp_path)
    assert again.cell({"n": 1}, measure)["value"] == 7
    assert len(asked) == 1
    assert again.cell({"n": 2}, measure)["n"] == 2
    late = Cells("x", -1.0, folder=tmp_path)
    assert late.cell({"n": 2}, measure)["value"] == 7
    assert late.cell({"n": 3}, measure) is None
    assert late.left_out == [{"n": 3}]
    assert len(asked) == 2
    assert Cells("x", 1.0, forget=True, folder=tmp_path).rows == []


def test_costs_of_known_calls():
    def call():
        one = torch.ones(2**18)  # 1 MB
        two = torch.cat([one, one])  # 2 MB beside it
        return two.sum().item()

    assert peak_megabytes(call) == pytest.approx(3.0, abs=0.01)
    calls = []
    assert 0 <= best_seconds(lambda: calls.append(1), rounds=3) < 0.1
    assert len(calls) == 4
    assert exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2.0)


@pytest.mark.parametrize(("kind", "minimum"), [("s4", s4_minimum), ("lssl", lssl_minimum)])
def test_a_training_step_takes_no_less_than_the_least_memory(kind, minimum):
    row = training_step(kind, 8, 16, 128)
    assert row["peak_mb"] >= row["minimum_mb"] == minimum(8, 16, 128)
    assert row["seconds"] > 0


@pytest.mark.parametrize("name", ENTRIES)
def test_models_of_a_contest_are_as_large_as_asked(name):
    for task in (make_induction_heads(4, length=12), make_adding(4, length=12)):
        model = sized(task, ENTRIES[name], 30_000, "last")
        assert count(model) == pytest.approx(30_000, rel=0.35)
        assert score(model, task) >= 0


def test_a_contest_trains_until_solved():
    def make(n, seed):
        return make_delayed_copy(n, delay=2, n_copied=1, n_symbols=2, random_state=seed)

    model, row = contend(
        ENTRIES["lstm"], FreshData(make, 800), make(64, 1), parameters=3000, seconds=20.0, enough=0.05
    )
    assert row["solved"]
    assert row["validation"] == 1.0
    assert row["chance"] == 0.5
    assert score(model, make(64, 2)) == 1.0
    _, short = contend(
        ENTRIES["lstm"], FreshData(make, 800), make(64, 1), parameters=3000, seconds=0.0, enough=0.0
    )
    assert not short["solved"]
    assert short["epochs"] == 1


@pytest.mark.parametrize(
    ("command", "cells"),
    [
        (["hippo_memory", "--sizes", "8"], 4),
        (["s4_vs_lssl", "--sizes", "8", "16", "--lengths", "32", "--points"], 6),
        (["generation", "--d-model", "16", "--layers", "1", "--positions", "8", "16"], 10),
        (["selective_copy", "--models", "lstm", "--seconds", "0", "--length", "8", "--factors", "1", "2"], 1),
        (["induction", "--models", "lstm", "--seconds", "0", "--length", "8", "--factors", "1", "2"], 1),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_leaves_json_a_page_and_a_plot(command, cells, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recall, "ASKED", 32)
    threads = torch.get_num_threads()
    try:
        main(command, tmp_path)
    finally:
        torch.set_num_threads(threads)
    name = command[0]
    content = json.loads((tmp_path / f"{name}.json").read_text())
    assert len(content["cells"]) == cells
    page = (tmp_path / f"{name}.md").read_text()
    assert page.startswith("# ")
    assert f"python -m benchmarks.claims {name}" in page
    assert (tmp_path / f"{name}.png").stat().st_size > 5000
    assert page.splitlines()[0] in capsys.readouterr().out
