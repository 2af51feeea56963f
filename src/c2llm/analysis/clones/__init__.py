"""Duplicates of all four types, within and across repositories, as classes."""
