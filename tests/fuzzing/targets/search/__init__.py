"""Readers of hostile input in `search`."""
