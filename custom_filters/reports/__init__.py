"""Findings to reports: pure functions that return str or bytes."""
