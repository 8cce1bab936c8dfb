"""Covariates whose effects bend: error and time beside boosted trees with the same columns."""
