"""Random numbers of one fit: seeded anew each epoch, with the global generators left as they were found."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_SHARED = -1  # stands for "every process" where a process number is expected


class Randomness:
    """Generators that depend on seed, epoch and process alone.

    A resumed fit therefore needs no saved generator state, on any device: epoch 6 draws the same numbers
    whether or not epochs 1 to 5 were trained by the same process.

    Parameters
    ----------
    seed : int
        Seed of the fit, >= 0.
    device : torch.device
        Device whose generator dropout draws from.
    process : int
        Number of this process.
    """

    def __init__(self, seed: int, device: torch.device, process: int) -> None:
        self.seed = seed
        self._device = device
        self._process = process

    def start_epoch(self, epoch: int) -> torch.Generator:
        """Seed torch's generators for an epoch and return the generator of its batch order.

        Parameters
        ----------
        epoch : int
            Number of the epoch.

        Returns
        -------
        Generator
            On the CPU, and the same in every process.
        """
        own = self._derive(epoch, self._process)
        torch.default_generator.manual_seed(own)
        if self._device.type != "cpu":  # torch.manual_seed would seed every GPU, also those that others use
            torch.get_device_module(self._device).manual_seed(own)
        return torch.Generator().manual_seed(self._derive(epoch, _SHARED))

    def _derive(self, epoch: int, process: int) -> int:
        return int(
            np.random.SeedSequence([self.seed, epoch, process + 1]).generate_state(1, np.uint64)[0] >> 1
        )


def draw_seed() -> int:
    """Return a fresh seed without touching any generator.

    Returns
    -------
    int
        In [0, 2**32).
    """
    return secrets.randbits(32)


@contextmanager
def untouched_generators(device: torch.device) -> Iterator[None]:
    """Give torch's generators of the CPU and of a device their present state back at the end.

    Parameters
    ----------
    device : torch.device
        A device beside the CPU, or the CPU.
    """
    kept = torch.get_rng_state()
    module = None if device.type == "cpu" else torch.get_device_module(device)
    kept_there = module.get_rng_state() if module else None
    try:
        yield
    finally:
        torch.set_rng_state(kept)
        if module:
            module.set_rng_state(kept_there)
