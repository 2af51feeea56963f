"""What holds for every test: none asserts a time, and none reads what its user has set."""

from __future__ import annotations

import os

from hypothesis import settings

# The models of tests are made by them: a trial of each would cost a process a test.
os.environ.setdefault("C2LLM_TRUST_MODELS", "1")
os.environ["C2LLM_BACKGROUND"] = "0"

# Hypothesis' deadline would be a time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
os.environ["C2LLM_CONFIG"] = ""
