"""Data sets with verified files, and generators with known truth.

pandas, polars and pooch are imported by the first call that needs them (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adding import make_adding
    from .autoregressive import make_ar
    from .copying import make_delayed_copy, make_induction_heads, make_selective_copy
    from .digits import load_pixel_digits
    from .errors import (
        DatasetEditedError,
        DatasetError,
        DatasetNotFoundError,
        DatasetOfflineError,
        DatasetTruncatedError,
        DatasetWrongFileError,
    )
    from .ett import Borders, ETTDataset, load_ett
    from .generated import GeneratedDataset
    from .irregular import make_irregular
    from .listops import make_listops
    from .modal import make_damped_oscillators, make_sines
    from .pathfinder import make_pathfinder
    from .rhythms import IrregularCases, make_irregular_rhythms
    from .sequence_task import SequenceTask
    from .spoken_digits import SpokenDigits, load_spoken_digits
    from .ward import Ward, make_ward

__all__ = [
    "load_ett",
    "ETTDataset",
    "Borders",
    "load_spoken_digits",
    "SpokenDigits",
    "make_sines",
    "make_damped_oscillators",
    "make_ar",
    "make_irregular",
    "make_irregular_rhythms",
    "IrregularCases",
    "make_ward",
    "Ward",
    "GeneratedDataset",
    "make_delayed_copy",
    "make_selective_copy",
    "make_induction_heads",
    "make_adding",
    "make_listops",
    "make_pathfinder",
    "load_pixel_digits",
    "SequenceTask",
    "DatasetError",
    "DatasetNotFoundError",
    "DatasetOfflineError",
    "DatasetTruncatedError",
    "DatasetEditedError",
    "DatasetWrongFileError",
]

_MODULES = {
    "load_ett": "ett",
    "ETTDataset": "ett",
    "Borders": "ett",
    "load_spoken_digits": "spoken_digits",
    "SpokenDigits": "spoken_digits",
    "make_sines": "modal",
    "make_damped_oscillators": "modal",
    "make_ar": "autoregressive",
    "make_irregular": "irregular",
    "make_irregular_rhythms": "rhythms",
    "IrregularCases": "rhythms",
    "make_ward": "ward",
    "Ward": "ward",
    "GeneratedDataset": "generated",
    "make_delayed_copy": "copying",
    "make_selective_copy": "copying",
    "make_induction_heads": "copying",
    "make_adding": "adding",
    "make_listops": "listops",
    "make_pathfinder": "pathfinder",
    "load_pixel_digits": "digits",
    "SequenceTask": "sequence_task",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES.get(name, 'errors')}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
