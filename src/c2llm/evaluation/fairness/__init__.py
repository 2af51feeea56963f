"""Whose code is found worse, how much of that is the ranker's doing, and how it is known."""
