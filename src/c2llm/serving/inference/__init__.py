"""Texts of many requests, embedded in batches: admission, a fair queue, workers, a cache."""
