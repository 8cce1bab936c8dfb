"""Classifiers and regressors of whole series: their parameters, checks, streams and files."""
