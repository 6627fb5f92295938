"""Runs the steps of projects as jobs and lists them; see docs/guides/python-steps.md."""
