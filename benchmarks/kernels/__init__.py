"""Operators against their peers."""
