"""Readers of hostile input in `serving`."""
