"""Commands of the claims: cells that resume, costs that are right, fair contests, pages that are made."""

import json
import math

import numpy as np
import pytest
import torch

from benchmarks.claims import contest, listops, race, recall, sources
from benchmarks.claims import entries as starts
from benchmarks.claims.__main__ import main
from benchmarks.claims.cells import Cells
from benchmarks.claims.contest import contend, count, score, sized
from benchmarks.claims.cost import best_seconds, exponent, peak_megabytes
from benchmarks.claims.density import bits_a_pixel, next_pixels, no_memory
from benchmarks.claims.entries import ENTRIES
from benchmarks.claims.full_size import SEQUENCES, megabytes, seconds
from benchmarks.claims.hippo_init import randomise
from benchmarks.claims.images import load_images
from benchmarks.claims.s4_vs_lssl import lssl_minimum, s4_minimum, training_step
from benchmarks.claims.sources import FixedData, FreshData
from ssmts.nn import S4
from ssmts_datasets import load_pixel_digits, make_adding, make_delayed_copy, make_induction_heads

SHORT = ["--models", "s4d", "lstm", "--seconds", "0", "--parameters", "3000"]


def test_cells_are_measured_once_and_kept(tmp_path):
    asked = []

    def measure():
        asked.append(1)
        return {"value": 7}

    first = Cells("x", 1.0, folder=tmp_path / "claims")
    assert first.cell({"n": 1}, measure)["value"] == 7
    again = Cells("x", 1.0, folder=tmp_path / "claims")
    assert again.cell({"n": 1}, measure)["value"] == 7
    assert len(asked) == 1
    assert again.cell({"n": 2}, measure)["n"] == 2
    late = Cells("x", -1.0, folder=tmp_path / "claims")
    assert late.cell({"n": 2}, measure)["value"] == 7
    assert late.cell({"n": 3}, measure) is None
    assert late.left_out == [{"n": 3}]
    assert len(asked) == 2
    assert Cells("x", 1.0, forget=True, folder=tmp_path / "claims").rows == []


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
    assert short["steps"] == 2  # an epoch of a step in each phase


def test_a_model_whose_step_is_too_long_is_not_trained():
    make = lambda n, seed: make_adding(n, length=200, random_state=seed)  # noqa: E731
    model, row = contend(
        ENTRIES["rnn"], FreshData(make, 800), make(8, 1), parameters=3000, seconds=1e-4, batch_size=4
    )
    assert not row["trained"]
    assert row["steps"] == 0
    assert row["step_seconds"] > 1e-4 / 20
    assert all(parameter.grad is None for parameter in model.parameters())


def test_lengths_are_drawn_between_the_shortest_and_the_longest():
    make = lambda n, seed, length: make_adding(n, length=length, random_state=seed)  # noqa: E731
    drawn = sources.of_drawn_lengths(make, 4, 64)
    lengths = [drawn(1, seed).inputs.shape[1] for seed in range(200)]
    assert 4 <= min(lengths) < 6
    assert 55 < max(lengths) <= 64
    assert np.median(lengths) == pytest.approx(16, rel=0.25)  # log-uniform
    assert (drawn(2, 7).inputs == drawn(2, 7).inputs).all()
    assert sources.of_drawn_lengths(make, 9, 9)(1, 0).inputs.shape[1] == 9


def test_batches_are_of_one_source_each_and_of_all_in_the_end():
    torch.manual_seed(0)
    both = sources.OneOf([FixedData(make_adding(5, length=n, random_state=n)) for n in (4, 9)])
    assert len(both) == 10
    batches = [both.batch(torch.arange(3)) for _ in range(40)]
    assert {inputs.shape for inputs, _, _ in batches} == {(3, 4, 2), (3, 9, 2)}
    assert {lengths.tolist()[0] for _, lengths, _ in batches} == {4, 9}


def test_what_is_trained_on_changes_after_the_first_phase(monkeypatch):
    seen = []
    train = contest.train

    def watched(model, source, *arguments, **keywords):
        seen.append((source, keywords["config"].learning_rate))
        return train(model, source, *arguments, **keywords)

    monkeypatch.setattr(contest, "train", watched)
    first, then = (FixedData(make_adding(8, length=n, random_state=n)) for n in (4, 9))
    contend(
        ENTRIES["lstm"], first, make_adding(8, length=9), parameters=3000, seconds=0.0, batch_size=4,
        phases=((0.5, 1.0), (0.8, 0.1), (1.0, 0.01)), afterwards=then,
    )  # fmt: skip
    rate = ENTRIES["lstm"].learning_rate
    assert [source for source, _ in seen] == [first, then, then]
    assert [r for _, r in seen] == pytest.approx([rate, rate / 10, rate / 100])


def test_a_page_does_not_average_over_times_of_training(tmp_path):
    rows = [
        {"model": name, "size": size, "seed": seed, "budget_s": budget, "test": value, "validation": value,
         "metric": "accuracy", "chance": 0.1, "parameters": 7, "step_seconds": 0.01, "steps": 3,
         "seconds": budget, "trained": True, "solved": False, "training_loss": 1.0}
        for name, size, seed, budget, value in [
            ("a", 8, 0, 20.0, 0.25), ("a", 8, 0, 60.0, 0.5), ("a", 8, 1, 60.0, 0.75),
            ("b", 8, 0, 60.0, 0.875), ("b", 16, 0, 20.0, 0.125),
        ]
    ]  # fmt: skip
    page = race.page(rows, "Title", "One line.\n\nText.", "side")
    assert "|  | 8, 20 s | 8, 60 s | 16, 20 s |" in page
    assert "| a | 25.0% | 62.5% ± 17.7% | - |" in page
    assert "| b | - | 87.5% | 12.5% |" in page
    race.plot(rows, tmp_path / "plot.png", "Title", "side")
    assert (tmp_path / "plot.png").stat().st_size > 5000


def test_memories_span_the_task_and_systems_learn_slowly(monkeypatch):
    seen = {}
    train = contest.train

    def watched(model, *arguments, **keywords):
        seen[keywords["config"].learning_rate] = model.backbone.blocks[0].ssm.system_rate
        return train(model, *arguments, **keywords)

    monkeypatch.setattr(contest, "train", watched)
    make = lambda n, seed: make_adding(n, length=100, random_state=seed)  # noqa: E731
    entry = starts.entries(100, d_state=8)["s4"]
    model = sized(make(2, 0), entry, 5000, "last")
    assert float(model.backbone.blocks[0].ssm.delta.min().detach()) >= 0.002
    assert float(model.backbone.blocks[0].ssm.delta.max().detach()) <= 0.02
    contend(entry, FreshData(make, 800), make(4, 1), parameters=3000, seconds=0.0, batch_size=2)
    slow, fast = sorted(seen)
    assert slow == pytest.approx(fast / 10)
    assert seen == {fast: 1e-3, slow: pytest.approx(1e-4)}


def test_white_noise_is_answered_as_loudly_whatever_the_step_is():
    loudness = {}
    for scaled in (False, True):
        torch.manual_seed(0)
        backbone = starts.stack("s4d", 1, 16, delta_range=(1e-3, 1e-2))
        layer = (starts.of_unit_variance(backbone) if scaled else backbone)(64).blocks[0].ssm
        energy = layer.kernel(4000).detach().square().sum(-1)
        loudness[scaled] = exponent(layer.delta.tolist(), energy.tolist())
    assert loudness[False] == pytest.approx(1, abs=0.3)
    assert loudness[True] == pytest.approx(loudness[False] - 1, abs=1e-3)


@pytest.mark.parametrize("kind", ["s4", "s4d"])
def test_even_frequencies_reach_half_a_cycle_a_step_whatever_the_span_is(kind):
    hippo = starts.stack(kind, 1, 64, delta_range=(1e-5, 1e-4))
    layer = starts.of_even_frequencies(hippo)(64).blocks[0].ssm
    angles = (layer.A_imag * layer.delta[:, None]).detach()
    assert 0 <= float(angles.min()) < 0.01
    assert math.pi - 0.01 < float(angles.max()) <= math.pi * (1 + 1e-6)
    assert float(angles.mean()) == pytest.approx(math.pi / 2, rel=0.05)
    assert not layer.log_delta.requires_grad
    # A pulse is told from its neighbour long after; HiPPO's own modes hardly move from step to step.
    roughness = {}
    for name, one in (("even", layer), ("hippo", hippo(64).blocks[0].ssm)):
        late = one.kernel(4001)[:, 3000:].detach()
        roughness[name] = float((late[:, 1:] - late[:, :-1]).square().sum() / late.square().sum())
    assert roughness["even"] > 0.5
    assert roughness["hippo"] < 0.01


def test_a_random_system_differs_in_its_system_only():
    torch.manual_seed(0)
    plain = S4(64, 64)
    torch.manual_seed(0)
    other = S4(64, 64)
    randomise(other)
    same = {n for (n, p), q in zip(plain.named_parameters(), other.parameters()) if torch.equal(p, q)}
    assert same == {"C", "D", "log_delta"}
    assert float(other.A.abs().max().detach()) <= 1.001
    assert float(other.A.real.max().detach()) < 0
    assert float(other.A.real.mean().detach()) == pytest.approx(-4 / (3 * math.pi), abs=0.02)  # half disk


def test_images_of_a_file_take_the_place_of_the_digits(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(30, 4, 4, 3)).astype(np.uint8)
    labels = np.arange(30) % 3
    np.savez(tmp_path / "cifar.npz", images=images, labels=labels)
    parts = load_images(str(tmp_path / "cifar.npz"))
    assert [len(part) for part in parts] == [21, 3, 6]
    assert parts[0].inputs.shape == (21, 16, 3)
    kept = {part.inputs[k].tobytes(): part.targets[k] for part in parts for k in range(len(part))}
    whole = (images.reshape(30, 16, 3) / np.float32(255)).astype(np.float32)
    assert kept == {image.tobytes(): label for image, label in zip(whole, labels, strict=True)}
    task = next_pixels(parts[0], 2, 8)
    assert task.targets.shape == (21, 12)
    np.savez(tmp_path / "flat.npz", images=images.reshape(30, 48), labels=labels)
    with pytest.raises(ValueError, match="uint8 of shape"):
        load_images(str(tmp_path / "flat.npz"))
    np.savez(tmp_path / "other.npz", x=images)
    with pytest.raises(ValueError, match="needs the arrays images and labels, has x"):
        load_images(str(tmp_path / "other.npz"))


def test_estimates_carry_powers_on():
    rows = [
        {"length": length, "sequences": n, "seconds": 3 * length + n * length**2 / 100}
        for length in (100, 200, 400)
        for n in SEQUENCES
    ]
    assert seconds(rows, 1600, 10) == pytest.approx(3 * 1600 + 10 * 1600**2 / 100)
    assert seconds(rows, 200, 2) == pytest.approx(600 + 800)
    assert megabytes([{"length": 100, "sequences": 4, "peak_mb": 8.0}], 200, 6) == 24.0


def test_density_is_asked_pixel_by_pixel():
    training, validation, _ = load_pixel_digits()
    task = next_pixels(training, 4, 4)
    pooled = training.inputs.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(len(training), 16)
    assert (task.targets == np.minimum(np.floor(pooled * 4), 3)).all()
    assert (task.inputs[:, 1:] == task.targets[:, :-1]).all()
    assert (task.inputs[:, 0] == 4).all()
    assert task.n_answers == 16
    part = next_pixels(validation, 4, 4)
    model = sized(task, ENTRIES["lstm"], 2000, "last")
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.zero_()
    assert bits_a_pixel(model, part) == pytest.approx(2.0)
    assert 0 < no_memory(task, part) < 2.0
    with pytest.raises(ValueError, match="must divide 8"):
        next_pixels(training, 3, 4)


@pytest.mark.parametrize(
    ("command", "cells"),
    [
        (["hippo_memory", "--sizes", "8"], 4),
        (["s4_vs_lssl", "--sizes", "8", "16", "--lengths", "32", "--points"], 6),
        (["generation", "--d-model", "16", "--layers", "1", "--positions", "8", "16"], 10),
        (["selective_copy", "--models", "lstm", "--seconds", "0", "--length", "8", "--factors", "1", "2"], 1),
        (["delayed_copy", "--delays", "8", "16", "--d-state", "8", *SHORT], 4),
        (["adding", "--lengths", "8", "16", *SHORT], 4),
        (["hippo_init", "--source", "sklearn", "--seconds", "0", "--parameters", "3000", "--seeds", "0"], 3),
        (["sequential_mnist", "--source", "sklearn", "--test", *SHORT], 2),
        (["density", "--source", "sklearn", "--side", "4", "--levels", "4", *SHORT], 3),
        (["listops", "--lengths", "16", "--depth", "2", "--training", "64", "--layers", "1", *SHORT], 2),
        (["pathfinder", "--sides", "8", "--training", "64", *SHORT], 2),
        (["full_size", "--lengths", "16", "32", "--d-model", "8"], 8),
        (["induction", "--models", "lstm", "--seconds", "0", "--length", "8", "--factors", "1", "2"], 1),
        (["selective_copy", "--models", "lstm", "--seconds", "0", "--length", "9", "--shortest", "5"], 1),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
@pytest.mark.slow
def test_a_command_leaves_json_a_page_and_a_plot(command, cells, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recall, "ASKED", 32)
    monkeypatch.setattr(race, "MOST", 32)
    monkeypatch.setattr(listops, "ASKED", 32)
    threads = torch.get_num_threads()
    try:
        main(command, tmp_path / "claims")
    finally:
        torch.set_num_threads(threads)
    name = command[0]
    content = json.loads((tmp_path / "raw" / "claims" / f"{name}.json").read_text())
    assert len(content["cells"]) == cells
    page = (tmp_path / "claims" / f"{name}.md").read_text()
    assert page.startswith("# ")
    assert f"python -m benchmarks.claims {name}" in page
    assert (tmp_path / "claims" / f"{name}.png").stat().st_size > 5000
    assert page.splitlines()[0] in capsys.readouterr().out
