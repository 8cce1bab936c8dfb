"""What covariates and other channels add to a forecast."""
