"""Array types of the benchmarks."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Float", "Rows"]

Float = NDArray[np.float64]
Rows = NDArray[np.int64]
