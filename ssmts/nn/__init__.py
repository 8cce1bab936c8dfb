"""Continuous-time state-space layers, from HiPPO to Mamba-3, one a file, and stacks of them."""

from ssmts.nn.bidirectional import Bidirectional
from ssmts.nn.discretization import discretize, hold_weights
from ssmts.nn.hippo import (
    DPLR,
    diagonal_init,
    hippo_dplr,
    hippo_fourier,
    hippo_lagt,
    hippo_legs,
    hippo_legt,
)
from ssmts.nn.hippo_projection import HiPPOProjection
from ssmts.nn.layer import SSMLayer, SSMState
from ssmts.nn.lssl import LSSL
from ssmts.nn.mamba import Mamba
from ssmts.nn.mamba2 import Mamba2
from ssmts.nn.mamba3 import Mamba3
from ssmts.nn.registry import LAYERS, register_layer
from ssmts.nn.s4 import S4
from ssmts.nn.s4d import S4D
from ssmts.nn.s5 import S5
from ssmts.nn.stack import SSMStack

__all__ = [
    "LSSL",
    "S4",
    "S4D",
    "S5",
    "Mamba",
    "Mamba2",
    "Mamba3",
    "SSMStack",
    "Bidirectional",
    "LAYERS",
    "register_layer",
    "SSMLayer",
    "SSMState",
    "HiPPOProjection",
    "DPLR",
    "hippo_legs",
    "hippo_legt",
    "hippo_lagt",
    "hippo_fourier",
    "hippo_dplr",
    "diagonal_init",
    "discretize",
    "hold_weights",
]
