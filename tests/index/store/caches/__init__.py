"""Tests of what is kept beside an index."""
