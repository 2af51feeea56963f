"""Readers of hostile input in `analysis`."""
