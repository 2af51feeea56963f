"""Readers of hostile input in `index`."""
