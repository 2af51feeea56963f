"""Hostile input by the million: what reads it may refuse it in one sentence, and nothing else.

A file below `targets/` holds one target: a function that takes bytes, and says which exceptions are
an answer and what is true of every input. Three drivers feed the same targets: `test_targets.py` in
the ordinary suite, `by_strategy.py` (hypothesis) and `by_coverage.py` (atheris); the last two run
with `make fuzz`.
"""
