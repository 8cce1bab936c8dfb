"""Forecasting: a model in continuous time, its fit, its forecasts and what can be asked of them."""
