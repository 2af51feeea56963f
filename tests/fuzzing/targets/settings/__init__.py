"""Readers of hostile input in `settings`."""
