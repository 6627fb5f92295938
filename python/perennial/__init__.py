"""Perennial for Python. `perennial.step` has what the steps of a project import."""
