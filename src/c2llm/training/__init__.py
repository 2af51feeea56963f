"""Pairs to weights: data, batches, loss, loop, export."""
