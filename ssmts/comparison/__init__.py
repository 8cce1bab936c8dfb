"""Models and baselines side by side, on forecasts from rolling origins."""

from ssmts.comparison.compare import compare
from ssmts.comparison.result import Comparison

__all__ = ["Comparison", "compare"]
