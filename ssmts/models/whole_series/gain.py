"""What the networks gain in loss over the linear branch, on cases that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmts.data.arrays import Float

__all__ = ["Gain"]


@dataclass(frozen=True)
class Gain:
    """Mean decrease of a loss, with its standard error.

    Parameters
    ----------
    mean, standard_error : float
    """

    mean: float
    standard_error: float

    @classmethod
    def of(cls, decreases: Float, weights: Float) -> Gain:
        """Gain over cases.

        Parameters
        ----------
        decreases : ndarray of float64, shape (n_cases,)
            Of the loss of each.
        weights : ndarray of float64, shape (n_cases,)
            Summing to 1.
        """
        mean = float(weights @ decreases)
        return cls(mean, float(np.sqrt(weights**2 @ (decreases - mean) ** 2)))

    @property
    def accepted(self) -> bool:
        """Whether the gain exceeds its standard error."""
        return self.mean > self.standard_error

    def record(self, accepted: bool) -> dict[str, Any]:
        """The gain as JSON can hold it, with the decision that was taken."""
        reason = {} if accepted else {"reason": "the gain on unseen cases is within its standard error"}
        measured = {"gain": self.mean, "standard_error": self.standard_error}
        # "spread" is the name that 0.1 gave the standard error; kept for one release.
        return {"accepted": accepted} | measured | reason | {"spread": self.standard_error}
