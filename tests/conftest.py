"""What holds for every test: none asserts a time, and Hypothesis' deadline would be such a one."""

from __future__ import annotations

import os

from hypothesis import settings

# The models of tests are made by them: a trial of each would cost a process a test.
os.environ.setdefault("C2LLM_TRUST_MODELS", "1")

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
