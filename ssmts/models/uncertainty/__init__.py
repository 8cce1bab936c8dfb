"""Distributions of forecast errors: quantiles, trajectories, adaptive conformal widths."""
