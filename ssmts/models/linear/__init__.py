"""The linear branch in closed form: moments, ridge regression, and the choice of its hyperparameters."""
