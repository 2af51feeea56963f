"""Tests of `c2llm drift`."""
