"""Vectors and rankings to scores: metrics, tasks, repository search."""
