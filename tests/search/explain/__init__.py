"""Tests of `search/explain`."""
