"""Series that add up: forecasts of every level whose sums agree."""

from ssmts.hierarchies.forecaster import HierarchicalForecaster

__all__ = ["HierarchicalForecaster"]
