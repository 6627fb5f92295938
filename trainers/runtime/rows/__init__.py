"""Reads the rows of a job without holding the whole table."""
