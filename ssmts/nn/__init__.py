"""Placeholder docstring; see the package page."""
