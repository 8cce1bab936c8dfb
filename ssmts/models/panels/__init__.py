"""Many series in one fit: own weights shrunk towards the panel's, mixed with simple forecasts."""
