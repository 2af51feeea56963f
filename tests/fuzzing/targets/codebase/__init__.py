"""Readers of hostile input in `codebase`."""
