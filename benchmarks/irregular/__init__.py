"""Data that are not on the training grid: gaps, rows that are never there, other rates, irregular cases."""
