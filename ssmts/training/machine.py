"""Where a module is trained: device, processes and precision, as a launched Lightning Fabric."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.strategies.ddp import DDPStrategy

from ssmts.errors import ParameterError
from ssmts.training.config import TrainingConfig

_KINDS = "'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"


class _Autocast(MixedPrecision):
    """Mixed precision that leaves inputs alone: times in bfloat16 would be off by hours within a month."""

    def convert_input(self, data: Any) -> Any:
        return data


def launch(config: TrainingConfig) -> Fabric:
    """Start Lightning Fabric as a configuration asks; one device starts no process.

    Parameters
    ----------
    config : TrainingConfig
        `device`, `devices`, `strategy` and `precision` count here.

    Returns
    -------
    Fabric
        Launched.

    Raises
    ------
    ParameterError
        If a device is missing or Fabric cannot combine the settings.
    """
    device = resolve_device(config.device)
    devices = config.devices
    if device.index is not None:
        if devices != 1:
            raise ParameterError("devices", devices, f"1, as device={config.device!r} names one device")
        devices = [device.index]
    settings: dict[str, Any] = {"precision": config.precision}
    if config.precision.endswith("-mixed"):
        if config.precision == "16-mixed" and device.type == "cpu":
            raise ParameterError("precision", config.precision, "'bf16-mixed' or '32-true' on the CPU")
        settings = {"plugins": [_Autocast(config.precision, device.type)]}  # type: ignore[arg-type]
    settings |= {"accelerator": device.type, "devices": devices, "num_nodes": _n_machines()}
    try:
        fabric = Fabric(strategy=config.strategy, **settings)
        if config.strategy in ("auto", "ddp") and isinstance(fabric.strategy, DDPStrategy):
            # Windows of one token leave the state matrices without a gradient: plain DDP waits for it.
            fabric = Fabric(strategy="ddp_find_unused_parameters_true", **settings)
    except (ValueError, RuntimeError, TypeError) as error:
        raise ParameterError(
            "devices",
            config.devices,
            f"what Lightning Fabric takes with strategy={config.strategy!r} on {device.type} ({error})",
        ) from error
    fabric.launch()
    return fabric


def _n_machines() -> int:
    """Number of machines that torchrun started processes on; Fabric asks its own launcher alone."""
    if not torch.distributed.is_torchelastic_launched():
        return 1
    return int(os.environ["WORLD_SIZE"]) // int(os.environ["LOCAL_WORLD_SIZE"])


def resolve_device(device: str | torch.device) -> torch.device:
    """Turn ``"auto"``, a name or a torch device into a device that this machine has.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"`` is CUDA when there is one, else the CPU.

    Returns
    -------
    torch.device
        With an index only when `device` gave one.

    Raises
    ------
    ParameterError
        If there is no such device, or it is of a kind other than cpu, cuda and mps.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ParameterError("device", device, _KINDS) from error
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": torch.mps.device_count()}
    if found.type not in counts:
        raise ParameterError("device", device, _KINDS)
    if (found.index or 0) >= counts[found.type]:
        present = ", ".join(f"{kind} ({count})" for kind, count in counts.items() if count)
        raise ParameterError("device", device, f"'auto' or a device of this machine, which has {present}")
    return torch.device("cpu") if found.type == "cpu" else found


@contextmanager
def quiet_fabric() -> Iterator[None]:
    """Keep Fabric's informational log lines off stderr; warnings still come through."""
    logger = logging.getLogger("lightning_fabric")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
