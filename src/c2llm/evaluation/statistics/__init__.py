"""Metrics, intervals, and differences between runs."""
