"""Tests of the trees that are compared."""
