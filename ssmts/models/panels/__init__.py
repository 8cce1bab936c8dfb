"""Many series in one fit: weights of every series shrunk towards the panel's, and these towards simple forecasts."""
