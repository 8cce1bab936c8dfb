"""Classification and regression of whole series."""
