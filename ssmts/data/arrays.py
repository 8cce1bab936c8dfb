"""Array types that the numerical modules share."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Complex", "Float", "Rows"]

Float = NDArray[np.float64]
Complex = NDArray[np.complex128]
Rows = NDArray[np.int64]
