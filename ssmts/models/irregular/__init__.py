"""Irregular sampling: autocovariance, kriging between observations, and the error of filled gaps."""
