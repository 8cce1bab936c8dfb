"""The deep branch's training: one loop, callbacks, checkpoints, and the files that models are saved in."""

from ssmts.training.callbacks import Callback, TrainingState
from ssmts.training.config import TrainingConfig
from ssmts.training.contracts import Batches, EpochRecord, TrainingResult
from ssmts.training.entry import train
from ssmts.training.errors import NonFiniteLossError
from ssmts.training.files import file_kind, read_safetensors, write_safetensors_atomic
from ssmts.training.optimizer import build_optimizer

__all__ = [
    "Batches",
    "Callback",
    "EpochRecord",
    "NonFiniteLossError",
    "TrainingConfig",
    "TrainingResult",
    "TrainingState",
    "build_optimizer",
    "file_kind",
    "read_safetensors",
    "train",
    "write_safetensors_atomic",
]
