"""Forecasts beside peers: long horizons, quantiles, covariates, series nobody tuned on."""
