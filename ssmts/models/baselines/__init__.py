"""Baselines: forecasts of one series from its own values, without a model of the panel."""
