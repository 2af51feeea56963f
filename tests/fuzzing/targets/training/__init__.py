"""Readers of hostile input in `training` and `evaluation`."""
