"""Forecasts beside what came: anomalies, drift, and accuracy by day against what was promised."""

from ssmts.monitoring.monitor import Monitoring, monitor

__all__ = ["Monitoring", "monitor"]
