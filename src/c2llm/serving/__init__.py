"""Answers for clients that are programs: coding agents and editors."""
