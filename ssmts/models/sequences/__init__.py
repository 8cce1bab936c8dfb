"""Univariate sequences of a panel, their scale and groups, and the origins and folds of their windows."""
