"""Readers of hostile input in `models`."""
