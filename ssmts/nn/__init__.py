"""Continuous-time state-space layers: discretisation, HiPPO, S4D and S4, and a stack of them."""

from ssmts.nn.discretization import discretize, hold_weights
from ssmts.nn.hippo import DPLR, diagonal_init, hippo_dplr, hippo_fourier, hippo_legs, hippo_legt
from ssmts.nn.layer import SSMLayer, SSMState
from ssmts.nn.s4 import S4
from ssmts.nn.s4d import S4D
from ssmts.nn.stack import LAYERS, SSMStack

__all__ = [
    "S4",
    "S4D",
    "SSMStack",
    "LAYERS",
    "SSMLayer",
    "SSMState",
    "DPLR",
    "hippo_legs",
    "hippo_legt",
    "hippo_fourier",
    "hippo_dplr",
    "diagonal_init",
    "discretize",
    "hold_weights",
]
