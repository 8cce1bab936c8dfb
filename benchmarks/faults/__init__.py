"""Hostile input: what reaches a user is an answer or an error of the library, within five seconds."""
