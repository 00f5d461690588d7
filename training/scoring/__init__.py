"""Scoring: the same pictures, the same protocol and the same figures for every model and every other program."""
