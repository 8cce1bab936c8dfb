"""State-space operators for torch: a reference, a fast CPU path and Triton kernels for each.

Nothing is compiled at install time and importing the package does not import Triton.
"""

from ssmts_kernels import _fork as _fork  # registers itself
from ssmts_kernels._dispatch import backend
from ssmts_kernels.cauchy import cauchy
from ssmts_kernels.diagonal_scan import diagonal_final_state, diagonal_scan, diagonal_step
from ssmts_kernels.fft_conv import fft_conv
from ssmts_kernels.hold import hold_weights
from ssmts_kernels.selective_scan import selective_scan, selective_scan_step
from ssmts_kernels.ssd import ssd, ssd_step, ssd_uncoupled
from ssmts_kernels.vandermonde import vandermonde

__all__ = [
    "backend",
    "vandermonde",
    "cauchy",
    "fft_conv",
    "diagonal_scan",
    "diagonal_final_state",
    "diagonal_step",
    "selective_scan",
    "selective_scan_step",
    "ssd",
    "ssd_step",
    "ssd_uncoupled",
    "hold_weights",
]
