"""Forecasters: their parameters, verbs, streams, plots and files."""
