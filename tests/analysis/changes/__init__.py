"""Tests of what differs between two versions of a function."""
