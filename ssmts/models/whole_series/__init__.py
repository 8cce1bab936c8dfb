"""Classification and regression of whole series: features, readouts, networks."""
