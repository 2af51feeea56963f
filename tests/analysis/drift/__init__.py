"""Tests of two trees compared."""
