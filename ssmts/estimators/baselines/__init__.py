"""Baselines with the forecasters' verbs."""
