"""Modes of the state-space bank and the states of windows under it."""
