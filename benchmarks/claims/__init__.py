"""What the papers claim, measured here: ``python -m benchmarks.claims <name>``."""
