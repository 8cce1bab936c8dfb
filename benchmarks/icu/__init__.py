"""Intensive care: deaths told from a row an observation."""
